"""Building each process of the family from the settings: the only place where ports meet their adapters."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.config.values import ConfigurationError
from tradewind.core.clock import SystemClock
from tradewind.dag_processor.processor import DagProcessor
from tradewind.executors.local import LocalExecutor
from tradewind.logs.layout import LogLayout, TryLogId
from tradewind.metadata import schema
from tradewind.metadata.backfills import BackfillStore
from tradewind.metadata.batch import LeaseLostError
from tradewind.metadata.dags import DagStore
from tradewind.metadata.database import Database
from tradewind.metadata.doorbell.listening import listen
from tradewind.metadata.encryption import Cipher
from tradewind.metadata.errors import DatabaseUnavailableError
from tradewind.metadata.jobs import JobStore
from tradewind.metadata.policies.plugins import PluginStore
from tradewind.metadata.scheduling import SchedulerStore
from tradewind.metadata.waits.triggers import JOB_KIND as TRIGGERER_JOB
from tradewind.metadata.waits.triggers import TriggerStore
from tradewind.metadata.worker_store import DatabaseWorkerStore
from tradewind.scheduler.leadership import take_lease
from tradewind.scheduler.scheduler import Scheduler
from tradewind.standalone.author_values import worker_options
from tradewind.standalone.home import fernet_key, first_passwords, jwt_secret, prepare_home
from tradewind.standalone.values import processor_settings, scheduler_options, triggerer_options, web_options
from tradewind.triggerer.triggerer import Triggerer
from tradewind.web.ports import WebPorts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradewind.config.settings import Settings
    from tradewind.core.clock import Clock
    from tradewind.serialization.messages import DagRunFacts
    from tradewind.serialization.records import ConnectionRecord

_log = logging.getLogger(__name__)

SCHEDULER_CONNECTIONS = 3
PROCESSOR_CONNECTIONS = 2
TRIGGERER_CONNECTIONS = 2
EX_LEASE_LOST = 75
"""sysexits' "try again": another scheduler has taken over; started again this one stands by."""

_LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def set_up_logging(settings: Settings) -> None:
    """Send the process's own log to standard error."""
    logging.basicConfig(level=settings.string("logging", "logging_level"), format=_LOG_FORMAT, stream=sys.stderr)
    for name in ("alembic", "sqlalchemy", "watchfiles", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # When the database goes away these tell of each connection they lose; the rooms tell of the outage.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


def open_database(settings: Settings, connections: int) -> Database:
    """Return the metadata database with its schema checked."""
    database = Database.open(settings.string("database", "sql_alchemy_conn"), pool_size=connections)
    schema.check(database).require_current()
    return database


def migrate_at_start(settings: Settings) -> None:
    """Create the schema, or bring it up to date, when the settings ask for that."""
    database = Database.open(settings.string("database", "sql_alchemy_conn"), pool_size=1)
    try:
        if settings.boolean("database", "migrate_at_start"):
            schema.migrate(database)
        else:
            schema.check(database).require_current()
    finally:
        database.dispose()


def run_scheduler(settings: Settings, on_ready: Callable[[], None] | None = None) -> int:
    """Run the scheduler with its executor until SIGTERM; returns the exit code."""
    prepare_home(settings)
    clock = SystemClock()
    database = open_database(settings, SCHEDULER_CONNECTIONS)
    cipher = Cipher(fernet_key(settings))
    store = SchedulerStore(database, clock, cipher)
    options = scheduler_options(settings)
    hostname = socket.gethostname()
    with _stop_event() as stopping, _job(database, clock, "scheduler") as beat:
        epoch = take_lease(store, hostname=hostname, ttl_s=options.lease_ttl_s, clock=clock, stopping=stopping)
        if epoch is None:
            return 0
        scheduler = Scheduler(
            store=store,
            backfills=BackfillStore(database, clock),
            listener=listen(database),
            executor=LocalExecutor(
                clock=clock,
                options=worker_options(settings),
                parallelism=options.parallelism,
                kill_grace_s=settings.number("core", "killed_task_cleanup_time"),
            ),
            answer=DatabaseWorkerStore(database, clock, cipher).answer,
            log_path=_log_paths(settings),
            clock=clock,
            options=options,
            on_heartbeat=beat,
        )
        _on_stop(scheduler.stop)
        try:
            scheduler.run(epoch, on_ready)
        except LeaseLostError as error:
            _log.error("%s: stopping", error)
            return EX_LEASE_LOST
        with contextlib.suppress(DatabaseUnavailableError):
            store.release_lease()
    return 0


def run_dag_processor(settings: Settings, on_ready: Callable[[], None] | None = None) -> int:
    """Run the DAG processor until SIGTERM; returns the exit code."""
    prepare_home(settings)
    clock = SystemClock()
    database = open_database(settings, PROCESSOR_CONNECTIONS)
    cipher = Cipher(fernet_key(settings))
    reader = DatabaseWorkerStore(database, clock, cipher)
    with (
        _stop_event() as stopping,
        _job(database, clock, "dag_processor") as beat,
        contextlib.closing(listen(database)) as listener,
    ):
        processor = DagProcessor(
            processor_settings(settings, reader.get_connection),
            DagStore(database, clock, cipher),
            reader,
            clock,
            beat,
            listener=listener,
            plugins=PluginStore(database),
        )

        def stop() -> None:
            stopping.set()
            processor.wake()

        _on_stop(stop)
        if on_ready is not None:
            on_ready()
        processor.run(stopping)
    return 0


def run_triggerer(
    settings: Settings,
    on_ready: Callable[[], None] | None = None,
    capacity: int | None = None,
    queues: frozenset[str] | None = None,
) -> int:
    """Run what tasks wait for until SIGTERM; returns the exit code. The arguments go before the settings."""
    prepare_home(settings)
    clock = SystemClock()
    cipher = Cipher(fernet_key(settings))
    database = open_database(settings, TRIGGERER_CONNECTIONS)
    layout = _log_layout(settings)
    cipher = Cipher(fernet_key(settings))
    hostname = socket.gethostname()
    with (
        _stop_event() as stopping,
        _job(database, clock, TRIGGERER_JOB) as beat,
        contextlib.closing(listen(database)) as listener,
    ):
        threshold_s = settings.number("triggerer", "triggerer_health_check_threshold")
        triggerer = Triggerer(
            store=TriggerStore(database, clock, beat.job_pk, hostname, threshold_s, cipher),
            listener=listener,
            answer=DatabaseWorkerStore(database, clock, cipher).answer,
            log_path=lambda order: layout.text(
                TryLogId(order.dag_id, order.dag_run.run_id, order.task_id, order.map_index, order.try_number)
            ),
            clock=clock,
            options=triggerer_options(settings, capacity, queues),
            on_heartbeat=beat,
        )

        def stop() -> None:
            stopping.set()
            triggerer.wake()

        _on_stop(stop)
        triggerer.run(stopping, on_ready)
    return 0


def run_api_server(
    settings: Settings,
    on_ready: Callable[[], None] | None = None,
    listening: socket.socket | None = None,
) -> int:
    """Serve the REST API and the page until SIGTERM; returns the exit code.

    `listening` is a socket that listens already; without it one is made from the settings.
    """
    # Loaded here, after the fork: the other processes of a family have no use for it.
    from tradewind.web.app import create_app  # noqa: PLC0415 - see above
    from tradewind.web.serve import WebServer  # noqa: PLC0415 - see above

    prepare_home(settings)
    first_passwords(settings)
    clock = SystemClock()
    database = open_database(settings, settings.integer("database", "sql_alchemy_pool_size"))
    app = create_app(
        WebPorts(
            database=database,
            cipher=Cipher(fernet_key(settings)),
            clock=clock,
            logs=_log_layout(settings),
            jwt_secret=jwt_secret(settings),
            passwords_file=Path(settings.string("core", "simple_auth_manager_passwords_file")),
            options=web_options(settings),
            try_connection=_connection_check(settings),
        ),
    )
    server = WebServer(
        app,
        listening or listen_on(settings),
        on_ready,
        ssl_cert=settings.string("api", "ssl_cert"),
        ssl_key=settings.string("api", "ssl_key"),
    )
    _on_stop(server.stop)
    server.run()
    database.dispose()
    return 0


def listen_on(settings: Settings) -> socket.socket:
    """Return a socket that listens where the web server will answer.

    Raises `ConfigurationError` when the port is in use or not allowed.
    """
    host, port = settings.string("api", "host"), settings.integer("api", "port")
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror}; "
            "stop what uses it or choose another with TRADEWIND__API__PORT",
        ) from None
    listening.listen(1024)
    return listening


