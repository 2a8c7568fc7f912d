"""Events of assets and the runs that they trigger, from the success of a task to the task that reads them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tradewind.metadata.assets.questions import AssetQuestions
from tradewind.metadata.prune import prune
from tradewind.metadata.runs import RunFilter, list_runs
from tradewind.serialization.messages import AssetEventReport

from tests.scheduler.stage import DAY, START, Stage, dag, task

A = {"asset": {"name": "a", "uri": "s3://a", "group": "asset"}}
B = {"asset": {"name": "b", "uri": "s3://b", "group": "asset"}}
EVENT_OF_A = AssetEventReport(name="a", uri="s3://a", extra={"rows": 3})
EVENT_OF_B = AssetEventReport(name="b", uri="s3://b")


def producer(dag_id: str = "producer", **fields: Any) -> Any:
    return dag(dag_id, [task("make", outlets=(A, B))], **fields)


def consumer(condition: dict[str, Any], dag_id: str = "consumer", **fields: Any) -> Any:
    return dag(dag_id, "use", timetable={"type": "asset", "condition": condition}, **fields)


def make(stage: Stage, *events: AssetEventReport, outcome: str = "success") -> None:
    """Let a run of the producer make these events."""
    stage.trigger("producer")
    stage.clock.advance(1)
    stage.end("make", outcome, dag_id="producer", asset_events=events)


def consumed(stage: Stage, run_id: str, dag_id: str = "consumer") -> list[tuple[str, dict[str, Any]]]:
    found = AssetQuestions(stage.database).get_triggering_asset_events(dag_id=dag_id, run_id=run_id)
    return [(event.asset.name, event.extra) for event in found]


def queued(stage: Stage) -> list[tuple[str, str]]:
    return [(row.dag_id, row.name) for row in stage.store.load_asset_queue()]


def test_a_success_starts_the_dag_that_waits_in_the_same_turn(stage: Stage) -> None:
    stage.deploy(producer(), consumer(A))
    stage.start()
    make(stage, EVENT_OF_A)
    (run,) = stage.runs("consumer")
    assert run.run_type.value == "asset_triggered"
    assert run.run_id.startswith("asset_triggered__2026-01-01T00:00:01+00:00_")
    assert (run.run_after, run.triggered_by) == (START + timedelta(seconds=1), "asset")
    assert (run.logical_date, run.data_interval_start, run.data_interval_end) == (None, None, None)
    assert stage.order("use", dag_id="consumer").dag_run.run_id == run.run_id
    assert consumed(stage, run.run_id) == [("a", {"rows": 3})]
    assert queued(stage) == []
    stage.check_caches()


@pytest.mark.parametrize("outcome", ["failed", "skipped", "fail_without_retry"])
def test_nothing_but_a_success_makes_events(sqlite_stage: Stage, outcome: str) -> None:
    stage = sqlite_stage
    stage.deploy(producer(), consumer(A))
    stage.start()
    make(stage, outcome=outcome)
    assert stage.runs("consumer") == []


def test_all_of_several_are_waited_for_and_consumed_once(stage: Stage) -> None:
    stage.deploy(producer(), consumer({"all": [A, B]}))
    stage.start()
    make(stage, EVENT_OF_A)
    make(stage, EVENT_OF_A)
    assert stage.runs("consumer") == []
    assert queued(stage) == [("consumer", "a")]
    make(stage, EVENT_OF_B)
    (run,) = stage.runs("consumer")
    assert consumed(stage, run.run_id) == [("a", {"rows": 3}), ("a", {"rows": 3}), ("b", {})]
    stage.end("use", dag_id="consumer")
    make(stage, EVENT_OF_B)
    assert len(stage.runs("consumer")) == 1, "what was consumed is not there any more"
    make(stage, EVENT_OF_A)
    last = stage.runs("consumer")[-1]
    assert consumed(stage, last.run_id) == [("b", {}), ("a", {"rows": 3})]


def test_a_scheduler_that_dies_between_event_and_run_loses_nothing(stage: Stage) -> None:
    stage.deploy(producer(), consumer(A))
    stage.start()
    settle = stage.scheduler.assets.settle
    stage.scheduler.assets.settle = lambda: None  # type: ignore[method-assign] - it dies before it comes to it
    make(stage, EVENT_OF_A)
    assert (queued(stage), stage.runs("consumer")) == ([("consumer", "a")], [])
    stage.start()
    assert settle is not None
    (run,) = stage.runs("consumer")
    assert consumed(stage, run.run_id) == [("a", {"rows": 3})]
    assert stage.tries(dag_id="consumer") == ["use"]


def test_a_success_that_somebody_has_overruled_makes_no_event(stage: Stage) -> None:
    stage.deploy(producer(), consumer(A))
    stage.start()
    stage.trigger("producer")
    order = stage.begin("make")
    scheduler, stage._scheduler = stage._scheduler, None
    stage.mark_run(stage.run("r1", "producer").state.FAILED, "r1", "producer")
    stage._scheduler = scheduler
    stage.executor.end(order, asset_events=(EVENT_OF_A,))
    stage.step()
    stage.hear_all()
    assert stage.runs("consumer") == []
    assert AssetQuestions(stage.database).get_asset_events(name="a") == []


def test_max_active_runs_let_events_gather(stage: Stage) -> None:
    stage.deploy(producer(), consumer(A, max_active_runs=1))
    stage.start()
    for _ in range(3):
        make(stage, EVENT_OF_A)
    assert [run.state.value for run in stage.runs("consumer")] == ["running"]
    stage.end("use", dag_id="consumer")
    first, second = stage.runs("consumer")
    assert len(consumed(stage, first.run_id)) == 1
    assert len(consumed(stage, second.run_id)) == 2
    stage.end("use", dag_id="consumer")
    assert len(stage.runs("consumer")) == 2


def test_a_paused_dag_hears_nothing_and_catches_up_with_its_next_run(stage: Stage) -> None:
    stage.deploy(producer(), consumer(A))
    stage.start()
    stage.pause("consumer")
    make(stage, EVENT_OF_A)
    stage.pause("consumer", is_paused=False)
    assert stage.runs("consumer") == []
    make(stage, EVENT_OF_A)
    (run,) = stage.runs("consumer")
    assert len(consumed(stage, run.run_id)) == 2


def test_the_first_run_begins_with_the_day_on_which_the_dag_began_to_wait(stage: Stage) -> None:
    stage.deploy(producer())
    stage.start()
    make(stage, EVENT_OF_A)
    stage.advance(60)
    stage.deploy(consumer(A))
    stage.deploy(consumer(A, "replays", catchup=True))
    make(stage, EVENT_OF_A)
    (run,) = stage.runs("consumer")
    assert len(consumed(stage, run.run_id)) == 1
    (run,) = stage.runs("replays")
    assert len(consumed(stage, run.run_id, "replays")) == 2


def test_references_and_aliases_find_their_assets(stage: Stage) -> None:
    stage.deploy(
        producer(),
        consumer({"asset_ref": {"name": "a"}}, "by_name"),
        consumer({"asset_ref": {"uri": "s3://a"}}, "by_uri"),
        consumer({"alias": {"name": "some", "group": "asset"}}, "by_alias"),
        consumer({"alias": {"name": "other", "group": "asset"}}, "by_other"),
    )
    stage.start()
    make(stage, AssetEventReport(name="a", uri="s3://a", aliases=("some",), asset_extra={"new": True}))
    assert [len(stage.runs(dag_id)) for dag_id in ("by_name", "by_uri", "by_alias", "by_other")] == [1, 1, 1, 0]
    (event,) = AssetQuestions(stage.database).get_asset_events(alias="some")
    assert (event.asset.name, event.aliases, event.source_task_id) == ("a", ["some"], "make")
    assert AssetQuestions(stage.database).get_asset_events(alias="other") == []


def test_a_reference_as_an_outlet_makes_an_event_of_the_asset_it_means(stage: Stage) -> None:
    stage.deploy(producer(), consumer(A))
    stage.start()
    make(stage, AssetEventReport(uri="s3://a"), AssetEventReport(name="nobody knows it"))
    (run,) = stage.runs("consumer")
    assert consumed(stage, run.run_id) == [("a", {})]


def test_assets_or_time_make_runs_both(stage: Stage) -> None:
    inner = {"type": "cron_data_interval", "expression": "0 0 * * *", "timezone": "UTC"}
    both = {"type": "asset_or_time", "condition": A, "timetable": inner}
    stage.deploy(producer(), dag("consumer", "use", timetable=both, start_date=START))
    stage.start()
    make(stage, EVENT_OF_A)
    stage.advance(DAY)
    assert [run.run_type.value for run in stage.runs("consumer")] == ["asset_triggered", "scheduled"]
    make(stage, EVENT_OF_A)
    stage.advance(DAY)
    assert [run.run_type.value for run in stage.runs("consumer")] == ["asset_triggered", "scheduled"] * 2


def test_a_file_of_airflow_2_gets_dates(stage: Stage) -> None:
    stage.deploy(
        dag("producer", [task("make", outlets=(A,))], timetable={"type": "null"}),
        consumer(A, airflow_defaults=2),
    )
    stage.start()
    stage.trigger("producer", logical_date=START - DAY, data_interval=(START - 2 * DAY, START - DAY))
    stage.end("make", dag_id="producer", asset_events=(EVENT_OF_A,))
    (run,) = stage.runs("consumer")
    assert run.logical_date == run.run_after == START
    assert (run.data_interval_start, run.data_interval_end) == (START - 2 * DAY, START - DAY)
    told = stage.order("use", dag_id="consumer").dag_run
    assert (told.data_interval_start, told.data_interval_end) == (START - 2 * DAY, START - DAY)


def test_a_condition_that_is_dropped_takes_its_queue_with_it(stage: Stage) -> None:
    stage.deploy(producer(), consumer({"all": [A, B]}))
    stage.start()
    make(stage, EVENT_OF_A)
    stage.deploy(dag("consumer", "use"))
    assert queued(stage) == []
    stage.deploy(consumer({"any": [A, B]}))
    assert stage.runs("consumer") == []


def test_a_condition_that_an_edit_makes_true_starts_a_run(stage: Stage) -> None:
    stage.deploy(producer(), consumer({"all": [A, B]}))
    stage.start()
    make(stage, EVENT_OF_A)
    stage.deploy(consumer({"any": [A, B]}))
    assert len(stage.runs("consumer")) == 1


def test_a_chain_of_dags_runs_to_its_end(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    links = [{"asset": {"name": f"n{n}", "uri": f"n{n}", "group": "asset"}} for n in range(4)]
    stage.deploy(
        dag("d0", [task("t", outlets=(links[0],))]),
        *(
            dag(f"d{n}", [task("t", outlets=(links[n],))], timetable={"type": "asset", "condition": links[n - 1]})
            for n in (1, 2, 3)
        ),
    )
    stage.start()
    stage.trigger("d0")
    for n in range(4):
        stage.end("t", dag_id=f"d{n}", asset_events=(AssetEventReport(name=f"n{n}", uri=f"n{n}"),))
    runs, _ = list_runs(stage.database, RunFilter())
    assert [run.dag_id for run in runs if run.state.value == "success"] == ["d0", "d1", "d2", "d3"]


def test_old_events_are_pruned_but_for_those_that_wait(stage: Stage) -> None:
    stage.deploy(producer(), consumer({"all": [A, B]}))
    stage.start()
    make(stage, EVENT_OF_A)
    make(stage, EVENT_OF_B)
    make(stage, EVENT_OF_A)
    later = stage.clock.now() + DAY
    assert [one.rows for one in prune(stage.database, before=later, tables=["asset_event"])] == [2]
    (run,) = stage.runs("consumer")
    assert consumed(stage, run.run_id) == []
    assert queued(stage) == [("consumer", "a")]
