"""A DAG run once in this process, without scheduler, database or workers: what `dag.test()` and `dags test` do.

The engine and the code that runs a try are the scheduler's and the worker's own, so what passes here passes there.
Three things differ: tasks run one after the other, retries do not wait their delay, and limits and the run before do
not count.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.config.settings import load_settings
from tradewind.core.clock import SystemClock
from tradewind.sdk.document import to_document
from tradewind.sdk.ports import StoreUnavailableError, install_worker_store, worker_store
from tradewind.sdk.secrets.author_values import install_author_values
from tradewind.serialization.run_conf import check_run_conf
from tradewind.standalone.author_values import author_values, worker_options
from tradewind.standalone.in_process.author_process import logs_shown, memory_store
from tradewind.standalone.in_process.facts import facts_of_test
from tradewind.standalone.in_process.part_runs import let_subdags_run
from tradewind.standalone.in_process.secret_files import read_connections, read_variables
from tradewind.standalone.in_process.tested_run import TestedRun
from tradewind.standalone.memory_store import MemoryStore

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.config.settings import Settings
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.standalone.in_process.finished_run import FinishedRun

_log = logging.getLogger("tradewind.task")


def run_dag_test(  # noqa: PLR0913 - Airflow's, and one more
    dag: DAG,
    *,
    logical_date: datetime | None = None,
    run_conf: dict[str, Any] | None = None,
    conn_file_path: str | None = None,
    variable_file_path: str | None = None,
    mark_success_pattern: str | None = None,
    use_executor: bool = False,
    run_after: datetime | None = None,
    answers: dict[str, str] | None = None,
) -> FinishedRun:
    """Run the DAG to its end and return the run.

    `logical_date` is now unless given. Tasks whose task_id matches `mark_success_pattern` as a whole succeed without
    being run. Variables and connections come from the environment, then from the two files, then from the metadata
    database where there is one. `answers` are those to the questions of tasks that ask people, by task_id. Raises
    `DagDocumentError` for a DAG that makes no sense, `RunConfError` for a conf that does not fit its params, and
    `AnswerError` for an answer that does not fit its question.
    """
    settings = load_settings()
    clock = SystemClock()
    dag.validate()
    folder = str(Path(dag.fileloc).parent) if dag.fileloc else "."
    document = to_document(dag, dag_folder=folder)
    conf = run_conf or {}
    overrides = settings.boolean("core", "dag_run_conf_overrides_params")
    check_run_conf(document, conf, overrides_params=overrides)
    install_author_values(**author_values(settings))
    store = _store(settings, conn_file_path, variable_file_path)
    options = worker_options(settings)
    let_subdags_run(dag, store, options, clock)
    tested = TestedRun(
        dag,
        document,
        facts=facts_of_test(dag, logical_date or clock.now(), run_after or clock.now(), conf),
        store=store,
        options=options,
        clock=clock,
        mark_success_pattern=mark_success_pattern,
        answers=answers,
    )
    before = install_worker_store(store)
    try:
        with logs_shown(settings.string("logging", "logging_level")):
            if use_executor:
                _log.warning("A test runs its tasks in this process, not with the executor")
            return tested.run()
    finally:
        install_worker_store(before)


def _store(settings: Settings, conn_file_path: str | None, variable_file_path: str | None) -> MemoryStore:
    """Return a store for one run; what the script around it has set, and sets in tasks, is shared with it."""
    clock = SystemClock()
    around = _store_around()
    files = MemoryStore(clock, around or memory_store(settings))
    if conn_file_path is not None:
        files.connections.update(read_connections(conn_file_path))
    if variable_file_path is not None:
        files.variables.update(read_variables(variable_file_path))
    store = MemoryStore(clock, files)
    if around is not None:
        store.variables, store.connections = around.variables, around.connections
    return store


def _store_around() -> MemoryStore | None:
    try:
        store: object = worker_store()
    except StoreUnavailableError:
        return None
    return store if isinstance(store, MemoryStore) else None
