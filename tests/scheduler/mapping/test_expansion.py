"""Mapped tasks under the scheduler: expanded once, written with what caused it, found again after a crash."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tradewind.core.engine import MAX_INSTANCES
from tradewind.core.states import TaskInstanceState as S
from tradewind.metadata.runs import (
    RunFilter,
    TaskInstanceFilter,
    clear_task_instances,
    list_tries,
    mark_task_instances,
)
from tradewind.serialization.document import DagDocument, TaskGroupDocument

from tests.scheduler.stage import DAY, START, Stage, dag, task


def mapped(length: dict[str, Any], **fields: Any) -> DagDocument:
    """Return `a > b > c`, b mapped over `length`."""
    values: dict[str, Any] = {"is_mapped": True, "expansion": length, "downstream": ("c",)}
    return dag(tasks=[task("a", downstream=("b",)), task("b", **(values | fields)), task("c")])


OVER_A = {"product": [{"xcom": "a"}]}


def states(stage: Stage, run_id: str = "r1") -> dict[str, dict[int, str]]:
    """Return the states of each task's instances by map index, as stored."""
    found: dict[str, dict[int, str]] = {}
    for row in stage.rows(run_id):
        found.setdefault(row.task_id, {})[row.map_index] = row.state.value
    return found


def end(stage: Stage, task_id: str, map_index: int, outcome: str = "success", **fields: Any) -> None:
    """Let the open try of one instance end."""
    tries = stage.executor.tries.values()
    (order,) = [order for order in tries if (order.task_id, order.map_index) == (task_id, map_index)]
    stage.executor.begin(order)
    stage.executor.end(order, outcome, **fields)
    stage.step()


def which(task_id: str, *map_indexes: int) -> TaskInstanceFilter:
    runs = RunFilter(dag_ids=("d",), run_ids=("r1",))
    return TaskInstanceFilter(runs=runs, task_ids=(task_id,), map_indexes=map_indexes)


def begun(stage: Stage, document: DagDocument) -> Stage:
    """Start the scheduler, and a run of the document."""
    stage.start()
    stage.deploy(document)
    stage.trigger()
    return stage


def test_a_task_is_expanded_when_its_length_is_known(stage: Stage) -> None:
    begun(stage, mapped(OVER_A))
    assert states(stage) == {"a": {-1: "queued"}, "b": {-1: "none"}, "c": {-1: "none"}}
    stage.end("a", map_length=3)
    assert states(stage)["b"] == {0: "queued", 1: "queued", 2: "queued"}
    assert stage.row("a").map_length == 3
    orders = [order for order in stage.executor.tries.values() if order.task_id == "b"]
    assert [(order.map_index, order.expanded_ti_count) for order in orders] == [(0, 3), (1, 3), (2, 3)]
    assert len({order.ti_pk for order in orders}) == 3
    assert stage.events("b") == ["expand", "schedule", "enqueue"]
    stage.check_caches()
    end(stage, "b", 1, rendered_map_index="the second")
    end(stage, "b", 0)
    assert states(stage)["c"] == {-1: "none"}
    end(stage, "b", 2, "skipped")
    names = {row.map_index: row.rendered_map_index for row in stage.rows() if row.task_id == "b"}
    assert names == {0: None, 1: "the second", 2: None}
    assert states(stage)["c"] == {-1: "skipped"}
    assert stage.state() == "success"


def test_a_length_that_is_written_down_expands_with_the_run(stage: Stage) -> None:
    begun(stage, mapped({"product": [{"literal": 2}, {"literal": 2}]}))
    assert states(stage)["b"] == dict.fromkeys(range(4), "none")
    stage.end("a")
    stage.end_all()
    assert states(stage) == {"a": {-1: "success"}, "b": dict.fromkeys(range(4), "success"), "c": {-1: "success"}}


@pytest.mark.parametrize(
    ("outcome", "fields", "expected"),
    [
        ("success", {"map_length": 0}, "skipped"),
        ("success", {}, "upstream_failed"),
        ("failed", {}, "upstream_failed"),
        ("skipped", {}, "skipped"),
    ],
)
def test_a_task_that_cannot_be_mapped_ends_as_one_instance(
    sqlite_stage: Stage, outcome: str, fields: dict[str, Any], expected: str
) -> None:
    stage = begun(sqlite_stage, mapped(OVER_A, trigger_rule="all_done"))
    stage.end("a", outcome, **fields)
    assert states(stage)["b"] == {-1: expected}
    assert states(stage)["c"] == {-1: expected}


