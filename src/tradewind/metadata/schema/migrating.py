"""Creating the schema, bringing it up to date, and telling cheaply whether it is.

An empty database gets the tables as `tables` defines them; one with data goes through the migrations. That both end in
the same schema is tested. Alembic is imported only where migrations run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.metadata import tables
from tradewind.metadata.errors import SchemaError
from tradewind.metadata.schema.status import HEAD, REVISIONS, SchemaState, SchemaStatus

if TYPE_CHECKING:
    from alembic.config import Config

    from tradewind.metadata.database import Database

MIGRATIONS = Path(__file__).parent.parent / "migrations"
DEFAULT_POOL = "default_pool"
DEFAULT_POOL_SLOTS = 128
_LOCK = 7_303_014_518_001
"""Number of the advisory lock that migrations on PostgreSQL hold."""
_WAIT_FOR_OTHERS = "SET LOCAL lock_timeout = '120s'"
_WAIT_FOR_TABLES = "SET LOCAL lock_timeout = '10s'"


def check(database: Database) -> SchemaStatus:
    """Return how the schema stands; one or two small queries."""
    with database.read() as connection:
        return _status(connection)


def migrate(database: Database) -> SchemaStatus:
    """Create the schema or bring it up to date; return how it stood before. Harmless when it is up to date.

    Processes that migrate at the same time wait for each other. Raises `SchemaError` for a database of a newer release
    or of another program.
    """
    status = check(database)
    if status.state is SchemaState.CURRENT:
        return status
    with database.begin() as connection:
        _hold_lock(connection)
        now = _status(connection)  # another process may have been faster
        if now.state in {SchemaState.NEWER, SchemaState.FOREIGN}:
            raise SchemaError(now.message)
        if now.state is SchemaState.EMPTY:
            _create(connection)
        elif now.state is SchemaState.BEHIND:
            upgrade(connection, HEAD)
    return status


def downgrade(database: Database, revision: str) -> None:
    """Go back to `revision`, or to nothing at all with `base`. Raises `SchemaError` for one that is not known."""
    if revision != "base" and revision not in REVISIONS:
        msg = f"there is no revision {revision}: this release knows base, {', '.join(REVISIONS)}"
        raise SchemaError(msg)
    with database.begin() as connection:
        _hold_lock(connection)
        status = _status(connection)
        if status.state in {SchemaState.NEWER, SchemaState.FOREIGN}:
            raise SchemaError(status.message)
        if status.state is SchemaState.EMPTY:
            return
        from alembic import command  # noqa: PLC0415 - costs more than everything else here together

        command.downgrade(_config(connection), revision)
        if revision == "base":
            connection.exec_driver_sql("DROP TABLE alembic_version")


def reset(database: Database) -> None:
    """Drop every table with all data and create the schema anew."""
    with database.begin() as connection:
        _hold_lock(connection)
        status = _status(connection)
        if status.state is SchemaState.FOREIGN:
            raise SchemaError(status.message)
        tables.metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
        _create(connection)


def upgrade(connection: sa.Connection, revision: str) -> None:
    """Run the migrations up to `revision` in the transaction of `connection`."""
    from alembic import command  # noqa: PLC0415 - see downgrade

    command.upgrade(_config(connection), revision)


def _config(connection: sa.Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - see downgrade

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _hold_lock(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_WAIT_FOR_OTHERS)
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.exec_driver_sql(_WAIT_FOR_TABLES)


def _status(connection: sa.Connection) -> SchemaStatus:
    inspector = sa.inspect(connection)
    if not inspector.has_table("alembic_version"):
        taken = {"dag_run", "task_instance"} & set(inspector.get_table_names())
        return SchemaStatus(SchemaState.FOREIGN if taken else SchemaState.EMPTY, None)
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found is None:
        return SchemaStatus(SchemaState.EMPTY, None)
    revision = str(found)
    if revision == HEAD:
        return SchemaStatus(SchemaState.CURRENT, revision)
    if revision in REVISIONS:
        return SchemaStatus(SchemaState.BEHIND, revision)
    state = SchemaState.NEWER if re.fullmatch(r"\d{4}", revision) else SchemaState.FOREIGN
    return SchemaStatus(state, revision)


def _create(connection: sa.Connection) -> None:
    """Make the tables, the rows every database starts with, and the mark of the newest revision."""
    tables.metadata.create_all(connection)
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS alembic_version"
        " (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
    )
    connection.execute(sa.text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})
    add_first_rows(connection)


def add_first_rows(connection: sa.Connection) -> None:
    """Insert the rows that every database starts with."""
    connection.execute(
        tables.pool.insert(),
        {"name": DEFAULT_POOL, "slots": DEFAULT_POOL_SLOTS, "include_deferred": False, "description": "Default pool"},
    )
    connection.execute(tables.lease.insert(), {"name": "scheduler", "epoch": 0})
