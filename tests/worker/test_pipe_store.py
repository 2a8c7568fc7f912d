"""Asking the scheduler through a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException, DagNotFound, DagRunAlreadyExists
from tradewind.sdk.ports import StoreUnavailableError
from tradewind.serialization.messages import (
    FrameBuffer,
    Kill,
    Report,
    Stop,
    StoreCall,
    StoreReply,
    XComPush,
    decode_report,
    frame,
)
from tradewind.serialization.records import ConnectionRecord, DagRecord, DagRunRecord, TaskInstanceRecord, XComRecord
from tradewind.worker.host.interrupts import Interrupts
from tradewind.worker.host.pipe_store import PipeStore, SchedulerPipe

from tests.worker.conftest import WHEN


class Scheduler:
    """The other end of the socket, in a thread: answers calls by the functions in `answers`."""

    def __init__(self, sock: socket.socket) -> None:
        self.answers: dict[str, Callable[[StoreCall], StoreReply]] = {}
        self.heard: list[Report] = []
        self.before_reply = b""
        self._sock = sock
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        buffer = FrameBuffer()
        while chunk := self._sock.recv(4096):
            for body in buffer.feed(chunk):
                report = decode_report(body)
                self.heard.append(report)
                if isinstance(report, StoreCall):
                    self._sock.sendall(self.before_reply + frame(self.answers[report.method](report)))

    def join(self) -> None:
        """Wait until the worker's end is closed and everything is heard."""
        self._thread.join()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def pipe(ends: tuple[socket.socket, socket.socket]) -> SchedulerPipe:
    pipe = SchedulerPipe(ends[0], Interrupts())
    pipe.open()
    return pipe


@pytest.fixture
def scheduler(ends: tuple[socket.socket, socket.socket], pipe: SchedulerPipe) -> Iterator[Scheduler]:
    scheduler = Scheduler(ends[1])
    yield scheduler
    ends[0].shutdown(socket.SHUT_RDWR)
    scheduler.join()


@pytest.fixture
def store(pipe: SchedulerPipe) -> PipeStore:
    return PipeStore(pipe)


def saying(result: Any) -> Callable[[StoreCall], StoreReply]:
    return lambda call: StoreReply(call_id=call.call_id, result=result)


def refusing(kind: str) -> Callable[[StoreCall], StoreReply]:
    return lambda call: StoreReply(call_id=call.call_id, error="no", error_kind=kind)


XCOM = XComRecord(dag_id="d", run_id="r", task_id="t", key="k", value=b"1", logical_date=WHEN)
RUN = DagRunRecord(dag_id="e", run_id="s", run_type="manual", state="running", run_after=WHEN)
INSTANCE = TaskInstanceRecord(dag_id="d", run_id="r", task_id="t", logical_date=WHEN)
CONNECTION = ConnectionRecord(conn_id="c", conn_type="http", port=80)
THERE = {"dag_id": "d", "run_id": "r", "task_id": "t"}


@pytest.mark.parametrize(
    ("method", "arguments", "result"),
    [
        ("get_variable", {"key": "k"}, "v"),
        ("get_variable", {"key": "k"}, None),
        ("delete_variable", {"key": "k"}, True),
        ("get_variable_keys", {"prefix": "p"}, ["pa"]),
        ("get_connection", {"conn_id": "c"}, CONNECTION),
        ("get_connection", {"conn_id": "c"}, None),
        ("get_xcom", THERE, XCOM),
        ("get_xcom", THERE, None),
        ("get_xcoms", {"dag_id": "d", "run_id": "r", "task_ids": ["t"]}, [XCOM]),
        ("get_xcom_map_indexes", {**THERE, "key": "k"}, [0, 5]),
        ("get_dag", {"dag_id": "e"}, DagRecord(dag_id="e", task_ids=["a"], task_groups={"g": ["a"]})),
        ("get_dag", {"dag_id": "e"}, None),
        ("get_dag_runs", {"dag_id": "e", "logical_dates": [WHEN]}, [RUN]),
        ("get_task_instances", {"dag_id": "d"}, [INSTANCE]),
        ("trigger_dag_run", {"dag_id": "e", "conf": {"a": 1}}, RUN),
        ("set_variable", {"key": "k", "value": "v"}, None),
        ("delete_xcoms", THERE, None),
    ],
)
def test_a_question_is_answered(
    store: PipeStore, scheduler: Scheduler, method: str, arguments: dict[str, Any], result: Any
) -> None:
    scheduler.answers[method] = saying(result)
    assert getattr(store, method)(**arguments) == result
    (call,) = scheduler.heard
    assert isinstance(call, StoreCall)
    assert arguments.items() <= call.arguments.items()


