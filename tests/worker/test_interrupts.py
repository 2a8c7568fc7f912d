"""SIGTERM and time limits reach a task in its main thread, and nowhere else."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tradewind.sdk.exceptions import AirflowTaskTerminated, AirflowTaskTimeout
from tradewind.worker.host.interrupts import Interrupts, LeaveWorkerError
from tradewind.worker.host.processes import accept_signals, fork_child


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    handler = signal.getsignal(signal.SIGTERM)
    interrupts = Interrupts()
    interrupts.install()
    yield interrupts
    signal.signal(signal.SIGTERM, handler)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_calls_on_kill_before_it_raises(interrupts: Interrupts) -> None:
    steps: list[str] = []

    def unwind() -> None:
        try:
            terminate()
        finally:
            steps.append("unwound")

    with pytest.raises(AirflowTaskTerminated), interrupts.during(lambda: steps.append("on_kill")):
        unwind()
    assert steps == ["on_kill", "unwound"]
    assert interrupts.is_leaving


def test_sigterm_between_tasks_is_remembered(interrupts: Interrupts) -> None:
    terminate()
    assert interrupts.is_leaving
    with pytest.raises(AirflowTaskTerminated), interrupts.during(lambda: None):
        pytest.fail("the next task must not begin")


def test_sigterm_ends_a_worker_that_waits(interrupts: Interrupts) -> None:
    interrupts.is_idle = True
    with pytest.raises(LeaveWorkerError):
        terminate()


def test_an_interrupt_waits_for_the_end_of_a_message(interrupts: Interrupts) -> None:
    steps: list[str] = []

    def send() -> None:
        with interrupts.held(), interrupts.held():
            terminate()
            steps.append("sent")
        steps.append("went on")

    with pytest.raises(AirflowTaskTerminated), interrupts.during(lambda: steps.append("on_kill")):
        send()
    assert steps == ["sent", "on_kill"]


def test_an_interrupt_that_was_put_off_is_not_for_the_next_task(interrupts: Interrupts) -> None:
    with interrupts.held():
        with interrupts.during(lambda: None), interrupts.held():
            terminate()
        interrupts.is_leaving = False
    with interrupts.during(lambda: None), interrupts.held():
        pass


def test_another_thread_holds_nothing_back(interrupts: Interrupts) -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with interrupts.held():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait()
    with pytest.raises(AirflowTaskTerminated), interrupts.during(lambda: None):
        terminate()
    leave.set()
    thread.join()


def pause_within(interrupts: Interrupts, limit_s: float) -> None:
    with interrupts.time_limit(limit_s, "waiting"):
        signal.pause()


def test_a_time_limit_holds_inside_its_block_only(interrupts: Interrupts) -> None:
    with pytest.raises(AirflowTaskTimeout, match=r"waiting took longer than 0.01 s"):
        pause_within(interrupts, 0.01)
    with pytest.raises(AirflowTaskTimeout):
        pause_within(interrupts, -1)


@contextmanager
def other_timer(seconds: float) -> Iterator[list[int]]:
    """Set somebody else's timer and yield the alarms that its handler has had. The test runner's own stands still."""
    alarms: list[int] = []
    handler = signal.signal(signal.SIGALRM, lambda signum, _frame: alarms.append(signum))
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield alarms
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def test_somebody_elses_timer_goes_on(interrupts: Interrupts) -> None:
    with other_timer(100) as alarms:
        with interrupts.time_limit(50, "all"):
            assert signal.getitimer(signal.ITIMER_REAL)[0] <= 50
        assert 90 < signal.getitimer(signal.ITIMER_REAL)[0] <= 100
        signal.raise_signal(signal.SIGALRM)
        assert alarms == [signal.SIGALRM]


def test_no_limit_is_no_limit(interrupts: Interrupts) -> None:
    with other_timer(0), interrupts.time_limit(None, "all"):
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_sigterm_is_passed_on_to_the_child_that_runs_the_task(interrupts: Interrupts) -> None:
    def wait_to_be_ended() -> int:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        accept_signals()
        signal.pause()
        return 0

    child = fork_child(wait_to_be_ended)
    interrupts.forward_to(child)
    terminate()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
    assert interrupts.is_leaving
