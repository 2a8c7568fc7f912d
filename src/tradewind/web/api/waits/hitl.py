"""Questions of tasks to people: list, read, answer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.runs import RunFilter, TaskInstanceFilter, list_tries
from tradewind.metadata.waits.humans import (
    NotAssignedError,
    QuestionFilter,
    answer_question,
    get_question,
    list_questions,
)
from tradewind.web.answers.labels import Labels
from tradewind.web.answers.shapes import task_instance_shape, try_shape
from tradewind.web.errors import ApiError
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, earliest, latest, only, page_of

if TYPE_CHECKING:
    from tradewind.metadata.waits.humans import QuestionDetail
    from tradewind.web.operations import Call

_RUN = "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}"
_DETAIL = f"{_RUN}/taskInstances/{{task_id}}/{{map_index:map_index}}/hitlDetails"


class QuestionsQuery(PageQuery, kw_only=True):
    """Which questions."""

    dag_id_pattern: str | None = None
    task_id: str | None = None
    task_id_pattern: str | None = None
    map_index: int | None = None
    state: list[str] = msgspec.field(default_factory=list)
    response_received: bool | None = None
    responded_by_user_id: list[str] = msgspec.field(default_factory=list)
    responded_by_user_name: list[str] = msgspec.field(default_factory=list)
    subject_search: str | None = None
    body_search: str | None = None
    created_at_gte: datetime | None = None
    created_at_gt: datetime | None = None
    created_at_lte: datetime | None = None
    created_at_lt: datetime | None = None


class AnswerBody(msgspec.Struct, kw_only=True):
    """An answer: of the options those chosen, and the form."""

    chosen_options: list[str]
    params_input: dict[str, Any] = {}


def list_hitl_details(call: Call) -> dict[str, Any]:
    """List the questions of a run's tasks, `~` standing for every DAG and run."""
    query: QuestionsQuery = call.query
    runs = RunFilter(dag_ids=only(call.path["dag_id"]), run_ids=only(call.path["dag_run_id"]))
    which = QuestionFilter(
        instances=TaskInstanceFilter(
            runs=runs,
            task_ids=(query.task_id,) if query.task_id else (),
            map_indexes=() if query.map_index is None else (query.map_index,),
            states=query.state,
        ),
        is_answered=query.response_received,
        dag_id_pattern=query.dag_id_pattern,
        task_id_pattern=query.task_id_pattern,
        subject_search=query.subject_search,
        body_search=query.body_search,
        responded_by_ids=query.responded_by_user_id,
        responded_by_names=query.responded_by_user_name,
        created_from=earliest(query.created_at_gte, query.created_at_gt),
        created_to=latest(query.created_at_lte, query.created_at_lt),
    )
    found, total = list_questions(call.backend.database, which, page_of(call))
    labels = Labels(call.backend, {question.task_instance.dag_id for question in found})
    return {"hitl_details": [_shape(question, labels) for question in found], "total_entries": total}


def get_hitl_detail(call: Call) -> dict[str, Any]:
    """Get the question of a task instance."""
    question = _find(call)
    return _shape(question, Labels(call.backend, {question.task_instance.dag_id}))


def get_hitl_detail_of_try(call: Call) -> dict[str, Any]:
    """Get the question of one try of a task instance."""
    question = _find(call, call.path["try_number"])
    instance = question.task_instance
    tries = list_tries(call.backend.database, instance.ti_pk)
    attempt = next((one for one in tries if one.try_number == question.try_number), None)
    if attempt is None:
        raise NotFoundError(f"task {instance.task_id!r} has no try {question.try_number}")
    labels = Labels(call.backend, {instance.dag_id})
    return _fields(question) | {"task_instance": try_shape(attempt, instance, labels)}


def answer_hitl_detail(call: Call) -> dict[str, Any]:
    """Answer the question of a task instance: the task goes on."""
    body: AnswerBody = call.body
    if not body.chosen_options:
        raise ApiError(422, "chosen_options: choose at least one")
    user = {"id": call.user.name, "name": call.user.name}
    try:
        answered = answer_question(
            call.backend.database,
            call.backend.clock,
            _find(call),
            body.chosen_options,
            body.params_input,
            user,
            may_answer_all=call.user.role == "admin",
        )
    except NotAssignedError as error:
        raise ApiError(403, str(error)) from error
    return {
        "responded_by": answered.responded_by,
        "responded_at": answered.responded_at,
        "chosen_options": answered.chosen_options,
        "params_input": answered.params_input,
    }


def _find(call: Call, try_number: int | None = None) -> QuestionDetail:
    path = call.path
    return get_question(
        call.backend.database,
        path["dag_id"],
        path["dag_run_id"],
        path["task_id"],
        path["map_index"],
        try_number,
    )


def _shape(question: QuestionDetail, labels: Labels) -> dict[str, Any]:
    return _fields(question) | {"task_instance": task_instance_shape(question.task_instance, labels)}


def _fields(detail: QuestionDetail) -> dict[str, Any]:
    question = detail.question
    return {
        "options": question.options,
        "subject": question.subject,
        "body": question.body,
        "defaults": question.defaults,
        "multiple": question.multiple,
        "params": question.params,
        "assigned_users": question.assigned_users,
        "created_at": detail.created_at,
        "responded_by_user": detail.responded_by,
        "responded_at": detail.responded_at,
        "chosen_options": detail.chosen_options,
        "params_input": detail.params_input,
        "response_received": detail.responded_at is not None,
    }


OPERATIONS = (
    Operation("GET", f"{_RUN}/hitlDetails", list_hitl_details, query=QuestionsQuery),
    Operation("GET", _DETAIL, get_hitl_detail),
    Operation("PATCH", _DETAIL, answer_hitl_detail, role="user", body=AnswerBody),
    Operation("GET", f"{_DETAIL}/tries/{{try_number:int}}", get_hitl_detail_of_try),
)
