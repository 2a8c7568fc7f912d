"""The loop in which all triggers of this process run, each as a task of its own."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from tradewind.triggerer.child.log import log_to
from tradewind.triggerer.child.making import failed, judged, make_trigger
from tradewind.triggerer.messages import CancelTrigger, ChildReady, Ended, Fired, RunTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tradewind.sdk.triggers.trigger import BaseTrigger
    from tradewind.triggerer.messages import Order, Report

_log = logging.getLogger("tradewind.trigger")

KILL_LIMIT_S = 30.0
CLEANUP_LIMIT_S = 30.0


class TriggerLoop:
    """Runs triggers as ordered and reports what becomes of them."""

    def __init__(self, send: Callable[[Report], None], kill_limit_s: float = KILL_LIMIT_S) -> None:
        """Report through `send`. `on_kill` of a trigger may take `kill_limit_s`."""
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self._send = send
        self._kill_limit_s = kill_limit_s
        self._killed: set[int] = set()
        self._leaving = asyncio.Event()

    async def run(self) -> None:
        """Serve until told to leave; then every trigger has cleaned up."""
        self._send(ChildReady())
        await self._leaving.wait()
        tasks = list(self.tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def leave(self) -> None:
        """End soon."""
        self._leaving.set()

    def take(self, orders: Iterable[Order]) -> None:
        """Carry orders out, in order."""
        for order in orders:
            if isinstance(order, RunTrigger):
                self._start(order)
            elif isinstance(order, CancelTrigger):
                self._cancel(order)
            else:
                self.leave()

    def _start(self, order: RunTrigger) -> None:
        pk = order.trigger_pk
        if pk in self.tasks:
            # A watcher that begins again while it still cleans up.
            self.tasks[pk].add_done_callback(lambda _task: self._start(order))
            return
        task = asyncio.get_running_loop().create_task(self._live(order), name=name_of(order))
        self.tasks[pk] = task
        task.add_done_callback(lambda _task: self._forget(pk))

    def _cancel(self, order: CancelTrigger) -> None:
        task = self.tasks.get(order.trigger_pk)
        if task is None:
            self._send(Ended(trigger_pk=order.trigger_pk))
            return
        if order.kills:
            self._killed.add(order.trigger_pk)
        task.cancel()

    def _forget(self, trigger_pk: int) -> None:
        self.tasks.pop(trigger_pk, None)
        self._killed.discard(trigger_pk)

    async def _live(self, order: RunTrigger) -> None:
        """Run one trigger from its making to its cleanup. Whatever it raises ends it alone, SystemExit included."""
        pk = order.trigger_pk
        log_to(order.waiter.log_path if order.waiter is not None else "")
        trigger: BaseTrigger | None = None
        has_ended = False
        try:
            trigger = await make_trigger(order)
            if order.kills:
                await self._kill(trigger)
                has_ended = True
            else:
                _log.info("Trigger %s started", name_of(order))
                has_ended = await self._wait_for(trigger, order)
        except asyncio.CancelledError:
            if pk in self._killed and trigger is not None:
                await self._kill(trigger)
            self._send(Ended(trigger_pk=pk))
        except BaseException as error:  # noqa: BLE001 - author code ends its own trigger, not the loop
            _log.error("Trigger %s failed", name_of(order), exc_info=error)
            self._send(Ended(trigger_pk=pk) if order.kills else failed(pk, error))
        finally:
            if trigger is not None:
                await self._clean_up(trigger)
        if has_ended:
            self._send(Ended(trigger_pk=pk))

    async def _wait_for(self, trigger: BaseTrigger, order: RunTrigger) -> bool:
        """Report what the trigger yields; return whether it is one that watches and has come to its end."""
        events: Any = trigger.run()
        has_task = order.waiter is not None
        has_fired = False
        try:
            async for event in events:
                fired = judged(order.trigger_pk, event, is_last=has_task)
                _tell(order, fired, event)
                self._send(fired)
                has_fired = True
                if fired.is_last:
                    return False
        finally:
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()
        if has_fired:
            return True
        raise RuntimeError("the trigger ended without an event")

    async def _kill(self, trigger: BaseTrigger) -> None:
        _log.info("A user ended the task: on_kill() of the trigger is called")
        try:
            await asyncio.wait_for(trigger.on_kill(), self._kill_limit_s)
        except (asyncio.TimeoutError, TimeoutError):
            _log.warning("on_kill() took longer than %g s: given up", self._kill_limit_s)
        except asyncio.CancelledError:
            _log.warning("on_kill() was interrupted: the triggerer stops")
        except Exception:  # noqa: BLE001 - author code
            _log.warning("on_kill() failed", exc_info=True)

    @staticmethod
    async def _clean_up(trigger: BaseTrigger) -> None:
        try:
            await asyncio.wait_for(trigger.cleanup(), CLEANUP_LIMIT_S)
        except asyncio.CancelledError:
            _log.warning("cleanup() was interrupted: the triggerer stops")
        except Exception:  # noqa: BLE001 - author code
            _log.warning("cleanup() of the trigger failed", exc_info=True)


def name_of(order: RunTrigger) -> str:
    """Return what a trigger is called in messages: the try that waits for it, and its number."""
    waiter = order.waiter
    number = f"(ID {order.trigger_pk})"
    if waiter is None:
        return f"{order.classpath} {number}"
    place = f"/{waiter.map_index}" if waiter.map_index >= 0 else ""
    return f"{waiter.dag_id}/{waiter.dag_run.run_id}/{waiter.task_id}{place}/{waiter.try_number} {number}"


def _tell(order: RunTrigger, fired: Fired, event: Any) -> None:
    if fired.outcome == "error":
        _log.error("Trigger %s: what it yielded is of no use: %r", name_of(order), event)
    else:
        _log.info("Trigger %s fired: %r", name_of(order), event)
