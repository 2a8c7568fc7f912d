"""A process that runs author code outside a worker: `dags test`, `tasks test`, `dag.test()`, `tradewind python`."""

from __future__ import annotations

import contextlib
import logging
import sys
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tradewind.airflow.finder import install
from tradewind.core.clock import SystemClock
from tradewind.sdk.author_defaults import AuthorDefaults, install_author_defaults
from tradewind.sdk.importing import extend_sys_path
from tradewind.sdk.plugins.installed import install_plugins
from tradewind.sdk.ports import StoreUnavailableError
from tradewind.sdk.secrets.author_values import install_author_values
from tradewind.sdk.toolkit.masking import SecretsMasker
from tradewind.standalone.author_values import author_defaults, author_values
from tradewind.standalone.memory_store import MemoryStore
from tradewind.worker.host.log_file import format_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradewind.config.settings import Settings
    from tradewind.metadata.database import Database
    from tradewind.metadata.worker_store import DatabaseWorkerStore
    from tradewind.serialization.records import (
        AssetEventRecord,
        AssetRecord,
        ConnectionRecord,
        DagRecord,
        DagRunRecord,
        TaskInstanceRecord,
        XComRecord,
    )

    T = TypeVar("T")

_log = logging.getLogger(__name__)
_LOG_FORMAT = "[%(asctime)s] {%(filename)s:%(lineno)d} %(levelname)s - %(message)s"


def prepare_author_process(settings: Settings) -> None:
    """Make author code find what it finds in a worker: the airflow namespace, its folders, the defaults."""
    install()
    extend_sys_path(
        [
            settings.string("core", "dags_folder"),
            str(Path(settings.home) / "config"),
            settings.string("core", "plugins_folder"),
        ]
    )
    install_author_defaults(AuthorDefaults(**author_defaults(settings)))
    install_author_values(**author_values(settings))
    for source, error in install_plugins(settings.string("core", "plugins_folder")).failures:
        _log.warning("plugin %s cannot be imported: %s", source, error)


def memory_store(settings: Settings) -> MemoryStore:
    """Return a store in memory that finds variables and connections in the metadata database, where there is one."""
    return MemoryStore(SystemClock(), SettingsBehind(settings))


@contextlib.contextmanager
def logs_shown(level: str) -> Iterator[None]:
    """Show log records on standard error for the block, secrets struck out, unless the process shows them already."""
    root = logging.getLogger()
    if root.handlers:
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_TaskFormatter(_LOG_FORMAT, "%Y-%m-%dT%H:%M:%S%z"))
    handler.addFilter(SecretsMasker())
    before = root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


class _TaskFormatter(logging.Formatter):
    """Shows of an error what a task's log shows: the author's frames, and no second time what the message says."""

    def format(self, record: logging.LogRecord) -> str:
        shown = copy(record)
        shown.exc_text = format_error(record.exc_info[1] if record.exc_info else None)
        if shown.exc_text in record.getMessage():
            shown.exc_info, shown.exc_text = None, None
        return super().format(shown)


