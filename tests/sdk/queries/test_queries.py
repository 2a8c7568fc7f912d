"""Queries of DAG files, over a store in memory."""

# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false
# What a class attribute of a queried model is depends on how it is asked for.

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pendulum
import pytest
import sqlalchemy as sa

from tradewind.airflow.orm.sessions import Session, create_session, provide_session
from tradewind.core.clock import SystemClock
from tradewind.sdk.connection import Connection
from tradewind.sdk.deprecations import drain_deprecations
from tradewind.sdk.exceptions import RemovedInAirflow3Warning
from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.queries.models import DagModel, Pool
from tradewind.sdk.queries.query import MultipleResultsFoundError, NoDatabaseError, NoResultFoundError
from tradewind.sdk.queries.unkept import Log
from tradewind.sdk.runtime.dag_run import DagRun
from tradewind.sdk.runtime.task_instance import TaskInstance
from tradewind.sdk.state import DagRunState, State
from tradewind.sdk.variable import Variable
from tradewind.sdk.xcoms.xcom import BaseXCom
from tradewind.serialization.records import ConnectionRecord, DagRecord, DagRunRecord, TaskInstanceRecord
from tradewind.standalone.memory_store import MemoryStore

DAY = datetime(2024, 3, 5, tzinfo=timezone.utc)
pytestmark = pytest.mark.filterwarnings("ignore::tradewind.sdk.exceptions.RemovedInAirflow3Warning")


def a_run(number: int, dag_id: str = "a", **fields: Any) -> DagRunRecord:
    day = DAY + timedelta(days=number)
    values: dict[str, Any] = {"run_type": "scheduled", "state": "success", "logical_date": day, "run_after": day}
    return DagRunRecord(dag_id=dag_id, run_id=f"{dag_id}{number}", **(values | fields))


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryStore]:
    store = MemoryStore(SystemClock())
    runs = [a_run(0), a_run(1, state="failed"), a_run(2, run_type="manual"), a_run(0, "b", state="running")]
    store.runs = {(run.dag_id, run.run_id): run for run in runs}
    instances = [
        TaskInstanceRecord(dag_id="a", run_id=f"a{n}", task_id=task, state=state, logical_date=DAY + timedelta(days=n))
        for n, task, state in [(0, "x", "success"), (1, "x", "failed"), (1, "y", None)]
    ]
    store.task_instances = lambda: instances
    store.dags["a"] = DagRecord(dag_id="a", is_paused=True)
    store.dags["b"] = DagRecord(dag_id="b")
    store.variables["k"] = "v"
    store.connections["c"] = ConnectionRecord(conn_id="c", conn_type="http", host="h", password="p")
    store.set_xcom(dag_id="a", run_id="a0", task_id="x", key="k", value=b'{"n": 1}')
    before = install_worker_store(store)
    yield store
    install_worker_store(before)
    drain_deprecations()


def ids(rows: Any) -> list[str]:
    return [run.run_id for run in rows]


session = Session()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (lambda: DagRun.dag_id == "a", ["a0", "a1", "a2"]),
        (lambda: DagRun.state == DagRunState.FAILED, ["a1"]),
        (lambda: DagRun.state.in_([State.FAILED, State.RUNNING]), ["a1", "b0"]),
        (lambda: DagRun.execution_date >= pendulum.instance(DAY).add(days=1), ["a1", "a2"]),
        (lambda: DagRun.logical_date.between(DAY, DAY), ["a0", "b0"]),
        (lambda: DagRun.run_id.like("a%") & (DagRun.run_type != "manual"), ["a0", "a1"]),
        (lambda: (DagRun.run_id == "a2") | (DagRun.dag_id == "b"), ["a2", "b0"]),
        (lambda: ~(DagRun.dag_id == "a"), ["b0"]),
        (
            lambda: sa.and_(DagRun.dag_id == "a", sa.or_(DagRun.state == "failed", DagRun.run_type == "manual")),
            ["a1", "a2"],
        ),
        (lambda: sa.not_(DagRun.dag_id == "a"), ["b0"]),
        (lambda: DagRun.external_trigger.is_(True), ["a2"]),
        (lambda: DagRun.external_trigger, ["a2"]),
        (lambda: sa.not_(DagRun.external_trigger.is_(False)), ["a2"]),
        (lambda: ~DagRun.external_trigger, ["a0", "a1", "b0"]),
        (lambda: DagRun.end_date.is_(None), ["a0", "a1", "a2", "b0"]),
        (lambda: DagRun.end_date.isnot(None), []),
        (lambda: DagRun.run_id.notin_(["a0", "a1"]), ["a2", "b0"]),
    ],
)
def test_conditions(condition: Any, expected: list[str]) -> None:
    assert sorted(ids(session.query(DagRun).filter(condition()))) == expected


