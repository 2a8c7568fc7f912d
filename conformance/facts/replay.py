"""The same specs decided by Tradewind: its author classes make the DAG, its compiler and its run engine do the rest.

Nothing is executed and nothing is stored: what `record` writes into Airflow's database, events tell the engine here.
"""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tradewind import (
    DAG,
    BaseOperator,
    BranchPythonOperator,
    EmptyOperator,
    ShortCircuitOperator,
    TaskGroup,
    task_group,
)
from tradewind.core.effects import Arm, Effect, Finish, Offer, Withdraw
from tradewind.core.engine import Instance, Outcome, RunEngine, first_map_indexes
from tradewind.core.past import counts_as_past, is_held_by_past
from tradewind.core.states import RunType, TaskInstanceState
from tradewind.sdk.document import to_document
from tradewind.serialization.compile import compile_document
from tradewind.worker.tries.mapping import length_for_mapping

from conformance.facts.authoring import START, author
from conformance.facts.specs import Spec, rank, run_types, turn

if TYPE_CHECKING:
    from tradewind.core.graph import CompiledDag

NAMES: Any = SimpleNamespace(
    DAG=DAG,
    TaskGroup=TaskGroup,
    task_group=task_group,
    BaseOperator=BaseOperator,
    EmptyOperator=EmptyOperator,
    BranchPythonOperator=BranchPythonOperator,
    ShortCircuitOperator=ShortCircuitOperator,
    fail_fast="fail_fast",
)
OUTCOMES = {
    "s": Outcome.SUCCESS,
    "c": Outcome.SUCCESS,
    "f": Outcome.FAILED,
    "x": Outcome.FAIL_WITHOUT_RETRY,
    "k": Outcome.SKIPPED,
}
RUN_TYPES = {"s": RunType.SCHEDULED, "m": RunType.MANUAL}
MOST_STEPS = 400


def replay(spec: Spec) -> list[Any]:
    """Return the states in which the runs of the spec end, as `record` writes them.

    Raises what the author classes raise for a DAG that they refuse.
    """
    return _Replay(spec).play()


class _Run:
    """One run: its engine, and what may happen next in it."""

    def __init__(self, compiled: CompiledDag, number: int, letter: str) -> None:
        self.number, self.run_type = number, RUN_TYPES[letter]
        self.state = "running"
        self.ready: set[int] = set()
        self.due: set[int] = set()
        births = ((node, map_index) for node in compiled.nodes for map_index in first_map_indexes(compiled, node))
        none = TaskInstanceState.NONE
        self.engine = RunEngine(
            compiled,
            [
                Instance(slot, node.task_id, none, 0, 0, node.retry.retries, map_index=map_index)
                for slot, (node, map_index) in enumerate(births)
            ],
        )

    def apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Offer):
                self.ready.add(effect.slot)
            elif isinstance(effect, Withdraw):
                self.ready.discard(effect.slot)
            elif isinstance(effect, Arm):
                self.due.add(effect.slot)
            elif isinstance(effect, Finish):
                self.state = effect.state.value


class _Replay:
    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.dag = author(spec, NAMES)
        self.dag.validate()
        self.document = to_document(self.dag, dag_folder=".")
        self.compiled = compile_document(self.document)
        self.runs = [_Run(self.compiled, number, letter) for number, letter in enumerate(run_types(spec))]

    def play(self) -> list[Any]:
        for run in self.runs:
            run.apply(run.engine.open(self._held(run)))
        for _ in range(MOST_STEPS):
            self._settle()
            ready = sorted((self._rank(run, slot), run.number, slot) for run in self.runs for slot in run.ready)
            if not ready:
                return [[run.state, self._states(run)] for run in self.runs]
            _, number, slot = ready[0]
            self._end(self.runs[number], slot)
        raise RuntimeError(f"{self.spec['id']} does not come to an end")

    def _rank(self, run: _Run, slot: int) -> int:
        return rank(self.spec, run.number, run.engine.node_of[slot].task_id, run.engine.map_index_of[slot])

    def _settle(self) -> None:
        """Let retries fall due, and later runs hear of earlier ones, until nothing follows."""
        has_moved = True
        while has_moved:
            has_moved = False
            for run in self.runs:
                while run.due:
                    slot = run.due.pop()
                    run.apply(run.engine.fall_due(slot, run.engine.due.get(slot, START)))
                    has_moved = True
                held = self._held(run)
                for slot in run.engine.held_by_past ^ held:
                    effects = run.engine.hear_of_past(slot, is_held=slot in held)
                    run.apply(effects)
                    has_moved = has_moved or bool(effects)

    def _held(self, run: _Run) -> set[int]:
        past = self._past(run)
        held: set[int] = set()
        for node in self.compiled.nodes:
            below = [self.compiled.nodes[index].task_id for index in node.downstream]
            if is_held_by_past(node, past, below):
                held.update(run.engine.slots_of(node))
        return held

    def _past(self, run: _Run) -> dict[str, list[TaskInstanceState]] | None:
        catchup = self.document.catchup
        earlier = [one for one in self.runs[: run.number] if counts_as_past(one.run_type, is_catchup=catchup)]
        if not earlier:
            return None
        engine = earlier[-1].engine
        return {node.task_id: [engine.states[slot] for slot in engine.slots_of(node)] for node in self.compiled.nodes}

    def _end(self, run: _Run, slot: int) -> None:
        engine = run.engine
        run.ready.discard(slot)
        run.apply(engine.admit(slot))
        task_id, try_number = engine.node_of[slot].task_id, engine.tries[slot]
        run.apply(engine.start(slot, try_number))
        task = self.spec["tasks"][task_id]
        map_index = engine.map_index_of[slot]
        where = run.number, map_index, try_number
        letter = turn(task.get("out", "s"), *where)
        skips: list[str] = []
        length = None
        if letter in "sc":
            returned = list(range(turn(task.get("lengths", [2]), *where)))
            length = length_for_mapping(self.dag.get_task(task_id), map_index, returned, len(returned))
            if "follow" in task:
                skips = self._decide(task_id, map_index, turn(task["follow"], *where))
            elif letter == "c":
                skips = self._decide(task_id, map_index)
        at = START + timedelta(days=run.number)
        run.apply(engine.end(slot, try_number, OUTCOMES[letter], at, skips=skips, map_length=length))

    def _decide(self, task_id: str, map_index: int, follow: list[str] | None = None) -> list[str]:
        """Return whom the operator's own code skips, following these or with its condition false."""
        skipped: list[str] = []
        task = self.dag.get_task(task_id)
        ti = SimpleNamespace(task=task, map_index=map_index, xcom_push=lambda **_: None, skip_downstream=skipped.extend)
        context = {"ti": ti, "task": task, "dag": self.dag}
        if follow is None:
            task.execute(context)
        else:
            task.do_branch(context, follow)
        return skipped

    def _states(self, run: _Run) -> dict[str, Any]:
        states: dict[str, Any] = {}
        for node in self.compiled.nodes:
            slots = run.engine.slots_of(node)
            found = [run.engine.states[slot] for slot in slots]
            texts = [None if state is TaskInstanceState.NONE else state.value for state in found]
            is_expanded = any(run.engine.map_index_of[slot] >= 0 for slot in slots)
            states[node.task_id] = texts if is_expanded else texts[0]
        return states