def test_why_a_task_was_not_mapped_is_in_its_note(sqlite_stage: Stage) -> None:
    stage = begun(sqlite_stage, mapped(OVER_A))
    stage.end("a")
    assert stage.row("b").note == "It cannot be mapped: task 'a' returned nothing to map over."


def test_a_product_beyond_all_measure_fails_alone(sqlite_stage: Stage) -> None:
    stage = begun(sqlite_stage, mapped({"product": [{"literal": MAX_INSTANCES}, {"literal": 2}]}))
    stage.end("a")
    assert states(stage) == {"a": {-1: "success"}, "b": {-1: "failed"}, "c": {-1: "upstream_failed"}}
    assert str(2 * MAX_INSTANCES) in (stage.row("b").note or "")
    assert stage.state() == "failed"


def test_limits_of_a_run_count_the_instances(sqlite_stage: Stage) -> None:
    stage = begun(sqlite_stage, mapped({"literal": 5}, max_active_tis_per_dagrun=2))
    stage.end("a")
    assert stage.tries() == ["b", "b"]
    end(stage, "b", 0)
    assert sorted(order.map_index for order in stage.executor.tries.values()) == [1, 2]


def test_a_crash_after_the_expansion_loses_nothing(stage: Stage) -> None:
    begun(stage, mapped(OVER_A))
    stage.end("a", map_length=3)
    end(stage, "b", 1, map_length=1)
    stage.start()
    assert states(stage)["b"] == {0: "queued", 1: "success", 2: "queued"}
    stage.check_caches()
    stage.end_all()
    assert states(stage)["c"] == {-1: "success"}
    assert stage.state() == "success"


def test_a_crash_before_the_expansion_is_written_leaves_the_placeholder(stage: Stage) -> None:
    begun(stage, mapped(OVER_A))
    order = stage.begin("a")
    stage.executor.end(order, map_length=2)
    stage.start()  # the report was never taken in
    assert states(stage)["b"] == {-1: "none"}
    stage.end("a", map_length=4)
    assert states(stage)["b"] == dict.fromkeys(range(4), "queued")


def test_a_placeholder_that_a_user_moved_meanwhile_is_not_expanded(stage: Stage) -> None:
    begun(stage, mapped(OVER_A))
    order = stage.begin("a")
    mark_task_instances(stage.database, stage.clock, which("b"), S.SKIPPED)
    stage.executor.end(order, map_length=2)
    stage.step()
    assert states(stage)["b"] == {-1: "skipped"}
    assert states(stage)["a"] == {-1: "success"}
    stage.hear_all()
    stage.check_caches()
    assert states(stage)["c"] == {-1: "skipped"}


def test_one_instance_is_cleared_and_runs_alone(stage: Stage) -> None:
    begun(stage, mapped(OVER_A))
    stage.end("a", map_length=3)
    for map_index in range(3):
        end(stage, "b", map_index)
    stage.end("c")
    with stage.heard():
        clear_task_instances(stage.database, stage.clock, which("b", 1))
    assert states(stage)["b"] == {0: "success", 1: "queued", 2: "success"}
    end(stage, "b", 1)
    assert stage.state() == "success"
    rows = {row.map_index: row.ti_pk for row in stage.rows() if row.task_id == "b"}
    assert [len(list_tries(stage.database, rows[map_index])) for map_index in range(3)] == [1, 2, 1]


@pytest.mark.parametrize(("lengths", "kept"), [((3, 5), 5), ((5, 2), 2), ((2, 0), 0)])
def test_a_length_that_is_another_after_a_clear(stage: Stage, lengths: tuple[int, int], kept: int) -> None:
    before, after = lengths
    begun(stage, mapped(OVER_A))
    stage.end("a", map_length=before)
    for map_index in range(before):
        end(stage, "b", map_index)
    stage.end("c")
    stage.clear_tasks()
    assert set(states(stage)["b"].values()) == {"none"}
    stage.end("a", map_length=after)
    expected = {index: "queued" if index < kept else "removed" for index in range(max(lengths))}
    assert states(stage)["b"] == expected
    stage.check_caches()
    stage.end_all()
    assert states(stage)["c"] == {-1: "success"}
    assert stage.state() == "success"


def test_a_retry_of_one_instance_leaves_the_others(sqlite_stage: Stage) -> None:
    stage = begun(sqlite_stage, mapped(OVER_A, retries=1, retry_delay_s=60.0))
    stage.end("a", map_length=2)
    end(stage, "b", 0, "failed")
    assert states(stage)["b"] == {0: "up_for_retry", 1: "queued"}
    end(stage, "b", 1)
    stage.advance(60)
    end(stage, "b", 0)
    assert states(stage)["c"] == {-1: "queued"}


