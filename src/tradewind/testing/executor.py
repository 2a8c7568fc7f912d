"""An executor that runs nothing: a test reads the orders it was given and says how each ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.core.ids import TaskInstancePk
from tradewind.executors.port import CallbackLost, Lost
from tradewind.serialization.messages import (
    CallbackDone,
    ComputeNextRun,
    Finished,
    NextRunComputed,
    RunCallback,
    RunTask,
    Started,
    XComPush,
)

if TYPE_CHECKING:
    from tradewind.core.clock import Clock
    from tradewind.executors.port import Reactor
    from tradewind.serialization.messages import StoreCall, StoreReply

    Order = RunTask | RunCallback | ComputeNextRun

PID = 4321
"""The process number that every try reports."""


class ScriptedExecutor:
    """A `tradewind.executors.port.Executor` for tests and simulation. What is open is in the order of its submission."""

    name = "ScriptedExecutor"

    def __init__(self, clock: Clock, *, parallelism: int = 32) -> None:
        """Report times by `clock`; more orders than `parallelism` are taken all the same, as the port asks."""
        self.orders: list[Order] = []
        """Every order so far; they are seen once the scheduler has flushed them."""
        self.kills: list[tuple[int, int]] = []
        """What was to be killed, as (ti_pk, try_number)."""
        self.tries: dict[tuple[int, int], RunTask] = {}
        """The tries that have not ended."""
        self.callbacks: dict[int, RunCallback] = {}
        """The callbacks that have not been carried out."""
        self.questions: dict[int, ComputeNextRun] = {}
        """The questions to timetables that have no answer."""
        self.is_stopped = False
        self.grace_s: float | None = None
        self._clock = clock
        self._parallelism = parallelism
        self._begun: set[tuple[int, int]] = set()
        self._submitted: list[Order] = []
        self._reactor: Reactor

    # ---- the port ----------------------------------------------------------------------------------------------------

    def start(self, reactor: Reactor) -> None:
        """Keep the loop to report to."""
        self._reactor = reactor

    @property
    def free_slots(self) -> int:
        """How many more orders it takes now."""
        return self._parallelism - len(self.tries) - len(self.callbacks) - len(self.questions)

    def submit(self, order: Order) -> None:
        """Take an order."""
        self._submitted.append(order)

    def kill(self, ti_pk: TaskInstancePk, try_number: int) -> None:
        """Note the wish; whether and how the try ends is the test's to say."""
        self.kills.append((ti_pk, try_number))

    def flush(self) -> None:
        """Let the test see what was submitted."""
        submitted, self._submitted = self._submitted, []
        for order in submitted:
            self.orders.append(order)
            if isinstance(order, RunTask):
                self.tries[order.ti_pk, order.try_number] = order
            elif isinstance(order, RunCallback):
                self.callbacks[order.callback_pk] = order
            else:
                self.questions[order.request_id] = order

    def stop(self, grace_s: float) -> None:
        """Lose everything that is open, however long the grace time, which is kept for the test to see."""
        self.grace_s = grace_s
        self.is_stopped = True
        for order in [*self.tries.values(), *self.callbacks.values(), *self.questions.values()]:
            self.lose(order, "the executor stopped")

    # ---- what the test says ------------------------------------------------------------------------------------------

    def begin(self, order: RunTask) -> None:
        """Report that the try began."""
        self._begun.add((order.ti_pk, order.try_number))
        self._reactor.deliver(
            Started(ti_pk=order.ti_pk, try_number=order.try_number, pid=PID, started_at=self._clock.now()),
        )

    def push(self, order: RunTask, key: str, value: bytes) -> None:
        """Report an XCom that the try pushes while it runs."""
        run = order.dag_run
        self._reactor.deliver(
            XComPush(
                ti_pk=order.ti_pk,
                dag_id=run.dag_id,
                run_id=run.run_id,
                task_id=order.task_id,
                key=key,
                value=value,
            ),
        )

    def end(self, order: RunTask, outcome: str = "success", **fields: Any) -> None:
        """Report how the try ended; `fields` are those of `Finished`."""
        self.tries.pop((order.ti_pk, order.try_number), None)
        now = self._clock.now()
        values: dict[str, Any] = {"started_at": now, "ended_at": now} | fields
        self._reactor.deliver(
            Finished(ti_pk=order.ti_pk, try_number=order.try_number, outcome=outcome, **values),
        )

    def lose(self, order: Order, reason: str = "its process is gone", *, was_started: bool | None = None) -> None:
        """Report that the process with the order is gone; the try counts as started when it was reported to have begun."""
        if isinstance(order, RunTask):
            key = order.ti_pk, order.try_number
            self.tries.pop(key, None)
            started = key in self._begun if was_started is None else was_started
            self._reactor.deliver(Lost(TaskInstancePk(order.ti_pk), order.try_number, started, reason))
        elif isinstance(order, RunCallback):
            self.callbacks.pop(order.callback_pk, None)
            self._reactor.deliver(CallbackLost(order.callback_pk, reason))
        else:
            self.answer(order, error=reason)

    def call_back(self, order: RunCallback, error: str | None = None) -> None:
        """Report that a callback was carried out."""
        self.callbacks.pop(order.callback_pk, None)
        self._reactor.deliver(CallbackDone(callback_pk=order.callback_pk, error=error))

    def answer(self, question: ComputeNextRun, **fields: Any) -> None:
        """Report what a timetable answered; `fields` are those of `NextRunComputed`."""
        self.questions.pop(question.request_id, None)
        self._reactor.deliver(NextRunComputed(request_id=question.request_id, **fields))

    def ask(self, call: StoreCall) -> StoreReply:
        """Ask the store as a worker does, at once."""
        return self._reactor.answer(call)
