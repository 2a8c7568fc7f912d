"""A small real loop around a LocalExecutor, and orders for it."""

from __future__ import annotations

import heapq
import selectors
import time
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import Any

from tradewind.core.clock import SystemClock
from tradewind.core.ids import TaskInstancePk
from tradewind.executors.local import LocalExecutor
from tradewind.executors.local_protocol import WorkerOptions
from tradewind.executors.port import CallbackLost, Lost
from tradewind.serialization.messages import (
    DagFile,
    DagRunFacts,
    Finished,
    Report,
    RunTask,
    Started,
    StoreCall,
    StoreReply,
    XComPush,
)

Delivery = Report | Lost | CallbackLost
WHEN = datetime(2026, 11, 22, 10, tzinfo=timezone.utc)
LIMIT_S = 30.0


class Loop:
    """The executor port's reactor: selector, timers, and an inbox that remembers everything."""

    def __init__(self) -> None:
        self.inbox: list[Delivery] = []
        self.calls: list[StoreCall] = []
        self.answers: dict[str, Callable[[StoreCall], object]] = {}
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, list[Callable[[], None]]]] = []
        self._numbers = count()

    def watch(self, fileno: int, on_readable: Callable[[], None]) -> None:
        """Watch a descriptor."""
        self._selector.register(fileno, selectors.EVENT_READ, on_readable)

    def unwatch(self, fileno: int) -> None:
        """Stop watching it."""
        self._selector.unregister(fileno)

    def call_after(self, delay_s: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back once."""
        box = [callback]
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._numbers), box))
        return box.clear

    def deliver(self, report: Delivery) -> None:
        """Remember a report."""
        self.inbox.append(report)

    def answer(self, call: StoreCall) -> StoreReply:
        """Answer by the functions in `answers`."""
        self.calls.append(call)
        answer = self.answers.get(call.method)
        if answer is None:
            return StoreReply(call_id=call.call_id, error=f"no {call.method} here", error_kind="not_found")
        return StoreReply(call_id=call.call_id, result=answer(call))

    def turn(self, limit_s: float) -> None:
        """Wait for one thing to happen, at most so long."""
        while self._timers and not self._timers[0][2]:
            heapq.heappop(self._timers)
        wait_s = min(limit_s, max(0.0, self._timers[0][0] - time.monotonic())) if self._timers else limit_s
        for key, _ in self._selector.select(wait_s):
            key.data()
        while self._timers and self._timers[0][0] <= time.monotonic():
            for callback in heapq.heappop(self._timers)[2]:
                callback()

    def close(self) -> None:
        """Give everything back."""
        self._selector.close()


class Harness:
    """An executor in its loop. Waits are for events and fail after a generous limit."""

    def __init__(self, folder: Path, *, isolation: str = "warm", **settings: Any) -> None:
        options = settings.pop("options", None) or WorkerOptions(isolation=isolation)
        self.folder = folder
        self.loop = Loop()
        self.executor = LocalExecutor(clock=SystemClock(), options=options, **settings)
        self.executor.start(self.loop)
        self._pks = count(1)

    def close(self) -> None:
        """Give everything back."""
        self.executor.stop(0)
        self.loop.close()

    def write(self, name: str, source: str) -> DagFile:
        """Write a DAG file; its fingerprint is its source."""
        path = self.folder / name
        path.write_text(source, encoding="utf-8")
        return DagFile(path=str(path), folder=str(self.folder), fingerprint=str(hash(source)))

    def order(self, file: DagFile, task_id: str, **fields: Any) -> RunTask:
        """Return an order for a first try of a task of DAG `d`."""
        pk = next(self._pks)
        run = DagRunFacts(
            pk=1,
            dag_id="d",
            run_id="r",
            run_type="manual",
            logical_date=WHEN,
            data_interval_start=WHEN,
            data_interval_end=WHEN,
            run_after=WHEN,
        )
        values: dict[str, Any] = {
            "ti_pk": pk,
            "try_number": 1,
            "max_tries": 0,
            "dag_file": file,
            "dag_id": "d",
            "task_id": task_id,
            "dag_run": run,
            "log_path": str(self.folder / "logs" / f"{pk}.log"),
        }
        return RunTask(**(values | fields))

    def submit(self, *orders: RunTask) -> RunTask:
        """Submit the orders; return the first."""
        for order in orders:
            self.executor.submit(order)
        self.executor.flush()
        return orders[0]

    def kill(self, order: RunTask, try_number: int = 1) -> None:
        """Ask the executor to stop a try."""
        self.executor.kill(TaskInstancePk(order.ti_pk), try_number)

    def wait(self, is_there: Callable[[], object], what: str = "it") -> None:
        """Turn the loop until the condition holds."""
        deadline = time.monotonic() + LIMIT_S
        while not is_there():
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"{what} did not happen; inbox: {self.loop.inbox}"
            self.loop.turn(min(left_s, 1.0))

    def ends(self) -> dict[int, list[Finished | Lost]]:
        """Return the ends that were delivered, by task instance."""
        ends: dict[int, list[Finished | Lost]] = {}
        for report in self.loop.inbox:
            if isinstance(report, (Finished, Lost)):
                ends.setdefault(report.ti_pk, []).append(report)
        return ends

    def end(self, order: RunTask) -> Finished | Lost:
        """Wait for the end of a try and return it."""
        self.wait(lambda: order.ti_pk in self.ends(), f"the end of {order.task_id}")
        return self.ends()[order.ti_pk][0]

    def finish(self, order: RunTask) -> Finished:
        """Wait for the end of a try, which its process has to report."""
        end = self.end(order)
        assert isinstance(end, Finished), end
        return end

    def loss(self, order: RunTask) -> Lost:
        """Wait for the end of a try, which the executor has to report."""
        end = self.end(order)
        assert isinstance(end, Lost), end
        return end

    def run(self, file: DagFile, task_id: str, **fields: Any) -> Finished:
        """Run a task to the end that its process reports."""
        return self.finish(self.submit(self.order(file, task_id, **fields)))

    def pushed(self, order: RunTask, key: str) -> bytes:
        """Wait for an XCom that a try pushes while it runs; return its value."""

        def find() -> XComPush | None:
            return next((push for push in self.pushes if (push.ti_pk, push.key) == (order.ti_pk, key)), None)

        self.wait(find, f"the XCom {key} of {order.task_id}")
        found = find()
        assert found is not None
        return found.value

    def started(self, order: RunTask) -> Started:
        """Wait for the begin of a try and return it."""

        def find() -> Started | None:
            return next((r for r in self.loop.inbox if isinstance(r, Started) and r.ti_pk == order.ti_pk), None)

        self.wait(find, f"the begin of {order.task_id}")
        found = find()
        assert found is not None
        return found

    def log_of(self, order: RunTask) -> str:
        """Return what is in the log."""
        return Path(order.log_path).read_text(encoding="utf-8", errors="replace")

    @property
    def pushes(self) -> list[XComPush]:
        """Every XCom pushed so far."""
        return [report for report in self.loop.inbox if isinstance(report, XComPush)]
