"""Writing what a parsed file gave. A file that gave the same as before costs one small update."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tradewind.metadata.dags.reading import DagReading
from tradewind.metadata.dags.records import FileError, StoredFiles
from tradewind.metadata.database import add_ring, insert
from tradewind.metadata.doorbell.ring import DAG, Ring
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.tables import dag, dag_source, dag_tag, dag_version, dag_warning, import_error
from tradewind.serialization.document import decode_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.metadata.dags.records import FileDag, FileResult
    from tradewind.metadata.database import Database
    from tradewind.serialization.document import DagDocument


class DagStore(DagReading):
    """The DAGs of the database, read and written."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database)
        self._clock = clock

    def store_files(self, results: Sequence[FileResult], *, is_paused_by_default: bool) -> StoredFiles:
        """Write the results of several files in one transaction; return what changed.

        A document whose hash is the one stored makes no new version. A dag_id that another file has already becomes an
        import error of the file stored later. DAGs that a file defines no more, or cannot because of an error, are no
        longer present; they come back, with their history, when a file defines them again.
        """
        stored = StoredFiles()
        now = self._clock.now()
        with self._database.begin() as connection:
            for result in results:
                _FileWriter(connection, stored, now, is_paused_by_default=is_paused_by_default).write(result)
            _ring(connection, stored.changed_dag_ids)
        return stored

    def store_file(self, result: FileResult, *, is_paused_by_default: bool) -> StoredFiles:
        """Write the result of one file, as `store_files` does."""
        return self.store_files([result], is_paused_by_default=is_paused_by_default)

    def remove_files(self, paths: Iterable[str]) -> StoredFiles:
        """Note that these files are gone: their DAGs are no longer present, their errors and warnings are deleted."""
        stored = StoredFiles()
        with self._database.begin() as connection:
            for path in paths:
                connection.execute(sa.delete(import_error).where(import_error.c.path == path))
                connection.execute(sa.delete(dag_warning).where(dag_warning.c.path == path))
                _retire(connection, stored, path, keep=())
            _ring(connection, stored.changed_dag_ids)
        return stored

    def set_paused(self, dag_ids: Iterable[str], *, is_paused: bool) -> list[str]:
        """Pause or unpause DAGs; return those that were not so before, sorted. Raises `NotFoundError` for an unknown one."""
        wanted = set(dag_ids)
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(dag.c.dag_id, dag.c.is_paused).where(dag.c.dag_id.in_(wanted)))
            states = {row.dag_id: bool(row.is_paused) for row in rows}
            unknown = sorted(wanted - states.keys())
            if unknown:
                msg = f"there is no DAG {', '.join(unknown)}"
                raise NotFoundError(msg)
            changed = sorted(dag_id for dag_id, before in states.items() if before != is_paused)
            connection.execute(sa.update(dag).where(dag.c.dag_id.in_(changed)).values(is_paused=is_paused))
            _ring(connection, changed)
        return changed


