"""What the DAG processor stores of files, and what readers get of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from tradewind.metadata import schema, tables
from tradewind.metadata.dags import DagDetail, DagStore, FileDag, FileError, FileResult, FileWarning
from tradewind.metadata.dags.store import MAX_FILES
from tradewind.metadata.database import Database
from tradewind.metadata.doorbell import Ring, listen
from tradewind.metadata.errors import InvalidRequestError, NotFoundError
from tradewind.metadata.listing import Page
from tradewind.serialization.document import (
    DEFAULTS_WARNING,
    DagDocument,
    TaskDocument,
    decode_document,
    encode_document,
    version_hash,
)

from tests.metadata.conftest import NOON, StandingClock, World, hear


def ids(found: tuple[list[DagDetail], int]) -> list[str]:
    return [row.dag_id for row in found[0]]


def test_a_new_dag_is_stored_with_its_document_source_and_tags(world: World) -> None:
    document = DagDocument(
        dag_id="etl",
        description="d",
        owners=("ann", "bob"),
        tags=("b", "a"),
        schedule_summary="@daily",
        max_active_runs=3,
        tasks=(TaskDocument(task_id="t", task_type="X"),),
    )
    result = world.file(document, parse_duration_s=0.5)
    stored = world.dags.store_file(result, is_paused_by_default=True)
    assert (stored.changed_dag_ids, stored.refused, stored.freed_paths) == (["etl"], {}, [])
    found = world.dags.get_dag("etl")
    assert (found.is_paused, found.is_present, found.has_import_errors) == (True, True, False)
    assert (found.owners, found.tags, found.display_name) == ("ann, bob", ["a", "b"], "etl")
    assert (found.schedule_summary, found.max_active_runs, found.description) == ("@daily", 3, "d")
    assert (found.last_parsed_at, found.last_parse_duration_s, found.version_number) == (NOON, 0.5, 1)
    assert decode_document(world.dags.get_document("etl")) == document
    assert world.dags.get_source("etl") == "code"


@pytest.mark.parametrize(
    ("wish", "by_default", "expected"), [(None, True, True), (False, True, False), (True, False, True)]
)
def test_a_dag_says_itself_whether_it_begins_paused(
    world: World,
    wish: bool | None,
    by_default: bool,
    expected: bool,
) -> None:
    document = DagDocument(dag_id="etl", is_paused_upon_creation=wish)
    world.dags.store_file(world.file(document), is_paused_by_default=by_default)
    assert world.dags.get_dag("etl").is_paused is expected
    world.dags.set_paused(["etl"], is_paused=not expected)
    world.dags.store_file(world.file(document, fingerprint="f2"), is_paused_by_default=by_default)
    assert world.dags.get_dag("etl").is_paused is not expected


def test_an_unchanged_file_makes_no_version_and_touches_only_the_time(world: World) -> None:
    result = world.file(DagDocument(dag_id="etl", tags=("x",)), warnings=[FileWarning("deprecated", "old name")])
    world.dags.store_file(result, is_paused_by_default=False)
    before, warnings = world.dags.get_dag("etl"), world.dags.list_warnings()
    written: list[str] = []
    event.listen(
        world.database.engine,
        "before_cursor_execute",
        lambda *arguments: written.append(arguments[2]),
    )
    world.clock.advance(60)
    assert world.dags.store_file(result, is_paused_by_default=False).changed_dag_ids == []
    writes = [statement for statement in written if statement.startswith(("UPDATE", "INSERT", "DELETE"))]
    assert len(writes) == 1
    assert "last_parsed_at" in writes[0]
    after = world.dags.get_dag("etl")
    assert after.last_parsed_at == world.clock.now()
    after.last_parsed_at = before.last_parsed_at
    assert after == before
    assert world.dags.list_warnings() == warnings


def test_a_changed_document_is_a_new_version(world: World) -> None:
    world.add_dag(tags=("old",))
    world.add_dag(tags=("new",), description="changed")
    found = world.dags.get_dag("etl")
    assert (found.version_number, found.tags, found.description) == (2, ["new"], "changed")
    assert [version.number for version in world.dags.list_versions("etl")] == [2, 1]
    assert decode_document(world.dags.get_document("etl", 1)).tags == ("old",)
    assert world.store.load_dags()[0].version_pk == found.version_pk
    with pytest.raises(NotFoundError, match="version 3"):
        world.dags.get_document("etl", 3)


def test_a_changed_comment_changes_the_source_shown_and_what_workers_load(world: World) -> None:
    document = DagDocument(dag_id="etl")
    world.dags.store_file(world.file(document), is_paused_by_default=False)
    edited = world.file(document, source="code # why", fingerprint="f2")
    assert world.dags.store_file(edited, is_paused_by_default=False).changed_dag_ids == ["etl"]
    assert world.dags.get_source("etl") == "code # why"
    found = world.dags.get_dag("etl")
    assert (found.version_number, found.fingerprint) == (1, "f2")


def test_a_dag_that_is_gone_from_its_file_comes_back_with_its_history(world: World) -> None:
    one, two = DagDocument(dag_id="one"), DagDocument(dag_id="two")
    world.dags.store_file(world.file(one, two), is_paused_by_default=False)
    assert world.dags.store_file(world.file(one), is_paused_by_default=False).changed_dag_ids == ["two"]
    assert ids(world.dags.list_dags()) == ["one"]
    assert ids(world.dags.list_dags(is_present=None)) == ["one", "two"]
    assert world.dags.store_file(world.file(one, two), is_paused_by_default=False).changed_dag_ids == ["two"]
    assert world.dags.get_dag("two").version_number == 1


def test_a_broken_file_hides_its_dags_until_it_is_mended(world: World) -> None:
    good = world.file(DagDocument(dag_id="etl"))
    world.dags.store_file(good, is_paused_by_default=False)
    broken = world.file(errors=[FileError("SyntaxError: line 3")], source="code (")
    world.dags.store_file(broken, is_paused_by_default=False)
    found = world.dags.get_dag("etl")
    assert (found.is_present, found.has_import_errors) == (False, True)
    (error,), total = world.dags.list_import_errors()
    assert (error.path, error.message, error.at, total) == ("/dags/a.py", "SyntaxError: line 3", NOON, 1)
    assert world.dags.present_files() == {"/dags/a.py": ""}
    world.clock.advance(60)
    world.dags.store_file(broken, is_paused_by_default=False)
    assert world.dags.list_import_errors()[0][0].at == NOON
    world.dags.store_file(good, is_paused_by_default=False)
    assert world.dags.list_import_errors() == ([], 0)
    assert world.dags.get_dag("etl").is_present
    assert world.dags.present_files() == {"/dags/a.py": "f1"}


def test_the_second_file_with_a_dag_id_is_refused_and_told_when_the_name_is_free(world: World) -> None:
    first = world.file(DagDocument(dag_id="etl", description="first"), path="/dags/a.py")
    second = world.file(DagDocument(dag_id="etl"), DagDocument(dag_id="own"), path="/dags/b.py")
    stored = world.dags.store_files([first, second], is_paused_by_default=False)
    (message,) = stored.refused["/dags/b.py"]
    assert "'etl'" in message
    assert "/dags/a.py" in message
    assert stored.changed_dag_ids == ["etl", "own"]
    assert world.dags.get_dag("etl").description == "first"
    assert [error.message for error in world.dags.list_import_errors()[0]] == [message]
    removed = world.dags.remove_files(["/dags/a.py"])
    assert (removed.changed_dag_ids, removed.freed_paths) == (["etl"], ["/dags/b.py"])
    assert world.dags.store_file(second, is_paused_by_default=False).refused == {}
    assert world.dags.get_dag("etl").path == "/dags/b.py"
    assert world.dags.list_import_errors() == ([], 0)


def test_two_dags_of_one_name_in_one_file(world: World) -> None:
    twice = world.file(DagDocument(dag_id="etl", description="1"), DagDocument(dag_id="etl", description="2"))
    stored = world.dags.store_file(twice, is_paused_by_default=False)
    assert "two DAGs with dag_id 'etl'" in stored.refused["/dags/a.py"][0]
    assert world.dags.get_dag("etl").description == "1"


def test_errors_in_an_archive_name_the_member(world: World) -> None:
    errors = [FileError("broken", "x.py"), FileError("broken", "y.py")]
    archive = world.file(DagDocument(dag_id="fine"), path="/dags/z.zip", errors=errors)
    world.dags.store_file(archive, is_paused_by_default=False)
    assert [(e.path, e.member) for e in world.dags.list_import_errors()[0]] == [
        ("/dags/z.zip", "x.py"),
        ("/dags/z.zip", "y.py"),
    ]
    assert world.dags.get_dag("fine").is_present


def test_warnings_follow_the_file(world: World) -> None:
    old = FileWarning("deprecated", "schedule_interval", "etl")
    world.dags.store_file(world.file(DagDocument(dag_id="etl"), warnings=[old]), is_paused_by_default=False)
    assert [(w.dag_id, w.kind, w.message) for w in world.dags.list_warnings("etl")] == [
        ("etl", "deprecated", "schedule_interval"),
    ]
    assert world.dags.list_warnings("other") == []
    world.dags.store_file(world.file(DagDocument(dag_id="etl")), is_paused_by_default=False)
    assert world.dags.list_warnings() == []


def test_the_line_that_decided_over_defaults_is_found(world: World) -> None:
    warnings = [FileWarning("deprecated", "x.py:2: old", "etl"), FileWarning(DEFAULTS_WARNING, "x.py:1: older", "etl")]
    world.dags.store_file(world.file(DagDocument(dag_id="etl"), warnings=warnings), is_paused_by_default=False)
    assert world.dags.defaults_decided_by("etl") == "x.py:1: older"
    assert world.dags.defaults_decided_by("other") is None


def test_pausing_tells_what_it_changed(world: World) -> None:
    world.add_dag("a")
    world.add_dag("b")
    assert world.dags.set_paused(["a", "b"], is_paused=True) == ["a", "b"]
    assert world.dags.set_paused(["a"], is_paused=True) == []
    with pytest.raises(NotFoundError, match="no DAG x"):
        world.dags.set_paused(["a", "x"], is_paused=False)
    assert world.dags.get_dag("a").is_paused


def test_every_change_rings(world: World) -> None:
    listener = listen(world.database)
    try:
        world.add_dag("a")
        world.add_dag("a")
        world.dags.set_paused(["a"], is_paused=True)
        world.dags.set_paused(["a"], is_paused=True)
        world.dags.remove_files(["/dags/a.py"])
        world.database.send([Ring("end")])
        assert hear(listener, 4) == [*[Ring("dag", "a")] * 3, Ring("end")]
    finally:
        listener.close()


def test_lists_are_filtered_sorted_and_paged(world: World) -> None:
    for name, tags in (("alpha", ("x", "y")), ("beta", ("x",)), ("gamma", ()), ("gone", ("z",))):
        world.add_dag(name, tags=tags)
    world.dags.set_paused(["beta"], is_paused=True)
    world.dags.remove_files(["/dags/gone.py"])
    listed = world.dags.list_dags
    assert ids(listed()) == ["alpha", "beta", "gamma"]
    assert ids(listed(tags=["x", "y"])) == ["alpha", "beta"]
    assert ids(listed(tags=["x", "y"], has_all_tags=True)) == ["alpha"]
    assert ids(listed(is_paused=True)) == ["beta"]
    assert ids(listed(pattern="AM")) == ["gamma"]
    assert ids(listed(dag_ids=["gamma", "nothing"])) == ["gamma"]
    found = listed(page=Page(limit=2, offset=1, order_by=("-dag_id",)))
    assert (ids(found), found[1]) == (["beta", "alpha"], 3)
    assert world.dags.list_tags() == ["x", "y"]
    with pytest.raises(InvalidRequestError, match="cannot order by 'size'"):
        listed(page=Page(order_by=("size",)))


def test_what_is_not_there_is_not_found(world: World) -> None:
    for ask in (world.dags.get_dag, world.dags.get_document, world.dags.get_source):
        with pytest.raises(NotFoundError, match="'none'"):
            ask("none")


def test_a_source_is_kept_once(world: World) -> None:
    for name in ("a", "b"):
        world.add_dag(name)
    with world.database.read() as connection:
        assert connection.execute(sa.select(tables.dag_source.c.source)).scalars().all() == ["code"]


# ---- many files at once

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
