"""The worker store on a database: the methods of the protocol, and their answers to calls over a pipe."""

from __future__ import annotations

import inspect
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from tradewind.core.states import DagRunState, RunType
from tradewind.metadata.batch import Batch
from tradewind.metadata.connections import ConnectionStore
from tradewind.metadata.doorbell import Ring, listen
from tradewind.metadata.encryption import Cipher
from tradewind.metadata.errors import AlreadyExistsError, DatabaseUnavailableError, InvalidRequestError, NotFoundError
from tradewind.metadata.prune import prune
from tradewind.metadata.variables import VariableStore
from tradewind.metadata.worker_store import DatabaseWorkerStore
from tradewind.serialization.document import TaskDocument, TaskGroupDocument
from tradewind.serialization.messages import StoreCall, StoreReply
from tradewind.serialization.records import ConnectionRecord

from tests.metadata.conftest import NOON, S, World, hear, new_instance


@pytest.fixture
def store(world: World) -> DatabaseWorkerStore:
    return DatabaseWorkerStore(world.database, world.clock, Cipher())


def protocol_methods() -> dict[str, list[str]]:
    """Return names and arguments of the methods that the port asks for, read off its source."""
    import ast

    from tradewind.sdk import ports

    tree = ast.parse(inspect.getsource(ports))
    (protocol,) = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == "WorkerStore")
    return {
        node.name: [argument.arg for argument in node.args.args + node.args.kwonlyargs]
        for node in protocol.body
        if isinstance(node, ast.FunctionDef)
    }


def test_it_has_exactly_the_methods_of_the_port() -> None:
    wanted = protocol_methods()
    assert set(wanted) == DatabaseWorkerStore.METHODS
    for name, arguments in wanted.items():
        assert list(inspect.signature(getattr(DatabaseWorkerStore, name)).parameters) == arguments


def test_variables_and_connections(world: World, store: DatabaseWorkerStore) -> None:
    store.set_variable("k", "v", "why")
    assert (store.get_variable("k"), store.get_variable("x")) == ("v", None)
    assert store.get_variable_keys("k") == ["k"]
    found = VariableStore(world.database, Cipher()).get("k")
    assert found is not None
    assert found.description == "why"
    assert (store.delete_variable("k"), store.delete_variable("k")) == (True, False)
    record = ConnectionRecord(conn_id="c", conn_type="http", password="p")
    ConnectionStore(world.database, Cipher()).set(record)
    assert (store.get_connection("c"), store.get_connection("x")) == (record, None)


def test_a_dag_in_outline(world: World, store: DatabaseWorkerStore) -> None:
    tasks = (TaskDocument(task_id="a", task_type="T"), TaskDocument(task_id="g.b", task_type="T", group_id="g"))
    world.add_dag(tasks=tasks, groups=(TaskGroupDocument(group_id="g"),))
    found = store.get_dag("etl")
    assert found is not None
    assert (found.task_ids, found.task_groups) == (["a", "g.b"], {"g": ["g.b"]})
    assert store.get_dag("none") is None
    world.dags.store_file(world.file(path="/dags/etl.py"), is_paused_by_default=False)
    assert store.get_dag("etl") is None


def test_xcoms_are_written_read_and_deleted(world: World, store: DatabaseWorkerStore) -> None:
    run, _ = world.started_run()
    where: dict[str, Any] = {"dag_id": "etl", "run_id": run.run_id}
    store.set_xcom(**where, task_id="a", key="return_value", value=b"1")
    store.set_xcom(**where, task_id="a", key="return_value", value=b"2")
    store.set_xcom(**where, task_id="a", key="other", value=b"3")
    store.set_xcom(**where, task_id="b", key="return_value", value=b"4")
    found = store.get_xcom(**where, task_id="a")
    assert found is not None
    assert (found.value, found.key, found.created_at, found.logical_date) == (
        b"2",
        "return_value",
        NOON,
        run.logical_date,
    )
    assert store.get_xcom(**where, task_id="c") is None
    assert store.get_xcom(**where, task_id="a", map_index=0) is None
    assert [x.value for x in store.get_xcoms(**where)] == [b"3", b"2", b"4"]
    assert [x.value for x in store.get_xcoms(**where, task_ids=["a", "b"], key="return_value")] == [b"2", b"4"]
    assert store.get_xcoms(**where, map_indexes=[0]) == []
    store.delete_xcoms(**where, task_id="a", key="other")
    assert [x.value for x in store.get_xcoms(**where)] == [b"2", b"4"]
    store.delete_xcoms(**where, task_id="a")
    assert [x.value for x in store.get_xcoms(**where)] == [b"4"]
    with pytest.raises(NotFoundError, match="no task instance 'zz'"):
        store.set_xcom(**where, task_id="zz", key="k", value=b"1")


