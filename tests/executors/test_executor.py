"""What every executor does: the conformance suite of the port, run against LocalExecutor in both isolations."""

from __future__ import annotations

import os
import random
import select
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewind.executors.local_protocol import WorkerOptions
from tradewind.executors.port import Lost
from tradewind.serialization.messages import DagFile, Finished, Started

from tests.executors.local_harness import LIMIT_S, Harness

DAG_FILE = """
import ctypes, os, signal, subprocess, sys, time
from datetime import timedelta
from pathlib import Path
from airflow import DAG
from airflow.models import BaseOperator
from airflow.exceptions import *
from airflow.operators.python import PythonOperator

HERE = Path(__file__).parent


class WaitOperator(BaseOperator):
    def execute(self, context):
        context["ti"].xcom_push("began", value=True)
        signal.pause()

    def on_kill(self):
        Path(HERE, "on_kill").write_text(self.task_id)


class StubbornOperator(BaseOperator):
    def execute(self, context):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        context["ti"].xcom_push("began", value=True)
        while True:
            time.sleep(60)


def crash():
    ctypes.string_at(0)


def leave_a_program(ti):
    # In a session of its own: it leaves the worker's process group.
    program = subprocess.Popen(["sleep", "600"], start_new_session=True)
    ti.xcom_push("program", program.pid)
    signal.pause()


def print_much():
    line = "x" * 1023 + "\\n"
    for _ in range(100):
        sys.stdout.write(line * 1024)


def raising(error):
    def call():
        raise error
    return call


with DAG("d"):
    def python(task_id, function, **kwargs):
        PythonOperator(task_id=task_id, python_callable=function, show_return_value_in_logs=False, **kwargs)

    python("answer", lambda: 42)
    python("pid", os.getpid)
    python("nothing", lambda: None)
    python("several", lambda: {"a": 1, "b": [2]}, multiple_outputs=True)
    python("not_several", lambda: [1], multiple_outputs=True)
    python("no_push", lambda: 42, do_xcom_push=False)
    python("object", lambda: object())
    python("huge", lambda: "x" * (2 << 20))
    python("fail", lambda: 1 / 0)
    python("skip", raising(AirflowSkipException("not today")))
    python("fail_for_good", raising(AirflowFailException("never")))
    python("exit_0", lambda: sys.exit(0))
    python("exit_3", lambda: sys.exit(3))
    python("hard_exit", lambda: os._exit(7))
    python("crash", crash)
    python("slow", lambda: time.sleep(60), execution_timeout=timedelta(seconds=0.05))
    python("program", leave_a_program)
    python("print_much", print_much)
    python("busy", lambda: time.sleep(random.random() / 50))
    WaitOperator(task_id="wait")
    StubbornOperator(task_id="stubborn")

import random
"""


class Watched:
    """A process of which one wants to know whether it has ended."""

    def __init__(self, pid: int) -> None:
        self.fileno = os.pidfd_open(pid)

    def has_ended(self, limit_s: float = 0.0) -> bool:
        """Return whether it has ended, or does within the limit."""
        return bool(select.select([self.fileno], [], [], limit_s)[0])

    def is_dying(self) -> bool:
        """Return whether it ends without being told again: the kernel takes its time over a killed process."""
        try:
            return self.has_ended(LIMIT_S)
        finally:
            os.close(self.fileno)


@pytest.fixture
def file(harness: Harness) -> DagFile:
    return harness.write("dags.py", DAG_FILE)


@pytest.fixture
def own_file(own_harness: Harness) -> DagFile:
    return own_harness.write("dags.py", DAG_FILE)


def test_a_task_runs_and_reports_once(harness: Harness, file: DagFile) -> None:
    order = harness.order(file, "answer")
    harness.submit(order)
    end = harness.finish(order)
    assert (end.outcome, end.error, end.try_number) == ("success", None, 1)
    assert [(xcom.key, xcom.value) for xcom in end.xcoms] == [("return_value", b"42")]
    assert end.started_at <= end.ended_at
    kinds = [type(report) for report in harness.loop.inbox]
    assert kinds == [Started, Finished]


