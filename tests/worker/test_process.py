"""What one worker process keeps between tasks, what it undoes, and what it makes of bad files."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.executors.local_protocol import WorkerOptions
from tradewind.serialization.messages import (
    CallbackDone,
    ComputeNextRun,
    DagFile,
    Finished,
    NextRunComputed,
    RunCallback,
    RunTask,
)

from tests.executors.local_harness import WHEN, Harness

DAG_FILE = """
import logging, os, subprocess, sys, threading, time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from airflow import DAG
from airflow.models import Variable
from airflow.operators.python import PythonOperator
from airflow.timetables.base import DagRunInfo

FOLDER = Path(__file__).parent
os.environ["SET_BY_FILE"] = "1"


def change_process():
    os.chdir("/")
    os.environ["SET_BY_TASK"] = "1"
    sys.stdout = sys.stderr = open(os.devnull, "w")
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(logging.ERROR)


def show_process():
    return [os.getpid(), os.getcwd(), os.environ.get("SET_BY_TASK"), os.environ.get("SET_BY_FILE")]


def write_everywhere():
    print("printed")
    print("printed to stderr", file=sys.stderr)
    print("without newline", end="")
    logging.getLogger("my.logger").info("logged %d", 5)
    logging.getLogger("my.logger").debug("too detailed")
    os.write(1, b"written\\n")
    subprocess.run(["echo", "from a program"], check=True)
    Variable.get("password_of_test")
    print("the secret is s3cr3t-value")


def leave_thread():
    threading.Thread(target=time.sleep, args=(600,)).start()
    return os.getpid()


def called_back(context):
    Path(FOLDER, "called").write_text(f"{context['ti'].task_id} {context['ti'].state} {context['reason']}")


def failing(context):
    raise RuntimeError("callback")


class MyTimetable:
    can_be_scheduled = True
    periodic = True
    active_runs_limit = None
    description = summary = "mine"

    def serialize(self):
        return {}

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        start = restriction.earliest if last_automated_data_interval is None else last_automated_data_interval.end
        if start is None:
            return None
        while start.year > 2050:
            pass
        if start.year < 2000:
            raise ValueError("too early")
        return DagRunInfo.interval(start, start.add(days=1))


with DAG("d", on_success_callback=called_back) as dag:
    for function in (change_process, show_process, write_everywhere, leave_thread):
        PythonOperator(task_id=function.__name__, python_callable=function)
    PythonOperator(task_id="big", python_callable=lambda: "x" * 3_000_000, show_return_value_in_logs=False)
    PythonOperator(task_id="pid", python_callable=os.getpid)
    PythonOperator(task_id="variable", python_callable=lambda: Variable.get("v"))
    PythonOperator(task_id="late", python_callable=lambda: None, on_success_callback=lambda context: os._exit(3))
    PythonOperator(task_id="lost", python_callable=lambda: None, on_failure_callback=[called_back, failing])
    PythonOperator(task_id="pull", python_callable=lambda ti: len(ti.xcom_pull("big")))