def _connection_check(settings: Settings) -> Callable[[ConnectionRecord], tuple[bool, str]] | None:
    """Return what tries connections, None where the installation does not allow that."""
    from tradewind.standalone.in_process.connection_check import checker  # noqa: PLC0415 - as in run_api_server

    is_allowed = settings.string("core", "test_connection") == "Enabled"
    return checker(settings.number("core", "test_connection_timeout")) if is_allowed else None


def _log_layout(settings: Settings) -> LogLayout:
    return LogLayout(
        settings.string("logging", "base_log_folder"),
        settings.string("logging", "log_filename_template"),
    )


def _log_paths(settings: Settings) -> Callable[[DagRunFacts, str, int, int], str]:
    layout = _log_layout(settings)

    def log_path(run: DagRunFacts, task_id: str, map_index: int, try_number: int) -> str:
        return layout.text(TryLogId(run.dag_id, run.run_id, task_id, map_index, try_number))

    return log_path


@contextlib.contextmanager
def _stop_event() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set, until something better is told of them."""
    stopping = threading.Event()
    _on_stop(stopping.set)
    yield stopping


def _on_stop(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop())


class _Beat:
    """Tells that a process is alive."""

    def __init__(self, jobs: JobStore, job_pk: int) -> None:
        self.job_pk = job_pk
        self._jobs = jobs

    def __call__(self) -> None:
        # A missed beat shows on the page; what the process is for must not fail of it.
        with contextlib.suppress(DatabaseUnavailableError):
            self._jobs.beat(self.job_pk)


@contextlib.contextmanager
def _job(database: Database, clock: Clock, kind: str) -> Iterator[_Beat]:
    """Show the process on the health page for the block; gives the function that beats."""
    jobs = JobStore(database, clock)
    job_pk = jobs.start(kind, socket.gethostname(), os.getpid())

    try:
        yield _Beat(jobs, job_pk)
    finally:
        with contextlib.suppress(DatabaseUnavailableError):
            jobs.end(job_pk)
        database.dispose()