def test_order_limit_and_what_runs_a_query() -> None:
    query = session.query(DagRun).filter(DagRun.dag_id == "a")
    assert ids(query.order_by(DagRun.execution_date.desc()).limit(2).all()) == ["a2", "a1"]
    assert ids(query.order_by(sa.desc(DagRun.logical_date)).offset(1)) == ["a1", "a0"]
    assert query.order_by(DagRun.execution_date).first().run_id == "a0"
    assert query.count() == 3
    assert query.filter_by(run_id="a1").one().state is DagRunState.FAILED
    assert query.filter(DagRun.run_id == "none").one_or_none() is None
    with pytest.raises(NoResultFoundError):
        query.filter(DagRun.run_id == "none").one()
    with pytest.raises(MultipleResultsFoundError, match="finds 3 rows"):
        query.one()


def test_columns_and_functions() -> None:
    query = session.query(DagRun.dag_id, DagRun.run_id).filter(DagRun.state == "failed")
    assert query.all() == [("a", "a1")]
    assert sorted(session.query(DagRun.dag_id).distinct()) == [("a",), ("b",)]
    latest = session.query(sa.func.max(DagRun.execution_date)).filter(DagRun.dag_id == "a").scalar()
    assert latest == DAY + timedelta(days=2)
    assert isinstance(latest, pendulum.DateTime)
    assert session.query(sa.func.count(DagRun.run_id)).scalar() == 4
    assert session.query(sa.func.count()).select_from(TaskInstance).filter(TaskInstance.dag_id == "a").scalar() == 3


def test_the_other_models() -> None:
    failed = session.query(TaskInstance).filter(TaskInstance.dag_id == "a", TaskInstance.state == State.FAILED).all()
    assert [(ti.task_id, ti.run_id, ti.state) for ti in failed] == [("x", "a1", "failed")]
    assert session.query(TaskInstance).filter(TaskInstance.state == None).one().task_id == "y"  # noqa: E711 - SQLAlchemy's way
    assert [dag.dag_id for dag in session.query(DagModel).filter(DagModel.is_paused)] == ["a"]
    assert [dag.dag_id for dag in session.query(DagModel).filter(DagModel.is_paused.is_(False))] == ["b"]
    assert session.query(BaseXCom).filter(BaseXCom.key == "k").first().value == {"n": 1}
    assert session.query(Variable).filter(Variable.key == "k").one().val == "v"
    assert session.query(Connection).filter(Connection.conn_id == "c").one().password == "p"
    assert session.query(Pool).all() == []


def test_finders_of_models() -> None:
    dag = DagModel.get_dagmodel("a")
    assert dag is not None
    assert dag.get_is_paused()
    assert DagModel.get_current("none") is None
    assert ids(DagRun.find(state="running")) == ["b0"]
    assert ids(DagRun.find(dag_id=["a", "b"], run_type="scheduled")) == ["a0", "b0", "a1"]
    with pytest.raises(NoDatabaseError, match="tradewind dags unpause a"):
        dag.set_is_paused(is_paused=False)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: session.add(Connection("new")), r"session\.add\(Connection\): .*read-only; .*connections add"),
        (lambda: session.query(DagRun).filter(DagRun.dag_id == "a").delete(), "tradewind db clean"),
        (lambda: session.query(DagRun).update({"state": "failed"}), "changing rows of DagRun"),
        (lambda: session.query(Log).filter(Log.dttm < DAY).all(), r"session\.query\(Log\)"),
        (lambda: session.query(DagRun, TaskInstance), "DagRun and TaskInstance together"),
        (lambda: session.query(DagRun).join(TaskInstance), r"query\.join\(\)"),
        (lambda: session.execute("select 1"), r"session\.execute"),
        (lambda: session.query(DagRun).filter(sa.text("1 = 1")), "the condition 1 = 1"),
    ],
)
def test_what_needs_a_database_says_so(act: Any, message: str) -> None:
    with pytest.raises(NoDatabaseError, match=message):
        act()


def test_sessions_as_authors_get_them() -> None:
    @provide_session
    def count(dag_id: str, session: Any = None) -> int:
        return session.query(DagRun).filter(DagRun.dag_id == dag_id).count()

    assert count("a") == 3
    assert count("a", Session()) == 3
    with create_session() as opened:
        assert opened.query(DagRun).count() == 4
        opened.commit()


def test_a_query_is_noted_with_its_modern_form() -> None:
    with pytest.warns(
        RemovedInAirflow3Warning, match=r"session\.query\(DagRun\) is deprecated .* use DagRun\.find\(\)"
    ):
        session.query(DagRun)


def test_a_value_of_an_instance_is_no_column() -> None:
    run = DagRun.find(run_id="a1")[0]
    assert (run.run_id, run.state, run.logical_date) == ("a1", "failed", DAY + timedelta(days=1))
    assert Connection("c", conn_type="http").conn_type == "http"
