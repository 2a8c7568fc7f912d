"""Random lives: runs of random DAGs, with schedulers killed and stopped, outages, lost processes, users and new versions.

Whatever happens: in the end every run has ended, every task instance too, none succeeded whose process did not say so,
and none succeeded twice in one try. All the while, what the scheduler holds in memory is what the database says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.metadata.runs import RunDetail, list_events, list_task_instances
from tradewind.serialization.document import DagDocument, TaskGroupDocument

from tests.scheduler.faults.flaky import FlakyStore
from tests.scheduler.stage import START, Stage, dag, task

ACTIONS = 40
OUTCOMES = ("success", "success", "success", "failed", "skipped", "reschedule", "fail_without_retry", "killed")
RULES = ("all_success", "all_success", "all_done", "one_failed", "none_failed_min_one_success", "always")
MARKS = (TaskInstanceState.SUCCESS, TaskInstanceState.FAILED, TaskInstanceState.SKIPPED)
RUN_MARKS = (DagRunState.SUCCESS, DagRunState.FAILED, DagRunState.QUEUED)


def random_dag(random: Random, dag_id: str) -> DagDocument:
    """Return a DAG of up to seven tasks, some of them mapped, or the last ones in a mapped group."""
    names = [f"t{index}" for index in range(random.randint(1, 7))]
    in_group = set(names[random.randint(1, 7) :]) if random.random() < 0.4 else set()
    over: dict[str, Any] = random.choice(({"literal": 2}, {"xcom": "t0"}))
    groups = (TaskGroupDocument(group_id="g", is_mapped=True, expansion=over),) if in_group else ()
    tasks = []
    for index, name in enumerate(names):
        later = names[index + 1 :]
        tasks.append(
            task(
                name,
                downstream=tuple(sorted(random.sample(later, min(len(later), random.randint(0, 2))))),
                trigger_rule=random.choice(RULES),
                retries=random.choice((0, 0, 1, 2)),
                retry_delay_s=random.choice((0.0, 5.0, 300.0)),
                is_empty=random.random() < 0.15,
                depends_on_past=random.random() < 0.2,
                wait_for_downstream=random.random() < 0.1,
                pool=random.choice(("default_pool", "small")),
                group_id="g" if name in in_group else None,
                expansion=None if name in in_group else random_length(random, names[:index]),
                callbacks=("on_failure_callback", "on_retry_callback"),
            ),
        )
    return dag(
        dag_id,
        tasks,
        groups=groups,
        max_active_runs=random.randint(1, 3),
        max_active_tasks=random.randint(1, 4),
        fail_fast=random.random() < 0.15,
        dagrun_timeout_s=random.choice((None, None, 900.0)),
        callbacks=("on_failure_callback", "on_success_callback"),
        timetable={"type": "cron_data_interval", "expression": "*/20 * * * *", "timezone": "UTC"}
        if dag_id == "scheduled"
        else {"type": "null"},
        start_date=START,
        end_date=START + timedelta(hours=2),
        catchup=random.random() < 0.5,
    )


def random_length(random: Random, before: list[str]) -> dict[str, Any] | None:
    """Return what a task is mapped over: mostly nothing."""
    if random.random() < 0.7:
        return None
    return {"xcom": random.choice(before)} if before else {"literal": random.randint(0, 3)}


class Life:
    """One life, told by its seed."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.random = Random(seed)
        self.said: Counter[tuple[int, int]] = Counter()
        """Successes that processes reported."""
        stage.store = self.flaky = FlakyStore(stage.store)
        stage.options["parallelism"] = 4
        stage.pools.set("small", 2)
        self.dag_ids = ["one", "scheduled"]
        stage.deploy(*(random_dag(self.random, dag_id) for dag_id in self.dag_ids))
        stage.start()
        self.count = 0

    def act(self) -> None:
        """Let one thing happen."""
        actions: list[tuple[int, Callable[[], None]]] = [
            (30, self.end_something),
            (10, self.begin_something),
            (10, self.pass_time),
            (6, self.trigger),
            (4, self.lose_something),
            (4, self.outage),
            (3, self.stage_restart),
            (3, self.clear),
            (3, self.mark),
            (2, self.mark_run),
            (1, self.deploy),
            (1, self.pause),
        ]
        self.random.choices([action for _, action in actions], [weight for weight, _ in actions])[0]()
        self.stage.step()
        self.stage.hear_all()
        self.stage.check_caches()

    def some_try(self) -> Any:
        """Return a try that is open, or None."""
        tries = list(self.stage.executor.tries.values())
        return self.random.choice(tries) if tries else None

    def begin_something(self) -> None:
        """A process begins its try."""
        if (order := self.some_try()) is not None:
            self.stage.executor.begin(order)

    def end_something(self) -> None:
        """A process says how its try ended."""
        if (order := self.some_try()) is None:
            return
        outcome = self.random.choice(OUTCOMES)
        self.said[order.ti_pk, order.try_number] += outcome == "success"
        if self.random.random() < 0.7:
            self.stage.executor.begin(order)
        at = self.stage.clock.now() + timedelta(seconds=30)
        length = self.random.choice((None, 0, 1, 2, 3)) if order.map_index < 0 else 1
        due_at = at if outcome == "reschedule" else None
        self.stage.executor.end(order, outcome, reschedule_at=due_at, map_length=length)

    def lose_something(self) -> None:
        """A process is gone."""
        callbacks = list(self.stage.executor.callbacks.values())
        order = self.random.choice(callbacks) if callbacks and self.random.random() < 0.3 else self.some_try()
        if order is not None:
            self.stage.executor.lose(order)

    def pass_time(self) -> None:
        """Time passes."""
        self.stage.clock.advance(self.random.choice((1, 10, 60, 400)))

    def trigger(self) -> None:
        """A user starts a run."""
        self.count += 1
        date = START + timedelta(minutes=self.random.randint(0, 10_000), seconds=self.count)
        self.unheard(lambda: self.stage.trigger("one", run_id=f"m{self.count}", logical_date=date))

    def outage(self) -> None:
        """The next calls of the database fail."""
        self.flaky.fail(self.random.choice(("before", "after")), times=self.random.randint(1, 2))

    def stage_restart(self) -> None:
        """The scheduler is killed or stopped, and another one starts."""
        if self.random.random() < 0.4:
            self.stage.stop()
        self.stage.start()

    def some_task(self) -> Any:
        """Return a task instance, or None."""
        rows = list_task_instances(self.stage.database)[0]
        return self.random.choice(rows) if rows else None

    def clear(self) -> None:
        """A user clears a task instance."""
        if (row := self.some_task()) is not None:
            self.unheard(lambda: self.stage.clear_tasks(row.task_id, run_id=row.run_id, dag_id=row.dag_id))

    def mark(self) -> None:
        """A user marks a task instance."""
        if (row := self.some_task()) is not None:
            state = self.random.choice(MARKS)
            self.unheard(lambda: self.stage.mark(state, row.task_id, run_id=row.run_id, dag_id=row.dag_id))

    def mark_run(self) -> None:
        """A user marks a run."""
        runs = [run for dag_id in self.dag_ids for run in self.stage.runs(dag_id)]
        if runs:
            run = self.random.choice(runs)
            state = self.random.choice(RUN_MARKS)
            self.unheard(lambda: self.stage.mark_run(state, run.run_id, run.dag_id))

    def deploy(self) -> None:
        """An author changes a DAG."""
        self.unheard(lambda: self.stage.deploy(random_dag(self.random, self.random.choice(self.dag_ids))))

    def pause(self) -> None:
        """A user pauses a DAG, or lets it go on."""
        is_paused = self.random.random() < 0.3
        self.unheard(lambda: self.stage.pause(self.random.choice(self.dag_ids), is_paused=is_paused))

    def unheard(self, action: Callable[[], object]) -> None:
        """Let a user act; the ring is heard in a later turn, or in the one in which it meets other news."""
        scheduler, self.stage._scheduler = self.stage._scheduler, None
        action()
        self.stage._scheduler = scheduler

    def come_to_the_end(self) -> None:
        """Let everybody do their work until nothing is left to do."""
        stage = self.stage
        stage.start()
        for dag_id in self.dag_ids:
            if stage.scheduler.dags[dag_id].is_frozen:
                stage.pause(dag_id, is_paused=False)
        for _ in range(300):
            for order in list(stage.executor.tries.values()):
                stage.executor.begin(order)
                stage.executor.end(order, map_length=1)
                self.said[order.ti_pk, order.try_number] += 1
            for order in list(stage.executor.callbacks.values()):
                stage.executor.call_back(order)
            stage.advance(31)
            if stage.executor.tries:
                continue
            if not self.unfinished():
                if stage.clock.now() > START + timedelta(hours=3):
                    break
            elif not self.is_waiting_for_time():
                self.forget_the_past()
        assert not self.unfinished(), [(run, stage.states(run.run_id, run.dag_id)) for run in self.unfinished()]

    def unfinished(self) -> list[RunDetail]:
        """Return the runs that have not ended."""
        return [run for dag_id in self.dag_ids for run in self.stage.runs(dag_id) if run.ended_at is None]

    def is_waiting_for_time(self) -> bool:
        """Return whether a retry or a poke is due some time."""
        return any(active.engine.due for active in self.stage.scheduler.book.runs.values())

    def forget_the_past(self) -> None:
        """Let the authors drop what runs wait for in vain: a past that failed, was never there, or waits for room."""
        for dag_id in self.dag_ids:
            document = self.stage.scheduler.dags[dag_id].document
            free = [replace(found, depends_on_past=False, wait_for_downstream=False) for found in document.tasks]
            self.unheard(lambda document=document, free=free: self.stage.deploy(replace(document, tasks=tuple(free))))
        self.stage.hear_all()

    def check(self) -> None:
        """Assert what has to hold of every life."""
        self.stage.check_caches()
        assert self.stage.stored_callbacks() == []
        assert self.stage.scheduler.book.in_flight == {}
        assert self.stage.scheduler.reactor.inbox == []
        for row in list_task_instances(self.stage.database)[0]:
            assert row.state.value in {"success", "failed", "skipped", "upstream_failed", "removed"}
            events = list_events(self.stage.database, row.ti_pk)
            assert [event.version for event in events] == list(range(1, row.version + 1)), "each step is told once"
            succeeded = Counter(event.try_number for event in events if event.event == "succeed")
            assert all(count == 1 for count in succeeded.values())
            assert all(self.said[row.ti_pk, number] for number in succeeded), "nobody said so"


@pytest.mark.parametrize("seed", range(2))
def test_a_random_life_ends_well(stage: Stage, seed: int) -> None:
    life = Life(stage, seed)
    for _ in range(ACTIONS):
        life.act()
    life.come_to_the_end()
    life.check()