def test_xcoms_of_mapped_instances_come_in_the_order_of_their_index(world: World, store: DatabaseWorkerStore) -> None:
    run, _ = world.started_run(("a",))
    mapped = [new_instance(run.run_pk, 20 - index, "m") for index in range(12)]
    for index, instance in enumerate(mapped):
        instance.map_index = index
    world.commit(Batch(new_task_instances=[(run.run_pk, instance) for instance in mapped]))
    where: dict[str, Any] = {"dag_id": "etl", "run_id": run.run_id, "task_id": "m"}
    for index in (11, 2, 0):
        store.set_xcom(**where, map_index=index, key="return_value", value=b"%d" % index)
    found = store.get_xcoms(dag_id="etl", run_id=run.run_id, task_ids=["m"])
    assert [x.map_index for x in found] == [0, 2, 11]
    assert [x.value for x in store.get_xcoms(dag_id="etl", run_id=run.run_id, map_indexes=[2])] == [b"2"]
    store.set_xcom(dag_id="etl", run_id=run.run_id, task_id="a", key="return_value", value=b"1")
    assert store.get_xcom_map_indexes(**where, key="return_value") == [0, 2, 11]
    assert store.get_xcom_map_indexes(**where, key="other") == []
    assert store.get_xcom_map_indexes(**{**where, "task_id": "a"}, key="return_value") == []


def test_xcoms_of_earlier_dates_are_found_when_asked_for(world: World, store: DatabaseWorkerStore) -> None:
    runs = [world.started_run(("a", "b"), day=day)[0] for day in (1, 2, 3, 4)]
    for run, task_id in ((runs[0], "a"), (runs[1], "a"), (runs[3], "a"), (runs[2], "b"), (runs[1], "b")):
        value = f'"{run.run_pk} {task_id}"'.encode()
        store.set_xcom(dag_id="etl", run_id=run.run_id, task_id=task_id, key="return_value", value=value)
    third: dict[str, Any] = {"dag_id": "etl", "run_id": runs[2].run_id}
    assert store.get_xcom(**third, task_id="a") is None
    found = store.get_xcom(**third, task_id="a", include_prior_dates=True)
    assert found is not None
    assert (found.run_id, found.value) == (runs[1].run_id, f'"{runs[1].run_pk} a"'.encode())
    both = store.get_xcoms(**third, include_prior_dates=True)
    assert [(x.task_id, x.run_id) for x in both] == [("a", runs[1].run_id), ("b", runs[2].run_id)]


def test_runs_and_task_instances_as_a_task_sees_them(world: World, store: DatabaseWorkerStore) -> None:
    first, (a, _) = world.started_run(("a", "b"), day=1)
    world.bring(a, S.SUCCESS)
    world.end_run(first)
    second = world.new_run(day=2)
    manual = world.new_run(day=3, run_type=RunType.MANUAL)
    assert [run.run_id for run in store.get_dag_runs(dag_id="etl")] == [manual.run_id, second.run_id, first.run_id]

    def ids(**which: Any) -> list[str]:
        return [run.run_id for run in store.get_dag_runs(dag_id="etl", **which)]

    assert second.logical_date is not None
    assert ids(before_logical_date=second.logical_date) == [first.run_id]
    assert ids(after_logical_date=second.logical_date) == [manual.run_id]
    assert ids(state="success") == [first.run_id]
    assert ids(run_type="manual") == [manual.run_id]
    assert ids(run_ids=[first.run_id, second.run_id], limit=1) == [second.run_id]
    assert ids(logical_dates=[second.logical_date]) == [second.run_id]
    (record,) = store.get_dag_runs(dag_id="etl", run_ids=[first.run_id])
    assert (record.state, record.run_type, record.start_date, record.end_date) == ("success", "scheduled", NOON, NOON)

    found = store.get_task_instances(dag_id="etl")
    assert [(ti.task_id, ti.state, ti.try_number, ti.end_date) for ti in found] == [
        ("a", "success", 1, NOON),
        ("b", None, 0, None),
    ]
    assert [ti.task_id for ti in store.get_task_instances(dag_id="etl", states=["success"])] == ["a"]
    assert [ti.task_id for ti in store.get_task_instances(dag_id="etl", task_ids=["b"], run_ids=[first.run_id])] == [
        "b"
    ]
    assert store.get_task_instances(dag_id="etl", logical_dates=[NOON]) == []


