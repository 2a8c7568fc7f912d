"""Migrations: both ways to the schema lead to the same one, back and forth, and strangers are recognized."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError

from tradewind.metadata import schema, tables
from tradewind.metadata.database import Database
from tradewind.metadata.errors import SchemaError
from tradewind.metadata.schema import SchemaState

POSTGRES_DEFINITIONS = (
    """
    SELECT c.relname, c.relkind, c.reloptions, pg_get_indexdef(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i', 'S')
    """,
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public'
    """,
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    yield opened
    opened.dispose()


def definitions(database: Database) -> set[str]:
    """Return everything the schema consists of, in a form that leaves out only the order of clauses."""
    with database.read() as connection:
        if database.is_postgres:
            return {str(row) for query in POSTGRES_DEFINITIONS for row in connection.exec_driver_sql(query)}
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").all()
    found = set()
    for name, sql in rows:
        clauses = re.split(r",\s*(?=[a-z_]+ [A-Z]|CONSTRAINT)", re.sub(r"\s+", " ", sql or ""))
        clauses = [clause.strip(" )").removeprefix(f"CREATE TABLE {name} (").strip() for clause in clauses]
        found.add(f"{name}: {sorted(clauses)}")
    return found


def rows_at_start(database: Database) -> tuple[list, list]:
    pool = tables.pool
    with database.read() as connection:
        pools = connection.execute(
            sa.select(pool.c.name, pool.c.slots, pool.c.include_deferred, pool.c.description)
        ).all()
        leases = connection.execute(sa.select(tables.lease)).all()
    return [tuple(row) for row in pools], [tuple(row) for row in leases]


def test_an_empty_database_is_created_and_marked(database: Database) -> None:
    assert schema.check(database).state is SchemaState.EMPTY
    assert schema.migrate(database).state is SchemaState.EMPTY
    assert schema.check(database).state is SchemaState.CURRENT
    assert schema.migrate(database).state is SchemaState.CURRENT
    assert rows_at_start(database)[0] == [("default_pool", 128, False, "Default pool")]


def test_migrations_lead_to_the_schema_that_is_created(database: Database) -> None:
    schema.migrate(database)
    created, created_rows = definitions(database), rows_at_start(database)
    schema.downgrade(database, "base")
    assert definitions(database) == set()
    with database.begin() as connection:
        schema.upgrade(connection, "head")
    assert definitions(database) == created
    assert rows_at_start(database) == created_rows
    assert schema.check(database).state is SchemaState.CURRENT


def test_tables_have_not_drifted_from_the_migrations(database: Database) -> None:
    with database.begin() as connection:
        schema.upgrade(connection, "head")
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []


def test_runs_keep_a_type_that_the_revision_knows(database: Database) -> None:
    def add(run_id: str, run_type: str) -> None:
        values = {"run_id": run_id, "run_type": run_type}
        with database.begin() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO dag_run (dag_id, run_id, run_type, state, run_after, queued_at, triggered_by)"
                    " VALUES ('d', :run_id, :run_type, 'queued', '2026-01-01', '2026-01-01', 'cli')"
                ),
                values,
            )

    schema.migrate(database)
    add("r", "asset_materialization")
    schema.downgrade(database, "0001")
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT run_type FROM dag_run")).scalars().all() == ["manual"]
    with pytest.raises(IntegrityError):
        add("s", "asset_materialization")
    schema.migrate(database)
    add("s", "asset_materialization")
    with pytest.raises(IntegrityError):
        add("t", "whatever")
    if not database.is_postgres:
        with database.read() as connection:
            assert connection.execute(sa.text("PRAGMA integrity_check")).scalar_one() == "ok"


def test_the_release_knows_exactly_its_migrations() -> None:
    scripts = ScriptDirectory(str(schema.MIGRATIONS))
    found = [script.revision for script in scripts.walk_revisions()][::-1]
    assert tuple(found) == schema.REVISIONS
    assert scripts.get_current_head() == schema.HEAD


def test_reset_drops_all_data(database: Database) -> None:
    schema.migrate(database)
    with database.begin() as connection:
        connection.execute(tables.pool.insert(), {"name": "x", "slots": 1, "include_deferred": False})
    schema.reset(database)
    assert [row[0] for row in rows_at_start(database)[0]] == ["default_pool"]


@pytest.mark.parametrize(
    ("revision", "state", "said"),
    [("9999", SchemaState.NEWER, "newer release"), ("1d6611b6ab7c", SchemaState.FOREIGN, "another program")],
)
def test_a_database_that_is_not_ours_is_left_alone(
    database: Database,
    revision: str,
    state: SchemaState,
    said: str,
) -> None:
    schema.migrate(database)
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    status = schema.check(database)
    assert (status.state, status.found) == (state, revision)
    before = definitions(database)
    for refused in (
        status.require_current,
        lambda: schema.migrate(database),
        lambda: schema.downgrade(database, "base"),
    ):
        with pytest.raises(SchemaError, match=said):
            refused()
    assert definitions(database) == before


def test_tables_of_another_program_are_recognized_without_a_mark(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(sa.text("CREATE TABLE dag_run (id INTEGER)"))
    assert schema.check(database).state is SchemaState.FOREIGN


def test_downgrade_to_an_unknown_revision_is_refused(database: Database) -> None:
    with pytest.raises(SchemaError, match="no revision 7"):
        schema.downgrade(database, "7")


def test_a_check_loads_no_alembic(sqlite_url: str) -> None:
    import subprocess
    import sys

    code = (
        "import sys\nfrom tradewind.metadata import schema\nfrom tradewind.metadata.database import Database\n"
        f"db = Database.open({sqlite_url!r})\nschema.migrate(db)\nassert schema.check(db).state.value == 'current'\n"
        "print([name for name in ('alembic', 'sqlalchemy.orm', 'cryptography', 'psycopg') if name in sys.modules])\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