def test_many_tasks_each_begin_and_end_once(harness: Harness, file: DagFile) -> None:
    orders = [harness.order(file, "nothing") for _ in range(100)]
    waiting = list(orders)
    most = 0
    while len(harness.ends()) < len(orders):
        while waiting and harness.executor.free_slots > 0:
            harness.executor.submit(waiting.pop())
        harness.executor.flush()
        most = max(most, len(harness.executor._workers))
        harness.loop.turn(1.0)
    assert most <= harness.executor.parallelism
    assert all([type(end) for end in ends] == [Finished] for ends in harness.ends().values())
    begins = [report.ti_pk for report in harness.loop.inbox if isinstance(report, Started)]
    assert sorted(begins) == [order.ti_pk for order in orders]


def test_slots_are_counted(own_harness: Harness, own_file: DagFile) -> None:
    orders = [own_harness.order(own_file, "wait") for _ in range(5)]
    assert own_harness.executor.free_slots == 4
    for free, order in zip((3, 2, 1, 0, -1), orders, strict=True):
        own_harness.executor.submit(order)
        assert own_harness.executor.free_slots == free
    own_harness.executor.flush()
    own_harness.started(orders[3])
    assert own_harness.executor.free_slots == -1


@pytest.mark.parametrize(
    ("task_id", "outcome", "message"),
    [
        ("fail", "failed", "ZeroDivisionError: division by zero"),
        ("skip", "skipped", "not today"),
        ("fail_for_good", "fail_without_retry", "AirflowFailException: never"),
        ("exit_0", "failed", "sys.exit(0)"),
        ("exit_3", "failed", "sys.exit(3)"),
        ("slow", "failed", "AirflowTaskTimeout: the task's execution_timeout is over: it took longer than 0.05 s"),
        ("object", "failed", "return_value"),
        (
            "not_several",
            "failed",
            "TypeError: task 'not_several' has multiple_outputs and must return a dict, not list",
        ),
        ("absent", "failed", "absent"),
    ],
)
def test_what_a_task_raises_decides(harness: Harness, file: DagFile, task_id: str, outcome: str, message: str) -> None:
    end = harness.run(file, task_id)
    assert (end.outcome, end.xcoms) == (outcome, ())
    assert end.error is not None
    assert message in end.error
    assert "\n" not in end.error


def test_what_a_task_returns_becomes_xcoms(harness: Harness, file: DagFile) -> None:
    pushed = {xcom.key: xcom.value for xcom in harness.run(file, "several").xcoms}
    assert pushed == {"a": b"1", "b": b"[2]", "return_value": b'{"a":1,"b":[2]}'}
    assert harness.run(file, "nothing").xcoms == ()
    assert harness.run(file, "no_push").xcoms == ()


def test_an_xcom_that_is_too_large_fails_the_task(make_harness: Callable[..., Harness], isolation: str) -> None:
    harness = make_harness(options=WorkerOptions(isolation=isolation, xcom_max_bytes=1 << 20))
    end = harness.run(harness.write("dags.py", DAG_FILE), "huge")
    assert end.outcome == "failed"
    assert "'return_value' of task 'huge' is 2.0 MiB" in (end.error or "")


@pytest.mark.parametrize(("task_id", "reason"), [("hard_exit", "exited with code 7"), ("crash", "killed by SIGSEGV")])
def test_a_process_that_ends_without_a_word_is_lost(harness: Harness, file: DagFile, task_id: str, reason: str) -> None:
    order = harness.order(file, task_id)
    harness.submit(order)
    end = harness.loss(order)
    assert end.was_started
    assert reason in end.reason
    assert harness.run(file, "answer").outcome == "success"
    assert len(harness.ends()[order.ti_pk]) == 1


def test_a_killed_worker_is_lost_and_so_is_what_it_had_started(harness: Harness, file: DagFile) -> None:
    order = harness.order(file, "program")
    harness.submit(order)
    pid = harness.started(order).pid
    program = Watched(int(harness.pushed(order, "program")))
    assert not program.has_ended()
    os.kill(pid, signal.SIGKILL)
    end = harness.loss(order)
    assert end.reason == "killed by SIGKILL (out of memory?)"
    assert program.is_dying()


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_each_try_ends_once(own_harness: Harness, own_file: DagFile, seed: int) -> None:
    chance = random.Random(seed)
    orders = [own_harness.order(own_file, "busy") for _ in range(40)]
    waiting = list(orders)
    while len(own_harness.ends()) < len(orders):
        while waiting and own_harness.executor.free_slots > 0:
            own_harness.executor.submit(waiting.pop())
        own_harness.executor.flush()
        own_harness.loop.turn(1.0)
        begins = [report.pid for report in own_harness.loop.inbox[-4:] if isinstance(report, Started)]
        if begins and chance.random() < 0.2:
            try:
                os.kill(chance.choice(begins), signal.SIGKILL)
            except ProcessLookupError:
                continue
    ends = own_harness.ends()
    assert sorted(ends) == [order.ti_pk for order in orders]
    assert all(len(of_one) == 1 for of_one in ends.values())
    # An idle worker may have been hit last: its next order is lost before it begins.
    last = [own_harness.end(own_harness.submit(own_harness.order(own_file, "answer"))) for _ in range(5)]
    assert isinstance(last[-1], Finished)
    assert not any(end.was_started for end in last if isinstance(end, Lost))


