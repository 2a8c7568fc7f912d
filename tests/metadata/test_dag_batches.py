"""Files written at once leave what they leave when they are written one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from tradewind.metadata import schema, tables
from tradewind.metadata.dags import DagStore, FileDag, FileError, FileResult, FileWarning
from tradewind.metadata.dags.store import MAX_FILES
from tradewind.metadata.database import Database
from tradewind.serialization.document import DagDocument, encode_document, version_hash

from tests.metadata.conftest import StandingClock, World

PATHS = ("/dags/a.py", "/dags/b.py", "/dags/c.py")
DAG_IDS = ("x", "y", "z")
TABLES = (tables.dag_tag, tables.dag_version, tables.dag_source, tables.dag, tables.import_error, tables.dag_warning)


def file_dag(dag_id: str, description: str = "", tags: tuple[str, ...] = ()) -> FileDag:
    encoded = encode_document(DagDocument(dag_id=dag_id, description=description, tags=tags))
    return FileDag(dag_id, encoded, version_hash(encoded))


RESULTS = st.builds(
    FileResult,
    path=st.sampled_from(PATHS),
    relative_path=st.just("file.py"),
    folder=st.just("/dags"),
    fingerprint=st.sampled_from(("f1", "f2")),
    dags=st.lists(
        st.builds(
            file_dag, st.sampled_from(DAG_IDS), st.sampled_from(("", "new")), st.sampled_from(((), ("t",), ("t", "u")))
        ),
        max_size=3,
    ),
    source=st.sampled_from((None, "one", "two")),
    warnings=st.lists(st.builds(FileWarning, st.just("deprecated"), st.sampled_from(("old", "older"))), max_size=2),
    errors=st.lists(st.builds(FileError, st.sampled_from(("boom", "bang"))), max_size=2),
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DagStore, DagStore]]:
    databases: list[Database] = []
    for name in ("one", "other"):
        database = Database.open(f"sqlite:///{tmp_path_factory.mktemp(name)}/file.db")
        schema.migrate(database)
        databases.append(database)
    one, other = (DagStore(database, StandingClock()) for database in databases)
    yield one, other
    for database in databases:
        database.dispose()


QUERIES = (
    sa.select(*(column for column in tables.dag.c if column.name not in {"pk", "version_pk"})).order_by("dag_id"),
    sa.select(
        tables.dag.c.dag_id,
        tables.dag_version.c.pk == tables.dag.c.version_pk,
        *(column for column in tables.dag_version.c if column.name not in {"pk", "dag_pk"}),
    )
    .join(tables.dag, tables.dag_version.c.dag_pk == tables.dag.c.pk)
    .order_by("dag_id", "number"),
    sa.select(tables.dag.c.dag_id, tables.dag_tag.c.name)
    .join(tables.dag, tables.dag_tag.c.dag_pk == tables.dag.c.pk)
    .order_by("dag_id", "name"),
    sa.select(tables.dag_source).order_by("hash"),
    sa.select(*(column for column in tables.import_error.c if column.name != "pk")).order_by("path", "message"),
    sa.select(*(column for column in tables.dag_warning.c if column.name != "pk")).order_by("path", "message"),
)


def stored(store: DagStore) -> list[list[Any]]:
    """Return all that the tables hold, but for keys."""
    with store._database.read() as connection:
        return [[tuple(row) for row in connection.execute(query)] for query in QUERIES]


@given(st.lists(st.lists(RESULTS, min_size=1, max_size=5), min_size=1, max_size=3))
@settings(deadline=None, max_examples=20)
def test_a_batch_is_as_good_as_its_files(stores: tuple[DagStore, DagStore], batches: list[list[FileResult]]) -> None:
    for store in stores:
        with store._database.begin() as connection:
            for table in TABLES:
                connection.execute(sa.delete(table))
    at_once, in_turn = stores
    for results in batches:
        whole = at_once.store_files(results, is_paused_by_default=True)
        parts = [in_turn.store_file(result, is_paused_by_default=True) for result in results]
        assert whole.changed_dag_ids == [dag_id for part in parts for dag_id in part.changed_dag_ids]
        # A file that is parsed again within the batch is not told to be parsed once more.
        assert set(whole.freed_paths) <= {path for part in parts for path in part.freed_paths}
        assert stored(at_once) == stored(in_turn)


def many(count: int) -> list[FileResult]:
    return [
        FileResult(f"/dags/{n}.py", f"{n}.py", "/dags", "f", dags=[file_dag(f"d{n}", tags=("t",))], source=f"code {n}")
        for n in range(count)
    ]


def test_many_files_take_few_statements(world: World) -> None:
    counted = 0

    def count(*_arguments: object) -> None:
        nonlocal counted
        counted += 1

    event.listen(world.database.engine, "before_cursor_execute", count)
    world.dags.store_files(many(100), is_paused_by_default=True)
    assert counted < (30 if world.database.is_sqlite else 130)
    assert world.dags.list_dags()[1] == 100


def test_more_files_than_fit_into_one_statement_are_stored_and_removed(world: World) -> None:
    stored = world.dags.store_files(many(MAX_FILES + 1), is_paused_by_default=True)
    assert len(stored.changed_dag_ids) == MAX_FILES + 1
    assert world.dags.list_dags()[1] == MAX_FILES + 1
    removed = world.dags.remove_files(result.path for result in many(MAX_FILES + 1))
    assert sorted(removed.changed_dag_ids) == sorted(stored.changed_dag_ids)
    assert world.dags.list_dags()[1] == 0
