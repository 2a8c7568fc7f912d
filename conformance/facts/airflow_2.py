"""How a run is made and moved in Airflow 2.8.1."""

# pyright: reportMissingImports=false
# ruff: noqa: SLF001

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from airflow import DAG, settings
from airflow.decorators import task_group
from airflow.models.baseoperator import BaseOperator
from airflow.models.dag import DagContext, DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance, _stop_remaining_tasks
from airflow.models.taskmap import TaskMap
from airflow.models.xcom import XCom
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import BranchPythonOperator, ShortCircuitOperator
from airflow.serialization.serialized_objects import SerializedDAG
from airflow.utils.dag_cycle_tester import check_cycle
from airflow.utils.db import initdb
from airflow.utils.task_group import TaskGroup, TaskGroupContext
from airflow.utils.trigger_rule import TriggerRule
from airflow.utils.types import DagRunType

from conformance.facts.authoring import START, author

NAMES: Any = SimpleNamespace(
    DAG=DAG,
    TaskGroup=TaskGroup,
    task_group=task_group,
    BaseOperator=BaseOperator,
    EmptyOperator=EmptyOperator,
    BranchPythonOperator=BranchPythonOperator,
    ShortCircuitOperator=ShortCircuitOperator,
    fail_fast="fail_stop",
)


def prepare() -> None:
    """Make the database."""
    initdb(load_connections=False)


def session() -> Any:
    """Return a session for one spec."""
    return settings.Session()


def make(spec: Any, session: Any) -> Any:
    """Return the author's DAG and the scheduler's, stored."""
    # Where a task is mapped, 2.8.1 takes any rule, and knows no way on when it meets it.
    unknown = {task.get("rule", "all_success") for task in spec["tasks"].values()} - TriggerRule.all_triggers()
    if unknown:
        raise ValueError(f"no trigger rules of this release: {sorted(unknown)}")
    dag = author(spec, NAMES)
    dag.validate()
    check_cycle(dag)
    dag.validate_setup_teardown()
    scheduled = SerializedDAG.from_dict(SerializedDAG.to_dict(dag))
    session.add(DagModel(dag_id=dag.dag_id))
    session.flush()
    return SimpleNamespace(author=dag, scheduled=scheduled)


def forget_author() -> None:
    """Leave the blocks that a refused DAG was in."""
    DagContext._context_managed_dags.clear()
    TaskGroupContext._context_managed_task_group = None
    TaskGroupContext._previous_context_managed_task_groups.clear()


def create_run(dags: Any, number: int, letter: str, session: Any) -> str:
    """Create a run with its instances."""
    date = START + timedelta(days=number)
    kind = DagRunType.SCHEDULED if letter == "s" else DagRunType.MANUAL
    run = dags.scheduled.create_dagrun(
        run_id=f"{kind.value}__{number}",
        execution_date=date,
        data_interval=(date, date),
        run_type=kind,
        external_trigger=letter == "m",
        state="running",
        start_date=date,
        session=session,
    )
    session.flush()
    return run.run_id


def dag_run(dags: Any, run_id: str, session: Any) -> Any:
    """Return a run that knows its DAG."""
    run = session.query(DagRun).filter(DagRun.dag_id == dags.author.dag_id, DagRun.run_id == run_id).one()
    run.dag = dags.scheduled
    return run


def rows(dags: Any, run_id: str, session: Any) -> list[tuple[str, int, str | None, int]]:
    """Return task_id, map index, state and try of each instance."""
    columns = TaskInstance.task_id, TaskInstance.map_index, TaskInstance.state, TaskInstance._try_number
    query = session.query(*columns).filter(TaskInstance.dag_id == dags.author.dag_id, TaskInstance.run_id == run_id)
    return [(t, m, None if s is None else str(getattr(s, "value", s)), n) for t, m, s, n in query]


def instance(dags: Any, run_id: str, task_id: str, map_index: int, session: Any) -> Any:
    """Return one instance."""
    wanted = {"dag_id": dags.author.dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}
    ti = session.query(TaskInstance).filter_by(**wanted).one()
    ti.task = dags.scheduled.get_task(task_id)
    return ti


def begin_try(dags: Any, run_id: str, task_id: str, map_index: int, session: Any) -> Any:
    """Let a worker take the instance."""
    ti = instance(dags, run_id, task_id, map_index, session)
    ti.state = "running"
    ti._try_number += 1
    session.flush()
    return ti


def try_number(ti: Any) -> int:
    """Return the number of the running try."""
    return ti._try_number


def finish(ti: Any, state: str, session: Any) -> None:
    """Write how the try ended."""
    ti.state = state
    ti.end_date = datetime.now(timezone.utc) - timedelta(seconds=1)
    session.flush()


def stop_the_rest(ti: Any, session: Any) -> None:
    """Do what a worker does when a task of a fail_stop DAG has failed."""
    _stop_remaining_tasks(task_instance=ti, session=session)


def push(dags: Any, ti: Any, length: int, session: Any) -> None:
    """Write what the task returned: a list."""
    _set_xcom(ti, "return_value", list(range(length)), session)
    if ti.map_index < 0 and any(dags.author.get_task(ti.task_id).iter_mapped_dependants()):
        session.merge(TaskMap(ti.dag_id, ti.task_id, ti.run_id, ti.map_index, length, None))
    session.flush()


def branch(dags: Any, ti: Any, follow: list[str], session: Any) -> None:
    """Follow these, with the operator's own code."""
    session.commit()
    ti.task = task = dags.author.get_task(ti.task_id)
    task.do_branch({"ti": ti}, follow)


def short_circuit(dags: Any, ti: Any, session: Any) -> None:
    """Let the condition be false, with the operator's own code."""
    session.commit()
    ti.task = task = dags.author.get_task(ti.task_id)
    task.execute({"ti": ti, "task": task, "dag": dags.author, "dag_run": dag_run(dags, ti.run_id, session)})


def _set_xcom(ti: Any, key: str, value: Any, session: Any) -> None:
    XCom.set(
        key=key,
        value=value,
        dag_id=ti.dag_id,
        task_id=ti.task_id,
        run_id=ti.run_id,
        map_index=ti.map_index,
        session=session,
    )
