"""Variables, connections, hooks, runs and XComs as author code uses them."""
# ruff: noqa: D101, D102 - author code

from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import pendulum
import pytest

from tradewind.sdk import ports
from tradewind.sdk.connection import Connection
from tradewind.sdk.deprecations import drain_deprecations
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowNotFoundException,
    AirflowRuntimeError,
    ErrorType,
    RemovedInAirflow3Warning,
)
from tradewind.sdk.hooks import BaseHook, hook_class_name
from tradewind.sdk.lookups.chain import use_cache
from tradewind.sdk.notifier import BaseNotifier
from tradewind.sdk.ports import StoreUnavailableError
from tradewind.sdk.runtime.current import (
    NoCurrentContextError,
    get_current_context,
    get_parsing_context,
    set_current_context,
)
from tradewind.sdk.runtime.dag_run import DagRun
from tradewind.sdk.runtime.lazy import LazyValue
from tradewind.sdk.runtime.task_instance import TaskInstance, TaskInstanceKey
from tradewind.sdk.state import DagRunState, TaskInstanceState
from tradewind.sdk.toolkit import masking
from tradewind.sdk.variable import Variable, VariableNotFoundError
from tradewind.sdk.xcoms.xcom import BaseXCom as XCom
from tradewind.serialization.records import ConnectionRecord, DagRunRecord, TaskInstanceRecord

from tests.sdk.runtime.fakes import DAY, MemoryStore, a_context, dag_run_facts

# --- variables ---


def test_a_variable_by_either_default(store: MemoryStore) -> None:
    store.variables = {"text": "a", "doc": '{"b": [1]}', "null": "null"}
    assert Variable.get("text") == "a"
    assert Variable.get("doc", deserialize_json=True) == {"b": [1]}
    assert (
        Variable.get("gone", "x") == Variable.get("gone", default_var="x") == Variable.get("gone", default="x") == "x"
    )
    assert Variable.get("gone", None) is None
    assert Variable.get("null", deserialize_json=True) is None


def test_a_missing_variable_is_an_error_to_both_airflows(store: MemoryStore) -> None:
    with pytest.raises(KeyError, match="Variable gone does not exist"):
        Variable.get("gone")
    with pytest.raises(AirflowRuntimeError) as caught:
        Variable.get("gone")
    assert caught.value.error.error is ErrorType.VARIABLE_NOT_FOUND