dag.timetable = MyTimetable()
"""


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("process"), parallelism=2)
    yield harness
    harness.close()


@pytest.fixture
def harness(_shared: Harness) -> Harness:
    _shared.loop.inbox.clear()
    _shared.loop.calls.clear()
    return _shared


@pytest.fixture
def file(harness: Harness) -> DagFile:
    return harness.write("dags.py", DAG_FILE)


@pytest.fixture
def make_harness(tmp_path: Path) -> Iterator[Callable[..., Harness]]:
    made: list[Harness] = []

    def make(**settings: Any) -> Harness:
        made.append(Harness(tmp_path, **settings))
        return made[-1]

    yield make
    for harness in made:
        harness.close()


def returned(end: Finished) -> str:
    assert end.outcome == "success", end.error
    return end.xcoms[0].value.decode()


def test_one_process_runs_one_task_after_the_other(harness: Harness, file: DagFile) -> None:
    assert len({returned(harness.run(file, "pid")) for _ in range(5)}) == 1


def test_what_a_task_does_to_the_process_is_undone(harness: Harness, file: DagFile) -> None:
    before = returned(harness.run(file, "show_process"))
    harness.run(file, "change_process")
    assert returned(harness.run(file, "show_process")) == before
    assert before.endswith(',null,"1"]')
    order = harness.submit(harness.order(file, "show_process"))
    harness.finish(order)
    assert "INFO - Running" in harness.log_of(order)


def test_the_log_has_everything(harness: Harness, file: DagFile) -> None:
    harness.loop.answers["get_variable"] = lambda _call: "s3cr3t-value"
    order = harness.submit(harness.order(file, "write_everywhere"))
    assert harness.finish(order).outcome == "success"
    lines = harness.log_of(order).splitlines()
    assert lines[0].endswith("INFO - Running <Task(PythonOperator): write_everywhere> of DAG d, run r, try 1 of 1")
    assert lines[1:3] == ["printed", "printed to stderr"]
    assert lines[3].startswith("without newline[")
    assert "{dags.py:" in lines[3]
    assert lines[3].endswith("INFO - logged 5")
    assert lines[4:7] == ["written", "from a program", "the secret is ***"]
    assert "Ended as success" in lines[-1]


def test_a_process_leaves_after_its_share(make_harness: Callable[..., Harness]) -> None:
    harness = make_harness(options=WorkerOptions(max_tasks_per_child=2))
    file = harness.write("dags.py", DAG_FILE)
    pids = [returned(harness.run(file, "pid")) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_a_process_with_something_left_in_it_leaves(harness: Harness, file: DagFile) -> None:
    end = harness.run(file, "leave_thread")
    assert end.retire
    assert returned(harness.run(file, "pid")) != returned(end)


def test_idle_processes_leave(make_harness: Callable[..., Harness]) -> None:
    harness = make_harness(idle_workers=1, idle_timeout_s=0.05)
    file = harness.write("dags.py", DAG_FILE)
    orders = [harness.order(file, "pid") for _ in range(8)]
    harness.submit(*orders)
    for order in orders:
        harness.finish(order)
    harness.wait(lambda: len(harness.executor._workers) == 1, "the leaving of idle workers")


def test_the_store_is_reached_through_the_scheduler(harness: Harness, file: DagFile) -> None:
    harness.loop.answers["get_variable"] = lambda call: f"value of {call.arguments['key']}"
    assert returned(harness.run(file, "variable")) == '"value of v"'


def test_a_large_answer_reaches_the_task(harness: Harness, file: DagFile) -> None:
    big = harness.run(file, "big").xcoms[0].value
    record = {"dag_id": "d", "run_id": "r", "task_id": "big", "key": "return_value", "value": big}
    harness.loop.answers["get_xcoms"] = lambda _call: [record]
    assert returned(harness.run(file, "pull")) == "3000000"


def test_a_full_disk_costs_the_log_only(harness: Harness, file: DagFile) -> None:
    harness.loop.answers["get_variable"] = lambda _call: "s3cr3t-value"
    end = harness.run(file, "write_everywhere", log_path="/dev/full")
    assert (end.outcome, end.note) == ("success", "the log is incomplete: No space left on device")
    end = harness.run(file, "pid", log_path="/proc/no/such/folder.log")
    assert end.outcome == "success"
    assert (end.note or "").startswith("the log is incomplete")
    assert harness.run(file, "pid").note is None


def test_a_process_that_dies_in_a_callback_costs_nothing(harness: Harness, file: DagFile) -> None:
    order = harness.submit(harness.order(file, "late"))
    assert harness.finish(order).outcome == "success"
    assert harness.run(file, "pid").outcome == "success"
    assert len(harness.ends()[order.ti_pk]) == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("this is no Python", "SyntaxError"),
        ("raise ValueError('at the top')", "ValueError: at the top"),
        ("import sys; sys.exit('bye')", "sys.exit('bye')"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("from airflow import DAG; DAG('other')", "no DAG 'd' in"),
        ("from airflow import DAG; DAG('d')", "t"),
        ("while True: pass", "took longer than 0.3 s"),
    ],
)
@pytest.mark.parametrize("isolation", ["warm", "fork"])
def test_a_file_that_cannot_be_imported_fails_the_try(
    bad_files: dict[str, Harness], isolation: str, source: str, message: str
) -> None:
    harness = bad_files[isolation]
    order = harness.submit(harness.order(harness.write(f"bad{hash(source)}.py", source), "t"))
    end = harness.finish(order)
    assert end.outcome == "failed"
    assert message in (end.error or "")
    assert "Ended as failed" in harness.log_of(order)
    assert [type(report).__name__ for report in harness.loop.inbox if getattr(report, "ti_pk", 0) == order.ti_pk] == [
        "Started",
        "Finished",
    ]


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Harness]]:
    made = {
        isolation: Harness(
            tmp_path_factory.mktemp(isolation), options=WorkerOptions(isolation=isolation, import_timeout_s=0.3)
        )
        for isolation in ("warm", "fork")
    }
    yield made
    for harness in made.values():
        harness.close()


def test_a_file_that_ends_the_process_loses_a_try_that_had_begun(harness: Harness) -> None:
    order = harness.submit(harness.order(harness.write("ends.py", "import os; os._exit(5)"), "t"))
    loss = harness.loss(order)
    assert (loss.was_started, loss.reason) == (True, "its process exited with code 5")


def test_a_changed_module_beside_the_file_is_imported_afresh(make_harness: Callable[..., Harness]) -> None:
    harness = make_harness()
    source = """
