"""The triggerer with its child: what triggers say is written, whatever they do to themselves."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.core.clock import SystemClock
from tradewind.metadata.doorbell import Listener
from tradewind.metadata.doorbell.listening import listen
from tradewind.metadata.encryption import Cipher
from tradewind.metadata.jobs import JobStore
from tradewind.metadata.waits.triggers import TriggerStore
from tradewind.metadata.worker_store import DatabaseWorkerStore
from tradewind.serialization.messages import Deferral
from tradewind.serialization.records import ConnectionRecord
from tradewind.triggerer.messages import ChildOptions
from tradewind.triggerer.triggerer import Triggerer, TriggererOptions
from tradewind.xcom.values import decode_value, encode_value

from tests.scheduler.stage import S, Stage, dag

TOLD = "tests.triggerer.author_triggers.Told"
LIMIT_S = 30.0
_clock = SystemClock()


class Play:
    """A scheduler whose tasks are deferred, and triggerers that run their triggers."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        """Begin a run of three tasks."""
        self.stage = stage
        self.folder = folder
        self.triggerers: list[Triggerer] = []
        self.listeners: list[Listener] = []
        self.jobs = JobStore(stage.database, _clock)
        self.stage.deploy(dag(tasks="a, b, c"))
        self.stage.start()
        self.stage.trigger()

    def triggerer(self, **options: Any) -> Triggerer:
        """Start another triggerer."""
        job_pk = self.jobs.start("triggerer", "here", os.getpid())
        child = ChildOptions(folders=(str(Path(__file__).parents[2]),), blocked_after_s=0.1, kill_limit_s=0.2)
        options.setdefault("sweep_interval_s", 1000.0)
        made = Triggerer(
            store=TriggerStore(self.stage.database, _clock, job_pk, "here", 30.0),
            listener=self._listener(),
            answer=DatabaseWorkerStore(self.stage.database, _clock, Cipher("")).answer,
            log_path=lambda order: str(self.folder / f"{order.task_id}.log"),
            clock=_clock,
            options=TriggererOptions(child=child, shutdown_grace_s=5.0, **options),
            on_heartbeat=lambda: self.jobs.beat(job_pk),
        )
        made.start()
        self.triggerers.append(made)
        return made

    def _listener(self) -> Listener:
        self.listeners.append(listen(self.stage.database))
        return self.listeners[-1]

    def defer(self, task_id: str, what: str, path: Path | str = "", classpath: str = TOLD, **more: Any) -> None:
        """Let a task wait for a trigger that does what it is told."""
        kwargs = encode_value({"what": what, "path": str(path), **more})
        deferral = Deferral(classpath=classpath, kwargs=kwargs, next_method="go_on")
        self.stage.end(task_id, "deferred", deferral=deferral)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Let everybody go on until it is so."""
        end_s = time.monotonic() + LIMIT_S
        while not is_so():
            assert time.monotonic() < end_s, f"not within {LIMIT_S} s: {self.stage.states()}"
            for triggerer in self.triggerers:
                triggerer.step(0.02)
            self.stage.step()

    def event(self, task_id: str = "a") -> Any:
        """Return the event with which a task goes on, once it does."""
        self.until(lambda: task_id in self.stage.tries())
        resumption = self.stage.order(task_id).resumption
        assert resumption is not None
        if resumption.event is None:
            return decode_value(resumption.next_kwargs)
        return decode_value(resumption.event)

    def log(self, task_id: str = "a") -> str:
        """Return what stands in the log of a task."""
        return (self.folder / f"{task_id}.log").read_text(encoding="utf-8")

    def notes(self, path: Path) -> list[str]:
        """Return the traces that a trigger has left."""
        notes = Path(f"{path}.notes")
        return notes.read_text(encoding="utf-8").split() if notes.exists() else []


@pytest.fixture
def play(stage: Stage, tmp_path: Path) -> Iterator[Play]:
    """Give a play over each kind of database."""
    yield from _played(stage, tmp_path)


@pytest.fixture
def sqlite_play(sqlite_stage: Stage, tmp_path: Path) -> Iterator[Play]:
    """Give a play for what no database does differently."""
    yield from _played(sqlite_stage, tmp_path)


def _played(stage: Stage, tmp_path: Path) -> Iterator[Play]:
    made = Play(stage, tmp_path)
    yield made
    for triggerer in made.triggerers:
        triggerer.close()
    for listener in made.listeners:
        listener.close()


def test_an_event_reaches_the_task_and_the_log_is_the_tasks_own(play: Play) -> None:
    triggerer = play.triggerer()
    triggerer.step(0.0)
    assert triggerer.child_pid is None
    play.defer("a", "fire", x=1)
    event = play.event()
    assert event == {"pid": triggerer.child_pid, "x": 1}
    log = play.log()
    assert "INFO - fire begins" in log
    assert "\nfire prints\n" in log
    assert "fired: TriggerEvent" in log


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("raise", "RuntimeError: no such luck"),
        ("exit", "SystemExit: 3"),
        ("nothing", "the trigger ended without an event"),
        ("strange", "yielded 'no event', which is no TriggerEvent"),
        ("unserializable", "payload of the trigger's event at $.o is of type builtins.object"),
    ],
)
def test_a_bad_trigger_fails_its_own_task_only(sqlite_play: Play, what: str, said: str) -> None:
    sqlite_play.triggerer()
    sqlite_play.defer("b", "wait", sqlite_play.folder / "go")
    sqlite_play.defer("a", what)
    reason = sqlite_play.event()
    assert reason["error"] == "Trigger failure"
    assert said in "\n".join(reason["traceback"])
    (sqlite_play.folder / "go").touch()
    assert sqlite_play.event("b") == "there"