def test_a_mapped_group_flows_index_by_index(stage: Stage) -> None:
    tasks = [
        task("a", downstream=("g.x",)),
        task("g.x", group_id="g", downstream=("g.y",)),
        task("g.y", group_id="g", downstream=("z",)),
        task("z", trigger_rule="all_done"),
    ]
    group = TaskGroupDocument(group_id="g", is_mapped=True, expansion=OVER_A)
    begun(stage, dag(tasks=tasks, groups=(group,)))
    stage.end("a", map_length=2)
    assert states(stage) == {
        "a": {-1: "success"},
        "g.x": {0: "queued", 1: "queued"},
        "g.y": {0: "none", 1: "none"},
        "z": {-1: "none"},
    }
    end(stage, "g.x", 1)
    assert states(stage)["g.y"] == {0: "none", 1: "queued"}
    end(stage, "g.y", 1)
    end(stage, "g.x", 0, "failed")
    assert states(stage)["g.y"] == {0: "upstream_failed", 1: "success"}
    assert states(stage)["z"] == {-1: "queued"}


def test_a_branch_in_a_mapped_group_decides_for_its_own_index(sqlite_stage: Stage) -> None:
    tasks = [
        task("g.br", group_id="g", downstream=("g.x", "g.y")),
        task("g.x", group_id="g"),
        task("g.y", group_id="g"),
    ]
    group = TaskGroupDocument(group_id="g", is_mapped=True, expansion={"literal": 2})
    stage = begun(sqlite_stage, dag(tasks=tasks, groups=(group,)))
    end(stage, "g.br", 0, skip_task_ids=("g.x",))
    end(stage, "g.br", 1, skip_task_ids=("g.y",))
    assert states(stage)["g.x"] == {0: "skipped", 1: "queued"}
    assert states(stage)["g.y"] == {0: "queued", 1: "skipped"}


def test_a_new_version_that_maps_a_task_or_no_longer_does(sqlite_stage: Stage) -> None:
    stage = begun(sqlite_stage, mapped(OVER_A))
    plain = dag(tasks=[task("a", downstream=("b",)), task("b", downstream=("c",)), task("c")])
    stage.end("a", map_length=2)
    end(stage, "b", 0)
    stage.deploy(plain, fingerprint="f2")
    assert states(stage)["b"] == {-1: "queued", 0: "success", 1: "queued"}
    end(stage, "b", 1, "reschedule", reschedule_at=stage.clock.now())
    assert states(stage)["b"] == {-1: "queued", 0: "success", 1: "removed"}
    end(stage, "b", -1)
    assert states(stage)["c"] == {-1: "queued"}
    stage.deploy(mapped(OVER_A), fingerprint="f3")
    stage.clear_tasks("b", "c")
    assert states(stage)["b"] == {-1: "removed", 0: "queued", 1: "queued"}
    stage.end_all()
    assert stage.state() == "success"


def test_a_task_that_is_mapped_while_it_waits_for_a_retry_keeps_its_try(sqlite_stage: Stage) -> None:
    fields: dict[str, Any] = {"retries": 1, "retry_delay_s": 60.0}
    plain = dag(tasks=[task("a", downstream=("b",)), task("b", downstream=("c",), **fields), task("c")])
    stage = begun(sqlite_stage, plain)
    stage.end("a", map_length=2)
    stage.end("b", "failed")
    stage.deploy(mapped(OVER_A, **fields), fingerprint="f2")
    stage.advance(60)
    assert states(stage)["b"] == {0: "queued", 1: "queued"}
    first = next(row for row in stage.rows() if (row.task_id, row.map_index) == ("b", 0))
    tries = list_tries(stage.database, first.ti_pk)
    assert [(attempt.try_number, attempt.state.value) for attempt in tries] == [(1, "failed"), (2, "queued")]
    stage.end_all()
    assert stage.state() == "success"


def test_the_run_before_holds_every_instance_until_all_of_its_own_succeeded(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.start()
    document = mapped(OVER_A, depends_on_past=True)
    stage.deploy(msgspec.structs.replace(document, max_active_runs=2))
    for run_id, day in (("r1", 0), ("r2", 1)):
        stage.trigger(run_id=run_id, logical_date=START + day * DAY)
    for run_id in ("r1", "r2"):
        stage.end("a", run_id=run_id, map_length=2)
    assert states(stage)["b"] == {0: "queued", 1: "queued"}
    assert states(stage, "r2")["b"] == {-1: "none"}
    end(stage, "b", 0)
    assert states(stage, "r2")["b"] == {-1: "none"}
    end(stage, "b", 1)
    assert states(stage, "r2")["b"] == {0: "queued", 1: "queued"}
    stage.check_caches()