from airflow import DAG
from airflow.operators.python import PythonOperator
from helper_of_both import VALUE
with DAG("d"):
    PythonOperator(task_id="t", python_callable=lambda: VALUE)
"""
    helper = harness.folder / "helper_of_both.py"
    helper.write_text("VALUE = 1\n", encoding="utf-8")
    assert returned(harness.run(harness.write("a.py", source), "t")) == "1"
    helper.write_text("VALUE = 'new'\n", encoding="utf-8")
    # Another file, in the same process: it must not get the module that the first one had imported.
    pids = set(harness.executor._workers)
    assert returned(harness.run(harness.write("b.py", source), "t")) == '"new"'
    assert set(harness.executor._workers) == pids


def test_a_signal_ends_an_idle_process_and_another_takes_over(harness: Harness, file: DagFile) -> None:
    pid = int(returned(harness.run(file, "pid")))
    number = next(worker.number for worker in harness.executor._idle)
    os.kill(pid, signal.SIGTERM)
    harness.wait(lambda: number not in harness.executor._workers or not harness.executor._idle)
    assert int(returned(harness.run(file, "pid"))) != pid


def callback(file: DagFile, order: RunTask, task_id: str | None, name: str) -> RunCallback:
    return RunCallback(
        callback_pk=order.ti_pk,
        dag_file=file,
        dag_id="d",
        dag_run=order.dag_run,
        kind="dag" if task_id is None else "task",
        task_id=task_id,
        name=name,
        reason="because",
        log_path=order.log_path,
    )


@pytest.mark.parametrize(
    ("task_id", "name", "error", "seen"),
    [
        ("lost", "on_failure_callback", "on_failure_callback failing: RuntimeError: callback", "lost failed because"),
        (None, "on_success_callback", None, "pull success because"),
        (None, "on_failure_callback", None, None),
        ("absent", "on_failure_callback", "absent", None),
    ],
)
def test_a_callback_is_called_by_order(
    harness: Harness, file: DagFile, task_id: str | None, name: str, error: str | None, seen: str | None
) -> None:
    called = harness.folder / "called"
    called.unlink(missing_ok=True)
    order = callback(file, harness.order(file, "lost"), task_id, name)
    harness.executor.submit(order)
    harness.executor.flush()
    harness.wait(lambda: [report for report in harness.loop.inbox if isinstance(report, CallbackDone)])
    (done,) = [report for report in harness.loop.inbox if isinstance(report, CallbackDone)]
    assert done.callback_pk == order.callback_pk
    assert (done.error is None) == (error is None)
    assert (error or "") in (done.error or "")
    assert (called.read_text(encoding="utf-8") if called.exists() else None) == seen


@pytest.mark.parametrize(
    ("earliest", "last", "expected"),
    [
        (WHEN, None, (WHEN.replace(day=23), WHEN, WHEN.replace(day=23), None)),
        (WHEN, WHEN.replace(day=25), (WHEN.replace(day=26), WHEN.replace(day=25), WHEN.replace(day=26), None)),
        (None, None, (None, None, None, None)),
        (WHEN.replace(year=1999), None, (None, None, None, "ValueError: too early")),
    ],
)
def test_an_authors_timetable_is_asked(
    harness: Harness, file: DagFile, earliest: Any, last: Any, expected: tuple[Any, ...]
) -> None:
    answer = next_run(harness, file, earliest, last)
    assert answer.request_id == 9
    assert (answer.run_after, answer.interval_start, answer.interval_end, answer.error) == expected


def test_a_timetable_that_thinks_for_ever_is_interrupted(bad_files: dict[str, Harness]) -> None:
    harness = bad_files["warm"]
    harness.loop.inbox.clear()
    answer = next_run(harness, harness.write("dags.py", DAG_FILE), WHEN.replace(year=2051), None)
    assert "the timetable's answer took longer than 0.3 s" in (answer.error or "")


def next_run(harness: Harness, file: DagFile, earliest: Any, last: Any) -> NextRunComputed:
    harness.executor.submit(
        ComputeNextRun(
            request_id=9,
            dag_file=file,
            dag_id="d",
            last_interval_start=None if last is None else WHEN,
            last_interval_end=last,
            earliest=earliest,
            latest=None,
            catchup=True,
            now=WHEN,
        )
    )
    harness.executor.flush()
    harness.wait(lambda: [report for report in harness.loop.inbox if isinstance(report, NextRunComputed)])
    (answer,) = [report for report in harness.loop.inbox if isinstance(report, NextRunComputed)]
    return answer


WAITING = """
import os, time
from airflow import DAG
from airflow.operators.python import PythonOperator