class SettingsBehind:
    """What tests read of the metadata database, which is opened when it is first asked; nothing is written there.

    Where there is no database there is nothing. Raises `StoreUnavailableError` when there is one that cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        """Read the address from the settings; connect later."""
        self._settings = settings
        self._database: Database | None = None
        self._store: DatabaseWorkerStore | None = None
        self._is_open = False

    def __enter__(self) -> SettingsBehind:  # noqa: PYI034 - typing.Self is not in Python 3.10
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._database is not None:
            self._database.dispose()

    def get_variable(self, key: str) -> str | None:
        """Return the decrypted value, or None when there is no such variable."""
        return self._ask(lambda store: store.get_variable(key), None)

    def get_variable_keys(self, prefix: str = "") -> list[str]:
        """Return the sorted keys that start with `prefix`."""
        return self._ask(lambda store: store.get_variable_keys(prefix), [])

    def get_connection(self, conn_id: str) -> ConnectionRecord | None:
        """Return the decrypted connection, or None when there is no such one."""
        return self._ask(lambda store: store.get_connection(conn_id), None)

    def get_xcom(self, **arguments: Any) -> XComRecord | None:
        """Return one XCom of a stored run; the arguments are those of the worker store."""
        return self._ask(lambda store: store.get_xcom(**arguments), None)

    def get_xcoms(self, **arguments: Any) -> list[XComRecord]:
        """Return the XComs of a stored run that match; the arguments are those of the worker store."""
        return self._ask(lambda store: store.get_xcoms(**arguments), [])

    def get_xcom_map_indexes(self, **arguments: Any) -> list[int]:
        """Return the map indexes of a stored run that have an XCom; the arguments are those of the worker store."""
        return self._ask(lambda store: store.get_xcom_map_indexes(**arguments), [])

    def get_dag(self, dag_id: str) -> DagRecord | None:
        """Return a stored DAG in outline."""
        return self._ask(lambda store: store.get_dag(dag_id), None)

    def get_task_instances(self, **arguments: Any) -> list[TaskInstanceRecord]:
        """Return the stored task instances that match; the arguments are those of the worker store."""
        return self._ask(lambda store: store.get_task_instances(**arguments), [])

    def get_dag_runs(self, **arguments: Any) -> list[DagRunRecord]:
        """Return the stored runs that match; the arguments are those of the worker store."""
        return self._ask(lambda store: store.get_dag_runs(**arguments), [])

    def get_asset(self, **arguments: Any) -> AssetRecord | None:
        """Return a stored asset; the arguments are those of the worker store."""
        return self._ask(lambda store: store.get_asset(**arguments), None)

    def get_asset_events(self, **arguments: Any) -> list[AssetEventRecord]:
        """Return the stored events of an asset; the arguments are those of the worker store."""
        return self._ask(lambda store: store.get_asset_events(**arguments), [])

    def get_triggering_asset_events(self, **arguments: Any) -> list[AssetEventRecord]:
        """Return the events that a stored run was created for; the arguments are those of the worker store."""
        return self._ask(lambda store: store.get_triggering_asset_events(**arguments), [])

    def get_inactive_assets(self, **arguments: Any) -> list[list[str]]:
        """Return the assets that are not active; the arguments are those of the worker store."""
        return self._ask(lambda store: store.get_inactive_assets(**arguments), [])

    def find_rows(self, **arguments: Any) -> list[dict[str, Any]]:
        """Return stored rows by condition; the arguments are those of the worker store."""
        return self._ask(lambda store: store.find_rows(**arguments), [])

    def _ask(self, question: Callable[[DatabaseWorkerStore], T], without: T) -> T:
        from tradewind.metadata.errors import MetadataError  # noqa: PLC0415 - SQL is loaded when somebody asks

        try:
            store = self._opened()
            return without if store is None else question(store)
        except MetadataError as error:
            raise StoreUnavailableError(str(error)) from error

    def _opened(self) -> DatabaseWorkerStore | None:
        if self._is_open:
            return self._store
        from tradewind.metadata import schema  # noqa: PLC0415 - as above
        from tradewind.metadata.database import Database  # noqa: PLC0415 - as above
        from tradewind.metadata.encryption import Cipher  # noqa: PLC0415 - as above
        from tradewind.metadata.worker_store import DatabaseWorkerStore  # noqa: PLC0415 - as above
        from tradewind.standalone.home import fernet_key  # noqa: PLC0415 - as above

        database = Database.open(self._settings.string("database", "sql_alchemy_conn"), pool_size=1)
        if _is_missing(database):
            self._is_open = True
            return None
        self._database = database
        status = schema.check(database)
        if status.state is not schema.SchemaState.EMPTY:
            status.require_current()
            self._store = DatabaseWorkerStore(database, SystemClock(), Cipher(fernet_key(self._settings)))
        self._is_open = True
        return self._store


def _is_missing(database: Any) -> bool:
    """Return whether the file of an SQLite database is not there."""
    return database.is_sqlite and not Path(database.engine.url.database).exists()