def test_a_task_triggers_a_run(world: World, store: DatabaseWorkerStore) -> None:
    world.add_dag("other")
    listener = listen(world.database)
    try:
        later = NOON + timedelta(hours=1)
        made = store.trigger_dag_run(
            dag_id="other", run_id="mine", conf={"a": 1}, note="n", logical_date=NOON, run_after=later
        )
        assert hear(listener, 1) == [Ring("run", "0")]
    finally:
        listener.close()
    assert (made.run_id, made.state, made.conf, made.logical_date) == ("mine", "queued", {"a": 1}, NOON)
    assert made.run_after == later
    assert world.store.load_queued_runs()[0].triggered_by == "operator"
    with pytest.raises(AlreadyExistsError):
        store.trigger_dag_run(dag_id="other", run_id="mine")
    with pytest.raises(NotFoundError):
        store.trigger_dag_run(dag_id="none")


def test_a_task_can_start_a_run_over(world: World, store: DatabaseWorkerStore) -> None:
    run, (a,) = world.started_run(("a",))
    world.bring(a, S.SUCCESS)
    world.end_run(run)
    again = store.trigger_dag_run(dag_id="etl", run_id=run.run_id, reset=True)
    assert again.run_id == run.run_id
    assert world.instance(a).state is S.NONE
    assert world.store.load_queued_runs()[0].state is DagRunState.QUEUED


def over_the_pipe(store: DatabaseWorkerStore, method: str, **arguments: Any) -> StoreReply:
    """Return the answer as a worker reads it."""
    call = msgspec.msgpack.encode(StoreCall(call_id=5, method=method, arguments=arguments))
    reply = store.answer(msgspec.msgpack.decode(call, type=StoreCall))
    return msgspec.msgpack.decode(msgspec.msgpack.encode(reply), type=StoreReply)


def test_answers_are_plain_data(world: World, store: DatabaseWorkerStore) -> None:
    run, _ = world.started_run()
    where: dict[str, Any] = {"dag_id": "etl", "run_id": run.run_id, "task_id": "a"}
    assert over_the_pipe(store, "set_xcom", **where, key="k", value=b"\x00\xff").error is None
    reply = over_the_pipe(store, "get_xcom", **where, key="k")
    assert (reply.call_id, reply.result["value"], reply.result["created_at"]) == (5, b"\x00\xff", NOON)
    assert over_the_pipe(store, "get_variable", key="x").result is None
    dates = [run.logical_date, NOON + timedelta(days=9)]
    (found,) = over_the_pipe(store, "get_dag_runs", dag_id="etl", logical_dates=dates).result
    assert (found["run_id"], found["logical_date"]) == (run.run_id, run.logical_date)
    assert isinstance(found["run_after"], datetime)


@pytest.mark.parametrize(
    ("method", "arguments", "kind"),
    [
        ("answer", {}, "invalid"),
        ("__init__", {}, "invalid"),
        ("get_variable", {"kee": "x"}, "invalid"),
        ("set_variable", {"key": "", "value": "x"}, "invalid"),
        ("trigger_dag_run", {"dag_id": "none"}, "not_found"),
        ("trigger_dag_run", {"dag_id": "etl", "run_id": "one"}, "already_exists"),
    ],
)
def test_what_goes_wrong_is_answered(
    world: World,
    store: DatabaseWorkerStore,
    method: str,
    arguments: dict,
    kind: str,
) -> None:
    world.add_dag()
    store.trigger_dag_run(dag_id="etl", run_id="one")
    reply = over_the_pipe(store, method, **arguments)
    assert (reply.error_kind, reply.result) == (kind, None)
    assert reply.error


