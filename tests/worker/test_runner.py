"""One try: what it reports, what it shows to author code, and in which order things happen."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tradewind.executors.local_protocol import WorkerOptions
from tradewind.sdk.assets.asset import Asset, AssetAlias
from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.deprecations import note_deprecated
from tradewind.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    DownstreamTasksSkipped,
    RemovedInAirflow3Warning,
)
from tradewind.sdk.operators.bash import BashOperator
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.runtime.current import get_current_context
from tradewind.serialization.messages import Finished, Ready, Report, Started
from tradewind.standalone.memory_store import MemoryStore

from tests.worker.conftest import WHEN, facts

Run = Callable[..., Finished]


class StepsOperator(BaseOperator):
    """Writes down what happens to it."""

    template_fields = ("query", "password")

    def __init__(
        self, *, steps: list[Any], query: str = "", password: str = "", body: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.steps = steps
        self.query = query
        self.password = password
        self.body = body

    def pre_execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow's signature
        """Note it."""
        self.steps.append("pre_execute")

    def execute(self, context: Any) -> Any:
        """Note it and do what the test wants."""
        self.steps.append("execute")
        return self.body(context) if self.body is not None else None

    def post_execute(self, context: Any, result: Any = None) -> None:  # noqa: ARG002 - Airflow's signature
        """Note it."""
        self.steps.append(("post_execute", result))

    def on_kill(self) -> None:
        """Note it."""
        self.steps.append("on_kill")


def raising(error: BaseException) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


def test_a_try_reports_its_begin_and_its_end(dag: DAG, run: Run, reports: list[Report]) -> None:
    PythonOperator(task_id="t", python_callable=lambda: {"a": 1}, dag=dag)
    end = run("t", try_number=2)
    started, finished = reports
    assert isinstance(started, Started)
    assert (started.ti_pk, started.try_number, started.pid) == (7, 2, os.getpid())
    assert finished is end
    assert (end.ti_pk, end.try_number, end.outcome) == (7, 2, "success")
    assert end.started_at == started.started_at
    assert {xcom.key: xcom.value for xcom in end.xcoms} == {"return_value": b'{"a":1}'}


def test_hooks_and_callbacks_come_in_order(dag: DAG, run: Run, reports: list[Report]) -> None:
    steps: list[Any] = []
    StepsOperator(
        task_id="t",
        dag=dag,
        steps=steps,
        body=lambda _context: 5,
        pre_execute=lambda _context: steps.append("pre hook"),
        post_execute=lambda _context, result: steps.append(("post hook", result)),
        on_execute_callback=lambda _context: steps.append("on_execute"),
        on_success_callback=lambda context: steps.append((context["ti"].state.value, len(reports))),
        on_failure_callback=lambda _context: steps.append("on_failure"),
    )
    end = run("t")
    assert end.ready_follows
    assert steps == [
        "pre hook",
        "pre_execute",
        "on_execute",
        "execute",
        ("post hook", 5),
        ("post_execute", 5),
        ("success", 2),
    ]
    assert [type(report) for report in reports] == [Started, Finished, Ready]


@pytest.mark.parametrize(
    ("error", "fields", "outcome", "called"),
    [
        (None, {}, "success", "on_success"),
        (AirflowSkipException("no"), {}, "skipped", "on_skipped"),
        (ValueError("bad"), {"max_tries": 1}, "failed", "on_retry"),
        (ValueError("bad"), {"max_tries": 1, "try_number": 2}, "failed", "on_failure"),
        (ValueError("bad"), {}, "failed", "on_failure"),
        (AirflowFailException("bad"), {"max_tries": 5}, "fail_without_retry", "on_failure"),
        (AirflowSensorTimeout("late"), {"max_tries": 5}, "fail_without_retry", "on_failure"),
        (SystemExit(0), {"max_tries": 1}, "failed", "on_retry"),
        (GeneratorExit(), {}, "failed", "on_failure"),
        (AirflowRescheduleException(WHEN), {}, "reschedule", None),
    ],
)
def test_the_callback_of_the_outcome_is_called(
    dag: DAG, run: Run, error: BaseException | None, fields: dict[str, Any], outcome: str, called: str | None
) -> None:
    calls: list[tuple[str, Any]] = []
    names = ("on_success", "on_skipped", "on_retry", "on_failure")
    callbacks: dict[str, Any] = {
        f"{name}_callback": lambda context, name=name: calls.append((name, context.get("exception"))) for name in names
    }
    PythonOperator(
        task_id="t", dag=dag, python_callable=raising(error) if error is not None else lambda: None, **callbacks
    )
    end = run("t", **fields)
    assert end.outcome == outcome
    assert calls == ([] if called is None else [(called, error)])


def test_a_callback_that_fails_changes_nothing(dag: DAG, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    called: list[str] = []
    PythonOperator(
        task_id="t",
        dag=dag,
        python_callable=lambda: 1,
        on_success_callback=[raising_with_context, lambda _context: called.append("second"), leaving_with_context],
    )
    assert run("t").outcome == "success"
    assert called == ["second"]
    assert [record.levelname for record in caplog.records if "on_success_callback" in record.message] == ["ERROR"] * 2


def raising_with_context(_context: Any) -> None:
    raise RuntimeError("callback")


def leaving_with_context(_context: Any) -> None:
    raise SystemExit(1)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("first\nsecond"), "ValueError: first"),
        (ValueError(), "ValueError"),
        (ValueError("x" * 1000), "ValueError: " + "x" * 485 + "..."),
        (SystemExit("why"), "the task called sys.exit('why')"),
    ],
)
def test_an_error_is_told_in_one_line(dag: DAG, run: Run, error: BaseException, message: str) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=raising(error))
    assert run("t").error == message


def test_an_error_that_cannot_be_shown_fails_the_task_all_the_same(dag: DAG, run: Run) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    PythonOperator(task_id="t", dag=dag, python_callable=raising(MuteError()))
    end = run("t")
    assert (end.outcome, end.error) == ("failed", "MuteError: (its message cannot be read)")


def test_a_reschedule_says_when(dag: DAG, run: Run) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=raising(AirflowRescheduleException(WHEN)))
    assert run("t").reschedule_at == WHEN


def test_skipped_tasks_are_reported_with_success_only(dag: DAG, run: Run) -> None:
    def skip(ti: Any) -> str:
        ti.skip_downstream(["a", "b"])
        ti.skip_downstream(["b", "c"])
        return "kept"

    def skip_and_fail(ti: Any) -> None:
        ti.skip_downstream(["a"])
        raise ValueError

    PythonOperator(task_id="skip", dag=dag, python_callable=skip)
    PythonOperator(task_id="fail", dag=dag, python_callable=skip_and_fail)
    PythonOperator(task_id="raise", dag=dag, python_callable=raising(DownstreamTasksSkipped(tasks=["a", ("m", 2)])))
    end = run("skip")
    assert (end.skip_task_ids, len(end.xcoms)) == (("a", "b", "c"), 1)
    assert run("fail").skip_task_ids == ()
    raised = run("raise")
    assert (raised.outcome, raised.skip_task_ids) == ("success", ("a", "m"))


def test_templates_are_rendered_and_shown_without_secrets(dag: DAG, run: Run) -> None:
    seen: list[tuple[str, str]] = []
    steps: list[Any] = []
    task = StepsOperator(
        task_id="t",
        dag=dag,
        steps=steps,
        query="at {{ ds }}",
        password="{{ 'pass' }}word",
        body=lambda context: seen.append((context["task"].query, context["task"].password)),
    )
    end = run("t")
    assert seen == [("at 2026-11-22", "password")]
    assert json.loads(end.rendered_fields or b"") == {"query": "at 2026-11-22", "password": "***"}
    assert task.query == "at {{ ds }}"


def test_nothing_is_shown_where_nothing_is(dag: DAG, run: Run) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=lambda: None)
    assert run("t").rendered_fields is None


@pytest.mark.parametrize("value", ["x" * 10_000, [1] * 10_000, [object()], {1, 2}])
def test_what_is_shown_is_json_of_bearable_length(dag: DAG, run: Run, value: Any) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=lambda _value: None, op_args=[value])
    shown = run("t").rendered_fields
    assert shown is not None
    assert len(shown) < 5000
    assert list(json.loads(shown)) == ["op_args"]


def test_a_template_error_fails_the_task(dag: DAG, run: Run) -> None:
    StepsOperator(task_id="t", dag=dag, steps=[], query="{{ 1 / 0 }}")
    end = run("t")
    assert (end.outcome, end.error) == ("failed", "ZeroDivisionError: division by zero")


def test_author_code_finds_its_context_and_environment(dag: DAG, run: Run) -> None:
    found: dict[str, Any] = {}

    def look() -> None:
        context = get_current_context()
        found["ti"] = (context["ti"].task_id, context["ti"].state.value, context["dag_run"].run_id)
        found["env"] = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CTX_")}
        os.environ["LEFT_BEHIND"] = "1"
        os.environ.pop("HOME", None)

    PythonOperator(task_id="t", dag=dag, python_callable=look, owner="me")
    home = os.environ.get("HOME")
    run("t")
    assert found["ti"] == ("t", "running", "r")
    assert found["env"]["AIRFLOW_CTX_DAG_ID"] == "d"
    assert found["env"]["AIRFLOW_CTX_TRY_NUMBER"] == "1"
    assert found["env"]["AIRFLOW_CTX_DAG_OWNER"] == "me"
    assert "LEFT_BEHIND" not in os.environ
    assert os.environ.get("HOME") == home
    assert not [name for name in os.environ if name.startswith("AIRFLOW_CTX_")]


def test_a_run_without_a_logical_date_runs(dag: DAG, run: Run) -> None:
    seen: list[Any] = []
    PythonOperator(task_id="t", dag=dag, python_callable=lambda ti: seen.append(ti.logical_date))
    run_facts = facts(logical_date=None, data_interval_start=None, data_interval_end=None)
    assert run("t", dag_run=run_facts).outcome == "success"
    assert seen == [None]


def test_a_task_that_takes_too_long_is_stopped(dag: DAG, run: Run) -> None:
    steps: list[Any] = []
    StepsOperator(
        task_id="t",
        dag=dag,
        steps=steps,
        body=lambda _context: signal.pause(),
        execution_timeout=timedelta(seconds=0.01),
        on_failure_callback=lambda context: steps.append(type(context["exception"])),
    )
    end = run("t")
    assert (end.outcome, "execution_timeout" in (end.error or "")) == ("failed", True)
    assert steps == ["pre_execute", "execute", "on_kill", AirflowTaskTimeout]


def test_a_timeout_of_zero_stops_before_the_begin(dag: DAG, run: Run) -> None:
    steps: list[Any] = []
    StepsOperator(task_id="t", dag=dag, steps=steps, execution_timeout=timedelta(0))
    assert run("t").outcome == "failed"
    assert steps == ["pre_execute", "on_kill"]


def test_a_task_that_is_told_to_stop_cleans_up(dag: DAG, run: Run) -> None:
    steps: list[Any] = []
    StepsOperator(task_id="t", dag=dag, steps=steps, body=lambda _context: os.kill(os.getpid(), signal.SIGTERM))
    end = run("t")
    assert (end.outcome, "SIGTERM" in (end.error or "")) == ("failed", True)
    assert steps == ["pre_execute", "execute", "on_kill"]


def test_signals_are_the_callers_again_afterwards(dag: DAG, run: Run) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=lambda: None)
    before = [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGALRM)]
    run("t")
    assert [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGALRM)] == before


def test_a_try_runs_in_a_thread_too(dag: DAG, run: Run) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=lambda: 1, execution_timeout=timedelta(hours=1))
    ends: list[Finished] = []
    thread = threading.Thread(target=lambda: ends.append(run("t")))
    thread.start()
    thread.join()
    assert [end.outcome for end in ends] == ["success"]


def test_ctrl_c_ends_more_than_the_task(dag: DAG, run: Run) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        run("t")


def test_what_is_pushed_meanwhile_goes_to_the_store(dag: DAG, run: Run, store: Any) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=lambda ti: ti.xcom_push("k", [1]))
    end = run("t")
    assert end.xcoms == ()
    record = store.get_xcom(dag_id="d", run_id="r", task_id="t", key="k")
    assert json.loads(record.value) == [1]


def test_an_xcom_that_cannot_be_kept_fails_the_task_with_its_key_and_type(dag: DAG, run: Run) -> None:
    PythonOperator(task_id="object", dag=dag, python_callable=lambda: [object()], show_return_value_in_logs=False)
    PythonOperator(task_id="key", dag=dag, python_callable=lambda: {1: 2}, multiple_outputs=True)
    PythonOperator(task_id="huge", dag=dag, python_callable=lambda: "x" * 2000, show_return_value_in_logs=False)
    end = run("object")
    assert end.outcome == "failed"
    assert "return_value" in (end.error or "")
    assert "object" in (end.error or "")
    assert "has the key 1, which is no text" in (run("key").error or "")
    huge = run("huge", options=WorkerOptions(xcom_max_bytes=1024))
    assert "'return_value' of task 'huge'" in (huge.error or "")


def test_the_log_has_the_authors_frames_only(dag: DAG, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    from tradewind.worker.host.log_file import format_error

    PythonOperator(task_id="t", dag=dag, python_callable=raising(ValueError("bad")))
    with caplog.at_level(logging.ERROR):
        run("t")
    (record,) = [record for record in caplog.records if record.message == "Failed: ValueError: bad"]
    assert record.exc_info is not None
    text = format_error(record.exc_info[1])
    assert "ValueError: bad" in text
    assert "test_runner.py" in text
    assert "runner.py" not in text.replace("test_runner.py", "")


class JsonFileOperator(BaseOperator):
    """Reads its fields from template files, as operators of providers do."""

    template_fields = ("body", "parts")
    template_ext = (".json",)

    def __init__(self, *, body: Any, parts: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = body
        self.parts = parts

    def prepare_template(self) -> None:
        """Make the text of the file into values, before they are rendered."""
        if isinstance(self.body, str):
            self.body = json.loads(self.body)

    def execute(self, context: Any) -> Any:  # noqa: ARG002 - Airflow's signature
        """Return what came of the fields."""
        return [self.body, self.parts]


def test_template_files_are_prepared_for_each_try(dag: DAG, run: Run, tmp_path: Any) -> None:
    (tmp_path / "body.json").write_text('{"day": "{{ ds }}", "list": [1]}')
    (tmp_path / "part.json").write_text("{{ run_id }}")
    dag.template_searchpath = [str(tmp_path)]
    task = JsonFileOperator(task_id="t", dag=dag, body="body.json", parts=["part.json", "plain"])
    for _ in range(2):
        finished = run("t")
        assert json.loads(finished.xcoms[0].value) == [{"day": "2026-11-22", "list": [1]}, ["r", "plain"]]
    assert (task.body, task.parts) == ("body.json", ["part.json", "plain"])


def test_deprecated_calls_of_a_task_are_in_its_log(dag: DAG, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    def work(ti: Any) -> None:
        note_deprecated("session.query(DagRun)", "DagRun.find()")
        note_deprecated("session.query(DagRun)", "DagRun.find()")

    with dag:
        PythonOperator(task_id="t", python_callable=work)
    with pytest.warns(RemovedInAirflow3Warning):
        note_deprecated("what the file itself uses", "something else")
    with caplog.at_level(logging.WARNING), pytest.warns(RemovedInAirflow3Warning):
        assert run("t").outcome == "success"
    told = [record.getMessage() for record in caplog.records if "deprecated" in record.getMessage()]
    assert len(told) == 2  # at two lines
    assert "test_runner.py:" in told[0]
    assert told[0].endswith("session.query(DagRun) is deprecated since Airflow 2.0 and gone in 3.0: use DagRun.find()")


def test_a_task_with_an_inactive_asset_fails_before_it_begins(
    dag: DAG, store: MemoryStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Any] = []
    with dag:
        StepsOperator(task_id="t", steps=steps, outlets=[Asset("a", "s3://a"), AssetAlias("x")], retries=3)
        StepsOperator(task_id="u", steps=steps, inlets=[Asset("b", "s3://b")])
    asked: list[Any] = []

    def get_inactive_assets(assets: Any) -> Any:
        asked.append(assets)
        return [list(one) for one in assets if one[0] == "a"]

    monkeypatch.setattr(store, "get_inactive_assets", get_inactive_assets)
    finished = run("t", max_tries=3)
    assert (finished.outcome, steps) == ("fail_without_retry", [])
    assert "inactive assets in its inlets or outlets: Asset(name='a', uri='s3://a/')" in (finished.error or "")
    assert run("u").outcome == "success"
    assert asked == [[("a", "s3://a/")], [("b", "s3://b/")]]


@pytest.mark.parametrize("dated", [True, False])
def test_who_needs_a_logical_date_is_told_that_the_run_has_none(
    dag: DAG, run: Run, caplog: pytest.LogCaptureFixture, dated: bool
) -> None:
    BashOperator(task_id="t", dag=dag, bash_command="echo {{ ds }} {{ nothing.at_all }}")
    dates = {} if dated else {"logical_date": None, "data_interval_start": None, "data_interval_end": None}
    with caplog.at_level(logging.ERROR):
        assert run("t", dag_run=facts(**dates)).outcome == "failed"
    assert ("The run has no logical date" in caplog.text) is not dated
