"""The DAGs of the database, read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.metadata.assets.watchers import forget_watchers
from tradewind.metadata.dags.reading import DagReading
from tradewind.metadata.dags.records import StoredFiles
from tradewind.metadata.dags.writing import FilesWriter, freed_paths
from tradewind.metadata.database import add_ring
from tradewind.metadata.doorbell.ring import DAG, Ring
from tradewind.metadata.encryption import PLAIN, Cipher
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.tables import dag, dag_warning, import_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tradewind.core.clock import Clock
    from tradewind.metadata.dags.records import FileResult
    from tradewind.metadata.database import Database

MAX_FILES = 200
"""Written or removed at once, inside a transaction."""


class DagStore(DagReading):
    """What the DAG processor writes and everybody reads."""

    def __init__(self, database: Database, clock: Clock, cipher: Cipher = PLAIN) -> None:
        """`cipher` is for what of DAGs is kept secret, the arguments of watchers' triggers; without one it is not."""
        super().__init__(database)
        self._clock = clock
        self._cipher = cipher

    def store_files(self, results: Sequence[FileResult], *, is_paused_by_default: bool) -> StoredFiles:
        """Write the results of several files in one transaction; return what changed.

        A document whose hash is the one stored makes no new version. A dag_id that another file has already becomes an
        import error of the file stored later. DAGs that a file defines no more, or cannot because of an error, are no
        longer present; they come back, with their history, when a file defines them again.
        """
        now = self._clock.now()

        def write(connection: sa.Connection) -> StoredFiles:
            stored = StoredFiles()
            for part in _with_distinct_paths(results):
                FilesWriter(connection, stored, now, self._cipher, is_paused_by_default=is_paused_by_default).write(
                    part
                )
            _ring(connection, stored.changed_dag_ids)
            return stored

        return self._database.transact(write)

    def store_file(self, result: FileResult, *, is_paused_by_default: bool) -> StoredFiles:
        """Write the result of one file, as `store_files` does."""
        return self.store_files([result], is_paused_by_default=is_paused_by_default)

    def remove_files(self, paths: Iterable[str]) -> StoredFiles:
        """Note that these files are gone: their DAGs are no longer present, their errors and warnings are deleted."""
        distinct = list(dict.fromkeys(paths))

        def write(connection: sa.Connection) -> StoredFiles:
            stored = StoredFiles()
            for start in range(0, len(distinct), MAX_FILES):
                part = distinct[start : start + MAX_FILES]
                for table in (import_error, dag_warning):
                    connection.execute(sa.delete(table).where(table.c.path.in_(part)))
                retire = sa.update(dag).where(dag.c.path.in_(part), dag.c.is_present).values(is_present=False)
                gone = sorted(connection.execute(retire.returning(dag.c.dag_id)).scalars())
                stored.changed_dag_ids += gone
                forget_watchers(connection, gone)
                stored.freed_paths += sorted(freed_paths(connection, gone))
            _ring(connection, stored.changed_dag_ids)
            return stored

        return self._database.transact(write)

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


def _with_distinct_paths(results: Sequence[FileResult]) -> Iterator[list[FileResult]]:
    """Yield the results in parts, in order, so that no part has two of one path, nor too many."""
    part: dict[str, FileResult] = {}
    for result in results:
        if result.path in part or len(part) == MAX_FILES:
            yield list(part.values())
            part = {}
        part[result.path] = result
    if part:
        yield list(part.values())


def _ring(connection: sa.Connection, dag_ids: Iterable[str]) -> None:
    for dag_id in dict.fromkeys(dag_ids):
        add_ring(connection, Ring(DAG, dag_id))
