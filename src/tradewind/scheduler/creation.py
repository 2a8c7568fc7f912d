"""Creating runs when their time comes, and starting the queued ones when their DAG has room."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from tradewind.core.runs import RunRoom, has_room_for_new_run, make_run_id, next_run, require_progress
from tradewind.core.states import RunType
from tradewind.core.timetables.codec import NeedsAuthorCode
from tradewind.core.timetables.protocol import DagRunInfo, DataInterval, TimetableError
from tradewind.metadata.batch import DagSchedule, NewRun
from tradewind.serialization.messages import ComputeNextRun, NextRunComputed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.metadata.batch import RunRow
    from tradewind.scheduler.backfills import BackfillDesk
    from tradewind.scheduler.collector import Collector
    from tradewind.scheduler.dags import DagState
    from tradewind.scheduler.reactor import SelectorReactor
    from tradewind.scheduler.run_book import RunBook

_log = logging.getLogger(__name__)

ASK_AGAIN_S = 60.0
"""So long after an author's timetable failed it is asked again: what it looks at may have changed."""


class _Plan:
    """What is known of a DAG's next run."""

    __slots__ = ("cancel", "info", "last_interval", "last_run_after", "request_id", "skips_before")

    def __init__(self, dag: DagState) -> None:
        row = dag.row
        self.last_interval: DataInterval | None = None
        if row.last_interval_start is not None and row.last_interval_end is not None:
            self.last_interval = DataInterval(row.last_interval_start, row.last_interval_end)
        self.last_run_after = row.last_run_after
        self.info: DagRunInfo | None = None
        self.cancel: Callable[[], None] = _nothing
        self.request_id: int | None = None
        self.skips_before: datetime | None = None
        """Runs that were due earlier are left out."""