class _FileWriter:
    """Writes the result of one file inside a transaction."""

    def __init__(
        self,
        connection: sa.Connection,
        stored: StoredFiles,
        now: datetime,
        *,
        is_paused_by_default: bool,
    ) -> None:
        self._connection = connection
        self._stored = stored
        self._now = now
        self._is_paused_by_default = is_paused_by_default

    def write(self, result: FileResult) -> None:
        source_hash = None if result.source is None else _source_hash(result.source)
        accepted: list[str] = []
        duplicates: list[tuple[str, FileError]] = []
        for new in result.dags:
            owner = self._owner_of(new.dag_id, result.path) if new.dag_id not in accepted else result.path
            if owner is not None:
                duplicates.append((new.dag_id, FileError(_duplicate_message(new.dag_id, owner, result.path))))
                continue
            accepted.append(new.dag_id)
            self._write_dag(result, new, source_hash)
        _retire(self._connection, self._stored, result.path, keep=accepted)
        self._write_errors(result, duplicates)
        self._write_warnings(result)
        if duplicates:
            self._stored.refused[result.path] = [error.message for _, error in duplicates]

    def _owner_of(self, dag_id: str, path: str) -> str | None:
        """Return the other file that has this DAG now."""
        return self._connection.execute(
            sa.select(dag.c.path).where(dag.c.dag_id == dag_id, dag.c.is_present, dag.c.path != path),
        ).scalar()

    def _write_dag(self, result: FileResult, new: FileDag, source_hash: str | None) -> None:
        found = self._connection.execute(
            sa.select(dag, dag_version.c.hash, dag_version.c.number, dag_version.c.source_hash)
            .select_from(dag.outerjoin(dag_version, dag_version.c.pk == dag.c.version_pk))
            .where(dag.c.dag_id == new.dag_id),
        ).first()
        values: dict[str, Any] = {
            "is_present": True,
            "folder": result.folder,
            "path": result.path,
            "relative_path": result.relative_path,
            "fingerprint": result.fingerprint,
        }
        parsed = {"last_parsed_at": self._now, "last_parse_duration_s": result.parse_duration_s}
        if found is None:
            document = decode_document(new.document)
            is_paused = document.is_paused_upon_creation
            dag_pk = self._connection.execute(
                dag.insert()
                .values(
                    dag_id=new.dag_id,
                    is_paused=self._is_paused_by_default if is_paused is None else is_paused,
                    **values,
                    **parsed,
                    **_copied(document),
                )
                .returning(dag.c.pk),
            ).scalar_one()
            self._add_version(dag_pk, new, document, 1, result, source_hash)
            self._stored.changed_dag_ids.append(new.dag_id)
            return
        is_changed = any(getattr(found, name) != value for name, value in values.items())
        if found.hash != new.hash:
            document = decode_document(new.document)
            values |= _copied(document)
            self._add_version(found.pk, new, document, (found.number or 0) + 1, result, source_hash)
            is_changed = True
        elif found.source_hash != source_hash:
            self._write_source(result, source_hash)
            self._connection.execute(
                sa.update(dag_version).where(dag_version.c.pk == found.version_pk).values(source_hash=source_hash),
            )
        self._connection.execute(
            sa.update(dag).where(dag.c.pk == found.pk).values(**(values if is_changed else {}), **parsed),
        )
        if is_changed:
            self._stored.changed_dag_ids.append(new.dag_id)

    def _add_version(
        self,
        dag_pk: int,
        new: FileDag,
        document: DagDocument,
        number: int,
        result: FileResult,
        source_hash: str | None,
    ) -> None:
        self._write_source(result, source_hash)
        version_pk = self._connection.execute(
            dag_version.insert()
            .values(
                dag_pk=dag_pk,
                number=number,
                hash=new.hash,
                document=new.document,
                source_hash=source_hash,
                created_at=self._now,
            )
            .returning(dag_version.c.pk),
        ).scalar_one()
        self._connection.execute(sa.update(dag).where(dag.c.pk == dag_pk).values(version_pk=version_pk))
        self._connection.execute(sa.delete(dag_tag).where(dag_tag.c.dag_pk == dag_pk))
        if document.tags:
            tags = [{"dag_pk": dag_pk, "name": name} for name in sorted(set(document.tags))]
            self._connection.execute(dag_tag.insert(), tags)

    def _write_source(self, result: FileResult, source_hash: str | None) -> None:
        if source_hash is not None:
            self._connection.execute(
                insert(self._connection, dag_source)
                .values(hash=source_hash, source=result.source)
                .on_conflict_do_nothing(),
            )

    def _write_errors(self, result: FileResult, duplicates: list[tuple[str, FileError]]) -> None:
        found = [(None, error) for error in result.errors] + list(duplicates)
        wanted = {(error.member, error.message, dag_id) for dag_id, error in found}
        columns = import_error.c
        before = self._connection.execute(
            sa.select(columns.member, columns.message, columns.duplicate_dag_id).where(columns.path == result.path),
        )
        if {tuple(row) for row in before} == wanted:
            return
        self._connection.execute(sa.delete(import_error).where(columns.path == result.path))
        if wanted:
            rows = [
                {
                    "path": result.path,
                    "member": member,
                    "relative_path": result.relative_path,
                    "folder": result.folder,
                    "message": message,
                    "duplicate_dag_id": dag_id,
                    "at": self._now,
                }
                for member, message, dag_id in sorted(wanted, key=str)
            ]
            self._connection.execute(import_error.insert(), rows)

    def _write_warnings(self, result: FileResult) -> None:
        wanted = {(warning.dag_id, warning.kind, warning.message) for warning in result.warnings}
        columns = dag_warning.c
        before = self._connection.execute(
            sa.select(columns.dag_id, columns.kind, columns.message).where(columns.path == result.path),
        )
        if {tuple(row) for row in before} == wanted:
            return
        self._connection.execute(sa.delete(dag_warning).where(columns.path == result.path))
        if wanted:
            rows = [
                {"path": result.path, "dag_id": dag_id, "kind": kind, "message": message, "at": self._now}
                for dag_id, kind, message in sorted(wanted, key=str)
            ]
            self._connection.execute(dag_warning.insert(), rows)


def _retire(connection: sa.Connection, stored: StoredFiles, path: str, keep: Sequence[str]) -> None:
    """Note that the file defines no other DAGs than `keep`."""
    gone = (
        connection.execute(
            sa.update(dag)
            .where(dag.c.path == path, dag.c.is_present, dag.c.dag_id.not_in(keep))
            .values(is_present=False)
            .returning(dag.c.dag_id),
        )
        .scalars()
        .all()
    )
    if not gone:
        return
    stored.changed_dag_ids += sorted(gone)
    waiting = connection.execute(
        sa.select(import_error.c.path).distinct().where(import_error.c.duplicate_dag_id.in_(gone)),
    )
    stored.freed_paths += sorted(waiting.scalars())


def _copied(document: DagDocument) -> dict[str, Any]:
    """Return the columns of `dag` that repeat what the document says."""
    return {
        "display_name": document.display_name or document.dag_id,
        "description": document.description,
        "owners": ", ".join(document.owners),
        "schedule_summary": document.schedule_summary,
        "max_active_runs": document.max_active_runs,
        "max_active_tasks": document.max_active_tasks,
        "max_consecutive_failed_dag_runs": document.max_consecutive_failed_dag_runs,
    }


def _duplicate_message(dag_id: str, owner: str, path: str) -> str:
    if owner == path:
        return f"the file defines two DAGs with dag_id {dag_id!r}: give one of them another"
    return f"dag_id {dag_id!r} is taken by the DAG in {owner}: give one of the two another dag_id"


def _source_hash(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _ring(connection: sa.Connection, dag_ids: Iterable[str]) -> None:
    for dag_id in dict.fromkeys(dag_ids):
        add_ring(connection, Ring(DAG, dag_id))
