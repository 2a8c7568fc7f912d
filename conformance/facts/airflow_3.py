"""How a run is made and moved in Airflow 3.3.2."""

# pyright: reportMissingImports=false
# ruff: noqa: SLF001

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from airflow import settings
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance, _stop_remaining_tasks
from airflow.models.taskmap import TaskMap
from airflow.models.xcom import XComModel
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, ShortCircuitOperator
from airflow.sdk import DAG, BaseOperator, TaskGroup, task_group
from airflow.sdk.definitions._internal.contextmanager import DagContext, TaskGroupContext
from airflow.sdk.exceptions import DownstreamTasksSkipped
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.db import initdb
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import or_, select, tuple_, update

from conformance.facts.authoring import START, author

NAMES: Any = SimpleNamespace(
    DAG=DAG,
    TaskGroup=TaskGroup,
    task_group=task_group,
    BaseOperator=BaseOperator,
    EmptyOperator=EmptyOperator,
    BranchPythonOperator=BranchPythonOperator,
    ShortCircuitOperator=ShortCircuitOperator,
    fail_fast="fail_fast",
)


def prepare() -> None:
    """Make the database."""
    initdb()
    with settings.Session() as session:
        session.add(DagBundleModel(name="facts"))
        session.commit()


def session() -> Any:
    """Return a session for one spec."""
    return settings.Session()


def make(spec: Any, session: Any) -> Any:
    """Return the author's DAG and the scheduler's, stored."""
    dag = author(spec, NAMES)
    dag.validate()
    dag.check_cycle()
    dag.validate_setup_teardown()
    scheduled = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    session.add(DagModel(dag_id=dag.dag_id, bundle_name="facts"))
    session.flush()
    DagVersion.write_dag(dag_id=dag.dag_id, bundle_name="facts", session=session)
    session.flush()
    return SimpleNamespace(author=dag, scheduled=scheduled)


def forget_author() -> None:
    """Leave the blocks that a refused DAG was in."""
    DagContext._context.clear()
    TaskGroupContext._context.clear()


def create_run(dags: Any, number: int, letter: str, session: Any) -> str:
    """Create a run with its instances."""
    date = START + timedelta(days=number)
    kind = DagRunType.SCHEDULED if letter == "s" else DagRunType.MANUAL
    run = dags.scheduled.create_dagrun(
        run_id=f"{kind.value}__{number}",
        logical_date=date,
        data_interval=(date, date),
        run_after=date,
        run_type=kind,
        triggered_by=DagRunTriggeredByType.TEST,
        state="running",
        start_date=date,
        session=session,
    )
    session.flush()
    return run.run_id


def dag_run(dags: Any, run_id: str, session: Any) -> Any:
    """Return a run that knows its DAG."""
    run = session.scalar(select(DagRun).where(DagRun.dag_id == dags.author.dag_id, DagRun.run_id == run_id))
    run.dag = dags.scheduled
    return run


def rows(dags: Any, run_id: str, session: Any) -> list[tuple[str, int, str | None, int]]:
    """Return task_id, map index, state and try of each instance."""
    columns = TaskInstance.task_id, TaskInstance.map_index, TaskInstance.state, TaskInstance.try_number
    query = select(*columns).where(TaskInstance.dag_id == dags.author.dag_id, TaskInstance.run_id == run_id)
    return [(t, m, None if s is None else str(getattr(s, "value", s)), n) for t, m, s, n in session.execute(query)]


def instance(dags: Any, run_id: str, task_id: str, map_index: int, session: Any) -> Any:
    """Return one instance."""
    ti = session.scalar(
        select(TaskInstance).where(
            TaskInstance.dag_id == dags.author.dag_id,
            TaskInstance.run_id == run_id,
            TaskInstance.task_id == task_id,
            TaskInstance.map_index == map_index,
        )
    )
    ti.task = dags.scheduled.get_task(task_id)
    return ti


def begin_try(dags: Any, run_id: str, task_id: str, map_index: int, session: Any) -> Any:
    """Let a worker take the instance."""
    ti = instance(dags, run_id, task_id, map_index, session)
    ti.state = "running"
    session.flush()
    return ti


def try_number(ti: Any) -> int:
    """Return the number of the running try."""
    return ti.try_number


def finish(ti: Any, state: str, session: Any) -> None:
    """Write how the try ended."""
    ti.state = state
    ti.end_date = datetime.now(timezone.utc) - timedelta(seconds=1)
    session.flush()


def stop_the_rest(ti: Any, session: Any) -> None:
    """Do what the server does when a task of a fail_fast DAG has failed."""
    _stop_remaining_tasks(task_instance=ti, session=session)


def push(dags: Any, ti: Any, length: int, session: Any) -> None:
    """Write what the task returned: a list."""
    _set_xcom(ti, "return_value", list(range(length)), session)
    if ti.map_index < 0 and any(dags.author.get_task(ti.task_id).iter_mapped_dependants()):
        session.merge(TaskMap(ti.dag_id, ti.task_id, ti.run_id, ti.map_index, length, None))
    session.flush()


def branch(dags: Any, ti: Any, follow: list[str], session: Any) -> None:
    """Follow these, with the operator's own code."""
    task = dags.author.get_task(ti.task_id)
    _report(task, ti, session, lambda context: task.do_branch(context, follow), dags)


def short_circuit(dags: Any, ti: Any, session: Any) -> None:
    """Let the condition be false, with the operator's own code."""
    task = dags.author.get_task(ti.task_id)
    _report(task, ti, session, task.execute, dags)


def _report(task: Any, ti: Any, session: Any, decide: Any, dags: Any) -> None:
    runtime = SimpleNamespace(
        task=task,
        map_index=ti.map_index,
        run_id=ti.run_id,
        task_id=ti.task_id,
        dag_id=ti.dag_id,
        xcom_push=lambda key, value: _set_xcom(ti, key, value, session),
    )
    context = {"ti": runtime, "task": task, "dag": dags.author, "dag_run": SimpleNamespace(logical_date=None)}
    skipped: list[Any] = []
    with contextlib.suppress(DownstreamTasksSkipped):
        try:
            decide(context)
        except DownstreamTasksSkipped as decision:
            skipped = [decision.tasks] if isinstance(decision.tasks, str) else list(decision.tasks)
            raise
    places = [place if isinstance(place, tuple) else (place, -1) for place in skipped]
    untouched = ["running", "success", "failed"]
    session.execute(
        update(TaskInstance)
        .where(
            TaskInstance.dag_id == ti.dag_id,
            TaskInstance.run_id == ti.run_id,
            tuple_(TaskInstance.task_id, TaskInstance.map_index).in_(places),
            or_(TaskInstance.state.is_(None), TaskInstance.state.not_in(untouched)),
        )
        .values(state="skipped")
        .execution_options(synchronize_session=False)
    )
    session.flush()


def _set_xcom(ti: Any, key: str, value: Any, session: Any) -> None:
    XComModel.set(
        key=key,
        value=value,
        dag_id=ti.dag_id,
        task_id=ti.task_id,
        run_id=ti.run_id,
        map_index=ti.map_index,
        session=session,
    )
