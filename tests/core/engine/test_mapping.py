"""Mapped tasks in the engine: what the random runs do not draw."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from tradewind.core import trigger_rules
from tradewind.core.effects import Arm, Effect, Expand, Move, Note, Stop
from tradewind.core.engine import MAX_INSTANCES, Instance, Outcome, RunEngine, first_map_indexes
from tradewind.core.engine import engine as engine_module
from tradewind.core.graph import CompiledDag
from tradewind.core.states import TaskInstanceState as S
from tradewind.serialization.compile import compile_document
from tradewind.serialization.document import DagDocument, TaskDocument, TaskGroupDocument

AT = datetime(2025, 1, 1, tzinfo=timezone.utc)
OVER_A = {"xcom": "a"}


def task(task_id: str, *downstream: str, **fields: Any) -> TaskDocument:
    return TaskDocument(task_id=task_id, task_type="X", downstream=downstream, **fields)


def compiled(*tasks: TaskDocument, over: dict[str, Any] | None = None, **fields: Any) -> CompiledDag:
    """Compile tasks, those named `g.*` in a group that is mapped over `over`."""
    groups = () if over is None else (TaskGroupDocument(group_id="g", expansion=over),)
    return compile_document(DagDocument(dag_id="d", tasks=tasks, groups=groups, **fields))


def fresh(dag: CompiledDag) -> RunEngine:
    births = [(node, index) for node in dag.nodes for index in first_map_indexes(dag, node)]
    return RunEngine(
        dag,
        [
            Instance(slot, node.task_id, S.NONE, 0, 0, node.retry.retries, map_index=index)
            for slot, (node, index) in enumerate(births)
        ],
    )


def begin(engine: RunEngine, slot: int) -> int:
    if engine.states[slot] is S.SCHEDULED:
        engine.admit(slot)
    engine.start(slot, engine.tries[slot])
    return engine.tries[slot]


def end(engine: RunEngine, slot: int, outcome: Outcome = Outcome.SUCCESS, **fields: Any) -> list[Effect]:
    return engine.end(slot, begin(engine, slot), outcome, AT, **fields)


def states(engine: RunEngine, task_id: str) -> dict[int, str]:
    node = engine.dag.node(task_id)
    assert node is not None
    return {engine.map_index_of[slot]: engine.states[slot].value for slot in engine.slots_of(node)}


def slot_of(engine: RunEngine, task_id: str, map_index: int) -> int:
    return engine.roster.slots[engine.dag.index_of[task_id]][map_index]


def test_an_expansion_is_one_step_and_one_effect() -> None:
    engine = fresh(compiled(task("a", "b"), task("b", expansion=OVER_A)))
    engine.open()
    effects = end(engine, 0, map_length=3)
    assert [effect for effect in effects if isinstance(effect, Expand)] == [Expand("b", 1, 2, range(1, 3))]
    moves = [(effect.slot, effect.event.value) for effect in effects if isinstance(effect, Move)]
    assert moves == [(0, "succeed"), (1, "expand"), (1, "schedule"), (2, "schedule"), (3, "schedule")]
    assert engine.expanded_count(engine.dag.nodes[1]) == 3
    assert engine.expanded_count(engine.dag.nodes[0]) is None


@pytest.mark.parametrize("rule", ["always", "all_done", "none_failed", "one_success"])
def test_a_placeholder_waits_for_its_length_whatever_its_rule(rule: str) -> None:
    dag = compiled(task("a", "b"), task("x", "b"), task("b", expansion=OVER_A, trigger_rule=rule))
    engine = fresh(dag)
    engine.open()
    end(engine, 1)
    assert states(engine, "b") == {-1: "none"}
    end(engine, 0, map_length=2)
    assert states(engine, "b") == {0: "scheduled", 1: "scheduled"}


def test_the_output_of_a_mapped_task_is_as_long_as_it_has_values() -> None:
    engine = fresh(
        compiled(task("a", "b", expansion={"literal": 4}), task("b", expansion=OVER_A, trigger_rule="all_done"))
    )
    engine.open()
    end(engine, 0, map_length=1)
    end(engine, 1, Outcome.FAIL_WITHOUT_RETRY)
    end(engine, 2)
    assert states(engine, "b") == {-1: "none"}
    end(engine, 3, map_length=1)
    assert states(engine, "b") == {0: "scheduled", 1: "scheduled"}


def test_a_task_after_a_mapped_group_can_be_mapped_over_what_the_group_returns() -> None:
    engine = fresh(compiled(task("g.x", "b", group_id="g"), task("b", expansion={"xcom": "g.x"}), over={"literal": 3}))
    engine.open()
    for slot in range(3):
        end(engine, slot, map_length=1)
    assert states(engine, "b") == dict.fromkeys(range(3), "scheduled")


def test_5000_instances_cost_a_few_decisions_each(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 5000
    decided = []
    dag = compiled(
        task("a", "b", expansion={"literal": count}),
        task("b", "c", expansion={"literal": count}),
        task("c"),
    )
    engine = fresh(dag)
    engine.open()
    real = trigger_rules.decide
    monkeypatch.setattr(engine_module, "decide", lambda *args, **named: decided.append(1) or real(*args, **named))
    for slot in range(2 * count):
        end(engine, slot)
    assert states(engine, "c") == {-1: "scheduled"}
    assert len(decided) < 4 * count


def test_a_retry_delay_is_jittered_by_map_index() -> None:
    fields: dict[str, Any] = {"retries": 1, "retry_delay_s": 1000.0, "retry_exponential_backoff": 2.0}
    engine = fresh(compiled(task("a", expansion={"literal": 8}, **fields)))
    engine.open()
    arms = [effect for slot in range(8) for effect in end(engine, slot, Outcome.FAILED) if isinstance(effect, Arm)]
    assert len({arm.due_at for arm in arms}) == 8


def test_fail_fast_stops_the_other_instances_and_what_was_to_come() -> None:
    engine = fresh(
        compiled(task("a", "c", expansion={"literal": 3}), task("c", expansion={"xcom": "a"}), fail_fast=True)
    )
    engine.open()
    begin(engine, 1)
    effects = end(engine, 0, Outcome.FAIL_WITHOUT_RETRY)
    assert states(engine, "a") == {0: "failed", 1: "failed", 2: "skipped"}
    assert Stop(1, 1) in effects
    assert states(engine, "c") == {-1: "skipped"}
    assert engine.is_over


def test_a_timeout_ends_every_instance() -> None:
    engine = fresh(compiled(task("a", expansion={"literal": 2})))
    engine.open()
    begin(engine, 0)
    engine.time_out()
    assert states(engine, "a") == {0: "skipped", 1: "skipped"}


def test_the_past_holds_a_placeholder_and_then_none_of_its_instances() -> None:
    engine = fresh(compiled(task("a", "b"), task("b", expansion=OVER_A, depends_on_past=True)))
    engine.open(held_by_past=[1])
    end(engine, 0, map_length=2)
    assert states(engine, "b") == {-1: "none"}
    engine.hear_of_past(1, is_held=False)
    assert states(engine, "b") == {0: "scheduled", 1: "scheduled"}


def test_a_branch_before_a_mapped_task_decides_for_all_of_it() -> None:
    engine = fresh(
        compiled(task("br", "b", "c"), task("b", expansion={"literal": 2}), task("c", expansion={"xcom": "br"}))
    )
    engine.open()
    end(engine, 0, skips=["b", "c", "gone"])
    assert states(engine, "b") == {0: "skipped", 1: "skipped"}
    assert states(engine, "c") == {-1: "skipped"}


def test_an_instance_of_a_mapped_branch_decides_for_the_same_map_index() -> None:
    dag = compiled(task("br", "b", "c", expansion={"literal": 2}), task("b", expansion={"literal": 2}), task("c"))
    engine = fresh(dag)
    engine.open()
    end(engine, 1, skips=["b", "c"])
    assert states(engine, "b") == {0: "none", 1: "skipped"}
    assert states(engine, "c") == {-1: "none"}


def test_a_branch_in_a_group_is_kept_where_its_task_still_waits_for_others() -> None:
    dag = compiled(
        task("a", "g.br"),
        task("late", "g.x"),
        task("g.br", "g.x", group_id="g"),
        task("g.x", group_id="g"),
        over=OVER_A,
    )
    engine = fresh(dag)
    engine.open()
    end(engine, 0, map_length=2)
    assert states(engine, "g.x") == {-1: "none"}
    end(engine, slot_of(engine, "g.br", 1), skips=["g.x"])
    assert states(engine, "g.x") == {0: "none", 1: "skipped"}
    end(engine, slot_of(engine, "g.br", 0))
    end(engine, 1)
    assert states(engine, "g.x") == {0: "scheduled", 1: "skipped"}


def test_setups_in_a_mapped_group_serve_their_own_index() -> None:
    dag = compiled(
        task("g.up", "g.work", "g.down", group_id="g", is_setup=True),
        task("g.work", "g.late", group_id="g"),
        task("g.late", "g.down", group_id="g", trigger_rule="all_done"),
        task("g.down", group_id="g", is_teardown=True, trigger_rule="all_done_setup_success"),
        over={"literal": 2},
    )
    engine = fresh(dag)
    engine.open()
    end(engine, slot_of(engine, "g.up", 0), Outcome.FAIL_WITHOUT_RETRY)
    assert states(engine, "g.late") == {0: "upstream_failed", 1: "none"}
    assert states(engine, "g.down") == {0: "upstream_failed", 1: "none"}
    end(engine, slot_of(engine, "g.up", 1))
    end(engine, slot_of(engine, "g.work", 1))
    assert states(engine, "g.down")[1] == "none"
    end(engine, slot_of(engine, "g.late", 1))
    assert states(engine, "g.down")[1] == "scheduled"


def test_why_there_is_nothing_to_run_is_noted() -> None:
    engine = fresh(compiled(task("a", "b"), task("b", expansion=OVER_A)))
    engine.open()
    notes = [effect.text for effect in end(engine, 0) if isinstance(effect, Note)]
    assert notes == ["It cannot be mapped: task 'a' returned nothing to map over."]


def test_too_many_instances_fail_the_task_alone() -> None:
    engine = fresh(compiled(task("a", "b"), task("b", expansion={"product": [OVER_A, OVER_A]})))
    engine.open()
    effects = end(engine, 0, map_length=MAX_INSTANCES)
    assert states(engine, "b") == {-1: "failed"}
    assert len(engine.states) == 2
    assert any(isinstance(effect, Note) and str(MAX_INSTANCES**2) in effect.text for effect in effects)


def test_instances_that_another_version_removed_come_back_as_far_as_there_are_values() -> None:
    dag = compiled(task("a", "b"), task("b", expansion=OVER_A))
    rows = [Instance(0, "a", S.SUCCESS, 4, 1, 0, map_length=2)]
    rows += [Instance(1 + index, "b", S.REMOVED, 4, 1, 0, map_index=index) for index in range(3)]
    engine = RunEngine(dag, rows)
    engine.open()
    assert states(engine, "b") == {0: "scheduled", 1: "scheduled", 2: "removed"}
    source_runs = [rows[0]._replace(state=S.RUNNING, map_length=None), *rows[1:]]
    engine = RunEngine(dag, source_runs)
    engine.open()
    assert set(states(engine, "b").values()) == {"removed"}
    engine.end(0, 1, Outcome.SUCCESS, AT, map_length=3)
    assert engine.is_over  # as in Airflow, which does not look at them again