def wait(ti):
    ti.xcom_push("pid", os.getpid())
    while not os.path.exists(__file__ + ".go_on"):
        time.sleep(0.01)

with DAG("d"):
    PythonOperator(task_id="wait", python_callable=wait)
"""


def test_a_try_that_outlives_its_scheduler_ends_in_silence(
    make_harness: Callable[..., Harness], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    harness = make_harness(isolation="fork")
    file = harness.write("waits.py", WAITING)
    order = harness.submit(harness.order(file, "wait"))
    child = os.pidfd_open(int(harness.pushed(order, "pid")))
    (worker,) = (worker for worker in harness.executor._workers.values() if worker.order is not None)
    # Nothing is read here any more: for the worker that is a scheduler which is gone.
    worker.close()
    Path(f"{file.path}.go_on").touch()
    assert select.select([child], [], [], 30)[0]
    os.close(child)
    assert "Traceback" not in capfd.readouterr().err


MAPPED = """
from airflow.sdk import DAG, task
with DAG("d"):
    @task
    def listing(): ...
    @task
    def take(value): return value
    take.expand(value=listing())
"""


@pytest.mark.parametrize("isolation", ["warm", "fork"])
def test_instances_of_a_map_read_their_list_once(make_harness: Callable[..., Harness], isolation: str) -> None:
    harness = make_harness(isolation=isolation)
    file = harness.write("mapped.py", MAPPED)
    asked: list[Any] = []
    record = {"dag_id": "d", "run_id": "r", "task_id": "listing", "key": "return_value", "value": b"[4,5,6]"}

    def answer(call: Any) -> Any:
        asked.append(call.arguments["task_id"])
        return record

    harness.loop.answers["get_xcom"] = answer
    ends = [harness.run(file, "take", map_index=index, expanded_ti_count=3) for index in (0, 2, 1)]
    assert [returned(end) for end in ends] == ["4", "6", "5"]
    assert asked == ["listing"]
