"""Runs that work on partitions: which events come to which, and when each gets its run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tradewind.core.timetables.partitioned import PartitionedAssetTimetable
from tradewind.core.timetables.partitions.mappers import (
    AllowedKeyMapper,
    FixedKeyMapper,
    IdentityMapper,
    PartitionMapper,
    RollupMapper,
)
from tradewind.core.timetables.partitions.policies import MinimumCount
from tradewind.core.timetables.partitions.temporal import FanOutMapper, StartOfDayMapper, StartOfWeekMapper
from tradewind.core.timetables.partitions.windows import DayWindow, SegmentWindow, WeekWindow
from tradewind.metadata.assets.questions import AssetQuestions
from tradewind.serialization.messages import AssetEventReport

from tests.scheduler.stage import DAY, START, Stage, dag, task

A = {"asset": {"name": "a", "uri": "s3://a", "group": "asset"}}
B = {"asset": {"name": "b", "uri": "s3://b", "group": "asset"}}


def consumer(condition: dict[str, Any], mapper: PartitionMapper, dag_id: str = "consumer", **fields: Any) -> Any:
    timetable = PartitionedAssetTimetable(condition, (), mapper)
    return dag(dag_id, "use", timetable={"type": "partitioned_asset", **written(timetable)}, **fields)


def written(timetable: PartitionedAssetTimetable) -> dict[str, Any]:
    return timetable.serialize()


def event(key: str | None, name: str = "a", date: datetime | None = None) -> AssetEventReport:
    return AssetEventReport(name=name, uri=f"s3://{name}", partition_key=key, partition_date=date)


def make(stage: Stage, *events: AssetEventReport) -> None:
    stage.trigger("producer")
    stage.clock.advance(1)
    stage.end("make", dag_id="producer", asset_events=events)


def partitions(stage: Stage, dag_id: str = "consumer") -> list[str | None]:
    return [run.partition_key for run in stage.runs(dag_id)]


@pytest.fixture
def produced(stage: Stage) -> Stage:
    stage.deploy(dag("producer", [task("make", outlets=(A, B))]))
    return stage


def test_a_run_for_the_partition_of_the_event(produced: Stage) -> None:
    stage = produced
    stage.deploy(consumer(A, IdentityMapper()))
    stage.start()
    make(stage, event("2026-01", date=START))
    (run,) = stage.runs("consumer")
    assert (run.partition_key, run.partition_date, run.logical_date) == ("2026-01", START, None)
    told = stage.order("use", dag_id="consumer").dag_run
    assert (told.partition_key, told.partition_date) == ("2026-01", START)
    (found,) = AssetQuestions(stage.database).get_triggering_asset_events(dag_id="consumer", run_id=run.run_id)
    assert found.partition_key == "2026-01"
    assert stage.store.load_asset_queue() == stage.store.load_asset_partitions() == []
    stage.check_caches()


def test_events_with_and_without_partition_go_their_own_ways(produced: Stage) -> None:
    stage = produced
    stage.deploy(consumer(A, IdentityMapper()), dag("plain", "use", timetable={"type": "asset", "condition": A}))
    stage.start()
    make(stage, event("k"))
    assert (partitions(stage), partitions(stage, "plain")) == (["k"], [])
    make(stage, event(None))
    assert (partitions(stage), partitions(stage, "plain")) == (["k"], [None])


def test_all_assets_have_to_come_to_the_same_partition(produced: Stage) -> None:
    stage = produced
    stage.deploy(consumer({"all": [A, B]}, StartOfDayMapper()))
    stage.start()
    make(stage, event("2026-01-01T03:00:00"), event("2026-01-02T03:00:00", "b"))
    assert partitions(stage) == []
    make(stage, event("2026-01-02T22:00:00"))
    assert partitions(stage) == ["2026-01-02"]
    (run,) = stage.runs("consumer")
    assert run.partition_date == datetime(2026, 1, 2, tzinfo=timezone.utc)


def test_a_rollup_waits_for_every_hour_of_the_day(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(
        dag("producer", [task("make", outlets=(A,))]),
        consumer(A, RollupMapper(upstream_mapper=StartOfDayMapper(), window=DayWindow())),
    )
    stage.start()
    make(stage, *(event(f"2026-01-01T{hour:02}:00:00") for hour in range(23)))
    assert partitions(stage) == []
    make(stage, event("2026-01-01T23:00:00"))
    (run,) = stage.runs("consumer")
    assert run.partition_key == "2026-01-01"
    found = AssetQuestions(stage.database).get_triggering_asset_events(dag_id="consumer", run_id=run.run_id)
    assert len(found) == 24


def test_a_policy_may_be_content_with_fewer(produced: Stage) -> None:
    stage = produced
    window = SegmentWindow(["us", "eu", "apac"])
    mapper = RollupMapper(upstream_mapper=FixedKeyMapper("all"), window=window, wait_policy=MinimumCount(2))
    stage.deploy(consumer(A, mapper))
    stage.start()
    make(stage, event("us"))
    make(stage, event("us"), event("elsewhere"))
    assert partitions(stage) == []
    make(stage, event("eu"))
    assert partitions(stage) == ["all"]
    make(stage, event("apac"))
    assert partitions(stage) == ["all"], "the next one begins anew"


def test_one_event_fans_out(produced: Stage) -> None:
    stage = produced
    stage.deploy(consumer(A, FanOutMapper(upstream_mapper=StartOfWeekMapper(), window=WeekWindow()), max_active_runs=2))
    stage.start()
    make(stage, event("2026-01-07T00:00:00"))
    assert sorted(str(key) for key in partitions(stage)) == [f"2026-01-{day:02}" for day in range(5, 12)]
    assert sum(run.state.value == "running" for run in stage.runs("consumer")) == 2


def test_a_key_that_has_no_place_is_told_of_and_harms_nothing(
    produced: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage = produced
    stage.deploy(consumer(A, AllowedKeyMapper(["us"])))
    stage.start()
    make(stage, event("moon"), event("us"))
    assert partitions(stage) == ["us"]
    assert "DAG consumer: the event of asset a with partition key 'moon' has no place in it" in caplog.text
    assert stage.store.load_asset_queue() == []


def test_a_scheduler_that_dies_between_the_steps_loses_nothing(produced: Stage) -> None:
    stage = produced
    stage.deploy(consumer(A, IdentityMapper()))
    stage.start()
    stage.scheduler.assets.settle = lambda: None  # type: ignore[method-assign] - it dies with the event queued
    make(stage, event("one"))
    assert len(stage.store.load_asset_queue()) == 1
    stage.start()
    assert partitions(stage) == ["one"]
    stage.scheduler.assets._partitions.settle = lambda: None  # type: ignore[method-assign] - and with the event mapped
    make(stage, event("two"))
    assert [row.partition_key for row in stage.store.load_asset_partitions()] == ["two"]
    stage.start()
    assert partitions(stage) == ["one", "two"]


def test_a_schedule_that_maps_otherwise_begins_anew(produced: Stage) -> None:
    stage = produced
    stage.deploy(consumer({"all": [A, B]}, StartOfDayMapper()))
    stage.start()
    make(stage, event("2026-01-01T03:00:00"))
    stage.deploy(consumer({"all": [A, B]}, StartOfDayMapper(output_format="%d.%m.%Y")))
    assert stage.store.load_asset_partitions() == []
    make(stage, event("2026-01-01T03:00:00", "b"))
    assert partitions(stage) == []
    make(stage, event("2026-01-01T04:00:00"))
    assert partitions(stage) == ["01.01.2026"]


def test_a_cron_expression_makes_partitions_and_goes_on_after_a_restart(stage: Stage) -> None:
    timetable = {
        "type": "cron_partition",
        "expression": "0 0 * * *",
        "timezone": "UTC",
        "run_immediately": False,
        "interval": 0.0,
        "run_offset": -1,
        "key_format": "%Y-%m-%d",
    }
    stage.deploy(dag("d", "t", timetable=timetable, start_date=START, catchup=True))
    stage.start()
    stage.advance(DAY)
    stage.start()
    stage.advance(DAY + timedelta(hours=1))
    assert [(run.partition_key, run.logical_date) for run in stage.runs()] == [
        ("2025-12-31", None),
        ("2026-01-01", None),
        ("2026-01-02", None),
    ]
    assert stage.runs()[0].run_id == "scheduled__2026-01-01T00:00:00+00:00__2025-12-31"
