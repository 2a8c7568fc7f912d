"""Writing one batch in one transaction.

Normally every guarded update meets the row it expects, which the number of rows met tells. When it does not, the
transaction is given up and done again carefully: rows are locked and compared first, and what is stale is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tradewind.core.ids import DagRunPk, run_pk_of
from tradewind.core.states import DagRunState
from tradewind.metadata.batch import CallbackRow, CommitResult, DeadlineRow, RunRow
from tradewind.metadata.encryption import PLAIN
from tradewind.metadata.scheduling import statements as sql
from tradewind.metadata.scheduling.asset_events import consume, write_events, write_partitions
from tradewind.metadata.scheduling.deferring import write_deferrals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.metadata.batch import (
        Batch,
        CallbackRequest,
        Expansion,
        NewRun,
        NewTaskInstance,
        RunEnd,
        RunStart,
        TaskTransition,
    )
    from tradewind.metadata.encryption import Cipher
    from tradewind.metadata.scheduling.runner import Row, Runner


class BatchWriter:
    """Writes one batch with `run`, inside a transaction that the caller holds open."""

    def __init__(self, run: Runner, now: datetime, *, is_careful: bool, cipher: Cipher = PLAIN) -> None:
        self._run = run
        self._now = now
        self._is_careful = is_careful
        self._cipher = cipher
        self._result = CommitResult()
        self._moved: set[int] = set()
        """Task instances whose steps were written."""
        self._stale_names: set[tuple[int, str | None, int]] = set()
        """(run, task_id, map_index) of what is stale, task_id None for the run itself: drops its callbacks."""

    def write(self, batch: Batch, epoch: int) -> CommitResult:
        """Write everything and return what was left out and made.

        Raises `LeaseLostError` when `epoch` is over, and `StaleRowsError` when a guarded write met a stale row, which a careful
        writer has left out.
        """
        self._run.fence(epoch)
        if batch.run_starts:
            self._start_runs(batch.run_starts)
        if batch.new_task_instances:
            self._add_task_instances(batch.new_task_instances)
        if batch.transitions or batch.expansions:
            self.move(batch.transitions, batch.expansions)
        self._leave_behind(batch)
        if batch.run_ends:
            self._end_runs(batch.run_ends)
        for new in batch.new_runs:
            self._create_run(new)
        if batch.schedules:
            when = self._run.instant
            rows: list[Row] = [
                (when(s.next_run_after), when(s.next_interval_start), when(s.next_interval_end), s.dag_id)
                for s in batch.schedules
            ]
            self._run.many(sql.SET_SCHEDULE, rows)
        for request in batch.callbacks:
            self._request_callback(request)
        self._write_deadlines(batch)
        if batch.callbacks_done:
            self._run.many(sql.DELETE_CALLBACK, [(pk,) for pk in batch.callbacks_done])
        if batch.pauses:
            self._run.many(sql.PAUSE_DAG, [(dag_id,) for dag_id in batch.pauses])
        self._run.settle()
        return self._result

    def _start_runs(self, starts: list[RunStart]) -> None:
        if self._is_careful:
            states = self._lock_runs([start.run_pk for start in starts])
            starts = [
                start
                for start in starts
                if self._is_run_as(states, start.run_pk, DagRunState.QUEUED, start.expected_version)
            ]
        if not starts:
            return
        when = self._run.instant
        self._run.guarded(
            sql.START_RUN,
            [(when(s.at), s.dag_version_pk, s.bundle_version, s.run_pk, s.expected_version) for s in starts],
        )
        rows = [_new_row(start.run_pk, new) for start in starts for new in start.task_instances]
        if rows:
            self._run.many(sql.INSERT_TASK_INSTANCE, rows)

    def _add_task_instances(self, added: list[tuple[DagRunPk, NewTaskInstance]]) -> None:
        states = self._lock_runs({run_pk for run_pk, _ in added})
        self._result.stale_runs += [run_pk for run_pk in dict(added) if run_pk not in states]
        rows = [_new_row(run_pk, new) for run_pk, new in added if run_pk in states]
        if rows:
            self._run.many(sql.INSERT_TASK_INSTANCE, rows)

    def move(self, transitions: list[TaskTransition], expansions: Sequence[Expansion] = ()) -> None:
        """Write transitions with their events; tries are archived and their XComs deleted where that is due.

        `expansions` bring instances into being that the transitions may move already.
        """
        if self._is_careful:
            transitions, expansions = self._without_stale(transitions, expansions)
        self._expand(expansions)
        self._moved.update(t.ti_pk for t in transitions)
        archived = [(t.ti_pk, t.expected_version, t.expected.value) for t in transitions if t.archives_try]
        if archived:
            self._run.many(sql.ARCHIVE_TRY, archived)
        in_try: list[Row] = []
        to_new_try: list[Row] = []
        events: list[Row] = []
        emptied: list[Row] = []
        when = self._run.instant
        for t in transitions:
            at = when(t.at)
            (to_new_try if t.is_new_try else in_try).append(
                (
                    t.target.value,
                    t.version,
                    t.try_number,
                    when(t.scheduled_at),
                    when(t.queued_at),
                    when(t.started_at),
                    when(t.ended_at),
                    when(t.due_at),
                    t.pid,
                    t.hostname,
                    t.note,
                    t.ti_pk,
                    t.expected_version,
                    t.expected.value,
                ),
            )
            for version, event in enumerate(t.events, t.version - len(t.events) + 1):
                events.append((t.ti_pk, version, event.value, t.try_number, at))
            if t.is_new_try and t.try_number > 1:
                emptied.append((t.ti_pk,))
        if in_try:
            self._run.guarded(sql.MOVE_IN_TRY, in_try)
        if to_new_try:
            self._run.guarded(sql.MOVE_TO_NEW_TRY, to_new_try)
        if events:
            self._run.guarded(sql.ADD_EVENT, events)
        if emptied:  # what an earlier try pushed must not be taken for this one's
            self._run.many(sql.DELETE_XCOMS, emptied)

    def _leave_behind(self, batch: Batch) -> None:
        """Write XComs, rendered fields, deferrals and events of assets, except of instances that are stale."""
        stale = set(self._result.stale_task_instances)
        if batch.xcoms:
            at = self._run.instant(self._now)
            xcoms = {(x.ti_pk, x.key): (x.ti_pk, x.key, x.value, at) for x in batch.xcoms if x.ti_pk not in stale}
            if xcoms:
                self._run.many(sql.PUT_XCOM, list(xcoms.values()))
        if batch.rendered:
            rendered = {r.ti_pk: (r.ti_pk, r.fields) for r in batch.rendered if r.ti_pk not in stale}
            if rendered:
                self._run.many(sql.PUT_RENDERED, list(rendered.values()))
        mappings = [(m.map_length, m.rendered_map_index, m.ti_pk) for m in batch.mappings if m.ti_pk not in stale]
        if mappings:
            self._run.many(sql.PUT_MAPPING, mappings)
        if batch.deferrals or batch.deferrals_resumed or batch.deferrals_over:
            self._run.ring(write_deferrals(self._run, batch, self._moved, self._now, self._cipher))
        kept = [event for event in batch.asset_events if event.ti_pk not in stale]
        self._result.asset_dag_ids |= write_events(self._run, kept, self._now)
        write_partitions(self._run, batch, self._now)

    def _end_runs(self, ends: list[RunEnd]) -> None:
        if self._is_careful:
            states = self._lock_runs([end.run_pk for end in ends])
            ends = [
                end for end in ends if self._is_run_as(states, end.run_pk, DagRunState.RUNNING, end.expected_version)
            ]
        if ends:
            when = self._run.instant
            self._run.guarded(sql.END_RUN, [(e.state.value, when(e.at), e.run_pk, e.expected_version) for e in ends])

    def _create_run(self, new: NewRun) -> None:
        when = self._run.instant
        made = self._run.one(
            sql.INSERT_RUN,
            (
                new.run_id,
                new.run_type.value,
                when(new.run_after),
                when(new.logical_date),
                when(new.data_interval_start),
                when(new.data_interval_end),
                when(self._now),
                msgspec.json.encode(new.conf).decode(),
                new.triggered_by,
                new.partition_key,
                when(new.partition_date),
                new.dag_id,
            ),
        )
        if made is None:
            return
        interval = consume(self._run, made[0], new)
        if interval is not None:
            new.data_interval_start, new.data_interval_end = interval
        row = RunRow(
            run_pk=DagRunPk(made[0]),
            dag_id=new.dag_id,
            run_id=new.run_id,
            run_type=new.run_type,
            state=DagRunState.QUEUED,
            run_after=new.run_after,
            logical_date=new.logical_date,
            data_interval_start=new.data_interval_start,
            data_interval_end=new.data_interval_end,
            queued_at=self._now,
            started_at=None,
            conf=new.conf,
            dag_version_pk=None,
            triggered_by=new.triggered_by,
            partition_key=new.partition_key,
            partition_date=new.partition_date,
        )
        self._result.created_runs.append(row)

    def _request_callback(self, request: CallbackRequest) -> None:
        is_tasks = request.kind == "task"
        about = (request.task_id, request.map_index) if is_tasks else (None, -1)
        if (request.run_pk, *about) in self._stale_names:
            return
        made = self._run.one(
            sql.INSERT_CALLBACK,
            (
                request.run_pk,
                request.dag_id,
                request.run_id,
                request.name,
                request.reason,
                request.task_id,
                request.map_index,
                request.try_number,
                request.kind,
                msgspec.json.encode(request.payload).decode(),
                self._run.instant(self._now),
            ),
        )
        if made is not None:
            self._result.created_callbacks.append(CallbackRow(made[0], request))

    def _write_deadlines(self, batch: Batch) -> None:
        when = self._run.instant
        for new in batch.deadlines:
            row: Row = (new.run_pk, new.dag_id, new.run_id, new.alert, new.name, when(new.due_at), when(self._now))
            made = self._run.one(sql.INSERT_DEADLINE, row)
            if made is not None:
                stored = DeadlineRow(made[0], new.run_pk, new.dag_id, new.run_id, new.alert, new.due_at)
                self._result.created_deadlines.append(stored)
        for end in batch.deadline_ends:
            self._run.one(
                sql.END_DEADLINE, (when(end.missed_at), when(end.called_at), end.callback_error, end.deadline_pk)
            )
        if batch.deadlines_kept:
            self._run.many(sql.DELETE_DEADLINE, [(pk,) for pk in batch.deadlines_kept])

    def _lock_runs(self, run_pks: set[DagRunPk] | list[DagRunPk]) -> dict[int, tuple[str, int]]:
        return {pk: (state, version) for pk, state, version in self._run.listed(sql.LOCK_RUNS, run_pks)}

    def _is_run_as(
        self,
        states: dict[int, tuple[str, int]],
        run_pk: DagRunPk,
        state: DagRunState,
        version: int | None,
    ) -> bool:
        """Return whether the run is as the scheduler knows it; if not, note it as stale."""
        found = states.pop(run_pk, None)  # of two rows for one run the second is stale
        if found is not None and found[0] == state.value and version in {None, found[1]}:
            return True
        self._result.stale_runs.append(run_pk)
        self._stale_names.add((run_pk, None, -1))
        return False

    def _expand(self, expansions: Sequence[Expansion]) -> None:
        numbered = [(e.placeholder,) for e in expansions if e.placeholder is not None]
        if numbered:
            self._run.many(sql.NUMBER_FIRST, numbered)
        rows = [_new_row(e.run_pk, new) for e in expansions for new in e.task_instances]
        if rows:
            self._run.many(sql.INSERT_TASK_INSTANCE, rows)

    def _without_stale(
        self, transitions: list[TaskTransition], expansions: Sequence[Expansion]
    ) -> tuple[list[TaskTransition], list[Expansion]]:
        born = {new.ti_pk for expansion in expansions for new in expansion.task_instances}
        found = {row[0]: row[1:] for row in self._run.listed(sql.LOCK_TASK_INSTANCES, [t.ti_pk for t in transitions])}
        kept: list[TaskTransition] = []
        seen: set[int] = set()
        for t in transitions:
            if t.ti_pk in born:
                kept.append(t)
                continue
            state, version, *name = found.get(t.ti_pk, (None, None, run_pk_of(t.ti_pk), "", -1))
            if state == t.expected.value and version == t.expected_version and t.ti_pk not in seen:
                kept.append(t)
                seen.add(t.ti_pk)
            else:
                self._result.stale_task_instances.append(t.ti_pk)
                self._stale_names.add((name[0], name[1], name[2]))
        # What was decided by a state that is not written must not be written either: it is decided anew.
        broken = {run_pk_of(ti_pk) for ti_pk in self._result.stale_task_instances} | set(self._result.stale_runs)
        expansions = [expansion for expansion in expansions if expansion.run_pk not in broken]
        kept = [t for t in kept if not ((t.is_derived or t.ti_pk in born) and run_pk_of(t.ti_pk) in broken)]
        return kept, expansions


def _new_row(run_pk: DagRunPk, new: NewTaskInstance) -> Row:
    return (
        new.ti_pk,
        run_pk,
        new.task_id,
        new.map_index,
        new.max_tries,
        new.operator,
        new.pool,
        new.pool_slots,
        new.queue,
        new.priority_weight,
    )
