"""Questions that tasks ask people, and their answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.core.states import TaskInstanceState
from tradewind.metadata.database import add_ring
from tradewind.metadata.doorbell.ring import EVENT, Ring
from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError, MetadataError, NotFoundError
from tradewind.metadata.listing import Page, order, page_of
from tradewind.metadata.runs.listing import (
    RunFilter,
    TaskInstanceFilter,
    get_task_instance,
    select_task_instances,
    task_instance_detail,
)
from tradewind.metadata.runs.moving import locked_task_instances
from tradewind.metadata.tables import dag_run, hitl_detail, task_instance, trigger
from tradewind.metadata.tables.deferral_tables import TriggerState
from tradewind.serialization.human_answers import AnswerError, answer_event, check_answer
from tradewind.serialization.messages import HumanQuestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.metadata.database import Database
    from tradewind.metadata.runs.records import TaskInstanceDetail

_COLUMNS = tuple(column for column in hitl_detail.c if column.name != "ti_pk")
_SORTABLE: dict[str, sa.ColumnElement[Any]] = {
    "ti_id": hitl_detail.c.ti_pk,
    "subject": hitl_detail.c.subject,
    "created_at": hitl_detail.c.created_at,
    "responded_at": hitl_detail.c.responded_at,
    "dag_id": dag_run.c.dag_id,
    "run_id": dag_run.c.run_id,
    "run_after": dag_run.c.run_after,
    "task_display_name": task_instance.c.task_id,
    "task_id": task_instance.c.task_id,
    "rendered_map_index": task_instance.c.rendered_map_index,
    "task_instance_operator": task_instance.c.operator,
    "task_instance_state": task_instance.c.state,
}
_LIST = msgspec.json.Decoder(list[str])
_DICT = msgspec.json.Decoder(dict[str, Any])


class NotAssignedError(MetadataError):
    """The question is for other people."""


@dataclass(frozen=True)
class QuestionDetail:
    """One question of one try, with its answer once there is one."""

    task_instance: TaskInstanceDetail
    """As it is now."""
    try_number: int
    question: HumanQuestion
    created_at: datetime
    responded_at: datetime | None
    responded_by: dict[str, str] | None
    """Who answered, by `id` and `name`; None where the defaults did."""
    chosen_options: list[str] | None
    params_input: dict[str, Any]


@dataclass(frozen=True)
class QuestionFilter:
    """Which questions; what is None or empty filters nothing."""

    instances: TaskInstanceFilter = field(default_factory=TaskInstanceFilter)
    is_answered: bool | None = None
    dag_id_pattern: str | None = None
    task_id_pattern: str | None = None
    subject_search: str | None = None
    body_search: str | None = None
    responded_by_ids: Sequence[str] = ()
    responded_by_names: Sequence[str] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the filter as SQL conditions."""
        columns = hitl_detail.c
        found = self.instances.conditions()
        if self.is_answered is not None:
            found.append(columns.responded_at.is_not(None) if self.is_answered else columns.responded_at.is_(None))
        for column, text in (
            (dag_run.c.dag_id, self.dag_id_pattern),
            (task_instance.c.task_id, self.task_id_pattern),
            (columns.subject, self.subject_search),
            (columns.body, self.body_search),
        ):
            if text:
                found.append(column.ilike(f"%{text}%"))
        # Who answered is JSON written here, its members in this order.
        ids = [columns.responded_by.like(f'{{"id":{_json(value)},%') for value in self.responded_by_ids]
        names = [columns.responded_by.like(f'%,"name":{_json(value)}}}') for value in self.responded_by_names]
        found += [sa.or_(*alternatives) for alternatives in (ids, names) if alternatives]
        if self.created_from is not None:
            found.append(columns.created_at >= self.created_from)
        if self.created_to is not None:
            found.append(columns.created_at <= self.created_to)
        return found


def list_questions(
    database: Database,
    which: QuestionFilter = QuestionFilter(),
    page: Page = Page(),  # noqa: B008 - frozen
) -> tuple[list[QuestionDetail], int]:
    """Return the questions of the present tries, oldest first or in the order asked for, and how many on all pages."""
    is_present = hitl_detail.c.try_number == task_instance.c.try_number
    with database.read() as connection:
        query = order(_select().where(is_present, *which.conditions()), page, _SORTABLE, hitl_detail.c.ti_pk)
        rows, total = page_of(connection, query, page)
    return [_detail(row) for row in rows], total


