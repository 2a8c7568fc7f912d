"""The triggerer: claims triggers from the database, has its child run them, and writes what they say.

The database is the truth: what a triggerer runs it has claimed there, and when it dies another one claims the same. This
process imports no author code and holds little; one thread, which waits for the doorbell, the child and its own beat.
"""

from __future__ import annotations

import logging
import selectors
import socket
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from tradewind.metadata.doorbell.ring import RESYNC, TRIGGER
from tradewind.metadata.errors import DatabaseUnavailableError
from tradewind.metadata.waits.triggers import FiredTrigger
from tradewind.serialization.messages import StoreCall
from tradewind.triggerer.child_link import ChildLink
from tradewind.triggerer.messages import Blocked, CancelTrigger, ChildOptions, ChildReady, Ended, Fired, RunTrigger

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from tradewind.core.clock import Clock
    from tradewind.metadata.doorbell import Listener
    from tradewind.metadata.waits.triggers import ClaimedTrigger, TriggerStore
    from tradewind.serialization.messages import RunTask, StoreReply
    from tradewind.triggerer.messages import Report

_log = logging.getLogger(__name__)

_TRY_AGAIN_S = 1.0
_LONGEST_DELAY_S = 30.0
_STEADY_S = 60.0
"""A child that lived so long is started again at once when it dies."""
_IDLE_S = 30.0
"""A child with nothing to run stays for so long, then its memory is given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggererOptions:
    """What the triggerer is told by the composition root. Durations in seconds."""

    capacity: int = 1000
    heartbeat_interval_s: float = 5.0
    sweep_interval_s: float = 15.0
    """So often it looks for triggers that no bell announced, and for those of triggerers that are gone."""
    shutdown_grace_s: float = 5.0
    queues: frozenset[str] | None = None
    """Triggers of tasks of these queues only; None: of all."""
    child: ChildOptions = field(default_factory=ChildOptions)


class Triggerer:
    """One triggerer process. Build it, call `run` in the main thread, `wake` from a signal handler."""

    def __init__(
        self,
        *,
        store: TriggerStore,
        listener: Listener,
        answer: Callable[[StoreCall], StoreReply],
        log_path: Callable[[RunTask], str],
        clock: Clock,
        options: TriggererOptions,
        on_heartbeat: Callable[[], None],
    ) -> None:
        """Take the ports. `log_path` names the log file of the try that waits."""
        self.running: dict[int, ClaimedTrigger] = {}
        """What the child has been given and has not ended."""
        self._store = store
        self._listener = listener
        self._answer = answer
        self._log_path = log_path
        self._clock = clock
        self._options = options
        self._on_heartbeat = on_heartbeat
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        self._child: ChildLink | None = None
        self._started_at_s = 0.0
        self._delay_s = 0.0
        self._start_at_s: float | None = None
        self._idle_since_s = 0.0
        self._fired: list[FiredTrigger] = []
        self._buried: list[int] = []
        self._must_claim = True
        self._must_compare = False
        self._retry_at_s = 0.0
        self._beat_at_s = 0.0
        self._sweep_at_s = 0.0

    # ---- life --------------------------------------------------------------------------------------------------------

    def run(self, stopping: Event, on_ready: Callable[[], None] | None = None) -> None:
        """Run triggers until `stopping` is set; then leave them to others."""
        self.start()
        if on_ready is not None:
            on_ready()
        try:
            while not stopping.is_set():
                self.step()
        finally:
            self.close()

    def start(self) -> None:
        """Begin to listen."""
        self._selector.register(self._listener.fileno(), selectors.EVENT_READ, self._hear)
        self._selector.register(self._wake_in, selectors.EVENT_READ, self._swallow_wakes)
        now_s = self._clock.monotonic()
        self._beat_at_s = now_s + self._options.heartbeat_interval_s
        self._sweep_at_s = now_s + self._options.sweep_interval_s

    def step(self, most_s: float | None = None) -> None:
        """Do what there is to do, then wait until there is more, for `most_s` at most."""
        now_s = self._clock.monotonic()
        if now_s >= self._beat_at_s:
            self._on_heartbeat()
            self._beat_at_s = now_s + self._options.heartbeat_interval_s
        if now_s >= self._sweep_at_s:
            self._must_claim = self._must_compare = True
            self._sweep_at_s = now_s + self._options.sweep_interval_s
        self._work()
        until_s = min(self._beat_at_s, self._sweep_at_s, *self._own_times())
        rest_s = until_s - self._clock.monotonic()
        self._wait(rest_s if most_s is None else min(rest_s, most_s))

    def wake(self) -> None:
        """End the present wait. Safe from a signal handler."""
        try:
            self._wake_out.send(b"w")
        except BlockingIOError:
            return

    def _own_times(self) -> list[float]:
        times: list[float] = []
        if self._start_at_s is not None:
            times.append(self._start_at_s)
        if self._child is not None and not self.running:
            times.append(self._idle_since_s + _IDLE_S)
        if self._has_writes or self._must_claim or self._must_compare:
            times.append(self._retry_at_s)
        return times

    def _wait(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(max(0.0, timeout_s)):
            key.data()

    def close(self) -> None:
        """End the child and leave its triggers to others."""
        if self._child is not None:
            self._child.close(self._options.shutdown_grace_s)
        try:
            self._write()
            self._store.give_back()
        except DatabaseUnavailableError as error:
            _log.warning("triggers not given back, others take them when this one counts as gone: %s", error)
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    # ---- work --------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Write what has come, claim and compare where there is reason to; all of it again later when the database is away."""
        if self._clock.monotonic() < self._retry_at_s:
            return
        try:
            self._write()
            if self._must_compare:
                self._compare()
            if self._must_claim:
                self._claim()
        except DatabaseUnavailableError as error:
            _log.warning("cannot reach the database, trying again in %g s: %s", _TRY_AGAIN_S, error)
            self._retry_at_s = self._clock.monotonic() + _TRY_AGAIN_S
        self._look_after_child()

    @property
    def child_pid(self) -> int | None:
        """The process that runs the triggers, None while there is none."""
        return None if self._child is None else self._child.pid

    @property
    def _has_writes(self) -> bool:
        return bool(self._fired or self._buried)

    def _write(self) -> None:
        if self._fired:
            self._store.fire(self._fired)
            self._fired = []
        if self._buried:
            self._store.bury(self._buried)
            self._buried = []

    def _claim(self) -> None:
        claimed = self._store.claim(self._options.capacity - len(self.running), self._options.queues)
        self._must_claim = False
        for one in claimed:
            self.running[one.trigger_pk] = one
        if self._child is not None:
            self._child.send(*map(self._order, claimed))

    def _compare(self) -> None:
        """Cancel what is wanted no more, kill what a user ended."""
        own = self._store.own()
        self._must_compare = False
        strays = own.keys() - self.running.keys()
        if strays:
            # A user ended the task while its trigger fired: it is begun again, to be killed.
            self._store.leave(sorted(strays))
            self._must_claim = True
        for pk, one in list(self.running.items()):
            is_killed = own.get(pk)
            if is_killed is False or (is_killed and one.is_killed):
                continue
            if is_killed:
                self.running[pk] = replace(one, is_killed=True)
            if self._child is not None:
                self._child.send(CancelTrigger(trigger_pk=pk, kills=bool(is_killed)))
            if is_killed is None:
                self._drop(pk)

    def _order(self, one: ClaimedTrigger) -> RunTrigger:
        waiter = one.waiter
        return RunTrigger(
            trigger_pk=one.trigger_pk,
            classpath=one.classpath,
            kwargs=one.kwargs,
            waiter=None if waiter is None else msgspec.structs.replace(waiter, log_path=self._log_path(waiter)),
            starts_task=one.starts_task,
            kills=one.is_killed,
        )

    def _drop(self, trigger_pk: int) -> None:
        if self.running.pop(trigger_pk, None) is not None:
            self._idle_since_s = self._clock.monotonic()
            # There is room for one that waits.
            self._must_claim = self._must_claim or len(self.running) == self._options.capacity - 1

    # ---- what is heard -----------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        try:
            rings = self._listener.drain()
        except DatabaseUnavailableError as error:
            _log.warning("deaf to changes by others: %s", error)
            self._must_claim = self._must_compare = True
            self._retry_at_s = self._clock.monotonic() + _TRY_AGAIN_S
            return
        for ring in rings:
            if ring == RESYNC:
                self._must_claim = self._must_compare = True
            elif ring.topic == TRIGGER:
                self._must_claim |= ring.payload == "new"
                self._must_compare |= ring.payload == "gone"

    def _swallow_wakes(self) -> None:
        self._wake_in.recv(4096)

    def _take(self, report: Report) -> None:
        match report:
            case Fired():
                self._fired.append(FiredTrigger(report.trigger_pk, report.outcome, report.payload))
                if report.is_last:
                    self._drop(report.trigger_pk)
            case Ended():
                one = self.running.get(report.trigger_pk)
                if one is not None and one.is_killed:
                    self._buried.append(report.trigger_pk)
                elif one is not None and one.waiter is None:
                    # One that watches begins again for as long as it is wanted.
                    self._must_compare = True
                self._drop(report.trigger_pk)
            case Blocked():
                _log.warning(
                    "the loop of the triggers stands still for %.1f s: %s is at work without a pause, in\n%s\n"
                    "Whatever blocks there should be awaited, or run in a thread: all other triggers wait for it",
                    report.for_s,
                    report.name,
                    report.where,
                )
            case StoreCall():
                if self._child is not None:
                    self._child.send(self._answer(report))
            case ChildReady():
                self._delay_s = 0.0

    # ---- the child ---------------------------------------------------------------------------------------------------

    def _look_after_child(self) -> None:
        now_s = self._clock.monotonic()
        if self._child is None and self.running and (self._start_at_s is None or now_s >= self._start_at_s):
            self._start_at_s = None
            self._started_at_s = now_s
            self._child = ChildLink(self._options.child, self._selector, self._take, self._lose)
            self._child.send(*map(self._order, self.running.values()))
        elif self._child is not None and not self.running and now_s >= self._idle_since_s + _IDLE_S:
            child, self._child = self._child, None
            child.close(self._options.shutdown_grace_s)

    def _lose(self, how: str) -> None:
        """The child is dead: its triggers begin again in another one, later and later when that dies soon."""
        self._child = None
        now_s = self._clock.monotonic()
        is_steady = now_s - self._started_at_s >= _STEADY_S
        self._delay_s = 0.0 if is_steady else min(_LONGEST_DELAY_S, max(_TRY_AGAIN_S, 2 * self._delay_s))
        self._start_at_s = now_s + self._delay_s
        _log.error("the process that runs triggers ended (%s): starting another one in %g s", how, self._delay_s)
