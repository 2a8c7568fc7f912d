"""Reading DAGs: one, lists with filters, their versions, source, errors and warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tradewind.metadata.assets.warnings import asset_warnings
from tradewind.metadata.dags.records import DagDetail, DagVersionDetail, ImportErrorDetail, WarningDetail
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.listing import Page, order, page_of
from tradewind.metadata.tables import dag, dag_source, dag_tag, dag_version, dag_warning, import_error
from tradewind.serialization.document import DEFAULTS_WARNING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.metadata.database import Database

_SORTABLE = {
    "dag_id": dag.c.dag_id,
    "dag_display_name": dag.c.display_name,
    "is_paused": dag.c.is_paused,
    "next_dagrun": dag.c.next_run_after,
    "last_parsed_time": dag.c.last_parsed_at,
}
_DETAIL = (
    dag.c.dag_id,
    dag.c.is_present,
    dag.c.is_paused,
    dag.c.version_pk,
    dag_version.c.number,
    dag_version.c.hash,
    dag.c.folder,
    dag.c.path,
    dag.c.relative_path,
    dag.c.fingerprint,
    dag.c.last_parsed_at,
    dag.c.last_parse_duration_s,
    dag.c.display_name,
    dag.c.description,
    dag.c.owners,
    dag.c.schedule_summary,
    dag.c.max_active_runs,
    dag.c.max_active_tasks,
    dag.c.max_consecutive_failed_dag_runs,
    dag.c.allowed_run_types,
    dag.c.next_run_after,
    dag.c.next_interval_start,
    dag.c.next_interval_end,
    sa.exists().where(import_error.c.path == dag.c.path).label("has_import_errors"),
    dag.c.bundle_name,
    dag.c.bundle_version,
)
_DETAILS = sa.select(*_DETAIL).select_from(dag.outerjoin(dag_version, dag_version.c.pk == dag.c.version_pk))


class DagReading:
    """Queries about DAGs; none of them writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_dag(self, dag_id: str) -> DagDetail:
        """Return one DAG, present or not. Raises `NotFoundError`."""
        with self._database.read() as connection:
            row = connection.execute(_DETAILS.where(dag.c.dag_id == dag_id)).first()
            if row is None:
                raise _no_dag(dag_id)
            return _with_tags(connection, [row])[0]

    def list_dags(
        self,
        *,
        dag_ids: Sequence[str] | None = None,
        pattern: str | None = None,
        tags: Sequence[str] = (),
        has_all_tags: bool = False,
        is_paused: bool | None = None,
        is_present: bool | None = True,
        page: Page = Page(),  # noqa: B008 - frozen
    ) -> tuple[list[DagDetail], int]:
        """Return DAGs by dag_id, or in the order asked for, and how many there are on all pages.

        `pattern` is part of a dag_id or display name, case ignored, with SQL's `%` and `_`. Of `tags` a DAG has one, or
        all with `has_all_tags`. A flag left None filters nothing.
        """
        query = _DETAILS
        if dag_ids is not None:
            query = query.where(dag.c.dag_id.in_(dag_ids))
        if pattern:
            like = f"%{pattern}%"
            query = query.where(sa.or_(dag.c.dag_id.ilike(like), dag.c.display_name.ilike(like)))
        if tags:
            tagged = sa.select(dag_tag.c.dag_pk).where(dag_tag.c.name.in_(tags)).group_by(dag_tag.c.dag_pk)
            if has_all_tags:
                tagged = tagged.having(sa.func.count() == len(set(tags)))
            query = query.where(dag.c.pk.in_(tagged))
        if is_paused is not None:
            query = query.where(dag.c.is_paused == is_paused)
        if is_present is not None:
            query = query.where(dag.c.is_present == is_present)
        with self._database.read() as connection:
            rows, total = page_of(connection, order(query, page, _SORTABLE, dag.c.dag_id), page)
            return _with_tags(connection, rows), total

    def list_tags(self) -> list[str]:
        """Return every tag of the DAGs that are present, sorted."""
        query = sa.select(dag_tag.c.name).distinct().join(dag, dag.c.pk == dag_tag.c.dag_pk).where(dag.c.is_present)
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(dag_tag.c.name)).scalars())

    def present_files(self) -> dict[str, str]:
        """Return the fingerprint of each file that has DAGs or an import error; '' for those with errors only."""
        with self._database.read() as connection:
            files = dict.fromkeys(connection.execute(sa.select(import_error.c.path)).scalars(), "")
            for path, fingerprint in connection.execute(
                sa.select(dag.c.path, dag.c.fingerprint).where(dag.c.is_present)
            ):
                files[path] = fingerprint
        return files

    def get_document(self, dag_id: str, version_number: int | None = None) -> bytes:
        """Return the document of the version, or of the newest. Raises `NotFoundError`."""
        with self._database.read() as connection:
            found = connection.execute(_of_version(sa.select(dag_version.c.document), dag_id, version_number)).scalar()
        if found is None:
            raise _no_version(dag_id, version_number)
        return found

    def get_source(self, dag_id: str, version_number: int | None = None) -> str:
        """Return the file's text as of the version, or the newest. Raises `NotFoundError`."""
        query = _of_version(sa.select(dag_source.c.source), dag_id, version_number)
        with self._database.read() as connection:
            found = connection.execute(query.join(dag_source, dag_source.c.hash == dag_version.c.source_hash)).scalar()
        if found is None:
            raise _no_version(dag_id, version_number)
        return found

    def list_versions(self, dag_id: str) -> list[DagVersionDetail]:
        """Return the DAG's versions, newest first."""
        columns = dag_version.c
        query = (
            sa.select(
                columns.pk,
                dag.c.dag_id,
                columns.number,
                columns.hash,
                columns.created_at,
                columns.source_hash,
                dag.c.bundle_name,
                columns.bundle_version,
            )
            .join(dag, dag.c.pk == columns.dag_pk)
            .where(dag.c.dag_id == dag_id)
            .order_by(columns.number.desc())
        )
        with self._database.read() as connection:
            return [DagVersionDetail(*row) for row in connection.execute(query)]

    def list_import_errors(self, *, page: Page = Page()) -> tuple[list[ImportErrorDetail], int]:  # noqa: B008 - frozen
        """Return the import errors by path, and how many there are on all pages."""
        columns = import_error.c
        query = sa.select(
            columns.pk,
            columns.path,
            columns.member,
            columns.relative_path,
            columns.bundle_name,
            columns.message,
            columns.at,
        ).order_by(columns.path, columns.pk)
        with self._database.read() as connection:
            rows, total = page_of(connection, query, page)
        return [ImportErrorDetail(*row) for row in rows], total

    def list_warnings(self, dag_id: str | None = None) -> list[WarningDetail]:
        """Return the warnings about files, of one DAG where given, by path; then those that all DAGs together give."""
        columns = dag_warning.c
        query = sa.select(columns.pk, columns.path, columns.dag_id, columns.kind, columns.message, columns.at)
        if dag_id is not None:
            query = query.where(columns.dag_id == dag_id)
        with self._database.read() as connection:
            found = [WarningDetail(*row) for row in connection.execute(query.order_by(columns.path, columns.pk))]
            told = [one for one in asset_warnings(connection) if dag_id in {None, one[0]}]
            if told:
                places = sa.select(dag.c.dag_id, dag.c.path, dag.c.last_parsed_at)
                places = places.where(dag.c.dag_id.in_({one[0] for one in told}))
                place_of = {row.dag_id: row for row in connection.execute(places)}
                found += [
                    WarningDetail(0, place_of[name].path, name, kind, message, place_of[name].last_parsed_at)
                    for name, kind, message in told
                ]
        return found

    def defaults_decided_by(self, dag_id: str) -> str | None:
        """Return the line by which a DAG has the defaults of Airflow 2, None when no line decided."""
        found = [warning.message for warning in self.list_warnings(dag_id) if warning.kind == DEFAULTS_WARNING]
        return found[0] if found else None


def _with_tags(connection: sa.Connection, rows: Sequence[Any]) -> list[DagDetail]:
    details = {row.dag_id: DagDetail(*row) for row in rows}
    query = sa.select(dag.c.dag_id, dag_tag.c.name).join(dag_tag, dag_tag.c.dag_pk == dag.c.pk)
    for dag_id, name in connection.execute(query.where(dag.c.dag_id.in_(details)).order_by(dag_tag.c.name)):
        details[dag_id].tags.append(name)
    return list(details.values())


def _of_version(query: Any, dag_id: str, number: int | None) -> Any:
    if number is None:
        return (
            query.select_from(dag).join(dag_version, dag_version.c.pk == dag.c.version_pk).where(dag.c.dag_id == dag_id)
        )
    joined = query.select_from(dag).join(dag_version, dag_version.c.dag_pk == dag.c.pk)
    return joined.where(dag.c.dag_id == dag_id, dag_version.c.number == number)


def _no_dag(dag_id: str) -> NotFoundError:
    return NotFoundError(f"there is no DAG {dag_id!r}")


def _no_version(dag_id: str, number: int | None) -> NotFoundError:
    return NotFoundError(f"there is no {'version' if number is None else f'version {number}'} of DAG {dag_id!r}")