class RunCreator:
    """Owns the timers of all schedules and the line of queued runs."""

    def __init__(
        self,
        dags: dict[str, DagState],
        book: RunBook,
        collector: Collector,
        reactor: SelectorReactor,
        clock: Clock,
        ask: Callable[[ComputeNextRun], None],
        backfills: BackfillDesk,
        version_for: Callable[[RunRow], DagState | None],
    ) -> None:
        """Use `ask` to have an author's timetable class computed in a worker."""
        self.skips_missed = False
        """Whether a DAG without catchup that is unpaused waits for its next run, instead of making the last missed one."""
        self.queue = backfills.queue
        self._backfills = backfills
        self._version_for = version_for
        self._dags = dags
        self._book = book
        self._collector = collector
        self._reactor = reactor
        self._clock = clock
        self._ask = ask
        self.on_line_up: Callable[[list[RunRow]], None] = lambda _runs: None
        """Told of runs that are queued before they may start."""
        self._plans: dict[str, _Plan] = {}
        self._asked: dict[int, str] = {}
        self._request_ids = backfills.layout.request_ids
        self._waiting: dict[str, Callable[[], None]] = {}
        self._created: set[str] = set()
        self._written: dict[str, DagSchedule] = {}

    # ---- creating ------------------------------------------------------------------------------------------------------

    def plan(self, dag: DagState, *, is_awake: bool = True) -> None:
        """Find out when the DAG's next run is due, and create it when that is now. Call after every change of the DAG.

        `is_awake` is False where the DAG could make no runs until now: it is new, or was paused.
        """
        before = self._plans.get(dag.dag_id)
        plan = _Plan(dag)
        if before is not None:
            before.cancel()
            if before.last_run_after is not None and (
                plan.last_run_after is None or before.last_run_after > plan.last_run_after
            ):
                plan.last_interval, plan.last_run_after = before.last_interval, before.last_run_after
        self._plans[dag.dag_id] = plan
        if self.skips_missed and not dag.document.catchup and dag.timetable.periodic:
            plan.skips_before = dag.row.next_run_after if is_awake else self._clock.now() + timedelta.resolution
        if not dag.is_frozen:
            self._compute(dag, plan)

    def forget(self, dag_id: str) -> None:
        """The DAG has gone."""
        plan = self._plans.pop(dag_id, None)
        if plan is not None:
            plan.cancel()

    def take_computed(self, answer: NextRunComputed) -> None:
        """A worker has computed the next run of an author's timetable."""
        dag = self._dags.get(self._asked.pop(answer.request_id, ""))
        plan = self._plans.get(dag.dag_id) if dag is not None else None
        if dag is None or plan is None or plan.request_id != answer.request_id:
            return
        plan.request_id = None
        info, error = _info_of(answer), answer.error
        try:
            require_progress(dag.timetable, info, last_interval=plan.last_interval, last_run_after=plan.last_run_after)
        except TimetableError as no_progress:
            error = str(no_progress)
        if error is None:
            plan.info = info
            self._settle(dag, plan)
        else:
            _log.error("DAG %s: its timetable failed, asking again in %g s: %s", dag.dag_id, ASK_AGAIN_S, error)
            plan.cancel()
            plan.cancel = self._reactor.call_after(ASK_AGAIN_S, lambda: self._compute(dag, plan))

    def run_ended(self, dag_id: str) -> None:
        """A run of the DAG ended: there may be room for a queued one, and for one whose date has passed."""
        self.start_queued(dag_id)
        self.fill_backfill(dag_id)
        dag = self._dags.get(dag_id)
        plan = self._plans.get(dag_id)
        if dag is not None and plan is not None and plan.info is not None and not dag.is_frozen:
            self._settle(dag, plan)

    def plan_next(self) -> None:
        """The runs created in the last batch are committed: find out what follows each."""
        created, self._created = self._created, set()
        for dag_id in created:
            dag, plan = self._dags.get(dag_id), self._plans.get(dag_id)
            if dag is not None and plan is not None and plan.info is None and not dag.is_frozen:
                self._compute(dag, plan)

    def _compute(self, dag: DagState, plan: _Plan) -> None:
        document = dag.document
        now = self._clock.now()
        try:
            plan.info = next_run(
                dag.timetable,
                last_interval=plan.last_interval,
                last_run_after=plan.last_run_after,
                start_date=document.start_date,
                end_date=document.end_date,
                catchup=document.catchup,
                now=now,
            )
        except NeedsAuthorCode:
            plan.info = None
            plan.request_id = next(self._request_ids)
            self._asked[plan.request_id] = dag.dag_id
            self._ask(
                ComputeNextRun(
                    request_id=plan.request_id,
                    dag_file=dag.file,
                    dag_id=dag.dag_id,
                    last_interval_start=plan.last_interval.start if plan.last_interval else None,
                    last_interval_end=plan.last_interval.end if plan.last_interval else None,
                    earliest=document.start_date,
                    latest=document.end_date,
                    catchup=document.catchup,
                    now=now,
                ),
            )
            return
        except TimetableError as error:
            _log.error("DAG %s: no further runs until its file changes: %s", dag.dag_id, error)
            plan.info = None
        self._settle(dag, plan)

    def _settle(self, dag: DagState, plan: _Plan) -> None:
        """Create what is due, if max_active_runs allows, or arm a timer for what is not."""
        plan.cancel()
        plan.cancel = _nothing
        info = plan.info
        if info is not None and plan.skips_before is not None and info.run_after < plan.skips_before:
            plan.last_interval, plan.last_run_after, plan.info = info.data_interval, info.run_after, None
            self._compute(dag, plan)
            return
        self._write_schedule(dag, info)
        if info is None:
            return
        if info.run_after > self._clock.now():
            plan.cancel = self._reactor.call_at(info.run_after, lambda: self._settle(dag, plan))
        elif self.has_room(dag):
            self._create(dag, info)
            plan.last_interval, plan.last_run_after, plan.info = info.data_interval, info.run_after, None

    def _create(self, dag: DagState, info: DagRunInfo) -> None:
        # One run a turn: once it is committed, and counts against max_active_runs, `plan_next` goes on.
        interval = info.data_interval
        self._created.add(dag.dag_id)
        self._collector.batch.new_runs.append(
            NewRun(
                dag_id=dag.dag_id,
                run_id=make_run_id(
                    RunType.SCHEDULED,
                    logical_date=info.logical_date,
                    run_after=info.run_after,
                    partition_key=info.partition_key,
                ),
                run_type=RunType.SCHEDULED,
                run_after=info.run_after,
                logical_date=info.logical_date,
                data_interval_start=interval.start if interval is not None else None,
                data_interval_end=interval.end if interval is not None else None,
                partition_key=info.partition_key,
                partition_date=info.partition_date,
            ),
        )

    def _write_schedule(self, dag: DagState, info: DagRunInfo | None) -> None:
        interval = info.data_interval if info is not None else None
        schedule = DagSchedule(
            dag_id=dag.dag_id,
            next_run_after=info.run_after if info is not None else None,
            next_interval_start=interval.start if interval is not None else None,
            next_interval_end=interval.end if interval is not None else None,
        )
        if self._written.get(dag.dag_id) != schedule:
            self._written[dag.dag_id] = schedule
            self._collector.schedule(schedule)

    def has_room(self, dag: DagState) -> bool:
        """Return whether the DAG may have another run now."""
        return has_room_for_new_run(self._unfinished(dag.dag_id), dag.document.max_active_runs)

    def _unfinished(self, dag_id: str) -> int:
        """Return how many runs of the DAG have not ended, those of backfills left out."""
        return self.queue.count((dag_id, None)) + len(self._book.by_room.get((dag_id, None), ()))

    # ---- starting ------------------------------------------------------------------------------------------------------

    def line_up(self, runs: Iterable[RunRow]) -> None:
        """These runs are queued in the database: start those that may, and let the others wait."""
        dag_ids: dict[str, None] = {}
        runs = list(runs)
        self.on_line_up(runs)
        for run in runs:
            self.queue.put(run)
            dag_ids[run.dag_id] = None
        for dag_id in dag_ids:
            self.start_queued(dag_id)

    def start_queued(self, dag_id: str) -> None:
        """Start the DAG's queued runs, oldest first, as far as max_active_runs has room: the DAG's own, or a backfill's."""
        dag = self._dags.get(dag_id)
        if dag is None or dag.is_frozen:
            return
        now = self._clock.now()
        own = RunRoom(dag_id, dag.document.max_active_runs, tuple(self._book.by_room.get((dag_id, None), ())))
        rooms = [own, *(self._backfills.room(dag, pk) for pk in self.queue.backfills_of(dag_id))]
        for room in rooms:
            for run in self.queue.take(room, now):
                if (version := self._version_for(run)) is not None:
                    self._book.start(run, version)
        # The dates of a backfill lie in the past, and a run of it that a user clears was due before.
        self._wait_until(dag_id, self.queue.next_start_at((dag_id, None), now))

    def fill_backfill(self, dag_id: str) -> None:
        """Line up runs of the DAG's backfill, where it has one and few of its runs wait."""
        runs = self._backfills.take(dag_id)
        if runs:
            self.line_up(runs)

    def _wait_until(self, dag_id: str, at: datetime | None) -> None:
        """A queued run may have a run-after date to come: look again then."""
        self._waiting.pop(dag_id, _nothing)()
        if at is not None:
            self._waiting[dag_id] = self._reactor.call_at(at, lambda: self.start_queued(dag_id))


def _info_of(answer: NextRunComputed) -> DagRunInfo | None:
    if answer.run_after is None:
        return None
    interval = None
    if answer.interval_start is not None and answer.interval_end is not None:
        interval = DataInterval(answer.interval_start, answer.interval_end)
    return DagRunInfo(run_after=answer.run_after, data_interval=interval)


def _nothing() -> None:
    """Cancel nothing: there is no timer."""