@pytest.mark.parametrize(
    ("classpath", "said"),
    [
        ("no.such.Trigger", "the trigger no.such.Trigger cannot be imported by the triggerer"),
        ("tests.triggerer.author_triggers.Gone", "has no trigger Gone"),
        ("tests.triggerer.author_triggers.Unmade", "unexpected keyword argument"),
    ],
)
def test_a_trigger_that_cannot_be_made_fails_its_task(sqlite_play: Play, classpath: str, said: str) -> None:
    sqlite_play.triggerer()
    sqlite_play.defer("a", "fire", classpath=classpath)
    assert said in "\n".join(sqlite_play.event()["traceback"])


def test_a_trigger_may_end_its_task(play: Play) -> None:
    play.triggerer()
    play.defer("a", "succeed")
    play.defer("b", "skip")
    play.until(lambda: {**play.stage.states(), "c": ""} == {"a": "success", "b": "skipped", "c": ""})
    assert play.stage.xcoms(play.stage.row("a").ti_pk) == {"return_value": b"5"}


def test_a_trigger_may_ask_for_connections(sqlite_play: Play) -> None:
    from tradewind.metadata.connections import ConnectionStore

    store = ConnectionStore(sqlite_play.stage.database, Cipher(""))
    store.set(ConnectionRecord(conn_id="c", conn_type="http", host="example.org"))
    sqlite_play.triggerer()
    sqlite_play.defer("a", "ask")
    assert sqlite_play.event() == "example.org"


@pytest.mark.parametrize("what", ["wait", "hang_on_kill"])
def test_a_user_who_ends_the_task_has_the_trigger_killed(play: Play, what: str) -> None:
    path = play.folder / "never"
    triggerer = play.triggerer()
    play.defer("a", what, path)
    play.until(lambda: play.notes(path) == ["wait"])
    play.stage.mark(S.FAILED, "a")
    play.until(lambda: play.notes(path) == ["wait", "kill", "cleanup"] and not triggerer.running)
    triggerer.step(0.0)
    assert play.stage._select("SELECT count(*) FROM trigger") == [(0,)]


def test_a_run_that_ends_cancels_without_a_kill(sqlite_play: Play) -> None:
    path = sqlite_play.folder / "never"
    triggerer = sqlite_play.triggerer()
    sqlite_play.stage.deploy(dag("other", tasks="t", dagrun_timeout_s=60.0))
    sqlite_play.stage.trigger("other")
    sqlite_play.defer("t", "wait", path)
    sqlite_play.until(lambda: sqlite_play.notes(path) == ["wait"])
    sqlite_play.stage.advance(61)
    sqlite_play.until(lambda: sqlite_play.notes(path) == ["wait", "cleanup"] and not triggerer.running)


def test_another_triggerer_takes_over_what_one_leaves(play: Play) -> None:
    path = play.folder / "go"
    first = play.triggerer()
    play.defer("a", "wait", path)
    play.until(lambda: play.notes(path) == ["wait"])
    first.close()
    play.triggerers.remove(first)
    assert play.notes(path) == ["wait", "cleanup"]
    play.triggerer()
    play.until(lambda: play.notes(path) == ["wait", "cleanup", "wait"])
    path.touch()
    assert play.event() == "there"


def test_a_child_that_is_killed_is_followed_by_another(sqlite_play: Play) -> None:
    path = sqlite_play.folder / "go"
    triggerer = sqlite_play.triggerer()
    sqlite_play.defer("a", "wait", path)
    sqlite_play.until(lambda: sqlite_play.notes(path) == ["wait"])
    assert triggerer.child_pid is not None
    os.kill(triggerer.child_pid, signal.SIGKILL)
    sqlite_play.until(lambda: sqlite_play.notes(path) == ["wait", "wait"])
    path.touch()
    assert sqlite_play.event() == "there"


def test_a_trigger_that_takes_the_process_with_it_harms_others_for_a_moment_only(sqlite_play: Play) -> None:
    sqlite_play.triggerer()
    sqlite_play.defer("a", "die", sqlite_play.folder / "died")
    sqlite_play.defer("b", "wait", sqlite_play.folder / "go")
    assert sqlite_play.event() == "lived"
    (sqlite_play.folder / "go").touch()
    assert sqlite_play.event("b") == "there"


def test_capacity_is_kept(sqlite_play: Play) -> None:
    triggerer = sqlite_play.triggerer(capacity=1)
    first, second = sqlite_play.folder / "1", sqlite_play.folder / "2"
    sqlite_play.defer("a", "wait", first)
    sqlite_play.defer("b", "wait", second)
    sqlite_play.until(lambda: sqlite_play.notes(first) == ["wait"])
    assert len(triggerer.running) == 1
    first.touch()
    sqlite_play.until(lambda: sqlite_play.notes(second) == ["wait"])


def test_a_trigger_that_blocks_the_loop_is_named(sqlite_play: Play, caplog: pytest.LogCaptureFixture) -> None:
    sqlite_play.triggerer()
    sqlite_play.defer("b", "wait", sqlite_play.folder / "go")
    sqlite_play.until(lambda: sqlite_play.notes(sqlite_play.folder / "go") == ["wait"])
    sqlite_play.defer("a", "block")
    assert sqlite_play.event() == "late"
    sqlite_play.until(lambda: "d/r1/a/1 (ID" in caplog.text)
    assert "time.sleep(0.5)" in caplog.text
    (sqlite_play.folder / "go").touch()
    assert sqlite_play.event("b") == "there"
