"""One task run, or its templates rendered, in this process and without a scheduler.

For a date or a run_id of its own nothing of a database is needed. For the run_id of a stored run, the run's dates, conf
and XComs are those of the database; what the task writes stays in memory.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.core.clock import SystemClock
from tradewind.sdk.document import to_document
from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.runtime.current import set_current_context
from tradewind.serialization.messages import DagFile, DagRunFacts, RunTask
from tradewind.serialization.run_conf import check_run_conf
from tradewind.standalone.author_values import worker_options
from tradewind.standalone.in_process.author_process import SettingsBehind, logs_shown
from tradewind.standalone.in_process.facts import facts_of_test
from tradewind.standalone.memory_store import MemoryStore
from tradewind.worker.inline import run_inline
from tradewind.worker.tries.task_instance import RuntimeTaskInstance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tradewind.config.settings import Settings
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.serialization.messages import Finished
    from tradewind.serialization.records import DagRunRecord, XComRecord


def run_task_test(
    settings: Settings,
    dag: DAG,
    task_id: str,
    *,
    run: datetime | str | None = None,
    params: dict[str, Any] | None = None,
    map_index: int = -1,
) -> Finished:
    """Run one task as its first and only try, whatever is before it; return its report.

    `run` is a logical date or a run_id, `params` goes over the conf of the run. Raises `RunConfError` for a conf that
    does not fit the DAG's params.
    """
    with _surroundings(settings, dag, run, params or {}) as (facts, store):
        check_run_conf(to_document(dag, dag_folder="."), facts.conf)
        order = _order(dag, task_id, facts, map_index)
        with logs_shown(settings.string("logging", "logging_level")):
            return run_inline(order, dag, store=store, options=worker_options(settings))


def render_task(
    settings: Settings, dag: DAG, task_id: str, *, run: datetime | str | None = None, map_index: int = -1
) -> dict[str, Any]:
    """Return the template fields of the task as they are rendered for a run. Raises what rendering raises."""
    task = dag.get_task(task_id).prepare_for_execution()
    with _surroundings(settings, dag, run, {}) as (facts, store):
        before = install_worker_store(store)
        try:
            ti = RuntimeTaskInstance(_order(dag, task_id, facts, map_index), task, started_at=SystemClock().now())
            context = ti.get_template_context()
            with set_current_context(context):
                task.render_template_fields(context)
        finally:
            install_worker_store(before)
    # Of a mapped task the operator of one index has taken its place.
    return {name: getattr(ti.task, name, None) for name in task.template_fields}


class _StoreOfRun(MemoryStore):
    """A store in memory over a stored run: XComs that were not written here are those of the database."""

    def __init__(self, behind: SettingsBehind) -> None:
        super().__init__(SystemClock(), behind)
        self._stored = behind

    def get_xcom(self, **arguments: Any) -> XComRecord | None:
        return super().get_xcom(**arguments) or self._stored.get_xcom(**arguments)

    def get_xcoms(self, **arguments: Any) -> list[XComRecord]:
        return super().get_xcoms(**arguments) or self._stored.get_xcoms(**arguments)

    def get_xcom_map_indexes(self, **arguments: Any) -> list[int]:
        return super().get_xcom_map_indexes(**arguments) or self._stored.get_xcom_map_indexes(**arguments)


@contextmanager
def _surroundings(
    settings: Settings, dag: DAG, run: datetime | str | None, conf: dict[str, Any]
) -> Iterator[tuple[DagRunFacts, MemoryStore]]:
    """Give what is known of the run, and the store that the task asks."""
    now = SystemClock().now()
    with SettingsBehind(settings) as behind:
        if not isinstance(run, str):
            yield facts_of_test(dag, run or now, now, conf), MemoryStore(SystemClock(), behind)
            return
        stored = behind.get_dag_runs(dag_id=dag.dag_id, run_ids=[run])
        if stored:
            yield _facts_of(stored[0], conf), _StoreOfRun(behind)
        else:
            yield facts_of_test(dag, now, now, conf, run_id=run), MemoryStore(SystemClock(), behind)


def _facts_of(run: DagRunRecord, conf: dict[str, Any]) -> DagRunFacts:
    return DagRunFacts(
        pk=1,
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type,
        logical_date=run.logical_date,
        data_interval_start=run.data_interval_start,
        data_interval_end=run.data_interval_end,
        run_after=run.run_after,
        start_date=run.start_date,
        end_date=run.end_date,
        conf={**run.conf, **conf},
    )


def _order(dag: DAG, task_id: str, facts: DagRunFacts, map_index: int) -> RunTask:
    task = dag.get_task(task_id)
    return RunTask(
        ti_pk=facts.pk << 24,
        try_number=1,
        max_tries=0,
        dag_file=DagFile(path=dag.fileloc, folder=str(Path(dag.fileloc).parent), fingerprint=""),
        dag_id=dag.dag_id,
        task_id=task_id,
        map_index=map_index,
        dag_run=facts,
        log_path="",
        pool=task.pool,
        queue=task.queue,
        operator=task.task_type,
    )
