"""What tasks of a run under test wait for: triggers run in this process, and people are asked at the terminal."""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.serialization.human_answers import (
    AnswerError,
    answer_event,
    check_answer,
    default_input,
    too_late_event,
)
from tradewind.triggerer.child.loop import TriggerLoop
from tradewind.triggerer.messages import CancelTrigger, Fired, Leave, RunTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.core.clock import Clock
    from tradewind.serialization.messages import Deferral, HumanQuestion, RunTask
    from tradewind.triggerer.messages import Order, Report

_log = logging.getLogger("tradewind.task")


class InlineTriggers:
    """The triggers of one run under test, in a loop beside it: each runs from the deferral of its task to its event."""

    def __init__(self, clock: Clock) -> None:
        """Run nothing yet."""
        self._clock = clock
        self._fired: queue.SimpleQueue[Fired] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._triggers: TriggerLoop | None = None
        self._thread: threading.Thread | None = None
        self._running: set[int] = set()

    def next_fired(self, waits: Mapping[int, tuple[Deferral, RunTask]]) -> Fired:
        """Return how the first of these waits, by slot, ends: by its trigger, or because its time is over."""
        for slot, (deferral, order) in waits.items():
            if slot not in self._running:
                self._start(slot, deferral, order)
        limits = [(deferral.due_at, slot) for slot, (deferral, _) in waits.items() if deferral.due_at is not None]
        until, late = min(limits, default=(None, 0))
        rest_s = None if until is None else max(0.0, (until - self._clock.now()).total_seconds())
        try:
            fired = self._fired.get(timeout=rest_s)
        except queue.Empty:
            self._order(CancelTrigger(trigger_pk=late))
            deferral = waits[late][0]
            fired = Fired(trigger_pk=late, outcome=deferral.due_outcome, payload=deferral.due_payload)
        self._running.discard(fired.trigger_pk)
        return fired

    def close(self) -> None:
        """Cancel what still runs."""
        if self._thread is not None:
            self._order(Leave())
            self._thread.join()

    def _start(self, slot: int, deferral: Deferral, order: RunTask) -> None:
        self._running.add(slot)
        self._order(
            RunTrigger(
                trigger_pk=slot,
                classpath=deferral.classpath,
                kwargs=deferral.kwargs,
                waiter=order,
                starts_task=order.first_started_at is None,
            )
        )

    def _order(self, order: Order) -> None:
        if self._thread is None:
            ready = threading.Event()
            self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
            self._thread.start()
            ready.wait()
        if self._loop is not None and self._triggers is not None:
            self._loop.call_soon_threadsafe(self._triggers.take, [order])

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._triggers = TriggerLoop(self._take)
        ready.set()
        await self._triggers.run()

    def _take(self, report: Report) -> None:
        if isinstance(report, Fired):
            self._fired.put(report)


class Answers:
    """Answers to the questions of tasks: given beforehand, or asked for at the terminal."""

    def __init__(self, given: Mapping[str, str], clock: Clock) -> None:
        """Take answers by task_id: options with commas between them, or a JSON object as the REST API takes it."""
        self._given = dict(given)
        self._clock = clock

    def event_for(self, task_id: str, question: HumanQuestion) -> bytes:
        """Return the event that ends the wait: an answer, the defaults, or that nobody answered.

        Raises `AnswerError` for a given answer that does not fit.
        """
        text = self._given.get(task_id)
        if text is not None:
            chosen, params = parse_answer(text)
            check_answer(question, chosen, params)
            return self._event(chosen, params)
        if sys.stdin is not None and sys.stdin.isatty():
            return self._ask(task_id, question)
        if question.defaults is None:
            _log.warning(
                "Task %s asks a person, and nobody is here to answer: give --answer %s=OPTION", task_id, task_id
            )
            return too_late_event()
        _log.warning("Task %s asks a person: its defaults %s are the answer", task_id, question.defaults)
        return answer_event(question.defaults, default_input(question), self._clock.now(), None, timed_out=True)

    def _event(self, chosen: list[str], params: dict[str, Any]) -> bytes:
        return answer_event(chosen, params, self._clock.now(), {"id": "test", "name": "test"})

    def _ask(self, task_id: str, question: HumanQuestion) -> bytes:
        lines = [f"Task {task_id} asks: {question.subject}", question.body or ""]
        lines += [f"  options: {', '.join(question.options)}" + (" (several allowed)" if question.multiple else "")]
        sys.stderr.write("\n".join(line for line in lines if line) + "\n")
        while True:
            try:
                chosen = _words(input("your choice: "))
                params = {name: _field(name, field) for name, field in question.params.items()}
                check_answer(question, chosen, params)
            except AnswerError as error:
                sys.stderr.write(f"{error}\n")
                continue
            except EOFError:
                return too_late_event()
            return self._event(chosen, params)


def parse_answer(text: str) -> tuple[list[str], dict[str, Any]]:
    """Return options and form of an answer as text. Raises `AnswerError` for JSON that is none."""
    if not text.lstrip().startswith("{"):
        return _words(text), {}
    try:
        fields = json.loads(text)
        return [str(option) for option in fields["chosen_options"]], dict(fields.get("params_input") or {})
    except (ValueError, KeyError, TypeError) as error:
        raise AnswerError(
            f'an answer in JSON is {{"chosen_options": [...], "params_input": {{...}}}}: {error!r} in {text}'
        ) from None


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _field(name: str, field: Mapping[str, Any]) -> Any:
    text = input(f"{name} [{field.get('value')}]: ")
    if not text:
        return field.get("value")
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
