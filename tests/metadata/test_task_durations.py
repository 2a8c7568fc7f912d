"""How long tasks took, by what is stored: on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

from tradewind.core.simulation import Spread
from tradewind.core.states import TaskInstanceState as S
from tradewind.core.transitions import Event
from tradewind.metadata.batch import Batch
from tradewind.metadata.runs.durations import task_durations

from tests.metadata.conftest import World


def run_once(world: World, day: int, seconds: float, target: S = S.SUCCESS) -> None:
    """Let task `a` of a run take so long."""
    run = world.new_run(day=day)
    ti_pk, *_ = world.start(run, ("a", "b"))
    world.bring(ti_pk, S.RUNNING)
    event = Event.SUCCEED if target is S.SUCCESS else Event.FAIL
    ended = world.move(ti_pk, target, event, ended_at=world.clock.now() + timedelta(seconds=seconds))
    assert not world.commit(Batch(transitions=[ended])).stale_task_instances


def test_durations_are_those_of_successful_instances(world: World) -> None:
    world.add_dag("etl")
    for day, seconds in enumerate((10, 30, 20, 50, 40), 1):
        run_once(world, day, seconds)
    run_once(world, 9, 9999, S.FAILED)
    assert task_durations(world.database, ["etl"]) == {("etl", "a"): Spread(30.0, 50.0)}
    assert task_durations(world.database, ["other"]) == {}
