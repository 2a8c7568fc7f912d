"""Deadlines of runs: stored when a run is queued, one timer each, and a callback for those that are missed.

A run that fails is late all the same: only its success, in time, keeps a deadline.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tradewind.core.states import DagRunState, RunType, TaskInstanceState
from tradewind.metadata.batch import CallbackRequest, DeadlineEnd, NewDeadline
from tradewind.serialization.messages import StoreCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tradewind.core.clock import Clock
    from tradewind.metadata.batch import DeadlineRow, RunRow
    from tradewind.metadata.scheduling import SchedulerStore
    from tradewind.scheduler.collector import Collector
    from tradewind.scheduler.dags import DagState
    from tradewind.scheduler.reactor import SelectorReactor
    from tradewind.serialization.document import DeadlineDocument
    from tradewind.serialization.messages import CallbackDone, StoreReply

_log = logging.getLogger(__name__)

_DONE = frozenset({TaskInstanceState.SUCCESS, TaskInstanceState.SKIPPED})
SLA, CUSTOM = "sla", "custom"


class DeadlineDesk:
    """Every deadline that may still be missed."""

    def __init__(
        self,
        store: SchedulerStore,
        dags: Mapping[str, DagState],
        collector: Collector,
        reactor: SelectorReactor,
        clock: Clock,
        ask: Callable[[StoreCall], StoreReply],
        *,
        checks_slas: bool = True,
    ) -> None:
        """Note in `collector` what is to be written; `ask` answers for variables that hold an interval."""
        self._store = store
        self._dags = dags
        self._collector = collector
        self._reactor = reactor
        self._clock = clock
        self._ask = ask
        self._checks_slas = checks_slas
        self._armed: dict[int, tuple[DeadlineRow, Callable[[], None]]] = {}
        self._seen: set[int] = set()
        """Runs that were looked at; those of before have their deadlines in the database."""

    def find_again(self) -> None:
        """Arm what is stored."""
        self.arm(self._store.load_deadlines())

    def arm(self, rows: Iterable[DeadlineRow]) -> None:
        """Have these deadlines looked at when they are due."""
        for row in rows:
            if row.deadline_pk not in self._armed:
                cancel = self._reactor.call_at(row.due_at, lambda row=row: self._fall_due(row))
                self._armed[row.deadline_pk] = (row, cancel)

    def take(self, runs: Iterable[RunRow]) -> None:
        """These runs are queued: store their deadlines. Those that a run has already stay as they are."""
        for run in runs:
            dag = self._dags.get(run.dag_id)
            if dag is None or not dag.document.deadlines or run.run_pk in self._seen:
                continue
            self._seen.add(run.run_pk)
            for alert, deadline in enumerate(dag.document.deadlines):
                if deadline.reference_type == CUSTOM:
                    self._collector.batch.callbacks.append(_question(run, alert, deadline))
                else:
                    self._store_one(run, alert, deadline, self._reference(run, deadline))

    def run_ended(self, run: RunRow) -> None:
        """A run ended: with its success its deadlines are kept."""
        self._seen.discard(run.run_pk)
        if run.state is not DagRunState.SUCCESS:
            return
        for pk, (row, cancel) in list(self._armed.items()):
            if row.run_pk == run.run_pk:
                cancel()
                del self._armed[pk]
                self._collector.batch.deadlines_kept.append(pk)

    def take_end(self, request: CallbackRequest, done: CallbackDone | None) -> None:
        """The callback of a deadline was called, or a reference of the author's was asked."""
        if request.kind == "deadline" and "deadline" in request.payload:
            error = "its process was lost" if done is None else done.error
            end = DeadlineEnd(request.payload["deadline"], called_at=self._clock.now(), callback_error=error)
            self._collector.batch.deadline_ends.append(end)
        elif request.kind == "deadline_reference" and done is not None and done.moment is not None:
            run = next(iter(self._store.load_runs([request.run_pk])), None)
            dag = self._dags.get(request.dag_id)
            alert = request.payload["alert"]
            if run is not None and dag is not None and alert < len(dag.document.deadlines):
                self._store_one(run, alert, dag.document.deadlines[alert], done.moment)

    def _store_one(self, run: RunRow, alert: int, deadline: DeadlineDocument, reference: datetime | None) -> None:
        interval_s = self._interval_s(deadline)
        if reference is None or interval_s is None:
            return
        due_at = reference + timedelta(seconds=interval_s)
        new = NewDeadline(run.run_pk, run.dag_id, run.run_id, alert, deadline.name, due_at)
        self._collector.batch.deadlines.append(new)

    def _reference(self, run: RunRow, deadline: DeadlineDocument) -> datetime | None:
        match deadline.reference_type:
            case "DagRunLogicalDateDeadline":
                return run.logical_date
            case "DagRunQueuedAtDeadline":
                return run.queued_at
            case "FixedDatetimeDeadline":
                return datetime.fromtimestamp(deadline.reference["datetime"], timezone.utc)
            case "AverageRuntimeDeadline":
                limits = deadline.reference["max_runs"], deadline.reference["min_runs"]
                average_s = self._store.average_runtime_s(run.dag_id, *limits)
                return None if average_s is None else run.queued_at + timedelta(seconds=average_s)
            case _:
                # An sla holds for runs of the schedule, from the end of their data interval.
                wanted = self._checks_slas and run.run_type is RunType.SCHEDULED
                return run.data_interval_end if wanted else None

    def _interval_s(self, deadline: DeadlineDocument) -> float | None:
        key = deadline.interval_variable
        if key is None:
            return deadline.interval_s
        reply = self._ask(StoreCall(call_id=0, method="get_variable", arguments={"key": key}))
        try:
            return float(int(reply.result))
        except (TypeError, ValueError):
            _log.error("a deadline counts on the variable %r, which has no whole number of seconds", key)
            return None

    def _fall_due(self, row: DeadlineRow) -> None:
        self._armed.pop(row.deadline_pk, None)
        run = next(iter(self._store.load_runs([row.run_pk])), None)
        dag = self._dags.get(row.dag_id)
        is_known = dag is not None and row.alert < len(dag.document.deadlines)
        deadline = dag.document.deadlines[row.alert] if dag is not None and is_known else None
        late = self._late_tasks(row, deadline)
        if run is None or run.state is DagRunState.SUCCESS or (deadline is not None and deadline.task_ids and not late):
            self._collector.batch.deadlines_kept.append(row.deadline_pk)
            return
        _log.warning("run %s of DAG %s missed its deadline %s", row.run_id, row.dag_id, row.due_at.isoformat())
        self._collector.batch.deadline_ends.append(DeadlineEnd(row.deadline_pk, missed_at=self._clock.now()))
        if deadline is not None and (deadline.callback or deadline.task_ids):
            self._collector.batch.callbacks.append(_call(row, deadline, late))

    def _late_tasks(self, row: DeadlineRow, deadline: DeadlineDocument | None) -> list[str]:
        if deadline is None or not deadline.task_ids:
            return []
        instances = self._store.load_task_instances(row.run_pk)
        known = {instance.task_id for instance in instances}
        late = {instance.task_id for instance in instances if instance.state not in _DONE}
        return [task_id for task_id in deadline.task_ids if task_id in late or task_id not in known]


def _question(run: RunRow, alert: int, deadline: DeadlineDocument) -> CallbackRequest:
    name = str(deadline.reference.get("name", ""))
    return CallbackRequest(
        run.run_pk, run.dag_id, run.run_id, name, "", kind="deadline_reference", payload={"alert": alert}
    )


def _call(row: DeadlineRow, deadline: DeadlineDocument, late: list[str]) -> CallbackRequest:
    payload = {"alert": row.alert, "deadline": row.deadline_pk, "due_at": row.due_at.isoformat(), "late": late}
    kind, name = ("sla", "sla_miss_callback") if deadline.task_ids else ("deadline", "deadline")
    return CallbackRequest(row.run_pk, row.dag_id, row.run_id, name, "deadline missed", kind=kind, payload=payload)
