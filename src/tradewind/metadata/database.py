"""The door to the database: engine, transactions of either kind, and what an error of the driver means.

A writer on SQLite takes the write lock when its transaction begins, so no transaction ever has to upgrade and fail.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite

from tradewind.metadata.doorbell.local import send
from tradewind.metadata.errors import ConflictError, DatabaseUnavailableError, MetadataError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from tradewind.metadata.doorbell.ring import Ring

BUSY_TIMEOUT_S = 30.0
"""How long a statement on SQLite waits for another process's lock."""

CONNECT_TIMEOUT_S = 5
MAX_CONFLICTS = 5
"""How often a transaction is done again after PostgreSQL ended it in favour of another one."""

T = TypeVar("T")
_POSTGRES_NAMES = {"postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg", "postgres+psycopg2"}
_SQLITE_UNAVAILABLE = (
    "locked",
    "unable to open",
    "disk i/o error",
    "disk is full",
    "readonly database",
    "busy",
)
_DEADLOCK_OR_SERIALIZATION = {"40P01", "40001"}
_RINGS = "tradewind_rings"


class Cursor(Protocol):
    """The part of a driver's cursor that the hot path uses."""

    rowcount: int
    connection: Any

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Any:
        """Run one statement."""
        ...

    def executemany(self, statement: str, parameters: Sequence[Sequence[Any]], /) -> Any:
        """Run one statement for each row of parameters; `rowcount` is the sum."""
        ...

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row of the result."""
        ...

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows of the result."""
        ...


