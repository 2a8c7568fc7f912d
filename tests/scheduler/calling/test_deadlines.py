"""Deadlines under the scheduler: stored, kept by success, missed once, found again after a restart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tradewind.metadata.policies.deadlines import DeadlineDetail, list_deadlines
from tradewind.serialization.document import DagDocument, DeadlineDocument
from tradewind.serialization.messages import CallbackDone

from tests.scheduler.stage import START, Stage, dag, daily

MINUTE = timedelta(minutes=1)


def due(minutes: float = 10, reference_type: str = "DagRunQueuedAtDeadline", **fields: Any) -> DeadlineDocument:
    """Return a deadline of so many minutes."""
    values: dict[str, Any] = {"interval_s": minutes * 60, "callback": "a.b"} | fields
    return DeadlineDocument(reference_type=reference_type, **values)


def with_deadlines(*deadlines: DeadlineDocument, **fields: Any) -> DagDocument:
    return dag(deadlines=deadlines, **fields)


def stored(stage: Stage) -> list[DeadlineDetail]:
    return list_deadlines(stage.database)


def test_success_in_time_keeps_a_deadline(stage: Stage) -> None:
    stage.deploy(with_deadlines(due(10), due(20)))
    stage.start()
    stage.trigger()
    assert [(one.due_at, one.missed_at) for one in stored(stage)] == [
        (START + 10 * MINUTE, None),
        (START + 20 * MINUTE, None),
    ]
    stage.advance(5 * MINUTE)
    stage.end("a")
    assert stored(stage) == []
    stage.advance(60 * MINUTE)
    assert stage.executor.callbacks == {}


@pytest.mark.parametrize("fails_before", [False, True])
def test_a_deadline_is_missed_once(stage: Stage, fails_before: bool) -> None:
    stage.deploy(with_deadlines(due(10, name="ten")))
    stage.start()
    stage.trigger()
    if fails_before:
        stage.end("a", "failed")
    stage.advance(11 * MINUTE)
    (one,) = stored(stage)
    assert (one.name, one.missed_at, one.called_at) == ("ten", START + 11 * MINUTE, None)
    (order,) = stage.executor.callbacks.values()
    assert (order.kind, order.payload["alert"], order.payload["deadline"]) == ("deadline", 0, one.pk)
    stage.executor.call_back(order)
    stage.step()
    (one,) = stored(stage)
    assert one.called_at is not None
    stage.start()
    stage.advance(60 * MINUTE)
    assert stage.executor.callbacks == {}
    assert len(stored(stage)) == 1


def test_a_deadline_is_found_again_after_a_restart(stage: Stage) -> None:
    stage.deploy(with_deadlines(due(10)))
    stage.start()
    stage.trigger()
    stage.start()
    assert len(stored(stage)) == 1
    stage.clock.advance(30 * MINUTE)
    stage.start()
    stage.step()
    assert [one.missed_at for one in stored(stage)] == [START + 30 * MINUTE]
    assert [order.kind for order in stage.executor.callbacks.values()] == ["deadline"]


def test_a_run_that_waits_is_late_too(stage: Stage) -> None:
    stage.deploy(with_deadlines(due(10), max_active_runs=1))
    stage.start()
    stage.trigger(run_id="r1")
    stage.trigger(run_id="r2")
    stage.advance(11 * MINUTE)
    assert [(one.run_id, one.missed_at is not None) for one in stored(stage)] == [("r1", True), ("r2", True)]


def test_the_average_runtime_needs_runs(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    average = due(1, "AverageRuntimeDeadline", reference={"max_runs": 3, "min_runs": 2})
    stage.deploy(with_deadlines(average))
    stage.start()
    for number, minutes in enumerate((4, 8)):
        stage.trigger(run_id=f"r{number}")
        assert stored(stage) == []
        stage.advance(minutes * MINUTE)
        stage.end("a", run_id=f"r{number}")
    queued_at = stage.clock.now()
    stage.trigger(run_id="late")
    assert [one.due_at for one in stored(stage)] == [queued_at + 7 * MINUTE]


def test_a_reference_of_the_authors_is_asked_in_a_worker(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(with_deadlines(due(5, "custom", reference={"name": "Mine"})))
    stage.start()
    stage.trigger()
    (order,) = stage.executor.callbacks.values()
    assert (order.kind, order.name, order.payload) == ("deadline_reference", "Mine", {"alert": 0})
    stage.scheduler.reactor.deliver(CallbackDone(callback_pk=order.callback_pk, moment=START))
    stage.step()
    assert [one.due_at for one in stored(stage)] == [START + 5 * MINUTE]


def sla(**fields: Any) -> DagDocument:
    late = due(60, "sla", task_ids=("a", "b"), callback="sla_miss_callback")
    return with_deadlines(late, tasks="a > b", **fields)


def test_an_sla_is_for_tasks_of_scheduled_runs(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(sla(**daily(start_date=START - timedelta(days=1))))
    stage.start()
    stage.trigger(run_id="by_hand")
    (one,) = stored(stage)
    assert one.due_at == START + timedelta(hours=1)
    stage.end("a", run_id=one.run_id)
    stage.advance(61 * MINUTE)
    (order,) = stage.executor.callbacks.values()
    assert (order.kind, order.name, order.payload["late"]) == ("sla", "sla_miss_callback", ["b"])


def test_slas_can_be_switched_off(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.options["checks_slas"] = False
    stage.deploy(sla(**daily(start_date=START - timedelta(days=1))))
    stage.start()
    assert stored(stage) == []