def test_another_forker_takes_the_place_of_a_killed_one(own_harness: Harness, own_file: DagFile) -> None:
    order = own_harness.order(own_file, "wait")
    own_harness.submit(order)
    worker = Watched(own_harness.started(order).pid)
    own_harness.pushed(order, "began")
    os.kill(own_harness.executor._forker.pid, signal.SIGKILL)
    end = own_harness.loss(order)
    assert end.was_started
    assert "the process that starts workers ended (SIGKILL)" in end.reason
    assert worker.is_dying()
    assert own_harness.run(own_file, "answer").outcome == "success"
    assert len(own_harness.ends()[order.ti_pk]) == 1


def test_a_try_is_stopped_on_request(own_harness: Harness, own_file: DagFile) -> None:
    order, other = own_harness.order(own_file, "wait"), own_harness.order(own_file, "wait")
    own_harness.submit(order, other)
    own_harness.pushed(order, "began")
    own_harness.pushed(other, "began")
    own_harness.kill(order, 2)
    own_harness.kill(order, 1)
    end = own_harness.finish(order)
    assert end.outcome == "killed"
    assert (own_harness.folder / "on_kill").read_text(encoding="utf-8") == "wait"
    assert other.ti_pk not in own_harness.ends()
    assert own_harness.run(own_file, "answer").outcome == "success"


def test_a_signal_that_nobody_asked_for_fails_the_try(harness: Harness, file: DagFile) -> None:
    order = harness.order(file, "wait")
    harness.submit(order)
    pid = harness.started(order).pid
    harness.pushed(order, "began")
    os.kill(pid, signal.SIGTERM)
    end = harness.finish(order)
    assert end.outcome == "failed"


def test_a_try_that_does_not_stop_is_killed(make_harness: Callable[..., Harness], isolation: str) -> None:
    harness = make_harness(isolation=isolation, kill_grace_s=0.1)
    order = harness.order(harness.write("dags.py", DAG_FILE), "stubborn")
    harness.submit(order)
    worker = Watched(harness.started(order).pid)
    harness.pushed(order, "began")
    harness.kill(order, 1)
    end = harness.loss(order)
    assert end.reason == "killed: it did not end within 0.1 s of SIGTERM"
    assert worker.is_dying()


def test_a_try_that_no_worker_has_yet_is_withdrawn(harness: Harness, file: DagFile) -> None:
    order = harness.order(file, "answer")
    before = harness.executor.free_slots
    harness.executor.submit(order)
    harness.kill(order, 1)
    assert not harness.loss(order).was_started
    assert harness.executor.free_slots == before


def test_stopping_reports_whatever_was_there(own_harness: Harness, own_file: DagFile) -> None:
    running = own_harness.order(own_file, "wait")
    own_harness.submit(running)
    worker = Watched(own_harness.started(running).pid)
    own_harness.pushed(running, "began")
    waiting = own_harness.order(own_file, "answer")
    own_harness.executor.submit(waiting)
    own_harness.executor.stop(0)
    assert own_harness.finish(running).outcome == "killed"
    assert not own_harness.loss(waiting).was_started
    assert worker.is_dying()
    assert (own_harness.folder / "on_kill").exists()


def test_output_of_100_mib_is_harmless(harness: Harness, file: DagFile) -> None:
    order = harness.order(file, "print_much")
    harness.submit(order)
    assert harness.finish(order).outcome == "success"
    assert Path(order.log_path).stat().st_size > 100 << 20
    assert harness.run(file, "answer").outcome == "success"


def test_a_changed_file_is_imported_afresh(harness: Harness, file: DagFile) -> None:
    assert [xcom.value for xcom in harness.run(file, "answer").xcoms] == [b"42"]
    changed = harness.write("dags.py", DAG_FILE.replace("lambda: 42", "lambda: 43"))
    for _ in range(3):
        assert harness.run(changed, "answer").xcoms[0].value == b"43"