class Database:
    """One metadata database. Safe to share between threads; open a new one after a fork."""

    def __init__(self, engine: sa.Engine, bell_folder: Path | None) -> None:
        self.engine = engine
        self.is_postgres = engine.dialect.name == "postgresql"
        self.is_sqlite = not self.is_postgres
        self.bell_folder = bell_folder
        """Where listeners on SQLite have their sockets; None on PostgreSQL."""

    @classmethod
    def open(cls, url: str, *, pool_size: int = 5, bell_folder: Path | None = None) -> Database:
        """Return the database at `url`, without connecting yet.

        Takes the spellings Airflow takes. `bell_folder` is `run/` beside the SQLite file unless given. Raises
        `MetadataError` for a URL that names no database this room can use.
        """
        parsed = parse_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = _sqlite_engine(parsed, pool_size)
            file = Path(cast("str", parsed.database)).absolute()
            return cls(engine, bell_folder or file.parent / "run")
        return cls(_postgres_engine(parsed, pool_size), None)

    @contextlib.contextmanager
    def begin(self) -> Generator[sa.Connection]:
        """Open a write transaction: committed at the end of the block, rolled back when it raises.

        Rings given to `ring` inside it go out after the commit. Raises `DatabaseUnavailableError` as described there.
        """
        rings: list[Ring] = []
        with self._translated(), self.engine.connect() as plain:
            connection = plain.execution_options(**{_RINGS: rings})
            with connection.begin():
                yield connection
        if rings:
            self.send(rings)

    def transact(self, work: Callable[[sa.Connection], T]) -> T:
        """Return what `work` returns in a write transaction, done again when PostgreSQL ends it in favour of another."""
        for _ in range(MAX_CONFLICTS):
            with contextlib.suppress(ConflictError), self.begin() as connection:
                return work(connection)
        with self.begin() as connection:
            return work(connection)

    @contextlib.contextmanager
    def read(self) -> Generator[sa.Connection]:
        """Open a connection to read from: a snapshot on SQLite, statement by statement on PostgreSQL."""
        with self._translated(), self.engine.connect() as connection:
            if self.is_postgres:
                yield connection.execution_options(isolation_level="AUTOCOMMIT")
            else:
                yield connection

    @contextlib.contextmanager
    def write_cursor(self) -> Generator[Cursor]:
        """Open a write transaction on the driver's own cursor: for statements that run for every task."""
        with self._translated():
            connection = self.engine.raw_connection()
            try:
                cursor = cast("Cursor", connection.cursor())
                if self.is_sqlite:
                    cursor.execute("BEGIN IMMEDIATE")
                yield cursor
                connection.commit()
            except BaseException:
                with contextlib.suppress(Exception):  # the first error is the one to tell
                    connection.rollback()
                raise
            finally:
                connection.close()

    @contextlib.contextmanager
    def read_cursor(self) -> Generator[Cursor]:
        """Open the driver's own cursor to read from."""
        with self._translated():
            connection = self.engine.raw_connection()
            try:
                yield cast("Cursor", connection.cursor())
            finally:
                connection.close()

    def send(self, rings: Sequence[Ring]) -> None:
        """Ring at once, outside any transaction."""
        if self.bell_folder is not None:
            send(self.bell_folder, rings)
            return
        with self.begin() as connection:
            for ring in rings:
                add_ring(connection, ring)

    def dispose(self) -> None:
        """Close every idle connection; the object can be used again and connects anew."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _translated(self) -> Generator[None]:
        """Raise driver errors that may pass as `DatabaseUnavailableError`, all others as they are."""
        try:
            yield
        except (exc.SQLAlchemyError, sqlite3.Error) as error:
            translated = self._translate(error)
            if translated is None:
                raise
            raise translated from error
        except Exception as error:
            if not self.is_postgres or not _is_psycopg_error(error):
                raise
            translated = self._translate(error)
            if translated is None:
                raise
            raise translated from error

    def _translate(self, error: Exception) -> MetadataError | None:
        if isinstance(error, exc.TimeoutError):
            return DatabaseUnavailableError(f"all connections to {self._name} are in use")
        original = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
        if isinstance(original, sqlite3.OperationalError):
            text = str(original)
            if any(part in text.lower() for part in _SQLITE_UNAVAILABLE):
                return DatabaseUnavailableError(f"cannot use {self._name}: {text}")
            return None
        if not _is_psycopg_error(original):
            return None
        kinds = {kind.__name__ for kind in type(original).__mro__}
        if getattr(original, "sqlstate", None) in _DEADLOCK_OR_SERIALIZATION:
            return ConflictError(f"{self._name} ended the transaction: {one_line(original)}")
        if not kinds & {"OperationalError", "InterfaceError"}:
            return None
        # Those that lie idle in the pool have most likely met the same fate; those in use find out when they return.
        self.engine.pool.dispose()
        return DatabaseUnavailableError(f"cannot use {self._name}: {one_line(original)}")

    @property
    def _name(self) -> str:
        """The address without its password and options."""
        return self.engine.url.set(query={}).render_as_string(hide_password=True)


def add_ring(connection: sa.Connection, ring: Ring) -> None:
    """Let `ring` go out when the transaction of `connection`, from `Database.begin`, commits."""
    if connection.dialect.name == "postgresql":
        text = f"{ring.topic}:{ring.payload}"
        connection.exec_driver_sql("SELECT pg_notify('tradewind', %s)", (text,))
    else:
        connection.get_execution_options()[_RINGS].append(ring)


def parse_url(url: str) -> sa.URL:
    """Return `url` with the driver that is used for it. Raises `MetadataError` when there is none."""
    name = url.split(":", 1)[0]
    if name in _POSTGRES_NAMES:
        url = "postgresql+psycopg" + url[len(name) :]
    elif name == "sqlite+pysqlite":
        url = "sqlite" + url[len(name) :]
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError:
        msg = "the database URL cannot be read: write sqlite:////folder/file.db or postgresql://user:password@host/name"
        raise MetadataError(msg) from None
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        msg = f"there is no support for {backend} databases: use sqlite:////folder/file.db or postgresql://..."
        raise MetadataError(msg)
    if backend == "sqlite" and parsed.database in {None, "", ":memory:"}:
        msg = "several processes share the database, so SQLite needs a file: sqlite:////folder/file.db"
        raise MetadataError(msg)
    return parsed


def _sqlite_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    engine = sa.create_engine(
        url,
        poolclass=sa.QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    del record
    connection.isolation_level = None  # transactions begin and end as written here
    # While another process turns the log on or recovers it, SQLite answers "locked" without waiting.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_size_limit = 67108864")


def _begin_sqlite(connection: sa.Connection) -> None:
    is_writer = _RINGS in connection.get_execution_options()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")


def _postgres_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    defaults = {"application_name": "tradewind", "connect_timeout": str(CONNECT_TIMEOUT_S)}
    url = url.update_query_dict({name: value for name, value in defaults.items() if name not in url.query})
    try:
        return sa.create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=BUSY_TIMEOUT_S,
            use_native_hstore=False,
        )
    except ModuleNotFoundError:
        msg = "PostgreSQL needs the psycopg package: pip install 'tradewind[postgres]'"
        raise MetadataError(msg) from None


def _is_psycopg_error(error: BaseException) -> bool:
    """Return whether the driver raised it, without importing a driver that may not be installed."""
    return any(kind.__module__.startswith("psycopg") and kind.__name__ == "Error" for kind in type(error).__mro__)


def insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert:
    """Return an INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`, alike in both dialects."""
    if connection.dialect.name == "postgresql":
        return cast("sqlite.Insert", postgresql.insert(table))
    return sqlite.insert(table)
