"""Writing what several parsed files gave: read once what is stored of them, decide in memory, write in bulk."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tradewind.metadata.assets.registering import register_assets
from tradewind.metadata.assets.watchers import forget_watchers, register_watchers
from tradewind.metadata.dags.records import FileError
from tradewind.metadata.database import insert
from tradewind.metadata.tables import dag, dag_source, dag_tag, dag_version, dag_warning, import_error
from tradewind.serialization.document import decode_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tradewind.metadata.dags.records import FileDag, FileResult, StoredFiles
    from tradewind.metadata.encryption import Cipher
    from tradewind.serialization.document import DagDocument

    Row = dict[str, Any]

_MAX_BOUND = 500
"""Values in one IN list."""
_KNOWN = (
    dag.c.pk,
    dag.c.dag_id,
    dag.c.is_present,
    dag.c.folder,
    dag.c.path,
    dag.c.relative_path,
    dag.c.fingerprint,
    dag.c.bundle_name,
    dag.c.bundle_version,
    dag.c.version_pk,
    dag_version.c.hash,
    dag_version.c.number,
    dag_version.c.source_hash,
)
_ERROR = (import_error.c.member, import_error.c.message, import_error.c.duplicate_dag_id)
_WARNING = (dag_warning.c.dag_id, dag_warning.c.kind, dag_warning.c.message)


@dataclass(slots=True)
class _Dag:
    """What is stored of one DAG, kept up with what is going to be written."""

    pk: int | None
    dag_id: str
    is_present: bool
    folder: str
    path: str
    relative_path: str
    fingerprint: str
    bundle_name: str
    bundle_version: str | None
    version_pk: int | None
    hash: str | None
    number: int | None
    source_hash: str | None


class FilesWriter:
    """Writes the results of several files, each path once, inside one transaction; adds to `stored` what changed."""

    def __init__(
        self,
        connection: sa.Connection,
        stored: StoredFiles,
        now: datetime,
        cipher: Cipher,
        *,
        is_paused_by_default: bool,
    ) -> None:
        self._connection = connection
        self._now = now
        self._cipher = cipher
        self._is_paused_by_default = is_paused_by_default
        self._stored = stored
        self._dags: dict[str, _Dag] = {}
        self._of_path: defaultdict[str, set[str]] = defaultdict(set)
        self._new_dags: list[Row] = []
        self._updates: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
        """Rows for `dag` by the columns that they set."""
        self._versions: list[tuple[_Dag, DagDocument, Row]] = []
        self._sources: dict[str, str] = {}
        self._new_source_of_version: list[Row] = []
        self._gone: list[_Dag] = []
        self._back: list[DagDocument] = []
        """DAGs that had gone."""
        self._refused: defaultdict[str, set[str]] = defaultdict(set)
        """By dag_id: files of this batch that may not have it."""
        self._freed: set[str] = set()

    def write(self, results: Sequence[FileResult]) -> None:
        """Write the results as if one came after the other. A file that gave the same as before costs one small update."""
        self._read(results)
        errors = {result.path: self._take(result) for result in results}
        self._write_sources()
        self._write_dags()
        self._write_versions()
        self._write_watchers()
        self._write_errors(results, errors)
        self._write_warnings(results)
        # A file of this batch was either refused before the name was free, and noted then, or not for that name's sake.
        freed = freed_paths(self._connection, (known.dag_id for known in self._gone)) - errors.keys()
        self._stored.freed_paths += sorted(freed | self._freed)

    # ---- what there is

    def _read(self, results: Sequence[FileResult]) -> None:
        query = sa.select(*_KNOWN).select_from(dag.outerjoin(dag_version, dag_version.c.pk == dag.c.version_pk))
        dag_ids = {new.dag_id for result in results for new in result.dags}
        for part in _parts(dag_ids):
            self._note(self._connection.execute(query.where(dag.c.dag_id.in_(part))))
        for part in _parts(result.path for result in results):
            self._note(self._connection.execute(query.where(dag.c.path.in_(part), dag.c.is_present)))

    def _note(self, rows: Iterable[sa.Row[Any]]) -> None:
        for row in rows:
            known = self._dags.setdefault(row.dag_id, _Dag(*row))
            if known.is_present:
                self._of_path[known.path].add(known.dag_id)

    # ---- what becomes of it

    def _take(self, result: FileResult) -> list[tuple[str, FileError]]:
        """Take one file in; return the errors about DAGs that it may not have, each with its dag_id."""
        source_hash = None if result.source is None else _source_hash(result.source)
        accepted: set[str] = set()
        duplicates: list[tuple[str, FileError]] = []
        for new in result.dags:
            owner = result.path if new.dag_id in accepted else self._owner_of(new.dag_id, result.path)
            if owner is not None:
                duplicates.append((new.dag_id, FileError(_duplicate_message(new.dag_id, owner, result.path))))
                continue
            accepted.add(new.dag_id)
            self._take_dag(result, new, source_hash)
        self._retire(result.path, keep=accepted)
        for dag_id, _error in duplicates:
            self._refused[dag_id].add(result.path)
        if duplicates:
            self._stored.refused[result.path] = [error.message for _, error in duplicates]
        return duplicates

    def _owner_of(self, dag_id: str, path: str) -> str | None:
        """Return the other file that has this DAG now."""
        known = self._dags.get(dag_id)
        return known.path if known is not None and known.is_present and known.path != path else None

    def _take_dag(self, result: FileResult, new: FileDag, source_hash: str | None) -> None:
        place: Row = {
            "is_present": True,
            "folder": result.folder,
            "path": result.path,
            "relative_path": result.relative_path,
            "fingerprint": result.fingerprint,
            "bundle_name": result.bundle_name,
            "bundle_version": result.bundle_version,
        }
        parsed: Row = {"last_parsed_at": self._now, "last_parse_duration_s": result.parse_duration_s}
        known = self._dags.get(new.dag_id)
        if known is None:
            known = self._dags[new.dag_id] = _Dag(
                None, new.dag_id, **place, version_pk=None, hash=None, number=None, source_hash=None
            )
            document = decode_document(new.document)
            is_paused = document.is_paused_upon_creation
            is_paused = self._is_paused_by_default if is_paused is None else is_paused
            self._new_dags.append(
                {"dag_id": new.dag_id, "is_paused": is_paused, **place, **parsed, **_copied(document)}
            )
            self._add_version(known, new, document, result, source_hash)
            is_changed = True
        else:
            if not known.is_present:
                self._back.append(decode_document(new.document))
            changes = self._changes(known, new, place, result, source_hash)
            is_changed = bool(changes)
            values = {**changes, **parsed}
            self._updates[tuple(values)].append({"pk_": known.pk, **values})
        for name, value in place.items():
            setattr(known, name, value)
        self._of_path[result.path].add(new.dag_id)
        if is_changed:
            self._stored.changed_dag_ids.append(new.dag_id)

    def _changes(self, known: _Dag, new: FileDag, place: Row, result: FileResult, source_hash: str | None) -> Row:
        """Return the columns of a stored DAG that this file changes; empty when it gave the same as before."""
        changes = place if any(getattr(known, name) != value for name, value in place.items()) else {}
        if known.hash != new.hash:
            document = decode_document(new.document)
            self._add_version(known, new, document, result, source_hash)
            return {**place, **_copied(document)}
        if known.source_hash != source_hash:
            self._keep_source(result, source_hash)
            self._new_source_of_version.append({"pk_": known.version_pk, "source_hash": source_hash})
        return changes

    def _add_version(
        self, known: _Dag, new: FileDag, document: DagDocument, result: FileResult, source_hash: str | None
    ) -> None:
        self._keep_source(result, source_hash)
        known.number = (known.number or 0) + 1
        row = {
            "number": known.number,
            "hash": new.hash,
            "document": new.document,
            "source_hash": source_hash,
            "bundle_version": result.bundle_version,
            "created_at": self._now,
        }
        self._versions.append((known, document, row))

    def _keep_source(self, result: FileResult, source_hash: str | None) -> None:
        if source_hash is not None and result.source is not None:
            self._sources[source_hash] = result.source

    def _retire(self, path: str, keep: set[str]) -> None:
        """Note that the file defines no other DAGs than `keep`."""
        for dag_id in sorted(self._of_path[path] - keep):
            known = self._dags[dag_id]
            if known.is_present and known.path == path:
                known.is_present = False
                self._gone.append(known)
                self._freed |= self._refused[dag_id]
                self._stored.changed_dag_ids.append(dag_id)

    # ---- writing it

    def _write_sources(self) -> None:
        if self._sources:
            rows = [{"hash": key, "source": source} for key, source in self._sources.items()]
            self._connection.execute(insert(self._connection, dag_source).on_conflict_do_nothing(), rows)

    def _write_dags(self) -> None:
        if self._new_dags:
            added = self._connection.execute(dag.insert().returning(dag.c.dag_id, dag.c.pk), self._new_dags)
            for dag_id, pk in added:
                self._dags[dag_id].pk = pk
        for rows in self._updates.values():
            _update(self._connection, dag, rows)
        gone = [{"pk_": known.pk, "is_present": False} for known in self._gone if not known.is_present]
        _update(self._connection, dag, gone)

    def _write_versions(self) -> None:
        _update(self._connection, dag_version, self._new_source_of_version)
        if not self._versions:
            return
        rows = [{"dag_pk": known.pk, **row} for known, _document, row in self._versions]
        added = self._connection.execute(dag_version.insert().returning(dag_version.c.dag_pk, dag_version.c.pk), rows)
        _update(self._connection, dag, [{"pk_": dag_pk, "version_pk": pk} for dag_pk, pk in added])
        for part in _parts(known.pk for known, _document, row in self._versions if row["number"] > 1):
            self._connection.execute(sa.delete(dag_tag).where(dag_tag.c.dag_pk.in_(part)))
        tags = [
            {"dag_pk": known.pk, "name": name}
            for known, document, _row in self._versions
            for name in sorted(set(document.tags))
        ]
        if tags:
            self._connection.execute(dag_tag.insert(), tags)
        documents = [document for _known, document, _row in self._versions]
        register_assets(self._connection, documents, self._now)

    def _write_watchers(self) -> None:
        documents = [document for _known, document, _row in self._versions]
        register_watchers(self._connection, [*self._back, *documents], self._now, self._cipher)
        forget_watchers(self._connection, [known.dag_id for known in self._gone if not known.is_present])

    def _write_errors(self, results: Sequence[FileResult], duplicates: dict[str, list[tuple[str, FileError]]]) -> None:
        wanted = {
            result.path: {
                *((error.member, error.message, None) for error in result.errors),
                *((error.member, error.message, dag_id) for dag_id, error in duplicates[result.path]),
            }
            for result in results
        }
        result_of = {result.path: result for result in results}
        rows = [
            {
                "path": path,
                "member": member,
                "relative_path": result_of[path].relative_path,
                "folder": result_of[path].folder,
                "bundle_name": result_of[path].bundle_name,
                "message": message,
                "duplicate_dag_id": dag_id,
                "at": self._now,
            }
            for path in self._replaced(import_error, _ERROR, wanted)
            for member, message, dag_id in sorted(wanted[path], key=str)
        ]
        if rows:
            self._connection.execute(import_error.insert(), rows)

    def _write_warnings(self, results: Sequence[FileResult]) -> None:
        wanted = {
            result.path: {(warning.dag_id, warning.kind, warning.message) for warning in result.warnings}
            for result in results
        }
        rows = [
            {"path": path, "dag_id": dag_id, "kind": kind, "message": message, "at": self._now}
            for path in self._replaced(dag_warning, _WARNING, wanted)
            for dag_id, kind, message in sorted(wanted[path], key=str)
        ]
        if rows:
            self._connection.execute(dag_warning.insert(), rows)

    def _replaced(
        self, table: sa.Table, columns: tuple[sa.Column[Any], ...], wanted: dict[str, set[tuple[Any, ...]]]
    ) -> list[str]:
        """Delete the rows of the paths for which others are wanted, and return these paths."""
        before: defaultdict[str, set[tuple[Any, ...]]] = defaultdict(set)
        for part in _parts(wanted):
            for path, *row in self._connection.execute(sa.select(table.c.path, *columns).where(table.c.path.in_(part))):
                before[path].add(tuple(row))
        changed = [path for path, rows in wanted.items() if rows != before[path]]
        for part in _parts(path for path in changed if before[path]):
            self._connection.execute(sa.delete(table).where(table.c.path.in_(part)))
        return changed


def freed_paths(connection: sa.Connection, gone: Iterable[str]) -> set[str]:
    """Return the files of which a DAG was refused because of a name in `gone`, as far as they are written."""
    found: set[str] = set()
    for part in _parts(gone):
        query = sa.select(import_error.c.path).distinct().where(import_error.c.duplicate_dag_id.in_(part))
        found.update(connection.execute(query).scalars())
    return found


def _update(connection: sa.Connection, table: sa.Table, rows: list[Row]) -> None:
    """Set what the rows have, alike in all of them, where the primary key is `pk_`; in its order, which all writers keep."""
    if rows:
        connection.execute(sa.update(table).where(table.c.pk == sa.bindparam("pk_")), sorted(rows, key=_pk_of))


def _pk_of(row: Row) -> int:
    return row["pk_"]


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the distinct values in lists that fit into a statement."""
    whole = list(dict.fromkeys(values))
    for start in range(0, len(whole), _MAX_BOUND):
        yield whole[start : start + _MAX_BOUND]


def _copied(document: DagDocument) -> Row:
    """Return the columns of `dag` that repeat what the document says."""
    return {
        "display_name": document.display_name or document.dag_id,
        "description": document.description,
        "owners": ", ".join(document.owners),
        "schedule_summary": document.schedule_summary,
        "max_active_runs": document.max_active_runs,
        "max_active_tasks": document.max_active_tasks,
        "max_consecutive_failed_dag_runs": document.max_consecutive_failed_dag_runs,
        "allowed_run_types": ",".join(document.allowed_run_types or ()) or None,
    }


def _duplicate_message(dag_id: str, owner: str, path: str) -> str:
    if owner == path:
        return f"the file defines two DAGs with dag_id {dag_id!r}: give one of them another"
    return f"dag_id {dag_id!r} is taken by the DAG in {owner}: give one of the two another dag_id"


def _source_hash(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:32]