def test_any_sequence_will_do(store: PipeStore, scheduler: Scheduler) -> None:
    scheduler.answers["get_xcoms"] = saying([])
    assert store.get_xcoms(dag_id="d", run_id="r", task_ids={"t": 1}.keys(), map_indexes=range(2)) == []
    (call,) = scheduler.heard
    assert isinstance(call, StoreCall)
    assert (call.arguments["task_ids"], call.arguments["map_indexes"]) == (["t"], [0, 1])


@pytest.mark.parametrize(
    ("kind", "error"),
    [("not_found", AirflowNotFoundException), ("invalid", AirflowException), ("unavailable", StoreUnavailableError)],
)
def test_a_refusal_is_an_error(store: PipeStore, scheduler: Scheduler, kind: str, error: type[Exception]) -> None:
    scheduler.answers["get_variable"] = refusing(kind)
    with pytest.raises(error, match="no"):
        store.get_variable("k")


def test_a_run_that_is_there_is_told_apart_from_other_refusals(store: PipeStore, scheduler: Scheduler) -> None:
    scheduler.answers["trigger_dag_run"] = refusing("invalid")
    scheduler.answers["get_dag_runs"] = saying([RUN])
    with pytest.raises(DagRunAlreadyExists, match="'s'"):
        store.trigger_dag_run(dag_id="e", run_id="s")
    scheduler.answers["get_dag_runs"] = saying([])
    with pytest.raises(AirflowException, match="no"):
        store.trigger_dag_run(dag_id="e", run_id="s", logical_date=WHEN)
    with pytest.raises(AirflowException, match="no"):
        store.trigger_dag_run(dag_id="e")
    scheduler.answers["trigger_dag_run"] = refusing("not_found")
    with pytest.raises(DagNotFound):
        store.trigger_dag_run(dag_id="e")


def test_a_push_is_not_waited_for(
    store: PipeStore, scheduler: Scheduler, ends: tuple[socket.socket, socket.socket]
) -> None:
    store.ti_pk = 5
    store.set_xcom(dag_id="d", run_id="r", task_id="t", key="k", value=b"1")
    ends[0].shutdown(socket.SHUT_WR)
    scheduler.join()
    assert scheduler.heard == [XComPush(ti_pk=5, dag_id="d", run_id="r", task_id="t", key="k", value=b"1")]


def test_orders_that_come_with_an_answer_are_kept(pipe: SchedulerPipe, store: PipeStore, scheduler: Scheduler) -> None:
    scheduler.before_reply = frame(Kill(ti_pk=1, try_number=2)) + frame(Stop())
    scheduler.answers["get_variable"] = saying("v")
    assert store.get_variable("k") == "v"
    assert not pipe.is_killed(1, 1)
    assert pipe.is_killed(1, 2)
    assert not pipe.is_killed(1, 2)
    assert pipe.receive() == Stop()


def test_threads_ask_without_getting_in_each_others_way(store: PipeStore, scheduler: Scheduler) -> None:
    scheduler.answers["get_variable"] = lambda call: StoreReply(call_id=call.call_id, result=call.arguments["key"])
    answers: dict[int, list[str | None]] = {}

    def ask(number: int) -> None:
        answers[number] = [store.get_variable(f"{number}.{n}") for n in range(50)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: [f"{number}.{n}" for n in range(50)] for number in range(4)}


def test_without_a_scheduler_there_is_no_answer(
    pipe: SchedulerPipe, store: PipeStore, ends: tuple[socket.socket, socket.socket]
) -> None:
    ends[1].close()
    assert pipe.receive() is None
    with pytest.raises(StoreUnavailableError, match="gone"):
        store.get_variable("k")


def test_a_thread_that_outlives_its_task_gets_no_answer(pipe: SchedulerPipe, store: PipeStore) -> None:
    pipe.close()
    with pytest.raises(StoreUnavailableError, match="has ended"):
        store.get_variable("k")
