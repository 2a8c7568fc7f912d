"""What parked task instances wait for: written with their steps, and read by the scheduler when it has come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from tradewind.core.ids import SLOT_BITS, TaskInstancePk
from tradewind.core.states import LIVE, PARKED, WAITING, TaskInstanceState
from tradewind.metadata.batch import DeferralRow
from tradewind.metadata.doorbell.ring import TRIGGER, Ring
from tradewind.metadata.errors import EncryptionError
from tradewind.metadata.scheduling.statements import Statement
from tradewind.metadata.tables import trigger
from tradewind.metadata.tables.deferral_tables import TriggerState

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from datetime import datetime

    from tradewind.core.ids import DagRunPk
    from tradewind.metadata.batch import Batch, NewDeferral, TaskTransition
    from tradewind.metadata.database import Database
    from tradewind.metadata.encryption import Cipher
    from tradewind.metadata.scheduling.runner import Runner

NEW = Ring(TRIGGER, "new")
GONE = Ring(TRIGGER, "gone")

SCHEDULER_OWNER = 0
"""Owner of the waits that only a timer ends: no triggerer has this number."""

_FIRED_AT_ONCE = 1000
_MAY_WAIT = LIVE - WAITING
"""In these a task instance waits, or goes on with what it waited for."""

DROP = Statement(
    "DELETE FROM trigger WHERE ti_pk = ? AND state <> 'killed'",
    "DELETE FROM trigger WHERE ti_pk = ANY(%s::bigint[]) AND state <> 'killed'",
)

KILL = Statement(
    "UPDATE trigger SET state = 'killed'"
    " WHERE ti_pk = ? AND state = 'waiting' AND classpath <> '' AND coalesce(owner_pk, 1) <> 0",
    "UPDATE trigger SET state = 'killed'"
    " WHERE ti_pk = ANY(%s::bigint[]) AND state = 'waiting' AND classpath <> '' AND coalesce(owner_pk, 1) <> 0",
)

RESUME = Statement(
    "UPDATE trigger SET state = 'resumed' WHERE ti_pk = ? AND ti_version = ? AND state IN ('waiting', 'fired')",
    "UPDATE trigger t SET state = 'resumed' FROM unnest(%s::bigint[], %s::int[]) AS s(ti_pk, ti_version)"
    " WHERE t.ti_pk = s.ti_pk AND t.ti_version = s.ti_version AND t.state IN ('waiting', 'fired')",
)

ADD = Statement(
    "INSERT INTO trigger (ti_pk, ti_version, try_number, classpath, kwargs, next_method, next_kwargs, queue,"
    " outcome, payload, owner_pk, created_at, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting')",
    "INSERT INTO trigger (ti_pk, ti_version, try_number, classpath, kwargs, next_method, next_kwargs, queue,"
    " outcome, payload, owner_pk, created_at, state)"
    " SELECT s.*, 'waiting' FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::text[], %s::bytea[], %s::text[],"
    " %s::bytea[], %s::text[], %s::text[], %s::bytea[], %s::bigint[], %s::timestamptz[]) AS s",
)

ANSWER_BY_DEFAULT = Statement(
    "UPDATE hitl_detail SET responded_at = ?, chosen_options = ?, params_input = ?"
    " WHERE ti_pk = ? AND try_number = ? AND responded_at IS NULL",
    "UPDATE hitl_detail d SET responded_at = s.at, chosen_options = s.chosen, params_input = s.params"
    " FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::bigint[], %s::int[])"
    " AS s(at, chosen, params, ti_pk, try_number)"
    " WHERE d.ti_pk = s.ti_pk AND d.try_number = s.try_number AND d.responded_at IS NULL",
)

FORGET_QUESTION = Statement(
    "DELETE FROM hitl_detail WHERE ti_pk = ? AND try_number = ?",
    "DELETE FROM hitl_detail d USING unnest(%s::bigint[], %s::int[]) AS s(ti_pk, try_number)"
    " WHERE d.ti_pk = s.ti_pk AND d.try_number = s.try_number",
)
ASK = Statement(
    "INSERT INTO hitl_detail (ti_pk, try_number, subject, body, options, defaults, multiple, params, assigned_users,"
    " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO hitl_detail (ti_pk, try_number, subject, body, options, defaults, multiple, params, assigned_users,"
    " created_at)"
    " SELECT * FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bool[],"
    " %s::text[], %s::text[], %s::timestamptz[])",
)


def write_deferrals(run: Runner, batch: Batch, written: Container[int], now: datetime, cipher: Cipher) -> list[Ring]:
    """Write what the batch says of waits, of the task instances that it wrote; return what to ring."""
    rings: list[Ring] = []
    over = [one for one in batch.deferrals_over if one.ti_pk in written]
    added = [one for one in batch.deferrals if one.ti_pk in written]
    dropped = {one.ti_pk for one in over} | {one.ti_pk for one in added}
    if dropped:
        run.many(DROP, [(ti_pk,) for ti_pk in sorted(dropped)])
    if any(one.was_waiting for one in over):
        rings.append(GONE)
    resumed = [one for one in batch.deferrals_resumed if one.ti_pk in written]
    if resumed:
        run.many(RESUME, [(one.ti_pk, one.ti_version) for one in resumed])
        at = run.instant(now)
        by_default = [(one.ti_pk, one.default_answer) for one in resumed if one.default_answer is not None]
        if by_default:
            rows = [(at, options, form, ti_pk, number) for ti_pk, (number, options, form) in by_default]
            run.many(ANSWER_BY_DEFAULT, rows)
        if any(one.was_waiting for one in resumed):
            rings.append(GONE)
    if added:
        _add(run, added, now, cipher)
        if any(one.classpath and not one.is_timed for one in added):
            rings.append(NEW)
    return list(dict.fromkeys(rings))


def _add(run: Runner, added: list[NewDeferral], now: datetime, cipher: Cipher) -> None:
    at = run.instant(now)
    run.many(
        ADD,
        [
            (
                one.ti_pk,
                one.ti_version,
                one.try_number,
                one.classpath,
                cipher.seal(one.kwargs),
                one.next_method,
                cipher.seal(one.next_kwargs),
                one.queue,
                one.due_outcome,
                one.due_payload,
                SCHEDULER_OWNER if one.is_timed else None,
                at,
            )
            for one in added
        ],
    )
    asked = [
        (
            one.ti_pk,
            one.try_number,
            one.question.subject,
            one.question.body,
            one.question.options,
            one.question.defaults,
            one.question.multiple,
            one.question.params,
            one.question.assigned_users,
            at,
        )
        for one in added
        if one.question is not None
    ]
    if asked:
        # A try may ask more than once; the last question counts.
        run.many(FORGET_QUESTION, [row[:2] for row in asked])
        run.many(ASK, asked)


def end_deferrals(run: Runner, transitions: Iterable[TaskTransition]) -> list[Ring]:
    """A user moved task instances: forget what they waited for and have their triggers killed; return what to ring."""
    ended = [
        (t.ti_pk,) for t in transitions if t.expected in _MAY_WAIT and t.target is not TaskInstanceState.RESTARTING
    ]
    parked = [(t.ti_pk,) for t in transitions if t.expected in PARKED]
    if parked:
        run.many(KILL, parked)
    if ended:
        run.many(DROP, ended)
    return [NEW, GONE] if parked else []


class Deferring:
    """Queries of waits; none of them writes."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    def load_deferrals(self, run_pk: DagRunPk) -> list[DeferralRow]:
        """Return what the task instances of a run wait for, or went on with."""
        first = run_pk << SLOT_BITS
        return self._deferrals(
            trigger.c.ti_pk >= first,
            trigger.c.ti_pk < first + (1 << SLOT_BITS),
            trigger.c.state != TriggerState.KILLED.value,
        )

    def load_deferral(self, ti_pk: TaskInstancePk) -> DeferralRow | None:
        """Return what a task instance waits for, or went on with."""
        found = self._deferrals(trigger.c.ti_pk == ti_pk, trigger.c.state != TriggerState.KILLED.value)
        return found[-1] if found else None

    def load_fired(self, after_pk: int = 0) -> list[DeferralRow]:
        """Return waits that are over and that nobody has taken, of higher numbers than `after_pk`: the next thousand."""
        return self._deferrals(
            trigger.c.state == sa.literal_column(f"'{TriggerState.FIRED.value}'", sa.Text()),
            trigger.c.pk > after_pk,
            trigger.c.ti_pk.is_not(None),
            limit=_FIRED_AT_ONCE,
        )

    def _deferrals(self, *conditions: sa.ColumnElement[bool], limit: int | None = None) -> list[DeferralRow]:
        columns = trigger.c
        query = (
            sa.select(
                columns.pk,
                columns.ti_pk,
                columns.ti_version,
                columns.try_number,
                columns.state,
                columns.next_method,
                columns.next_kwargs,
                columns.outcome,
                columns.payload,
            )
            .where(*conditions)
            .order_by(columns.pk)
            .limit(limit)
        )
        with self._database.read() as connection:
            rows = [DeferralRow(row[0], TaskInstancePk(row[1]), *row[2:]) for row in connection.execute(query)]
        return [self._unsealed(row) for row in rows]

    def _unsealed(self, row: DeferralRow) -> DeferralRow:
        """Return the row with its arguments readable; a try whose arguments no key opens goes on in order to fail."""
        try:
            return replace(
                row, next_kwargs=self._cipher.unseal(row.next_kwargs, name=f"what {row.next_method}() is to get")
            )
        except EncryptionError as error:
            return replace(row, next_kwargs=b"{}", outcome="error", payload=msgspec.json.encode([str(error)]))