def get_question(
    database: Database, dag_id: str, run_id: str, task_id: str, map_index: int = -1, try_number: int | None = None
) -> QuestionDetail:
    """Return the question of a task instance's present try, or of another one. Raises `NotFoundError`."""
    instance = get_task_instance(database, dag_id, run_id, task_id, map_index)
    number = instance.try_number if try_number is None else try_number
    query = _select().where(hitl_detail.c.ti_pk == instance.ti_pk, hitl_detail.c.try_number == number)
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"try {number} of task {task_id!r} in run {run_id!r} of DAG {dag_id!r} has asked nobody")
    return _detail(row)


def answer_question(
    database: Database,
    clock: Clock,
    question: QuestionDetail,
    chosen_options: Sequence[str],
    params_input: Mapping[str, Any],
    user: Mapping[str, str],
    *,
    may_answer_all: bool = False,
) -> QuestionDetail:
    """Write the answer of `user` (`id` and `name`); a task that waits for it goes on.

    Raises `AlreadyExistsError` where there is an answer, `NotAssignedError` where others were asked (an administrator,
    `may_answer_all`, may answer all the same), `InvalidRequestError` for an answer that does not fit.
    """
    assigned = {one["id"] for one in question.question.assigned_users}
    if assigned and user["id"] not in assigned and not may_answer_all:
        raise NotAssignedError(f"User={user['name']} (id={user['id']}) is not a respondent for the task.")
    try:
        check_answer(question.question, chosen_options, params_input)
    except AnswerError as error:
        raise InvalidRequestError(str(error)) from error
    instance = question.task_instance
    now = clock.now()

    def work(connection: sa.Connection) -> None:
        rows = locked_task_instances(connection, TaskInstanceFilter(ti_pks=(instance.ti_pk,)))
        _write_answer(connection, question, now, list(chosen_options), dict(params_input), user)
        row = rows[0] if rows else None
        if row is None or row.state is not TaskInstanceState.AWAITING_INPUT or row.try_number != question.try_number:
            return
        connection.execute(
            sa.update(trigger)
            .where(trigger.c.ti_pk == instance.ti_pk, trigger.c.state == TriggerState.WAITING.value)
            .values(
                state=TriggerState.FIRED.value,
                outcome="event",
                payload=answer_event(chosen_options, params_input, now, user),
                fired_at=now,
            ),
        )
        add_ring(connection, Ring(EVENT))

    database.transact(work)
    return get_question(
        database, instance.dag_id, instance.run_id, instance.task_id, instance.map_index, question.try_number
    )


def _write_answer(
    connection: sa.Connection,
    question: QuestionDetail,
    now: datetime,
    chosen_options: list[str],
    params_input: dict[str, Any],
    user: Mapping[str, str],
) -> None:
    written = connection.execute(
        sa.update(hitl_detail)
        .where(
            hitl_detail.c.ti_pk == question.task_instance.ti_pk,
            hitl_detail.c.try_number == question.try_number,
            hitl_detail.c.responded_at.is_(None),
        )
        .values(
            responded_at=now,
            responded_by=_json({"id": user["id"], "name": user["name"]}),
            chosen_options=_json(chosen_options),
            params_input=_json(params_input),
        ),
    ).rowcount
    if not written:
        task_id = question.task_instance.task_id
        raise AlreadyExistsError(
            f"Human-in-the-loop detail has already been updated for task {task_id!r} and is not allowed to write again."
        )


def _select() -> Any:
    joined = select_task_instances(TaskInstanceFilter(runs=RunFilter()))
    return joined.join(hitl_detail, hitl_detail.c.ti_pk == task_instance.c.pk).add_columns(*_COLUMNS)


def _detail(row: Any) -> QuestionDetail:
    values: list[Any] = list(row)
    own = dict(zip((column.name for column in _COLUMNS), values[-len(_COLUMNS) :], strict=True))
    question = HumanQuestion(
        subject=own["subject"],
        body=own["body"],
        options=_LIST.decode(own["options"]),
        defaults=None if own["defaults"] is None else _LIST.decode(own["defaults"]),
        multiple=own["multiple"],
        params=_DICT.decode(own["params"]),
        assigned_users=msgspec.json.decode(own["assigned_users"]),
    )
    return QuestionDetail(
        task_instance=task_instance_detail(values[: -len(_COLUMNS)]),
        try_number=own["try_number"],
        question=question,
        created_at=own["created_at"],
        responded_at=own["responded_at"],
        responded_by=None if own["responded_by"] is None else msgspec.json.decode(own["responded_by"]),
        chosen_options=None if own["chosen_options"] is None else _LIST.decode(own["chosen_options"]),
        params_input=_DICT.decode(own["params_input"]),
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
