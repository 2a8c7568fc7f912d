"""A scheduler that a test moves by hand: real core, store and database; a clock that stands and an executor told what to say."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from itertools import count, pairwise
from typing import Any

import pytest

from tradewind.core.ids import DagRunPk, TaskInstancePk
from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.metadata.backfills import (
    Backfill,
    BackfillRequest,
    BackfillStore,
    cancel_backfill,
    create_backfill,
    get_backfill,
    pause_backfill,
)
from tradewind.metadata.dags import DagStore, FileDag, FileResult
from tradewind.metadata.database import Database
from tradewind.metadata.doorbell import Ring
from tradewind.metadata.doorbell.listening import listen
from tradewind.metadata.doorbell.ring import RESYNC
from tradewind.metadata.pools import PoolStore
from tradewind.metadata.runs import (
    EventDetail,
    RunDetail,
    RunFilter,
    RunRequest,
    TaskInstanceDetail,
    TaskInstanceFilter,
    clear_task_instances,
    create_manual_run,
    delete_run,
    get_run,
    list_events,
    list_runs,
    list_task_instances,
    mark_run,
    mark_task_instances,
)
from tradewind.metadata.scheduling import SchedulerStore
from tradewind.scheduler.leadership import take_lease
from tradewind.scheduler.scheduler import Scheduler, SchedulerOptions
from tradewind.serialization.document import DagDocument, TaskDocument, encode_document, version_hash
from tradewind.serialization.messages import RunTask, StoreCall, StoreReply
from tradewind.testing.clock import FakeClock
from tradewind.testing.executor import ScriptedExecutor

S = TaskInstanceState
R = DagRunState
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
HEAR_LIMIT_S = 10
_numbers = count()


def dag(dag_id: str = "d", tasks: str | Iterable[TaskDocument] = "a", **fields: Any) -> DagDocument:
    """Return a document. Tasks may be written as chains: `a > b > c, d`; a name in two chains is one task."""
    documents = chains(tasks) if isinstance(tasks, str) else tuple(tasks)
    return DagDocument(dag_id=dag_id, tasks=documents, **fields)


def chains(text: str, **fields: Any) -> tuple[TaskDocument, ...]:
    """Return the tasks of chains, each with `fields`."""
    edges: dict[str, set[str]] = {}
    for chain in text.split(","):
        names = [name.strip() for name in chain.split(">")]
        for name in names:
            edges.setdefault(name, set())
        for name, after in pairwise(names):
            edges[name].add(after)
    return tuple(task(name, downstream=tuple(sorted(after)), **fields) for name, after in edges.items())


def task(task_id: str, **fields: Any) -> TaskDocument:
    """Return a task."""
    values: dict[str, Any] = {"task_id": task_id, "task_type": "Op"} | fields
    return TaskDocument(**values)


def daily(**fields: Any) -> dict[str, Any]:
    """Return the fields of a DAG that runs at midnight, on the day before."""
    return {
        "timetable": {"type": "cron_data_interval", "expression": "0 0 * * *", "timezone": "UTC"},
        "start_date": START,
    } | fields


class Stage:
    """One database, any number of schedulers one after the other, and short ways to what tests do and ask."""

    def __init__(self, url: str) -> None:
        self.clock = FakeClock(START)
        self.database = Database.open(url)
        self.dag_store = DagStore(self.database, self.clock)
        self.pools = PoolStore(self.database)
        self.store: Any = SchedulerStore(self.database, self.clock)
        self.backfills: Any = BackfillStore(self.database, self.clock)
        self.options: dict[str, Any] = {"longest_backoff_s": 0.0}
        self.on_call: Callable[[], object] = lambda: None
        """What happens when a worker's question is answered."""
        self._scheduler: Scheduler | None = None

    # ---- schedulers ----------------------------------------------------------------------------------------------------

    @property
    def scheduler(self) -> Scheduler:
        """Return the scheduler at work."""
        assert self._scheduler is not None
        return self._scheduler

    @property
    def is_scheduling(self) -> bool:
        """Whether a scheduler is at work."""
        return self._scheduler is not None

    def start(self) -> Scheduler:
        """Start a scheduler; one that was there counts as killed."""
        scheduler, epoch = self.make()
        self.executor.start(scheduler.reactor)
        scheduler.start(epoch)
        return scheduler

    def make(self) -> tuple[Scheduler, int]:
        """Make a scheduler that can be run under the epoch given with it."""
        self.crash()
        self.executor = ScriptedExecutor(self.clock)
        self.listener = listen(self.database)
        options = SchedulerOptions(**self.options)
        self._scheduler = Scheduler(
            store=self.store,
            backfills=self.backfills,
            listener=self.listener,
            executor=self.executor,
            answer=self._answer,
            log_path=lambda run, task_id, _, number: f"/logs/{run.dag_id}/{run.run_id}/{task_id}/{number}.log",
            clock=self.clock,
            options=options,
        )
        epoch = take_lease(
            self.store,
            hostname="here",
            ttl_s=options.lease_ttl_s,
            clock=self.clock,
            stopping=threading.Event(),
        )
        assert epoch is not None
        return self._scheduler, epoch

    def crash(self) -> None:
        """Let the scheduler be gone without a last word."""
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None and not self.executor.is_stopped:
            scheduler.reactor.close()
            self.listener.close()

    def stop(self) -> None:
        """Let the scheduler end as it is asked to."""
        self.scheduler.close()
        self._scheduler = None

    def clear(self) -> None:
        """Give everything back."""
        self.crash()
        self.database.dispose()

    def step(self, times: int = 1) -> None:
        """Let the scheduler take in what has arrived and is due."""
        for _ in range(times):
            self.scheduler.step()

    def advance(self, by: timedelta | float) -> None:
        """Let time pass, then let the scheduler do what is due."""
        self.clock.advance(by)
        self.step(2)

    def hear(self) -> None:
        """Wait until the scheduler's listener has something, and let it be heard."""
        assert select.select([self.listener.fileno()], [], [], HEAR_LIMIT_S)[0], "no ring"
        self.step()

    def hear_all(self) -> None:
        """Wait until every ring so far has been heard: they come in order, and so does one of our own after them."""
        own = Ring("pool", f"own{next(_numbers)}")
        rung: list[Ring] = []
        drain = self.listener.drain

        def remember() -> list[Ring]:
            rung.extend(heard := drain())
            return heard

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.listener, "drain", remember)
            self.database.send([own])
            while own not in rung and RESYNC not in rung:
                self.hear()

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Let the scheduler, where there is one, hear of what the block does."""
        yield
        if self._scheduler is not None:
            self.hear()

    # ---- users ---------------------------------------------------------------------------------------------------------

    def deploy(self, *documents: DagDocument, is_paused: bool = False, fingerprint: str = "f1") -> None:
        """Store DAGs, each in a file of its own."""
        with self.heard():
            for document in documents:
                encoded = encode_document(document)
                path = f"/dags/{document.dag_id}.py"
                result = FileResult(
                    path=path,
                    relative_path=f"{document.dag_id}.py",
                    folder="/dags",
                    fingerprint=fingerprint,
                    dags=[FileDag(document.dag_id, encoded, version_hash(encoded))],
                )
                self.dag_store.store_file(result, is_paused_by_default=is_paused)

    def remove_file(self, dag_id: str = "d") -> None:
        """Delete a DAG's file."""
        with self.heard():
            self.dag_store.remove_files([f"/dags/{dag_id}.py"])

    def pause(self, dag_id: str = "d", *, is_paused: bool = True) -> None:
        """Pause or unpause a DAG."""
        with self.heard():
            self.dag_store.set_paused([dag_id], is_paused=is_paused)

    def trigger(self, dag_id: str = "d", **fields: Any) -> DagRunPk:
        """Create a manual run; return its number."""
        fields.setdefault("run_id", f"r{len(self.runs(dag_id)) + 1}")
        with self.heard():
            detail = create_manual_run(self.database, self.clock, RunRequest(dag_id=dag_id, **fields))
        return detail.run_pk

    def backfill(self, first: int, last: int, dag_id: str = "d", **fields: Any) -> int:
        """Create a backfill from one day after the start to another; return its number."""
        with self.heard():
            request = BackfillRequest(
                dag_id=dag_id, from_date=START + first * DAY, to_date=START + last * DAY, **fields
            )
            return create_backfill(self.database, self.clock, request).pk

    def stored_backfill(self, pk: int) -> Backfill:
        """Return a backfill, as stored."""
        return get_backfill(self.database, pk)

    def pause_backfill(self, pk: int, *, is_paused: bool = True) -> None:
        """Pause a backfill, or let it go on."""
        with self.heard():
            pause_backfill(self.database, self.clock, pk, is_paused=is_paused)

    def cancel_backfill(self, pk: int) -> None:
        """Cancel a backfill."""
        cancel_backfill(self.database, self.clock, pk)
        if self._scheduler is not None:
            self.hear_all()

    def clear_tasks(self, *task_ids: str, run_id: str = "r1", dag_id: str = "d") -> None:
        """Clear tasks of a run, or all."""
        with self.heard():
            clear_task_instances(self.database, self.clock, _which(dag_id, run_id, task_ids))

    def mark(self, state: S, *task_ids: str, run_id: str = "r1", dag_id: str = "d") -> None:
        """Mark tasks of a run."""
        with self.heard():
            mark_task_instances(self.database, self.clock, _which(dag_id, run_id, task_ids), state)

    def mark_run(self, state: R, run_id: str = "r1", dag_id: str = "d") -> None:
        """Mark a run."""
        with self.heard():
            mark_run(self.database, self.clock, dag_id, run_id, state)

    def delete_run(self, run_id: str = "r1", dag_id: str = "d") -> None:
        """Delete a run."""
        with self.heard():
            delete_run(self.database, dag_id, run_id)

    # ---- workers -------------------------------------------------------------------------------------------------------

    def tries(self, run_id: str | None = None, dag_id: str | None = None) -> list[str]:
        """Return the tasks whose tries are with the executor now, in the order in which it got them."""
        return [order.task_id for order in self._open(run_id, dag_id)]

    def order(self, task_id: str, run_id: str | None = None, dag_id: str | None = None) -> RunTask:
        """Return the newest order of the task that is open."""
        found = [order for order in self._open(run_id, dag_id) if order.task_id == task_id]
        assert found, f"no try of {task_id} is at work: {self.tries()}"
        return found[-1]

    def begin(self, task_id: str, run_id: str | None = None, dag_id: str | None = None) -> RunTask:
        """Let the open try of the task begin."""
        order = self.order(task_id, run_id, dag_id)
        self.executor.begin(order)
        self.step()
        return order

    def end(
        self,
        task_id: str,
        outcome: str = "success",
        *,
        run_id: str | None = None,
        dag_id: str | None = None,
        **fields: Any,
    ) -> RunTask:
        """Let the open try of the task end, having begun."""
        order = self.order(task_id, run_id, dag_id)
        self.executor.begin(order)
        self.executor.end(order, outcome, **fields)
        self.step()
        return order

    def end_all(self, outcome: str = "success") -> None:
        """Let every try end, and those that follow."""
        while self.executor.tries:
            self.end_open(outcome)

    def end_open(self, outcome: str = "success") -> None:
        """Let every try end that is open now."""
        for order in list(self.executor.tries.values()):
            self.executor.begin(order)
            self.executor.end(order, outcome)
        self.step()

    # ---- questions -----------------------------------------------------------------------------------------------------

    def states(self, run_id: str = "r1", dag_id: str = "d") -> dict[str, str]:
        """Return the state of each task of the run, as stored."""
        return {row.task_id: row.state.value for row in self.rows(run_id, dag_id)}

    def rows(self, run_id: str = "r1", dag_id: str = "d") -> list[TaskInstanceDetail]:
        """Return the task instances of the run, as stored."""
        return list_task_instances(self.database, _which(dag_id, run_id, ()))[0]

    def row(self, task_id: str, run_id: str = "r1", dag_id: str = "d") -> TaskInstanceDetail:
        """Return one task instance, as stored."""
        return next(row for row in self.rows(run_id, dag_id) if row.task_id == task_id)

    def events(self, task_id: str, run_id: str = "r1", dag_id: str = "d") -> list[str]:
        """Return the names of a task instance's steps."""
        return [event.event for event in self.event_details(task_id, run_id, dag_id)]

    def event_details(self, task_id: str, run_id: str = "r1", dag_id: str = "d") -> list[EventDetail]:
        """Return a task instance's steps."""
        return list_events(self.database, self.row(task_id, run_id, dag_id).ti_pk)

    def run(self, run_id: str = "r1", dag_id: str = "d") -> RunDetail:
        """Return the run, as stored."""
        return get_run(self.database, dag_id, run_id)

    def state(self, run_id: str = "r1", dag_id: str = "d") -> str:
        """Return the run's state, as stored."""
        return self.run(run_id, dag_id).state.value

    def runs(self, dag_id: str = "d") -> list[RunDetail]:
        """Return the DAG's runs, oldest first."""
        return sorted(list_runs(self.database, RunFilter(dag_ids=(dag_id,)))[0], key=lambda run: run.run_pk)

    def run_states(self, dag_id: str = "d") -> list[str]:
        """Return the states of the DAG's runs, oldest first."""
        return [run.state.value for run in self.runs(dag_id)]

    def xcoms(self, ti_pk: int) -> dict[str, bytes]:
        """Return the XComs of a task instance, as stored."""
        return dict(self._select("SELECT key, value FROM xcom WHERE ti_pk = :pk", pk=ti_pk))

    def rendered(self, ti_pk: int) -> bytes | None:
        """Return the rendered fields of a task instance, as stored."""
        rows = self._select("SELECT fields FROM rendered_fields WHERE ti_pk = :pk", pk=ti_pk)
        return bytes(rows[0][0]) if rows else None

    def stored_callbacks(self) -> list[str]:
        """Return the names of the callbacks that are stored."""
        return [row.request.name for row in SchedulerStore(self.database, self.clock).load_callbacks()]

    def check_caches(self) -> None:
        """Assert that what the scheduler holds in memory is what the database says."""
        book = self.scheduler.book
        stored = {run.run_pk: run for run in SchedulerStore(self.database, self.clock).load_unfinished_runs()}
        running = {pk for pk, run in stored.items() if run.state is R.RUNNING}
        assert book.runs.keys() == running
        assert {pk for pks in book.by_dag.values() for pk in pks} == running
        for pk, active in book.runs.items():
            rows = SchedulerStore(self.database, self.clock).load_task_instances(pk)
            found = {row.ti_pk & 0xFFFFFF: (row.state, row.version, row.try_number) for row in rows}
            engine = active.engine
            assert {s: (engine.states[s], engine.versions[s], engine.tries[s]) for s in engine.states} == found
            for row in rows:
                is_known = row.ti_pk & 0xFFFFFF not in engine.orphans
                is_holding = row.state in {S.QUEUED, S.RUNNING, S.RESTARTING} and is_known
                assert self.scheduler.limits.is_holding(row.ti_pk) == is_holding
                assert self.scheduler.limits.is_waiting(row.ti_pk) == (row.state is S.SCHEDULED)
        assert self.scheduler.limits.usage()["used"] == len(
            {pk for pk in book.in_flight if self._is_held(pk)},
        )

    def _is_held(self, ti_pk: TaskInstancePk) -> bool:
        return self.scheduler.limits.is_holding(ti_pk)

    def _open(self, run_id: str | None, dag_id: str | None) -> list[RunTask]:
        return [
            order
            for order in self.executor.tries.values()
            if run_id in {None, order.dag_run.run_id} and dag_id in {None, order.dag_id}
        ]

    def _select(self, query: str, **parameters: Any) -> list[Any]:
        import sqlalchemy as sa

        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), parameters)]

    def _answer(self, call: StoreCall) -> StoreReply:
        self.on_call()
        return StoreReply(call_id=call.call_id, result="answer")


def _which(dag_id: str, run_id: str, task_ids: Iterable[str]) -> TaskInstanceFilter:
    return TaskInstanceFilter(runs=RunFilter(dag_ids=(dag_id,), run_ids=(run_id,)), task_ids=tuple(task_ids))
