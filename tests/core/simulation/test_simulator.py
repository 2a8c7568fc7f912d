"""Schedules played under a clock that jumps: runs, waiting, peaks, and what comes late."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tradewind.core.graph import CompiledDag, TaskNode
from tradewind.core.limits import BlockerKind
from tradewind.core.simulation import Durations, Record, SimulatedDag, Simulator, Spread
from tradewind.core.simulation.record import Limit
from tradewind.core.simulation.report import report_of
from tradewind.core.timetables.codec import decode_timetable
from tradewind.core.timetables.simple import ContinuousTimetable, NullTimetable, OnceTimetable
from tradewind.core.timetables.trigger import CronTriggerTimetable

UTC = timezone.utc
BEGIN = datetime(2024, 5, 20, tzinfo=UTC)


def dag(dag_id: str = "d", cron: str = "0 * * * *", tasks: int = 1, **options: Any) -> SimulatedDag:
    """Return a DAG whose tasks all run side by side; options of `TaskNode` begin with `task_`."""
    own = {name[5:]: options.pop(name) for name in list(options) if name.startswith("task_")}
    limits = {
        name: options.pop(name) for name in ("max_active_runs", "max_active_tasks", "dagrun_timeout") if name in options
    }
    nodes = tuple(TaskNode(index=n, task_id=f"t{n}", is_leaf=True, **own) for n in range(tasks))
    index_of = {node.task_id: node.index for node in nodes}
    options.setdefault("timetable", CronTriggerTimetable(cron, timezone="UTC"))
    return SimulatedDag(compiled=CompiledDag(dag_id=dag_id, nodes=nodes, index_of=index_of, **limits), **options)


def play(*dags: SimulatedDag, hours: float = 6, seconds: float = 60, **options: Any) -> Record:
    simulator = Simulator(dags, durations=Durations({}, seconds), **options)
    return simulator.play(BEGIN, BEGIN + timedelta(hours=hours))


def test_every_run_of_the_period_is_played_and_no_other() -> None:
    record = play(dag(start_date=BEGIN - timedelta(days=400), catchup=True))
    assert (record.dags["d"].created, record.dags["d"].ended, record.tries) == (7, 6, 7)
    assert record.dags["d"].longest_run_s == 60
    assert record.waiting == {}
    assert record.peaks["parallelism"].used == record.peaks["default_pool"].used == 1


@pytest.mark.parametrize(
    ("options", "created"),
    [
        ({"start_date": BEGIN + timedelta(hours=3)}, 4),
        ({"end_date": BEGIN + timedelta(hours=2)}, 3),
        ({"timetable": NullTimetable()}, 0),
        ({"timetable": OnceTimetable(), "start_date": BEGIN + timedelta(hours=1)}, 1),
        ({"timetable": decode_timetable({"type": "cron_data_interval", "expression": "@daily", "timezone": "UTC"})}, 1),
    ],
)
def test_the_bounds_of_a_schedule_hold(options: dict[str, Any], created: int) -> None:
    assert play(dag(**options)).dags["d"].created == created


def test_a_continuous_schedule_goes_on_when_a_run_has_ended() -> None:
    record = play(dag(timetable=ContinuousTimetable(), max_active_runs=1), hours=1, seconds=600)
    assert (record.dags["d"].created, record.dags["d"].ended) == (7, 6)


def test_a_timetable_of_an_author_is_left_out() -> None:
    record = play(
        dag(
            timetable=decode_timetable(
                {"type": "custom", "class": "a:B", "data": {}, "description": "", "summary": "B"}
            )
        ),
        dag("other"),
    )
    assert list(record.left_out) == ["d"]
    assert "author code" in record.left_out["d"]
    assert record.dags["other"].created == 7


def test_waiting_for_a_pool_names_who_held_it() -> None:
    pools = [("default_pool", 1, False)]
    record = play(dag("a", "0 0 * * *", tasks=2), dag("b", "0 0 * * *"), hours=1, seconds=100, pools=pools)
    waiting = record.waiting[Limit(BlockerKind.POOL, "default_pool")]
    assert (waiting.count, waiting.total_s, waiting.longest_s) == (2, 300.0, 200.0)
    assert waiting.holders == {"a": 2}
    assert waiting.longest_of.startswith(("a.", "b."))
    assert record.peaks["default_pool"].used == 1
    assert {dag_id: found.ended for dag_id, found in record.dags.items()} == {"a": 1, "b": 1}


def test_parallelism_and_max_active_tasks_are_waited_for() -> None:
    record = play(dag("a", "0 0 * * *", tasks=3, max_active_tasks=2), hours=1, parallelism=8)
    assert record.waiting[Limit(BlockerKind.MAX_ACTIVE_TASKS, "a")].total_s == 60
    record = play(dag("a", "0 0 * * *", tasks=3), hours=1, parallelism=1)
    assert record.waiting[Limit(BlockerKind.PARALLELISM, "")].total_s == 180


def test_a_run_waits_for_room_among_the_runs_of_its_dag_and_starts_late() -> None:
    record = play(dag(max_active_runs=1, catchup=True, start_date=BEGIN), hours=3, seconds=5400, late_after_s=600)
    found = record.dags["d"]
    assert (found.created, found.latest_start_s, found.late_starts) == (3, 3600.0, 2)
    waiting = record.waiting[Limit(BlockerKind.MAX_ACTIVE_RUNS, "d")]
    assert (waiting.count, waiting.longest_s) == (2, 3600.0)
    assert [(miss.what, miss.by_s) for miss in record.misses] == [("late start", 1800.0), ("late start", 3600.0)]


def test_deadlines_and_time_limits_are_missed() -> None:
    late = dag("late", "0 0 * * *", deadlines_s=(("soon", 30.0), ("far", 600.0)))
    long = dag("long", "0 0 * * *", dagrun_timeout=timedelta(seconds=20))
    record = play(late, long, hours=1)
    assert {(miss.dag_id, miss.what, miss.by_s) for miss in record.misses} == {
        ("late", "deadline soon", 30.0),
        ("long", "dagrun_timeout", 0.0),
    }
    assert record.dags["long"].longest_run_s == 20


def test_a_task_waits_for_itself_in_the_run_before() -> None:
    record = play(dag(task_depends_on_past=True), hours=2, seconds=5400)
    assert (record.dags["d"].created, record.dags["d"].ended, record.tries) == (3, 1, 2)


def test_durations_come_from_what_is_known_and_the_seed() -> None:
    known = {("d", "t"): Spread(10, 40), ("d", "same"): Spread(5, 5)}
    durations, other = Durations(known, 60, seed=1), Durations(known, 60, seed=2)
    drawn = [durations.draw("d", run, "t", -1, 1) for run in range(400)]
    assert drawn == [durations.draw("d", run, "t", -1, 1) for run in range(400)]
    assert drawn != [other.draw("d", run, "t", -1, 1) for run in range(400)]
    assert 8 < sorted(drawn)[200] < 12.5
    assert 0.01 < sum(seconds > 40 for seconds in drawn) / 400 < 0.1
    assert (durations.draw("d", 0, "same", -1, 1), durations.draw("d", 0, "new", -1, 1)) == (5, 60)


def test_a_report_puts_the_worst_first() -> None:
    pools = [("default_pool", 1, False)]
    report = report_of(play(dag("a", "0 0 * * *", tasks=2), dag("b", tasks=2, max_active_runs=1), hours=2, pools=pools))
    assert [row["dag_id"] for row in report["runs"]] == ["b", "a"]
    assert report["waiting"][0]["limit"] == "pool"
    assert report["waiting"][0]["held_by"]
    assert {row["of"] for row in report["peaks"]} == {"parallelism", "default_pool"}
    assert report["late"] == report["left_out"] == []