def test_the_environment_comes_first(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.variables = {"key": "stored"}
    monkeypatch.setenv("AIRFLOW_VAR_KEY", "airflow's")
    assert Variable.get("key") == "airflow's"
    monkeypatch.setenv("TRADEWIND_VAR_KEY", "own")
    assert Variable.get("key") == "own"
    assert store.calls == []


def test_writing_variables(store: MemoryStore) -> None:
    Variable.set("a", 1)
    Variable.set("b", {"c": 1}, serialize_json=True)
    assert Variable.get("a") == "1"
    assert Variable.get("b", deserialize_json=True) == {"c": 1}
    Variable.update("a", 2)
    assert Variable.keys() == ["a", "b"]
    assert Variable.keys("b") == ["b"]
    assert Variable.setdefault("a", 9) == "2"
    assert Variable.setdefault("d", [1], deserialize_json=True) == [1]
    assert (Variable.delete("a"), Variable.delete("a")) == (1, 0)
    with pytest.raises(VariableNotFoundError):
        Variable.update("a", 3)
    with pytest.raises(ValueError, match="Default Value must be set"):
        Variable.setdefault("e", None)


def test_answers_are_kept_while_a_cache_is_in_use(store: MemoryStore) -> None:
    store.variables = {"a": "1"}
    use_cache(ttl_s=60)
    try:
        assert [Variable.get("a"), Variable.get("a"), Variable.get("x", 0), Variable.get("x", 0)] == ["1", "1", 0, 0]
        assert store.calls == ["get_variable"] * 2
        Variable.set("a", "2")
        assert Variable.get("a") == "2"
        Variable.delete("a")
        assert Variable.get("a", None) is None
    finally:
        use_cache(None)


def test_a_kept_answer_gets_old(store: MemoryStore) -> None:
    use_cache(ttl_s=-1)
    try:
        Variable.get("a", 0)
        Variable.get("a", 0)
    finally:
        use_cache(None)
    assert store.calls == ["get_variable"] * 2


def test_without_a_store_the_message_says_how_to_get_one() -> None:
    before = ports.install_worker_store(None)
    try:
        with pytest.raises(StoreUnavailableError, match="tradewind python FILE"):
            Variable.get("a")
    finally:
        ports.install_worker_store(before)


def test_a_variable_object() -> None:
    assert (Variable("k", "v").val, Variable("k", value="v").value, repr(Variable("k", "v"))) == ("v", "v", "k : v")


# --- connections ---

URIS = [
    "postgres://login:pa%3Ass@host.example:5432/schema?sslmode=require",
    "my-type://host",
    "http://https%3A%2F%2Fhost",
    "aws://",
    "http://:secret@/?__extra__=%7B%22a%22%3A+1%7D",
    "sqlite://%2FVar%2FData.db",
]


@pytest.mark.parametrize("uri", URIS)
def test_a_connection_survives_its_uri(uri: str) -> None:
    connection = Connection(conn_id="c", uri=uri)
    assert Connection(conn_id="c", uri=connection.get_uri()) == connection


def test_the_parts_of_a_uri() -> None:
    connection = Connection("c", uri=URIS[0])
    assert connection.conn_type == "postgres"
    assert (connection.login, connection.password) == ("login", "pa:ss")
    assert (connection.host, connection.port, connection.schema) == ("host.example", 5432, "schema")
    assert connection.extra_dejson == {"sslmode": "require"}
    assert Connection("c", uri="postgresql://h").conn_type == "postgres"
    assert Connection("c", uri="google-cloud-platform://").conn_type == "google_cloud_platform"
    assert Connection("c", uri="http://https://host:80").host == "https://host"


def test_a_connection_as_json() -> None:
    text = '{"conn_type": "my-type", "port": "80", "login": "me", "extra": {"a": [1]}}'
    connection = Connection.from_json(text, "c")
    assert (connection.conn_type, connection.port, connection.extra_dejson) == ("my_type", 80, {"a": [1]})
    assert Connection.from_json(connection.as_json(), "c") == connection
    assert connection.to_dict(prune_empty=True)["conn_id"] == "c"
    with pytest.raises(ValueError, match="Expected integer value for `port`"):
        Connection.from_json('{"port": "http"}')


def test_a_uri_goes_alone() -> None:
    with pytest.raises(AirflowException, match="give either a URI or its parts"):
        Connection("c", uri="http://h", login="me")
    with pytest.raises(AirflowException, match="Invalid connection string"):
        Connection("c", uri="a://b://c://d")


def test_an_extra_that_is_no_json(caplog: pytest.LogCaptureFixture) -> None:
    assert Connection("c", extra="{").extra_dejson == {}
    assert "the extra of connection c is no JSON" in caplog.text


def test_where_connections_come_from(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.connections["stored"] = ConnectionRecord(conn_id="stored", conn_type="http", host="h", extra='{"a": 1}')
    assert BaseHook.get_connection("stored").extra_dejson == {"a": 1}
    monkeypatch.setenv("AIRFLOW_CONN_STORED", '{"conn_type": "ftp", "host": "other"}')
    assert Connection.get("stored").conn_type == "ftp"
    monkeypatch.setenv("AIRFLOW_CONN_STORED", "ssh://third")
    assert [c.host for c in BaseHook.get_connections("stored")] == ["third"]
    with pytest.raises(AirflowNotFoundException, match=r"The conn_id `gone` isn't defined: create it with"):
        Connection.get_connection_from_secrets("gone")


def test_no_hook_without_a_provider(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_C", "nosuchtype://h")
    assert hook_class_name("nosuchtype") is None
    with pytest.raises(AirflowException, match='Unknown hook type "nosuchtype"'):
        BaseHook.get_hook("c")
    assert Connection.get("c").test_connection()[0] is False
    with pytest.raises(NotImplementedError):
        BaseHook().get_conn()


def test_secrets_are_struck_out_of_logs(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_C", "http://me:hunter22@h/?token=abcdef")
    store.variables = {
        "my_password": "swordfish",
        "colour": "magenta",
        "doc": '{"api_key": "0123456789", "x": "plain"}',
    }
    try:
        _ = Connection.get("c").extra_dejson
        Variable.get("my_password")
        Variable.get("colour")
        Variable.get("doc", deserialize_json=True)
        text = "hunter22 abcdef swordfish magenta 0123456789 plain"
        assert masking.redact(text) == "*** *** *** magenta *** plain"
        assert masking.redact({"password": "x", "list": [text]}) == {
            "password": "***",
            "list": ["*** *** *** magenta *** plain"],
        }
    finally:
        masking.reset_masker()


# --- runs, task instances, XComs ---


def test_the_dag_run_of_a_task() -> None:
    run = DagRun(dag_run_facts(conf={"a": 1}))
    assert isinstance(run.logical_date, pendulum.DateTime)
    assert run.conf == {"a": 1}
    assert run.get_state() is DagRunState.RUNNING
    assert (run.is_backfill, run.is_started_by_hand) == (False, False)
    assert run == DagRun(dag_run_facts())
    assert len({run, DagRun(dag_run_facts())}) == 1
    with pytest.warns(RemovedInAirflow3Warning, match=r"dag_run\.execution_date"):
        assert run.execution_date == run.logical_date
    with pytest.warns(RemovedInAirflow3Warning, match="external_trigger"):
        assert run.external_trigger is False
    with pytest.raises(AttributeError):
        _ = run.nothing_such
    drain_deprecations()


def a_run(day: int, **changes: Any) -> DagRunRecord:
    date = DAY + timedelta(days=day)
    facts: dict[str, Any] = {
        "dag_id": "a_dag",
        "run_id": f"run_{day}",
        "run_type": "scheduled",
        "state": "success",
        "logical_date": date,
        "run_after": date,
    }
    return DagRunRecord(**{**facts, **changes})


def test_finding_runs(store: MemoryStore) -> None:
    store.runs = [a_run(-1), a_run(-3, run_type="manual"), a_run(-2, run_type="backfill")]
    assert [run.run_id for run in DagRun.find(dag_id="a_dag")] == ["run_-3", "run_-2", "run_-1"]
    assert [run.run_id for run in DagRun.find("a_dag", external_trigger=True)] == ["run_-3"]
    assert [run.run_id for run in DagRun.find(["a_dag"], no_backfills=True)] == ["run_-3", "run_-1"]
    since = DAY - timedelta(days=2)
    assert [run.run_id for run in DagRun.find("a_dag", execution_start_date=since)] == ["run_-2", "run_-1"]
    previous = DagRun(dag_run_facts()).get_previous_dagrun()
    assert previous is not None
    assert previous.run_id == "run_-1"
    assert DagRun(dag_run_facts(logical_date=None)).get_previous_dagrun() is None


def test_the_task_instances_of_a_run(store: MemoryStore) -> None:
    start = datetime(2024, 1, 1, tzinfo=timezone.utc)
    record = TaskInstanceRecord(
        dag_id="a_dag",
        run_id="r",
        task_id="t",
        state="success",
        start_date=start,
        end_date=start + timedelta(seconds=2),
    )
    store.task_instances = [record, TaskInstanceRecord(dag_id="a_dag", run_id="r", task_id="u", state="none")]
    run = DagRun(dag_run_facts())
    done, waiting = run.get_task_instances()
    assert (done.state, done.duration, waiting.state) == (TaskInstanceState.SUCCESS, 2.0, None)
    assert [ti.task_id for ti in run.get_task_instances(state=[TaskInstanceState.SUCCESS])] == ["t"]
    found = run.get_task_instance("t")
    assert found is not None
    assert found.current_state() is TaskInstanceState.SUCCESS
    assert run.get_task_instance("gone") is None
    assert done.key.primary == ("a_dag", "t", "r", -1)
    assert "[success]" in repr(TaskInstance(record))
    assert TaskInstanceKey("d", "t", "r").with_try_number(3).try_number == 3


def test_xcoms_by_address(store: MemoryStore) -> None:
    where: dict[str, Any] = {"dag_id": "d", "task_id": "t", "run_id": "r"}
    XCom.set("k", {"a": (1, 2)}, **where)
    assert XCom.get_one(key="k", **where) == {"a": (1, 2)}
    assert XCom.get_value(ti_key=TaskInstanceKey("d", "t", "r"), key="k") == {"a": (1, 2)}
    XCom.delete("k", **where)
    assert XCom.get_one(key="k", **where) is None
    XCom.set("k", 1, **where)
    XCom.clear(**where)
    assert store.xcoms == {}
    with pytest.raises(ValueError, match="needs a key"):
        XCom.set("", 1, **where)


# --- the current context, notifiers, stand-ins ---


def test_the_current_context(monkeypatch: pytest.MonkeyPatch) -> None:
    context = a_context()
    with set_current_context(context):
        assert get_current_context() is context
    with pytest.raises(RuntimeError, match="no context was found"):
        get_current_context()
    assert issubclass(NoCurrentContextError, AirflowException)
    assert (get_parsing_context().dag_id, get_parsing_context().task_id) == (None, None)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "d")
    assert get_parsing_context().dag_id == "d"


class Notifier(BaseNotifier):
    template_fields = ("message",)

    def __init__(self, message: str) -> None:
        self.message = message
        self.sent: list[str] = []
        super().__init__()

    def notify(self, context: Any) -> None:
        if self.message == "fail":
            raise ConnectionError
        self.sent.append(f"{self.message} {context['message']}")


def test_a_notifier_renders_and_sends() -> None:
    notifier = Notifier("{{ ds }}")
    notifier(a_context())
    assert notifier.sent == ["2024-03-05 {{ ds }}"]


def test_a_notifier_that_fails_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConnectionError):
        Notifier("fail")(a_context())
    assert "Notifier could not send its notification" in caplog.text
    with pytest.raises(NotImplementedError):
        BaseNotifier().notify({})


def test_a_stand_in_acts_as_its_value() -> None:
    fetched: list[int] = []

    def fetch() -> pendulum.DateTime:
        fetched.append(1)
        return pendulum.datetime(2024, 3, 5)

    lazy: Any = LazyValue(fetch)
    assert fetched == []
    assert isinstance(lazy, datetime)
    lazy = cast("Any", lazy)
    assert lazy == pendulum.datetime(2024, 3, 5)
    assert lazy + timedelta(days=1) == pendulum.datetime(2024, 3, 6)
    assert (pendulum.datetime(2024, 3, 6) - lazy).days == 1
    assert lazy < pendulum.datetime(2025, 1, 1)
    assert f"{lazy:%Y}" == "2024"
    assert lazy.add(days=1).day == 6
    assert str(lazy) == str(pendulum.datetime(2024, 3, 5))
    assert pickle.loads(pickle.dumps(lazy)) == lazy
    assert {lazy: 1}[pendulum.datetime(2024, 3, 5)] == 1
    assert fetched == [1]
    assert not LazyValue(lambda: None)
    assert list(LazyValue(lambda: [1, 2])) == [1, 2]  # type: ignore[call-overload] - as its value