def test_a_database_that_is_away_is_answered(store: DatabaseWorkerStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(key: str) -> str:
        raise DatabaseUnavailableError(key)

    monkeypatch.setattr(store, "get_variable", away)
    assert over_the_pipe(store, "get_variable", key="x").error_kind == "unavailable"


def test_rows_by_condition(world: World, store: DatabaseWorkerStore) -> None:
    run, (a, _) = world.started_run(("a", "b"), day=1)
    world.bring(a, S.SUCCESS)
    VariableStore(world.database, Cipher()).set("v", "1", "why")
    day = run.logical_date
    rows = store.find_rows(table="dag_run", filters=[("dag_id", "eq", "etl"), ("logical_date", "ge", day)])
    assert [(row["run_id"], row["conf"], row["logical_date"]) for row in rows] == [(run.run_id, {}, day)]
    assert store.find_rows(table="dag_run", filters=[("logical_date", "lt", day)]) == []
    states = store.find_rows(table="task_instance", order_by=[("task_id", True)])
    assert [(row["task_id"], row["state"], row["run_id"]) for row in states] == [
        ("b", None, run.run_id),
        ("a", "success", run.run_id),
    ]
    waiting = store.find_rows(table="task_instance", filters=[("state", "is_null", True)])
    assert [row["task_id"] for row in waiting] == ["b"]
    assert store.find_rows(table="task_instance", limit=1, offset=1, order_by=[("task_id", False)])[0]["task_id"] == "b"
    assert store.find_rows(table="variable") == [{"key": "v", "description": "why"}]
    assert [row["pool"] for row in store.find_rows(table="pool", filters=[("pool", "like", "default%")])] == [
        "default_pool"
    ]
    store.set_xcom(dag_id="etl", run_id=run.run_id, task_id="a", key="k", value=b"1")
    assert store.find_rows(table="xcom", filters=[("key", "ne", "x")])[0]["value"] == b"1"
    assert store.find_rows(table="connection") == []
    known = [row["dag_id"] for row in store.find_rows(table="dag")]
    assert store.find_rows(table="dag", filters=[("dag_id", "not_in", known)]) == []


@pytest.mark.parametrize(
    ("table", "filters", "message"),
    [
        ("log", [], "no table 'log' to ask"),
        ("dag_run", [("colour", "eq", 1)], "has no column 'colour'"),
        ("dag_run", [("state", "drop", 1)], "no operation 'drop'"),
    ],
)
def test_rows_that_cannot_be_asked_for(
    store: DatabaseWorkerStore, table: str, filters: list[tuple[str, str, Any]], message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        store.find_rows(table=table, filters=filters)


def test_states_of_tasks_and_assets(world: World, store: DatabaseWorkerStore) -> None:
    run, _ = world.started_run(("a", "b"), day=1)
    task, asset = ["task", "etl", run.run_id, "a", -1], ["asset", "orders"]
    store.set_state(owner=task, key="job", value='"j1"')
    store.set_state(owner=task, key="job", value='"j2"', expires_at=NOON + timedelta(hours=1))
    store.set_state(owner=task, key="old", value="1", expires_at=NOON - timedelta(hours=1))
    store.set_state(owner=asset, key="mark", value="7")
    assert store.get_states(owner=task) == {"job": '"j2"'}
    assert store.get_states(owner=task, key="old") == {}
    assert store.get_states(owner=["task", "etl", run.run_id, "b", -1]) == {}
    assert store.get_states(owner=asset, key="mark") == {"mark": "7"}
    store.delete_states(owner=asset, key="mark")
    assert store.get_states(owner=asset) == {}
    assert [done.rows for done in prune(world.database, before=NOON, tables=("task_state",))] == [1]
    store.delete_states(owner=task)
    assert store.get_states(owner=task) == {}
    with pytest.raises(NotFoundError, match="has no task instance 'z'"):
        store.set_state(owner=["task", "etl", run.run_id, "z", -1], key="k", value="1")
    with pytest.raises(InvalidRequestError, match="belongs to a task instance or an asset"):
        store.get_states(owner=["dag", "etl"])
    with pytest.raises(InvalidRequestError, match="the key of a state"):
        store.set_state(owner=asset, key=" ", value="1")
