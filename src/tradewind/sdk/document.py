"""From an author's DAG to its document: what the rest of the system knows of it.

The document is canonical: it names callables and holds no address, no clock and nothing whose order differs from one
process to the next, so that two imports of an unchanged file give the same bytes.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import PurePath
from typing import Any

from tradewind.core.retries import DEFAULT_DELAY_CEILING_S
from tradewind.core.timetables.codec import encode_timetable
from tradewind.sdk.assets.writing import plain_assets
from tradewind.sdk.author_defaults import author_defaults
from tradewind.sdk.definitions.dag_arguments import zone_name
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.definitions.operator_arguments import WEIGHT_RULES
from tradewind.sdk.definitions.param import is_json
from tradewind.sdk.definitions.task_group import TaskGroup
from tradewind.sdk.exceptions import AirflowException, SerializationError
from tradewind.sdk.graph.order import sort_tasks
from tradewind.sdk.mapping.expansion import expansion_of
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.plugins.links import key_of, links_of
from tradewind.sdk.policies.planning import planned_fields, weights_by_try
from tradewind.sdk.toolkit.kinds import NOTSET
from tradewind.sdk.triggers.start import start_trigger_of
from tradewind.serialization.document import (
    DagDocument,
    DeadlineDocument,
    EdgeLabel,
    ParamDocument,
    TaskDocument,
    TaskGroupDocument,
    decode_document,
    encode_document,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.param import ParamsDict

_TASK_CALLBACKS = (
    "on_execute_callback",
    "on_failure_callback",
    "on_retry_callback",
    "on_skipped_callback",
    "on_success_callback",
)
_DAG_CALLBACKS = ("on_failure_callback", "on_success_callback")
_CALLED_BY_SUCCESS = ("on_execute_callback", "on_success_callback")
_AS_THEY_ARE = (
    "depends_on_past",
    "email_on_failure",
    "email_on_retry",
    "executor",
    "ignore_first_depends_on_past",
    "is_setup",
    "is_teardown",
    "max_active_tis_per_dag",
    "max_active_tis_per_dagrun",
    "on_failure_fail_dagrun",
    "owner",
    "pool",
    "pool_slots",
    "priority_weight",
    "queue",
    "retries",
    "task_id",
    "ui_color",
    "ui_fgcolor",
    "wait_for_downstream",
    "wait_for_past_depends_before_skipping",
)
"""Attributes of a task whose field in the document has the same name and value."""
_ADDRESSES = re.compile(r"[\s,;]+")


class DagDocumentError(SerializationError):
    """A DAG cannot be written down. The message names the DAG and, where it is about one, the task and the field."""

    def __init__(self, message: str, *, dag_id: str, task_id: str | None = None, field: str | None = None) -> None:
        where = f"DAG {dag_id!r}"
        if task_id is not None:
            where += f", task {task_id!r}"
        if field is not None:
            where += f", {field}"
        super().__init__(f"{where}: {message}")
        self.dag_id = dag_id
        self.task_id = task_id
        self.field = field


def to_document(dag: DAG, *, dag_folder: str | os.PathLike[str]) -> DagDocument:
    """Return the document of `dag`, its file named relative to `dag_folder`.

    Raises `DagDocumentError` for a cycle, two tasks of one id, what `dag.validate()` finds, and values that cannot be
    stored or make no sense.
    """
    _check_ids(dag)
    try:
        tasks = sort_tasks(dag)
        dag.validate()
    except (AirflowException, ValueError) as error:
        raise DagDocumentError(str(error).removeprefix(f"DAG {dag.dag_id!r}: "), dag_id=dag.dag_id) from error
    document = DagDocument(
        dag_id=dag.dag_id,
        display_name="" if dag.dag_display_name == dag.dag_id else dag.dag_display_name,
        description=dag.description,
        relative_fileloc=dag.relative_fileloc or relative_fileloc(dag.fileloc, dag_folder),
        timezone=zone_name(dag.zone),
        start_date=_date(dag.start_date or min((t.start_date for t in tasks if t.start_date), default=None)),
        end_date=_date(dag.end_date),
        catchup=dag.catchup,
        dagrun_timeout_s=_seconds(dag.dagrun_timeout),
        is_paused_upon_creation=dag.is_paused_upon_creation,
        allowed_run_types=None if dag.allowed_run_types is None else tuple(sorted(map(str, dag.allowed_run_types))),
        fail_fast=dag.fail_fast,
        tags=tuple(sorted(dag.tags)),
        owners=tuple(sorted({task.owner for task in tasks})),
        owner_links=dict(sorted(dag.owner_links.items())),
        params=_params(dag.params, dag_id=dag.dag_id, task_id=None),
        doc_md=dag.doc_md,
        render_template_as_native_obj=dag.render_template_as_native_obj,
        callbacks=tuple(name for name in _DAG_CALLBACKS if getattr(dag, name)),
        deadlines=_deadlines(dag),
        disable_bundle_versioning=bool(dag.disable_bundle_versioning),
        rerun_with_latest_version=dag.rerun_with_latest_version,
        airflow_defaults=dag.airflow_defaults,
        tasks=tuple(_task(dag, task) for task in tasks),
        groups=tuple(_groups(dag.task_group)),
        edge_labels=tuple(_edge_labels(dag)),
        **_schedule(dag),
        **_limits(dag),
    )
    return _as_read_back(document)


def _as_read_back(document: DagDocument) -> DagDocument:
    """Return the document as its readers will see it; finds values of a wrong type, which no constructor checks."""
    try:
        return decode_document(encode_document(document))
    except (TypeError, ValueError) as error:
        raise DagDocumentError(_explain(document, str(error)), dag_id=document.dag_id) from error


def _explain(document: DagDocument, complaint: str) -> str:
    """Put the task_id into a complaint about `$.tasks[3]`."""
    found = re.search(r"\$\.tasks\[(\d+)\]", complaint)
    return complaint if found is None else f"task {document.tasks[int(found[1])].task_id!r}: {complaint}"


def relative_fileloc(fileloc: str, dag_folder: str | os.PathLike[str]) -> str:
    """Return the path of a DAG file below its folder, with `/`; the whole path of a file that lies elsewhere."""
    path = PurePath(fileloc)
    folder = PurePath(dag_folder)
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _check_ids(dag: DAG) -> None:
    for key, task in dag.task_dict.items():
        if task.task_id != key:
            msg = f"it was added as {key!r}; a task keeps its id once it belongs to a DAG"
            raise DagDocumentError(msg, dag_id=dag.dag_id, task_id=task.task_id, field="task_id")
        for near in (*task.upstream_task_ids, *task.downstream_task_ids):
            if near not in dag.task_dict:
                msg = f"it is put before or after {near!r}, which the DAG does not have"
                raise DagDocumentError(msg, dag_id=dag.dag_id, task_id=key)


def _schedule(dag: DAG) -> dict[str, Any]:
    try:
        encoded = encode_timetable(dag.timetable)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise DagDocumentError(str(error), dag_id=dag.dag_id, field="schedule") from error
    _check_json(encoded, "the timetable's serialize()", dag_id=dag.dag_id, field="schedule")
    return {"timetable": encoded, "schedule_summary": str(dag.timetable.summary)}


def _deadlines(dag: DAG) -> tuple[DeadlineDocument, ...]:
    if dag.deadline is None and not any(getattr(task, "sla", None) for task in dag.tasks):
        return ()
    from tradewind.sdk.deadlines.alerts import deadlines_of  # noqa: PLC0415 - few DAGs have some

    try:
        return deadlines_of(dag)
    except (TypeError, ValueError) as error:
        raise DagDocumentError(str(error), dag_id=dag.dag_id, field="deadline") from error


def _limits(dag: DAG) -> dict[str, Any]:
    limits = {
        "max_active_runs": dag.max_active_runs,
        "max_active_tasks": dag.max_active_tasks,
        "max_consecutive_failed_dag_runs": dag.max_consecutive_failed_dag_runs,
    }
    for field, value in limits.items():
        if value < 0:
            raise DagDocumentError(f"it must not be negative, got {value}", dag_id=dag.dag_id, field=field)
    return limits


def _task(dag: DAG, task: BaseOperator) -> TaskDocument:
    group_id = task.task_group.group_id if task.task_group is not None else None
    start_date, end_date = _date(task.start_date), _date(task.end_date)
    try:
        fields = {name: getattr(task, name) for name in _AS_THEY_ARE} | planned_fields(task)
        weights = _weights(dag, task)
        links = {str(link.name): key_of(link) for link in links_of(task)}
        if weights:
            fields["priority_weight"] = weights[0]
        return TaskDocument(
            **fields,
            **_checked_numbers(dag, task),
            task_type=task.task_type,
            operator_module=task.operator_class.__module__,
            downstream=tuple(sorted(task.downstream_task_ids)),
            trigger_rule=task.trigger_rule.value,
            weight_rule="absolute" if weights else task.weight_rule,
            weights_by_try=tuple(weights),
            retry_delay_s=_seconds(task.retry_delay) or 0.0,
            max_retry_delay_s=_max_retry_delay_s(task),
            execution_timeout_s=_seconds(task.execution_timeout),
            start_date=None if start_date == _date(dag.start_date) else start_date,
            end_date=None if end_date == _date(dag.end_date) else end_date,
            is_empty=is_empty(task),
            start_trigger=start_trigger_of(task),
            is_mapped=task.is_mapped,
            expansion=expansion_of(task) if task.is_mapped else None,
            group_id=group_id,
            display_name="" if task.task_display_name == task.task_id else task.task_display_name,
            doc_md=_documentation(task),
            template_fields=tuple(task.template_fields),
            params=_params(task.params, dag_id=dag.dag_id, task_id=task.task_id),
            callbacks=tuple(name for name in _TASK_CALLBACKS if getattr(task, name)),
            inlets=plain_assets(task.inlets),
            outlets=plain_assets(task.outlets),
            extra_links=tuple(sorted(links)),
            link_keys=links,
            email=_email(task.email),
        )
    except DagDocumentError:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        raise DagDocumentError(str(error), dag_id=dag.dag_id, task_id=task.task_id) from error


def _checked_numbers(dag: DAG, task: BaseOperator) -> dict[str, Any]:
    """Return the backoff factor; checks what an author may have assigned after the constructor."""
    for field in ("pool_slots", "retries", "max_active_tis_per_dag", "max_active_tis_per_dagrun"):
        value = getattr(task, field)
        if value is not None and value < (1 if field == "pool_slots" else 0):
            msg = f"it has to be {'at least 1' if field == 'pool_slots' else '0 or more'}, got {value}"
            raise DagDocumentError(msg, dag_id=dag.dag_id, task_id=task.task_id, field=field)
    backoff = task.retry_exponential_backoff
    # Airflow 2 has a flag here, which doubles the delay with each try; Airflow 3 has the factor.
    return {"retry_exponential_backoff": 2.0 if backoff is True else float(backoff)}


def _max_retry_delay_s(task: BaseOperator) -> float | None:
    """Return the longest delay that backoff may reach; None where the core's own ceiling is low enough."""
    own, ceiling_s = _seconds(task.max_retry_delay), author_defaults().max_retry_delay_s
    if not task.retry_exponential_backoff or ceiling_s >= DEFAULT_DELAY_CEILING_S:
        return own
    return ceiling_s if own is None else min(own, ceiling_s)


def _weights(dag: DAG, task: BaseOperator) -> list[int]:
    """Return what the task's priority weight strategy says for each try; nothing for a rule that has a name."""
    rule = task.weight_rule
    if isinstance(rule, str) and rule in WEIGHT_RULES:
        return []
    if isinstance(rule, str) and "." not in rule:
        what = f"unknown weight rule {rule!r}; valid rules are: {', '.join(WEIGHT_RULES)}"
        raise DagDocumentError(what, dag_id=dag.dag_id, task_id=task.task_id, field="weight_rule")
    try:
        return weights_by_try(task)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise DagDocumentError(what, dag_id=dag.dag_id, task_id=task.task_id, field="weight_rule") from error


def is_empty(task: BaseOperator) -> bool:
    """Return whether a task has nothing to run, so that the scheduler can complete it without a worker."""
    kind = task.operator_class
    if not issubclass(kind, EmptyOperator) or kind.execute is not EmptyOperator.execute:
        return False
    if kind.pre_execute is not BaseOperator.pre_execute or kind.post_execute is not BaseOperator.post_execute:
        return False
    hooks = task.__dict__.get("_pre_execute_hook") or task.__dict__.get("_post_execute_hook")
    return not (hooks or task.outlets or any(getattr(task, name) for name in _CALLED_BY_SUCCESS))


def _documentation(task: BaseOperator) -> str:
    text = task.doc_md or task.doc or task.doc_rst or task.doc_yaml or task.doc_json
    return "" if text is None else str(text)


def _email(email: Any) -> tuple[str, ...]:
    if not email:
        return ()
    given = _ADDRESSES.split(email) if isinstance(email, str) else [str(address) for address in email]
    return tuple(address for address in given if address)


def _params(params: ParamsDict | Mapping[str, Any], *, dag_id: str, task_id: str | None) -> dict[str, ParamDocument]:
    """Return the params in their order; a task's without those that it has from its DAG."""
    documents: dict[str, ParamDocument] = {}
    for name, param in params.items():
        if task_id is not None and param.source == "dag":
            continue
        _check_json(param.schema, "its schema", dag_id=dag_id, task_id=task_id, field=f"param {name!r}")
        is_required = param.value is NOTSET
        documents[name] = ParamDocument(
            # Another object, as files of Airflow 2 have them, is known to the task alone.
            value=param.value if not is_required and is_json(param.value) else None,
            is_required=is_required,
            description=param.description,
            # JSON has text for keys; an author may have written numbers, as in values_display.
            schema=json.loads(json.dumps(param.schema)),
        )
    return documents


def _check_json(value: Any, what: str, *, dag_id: str, task_id: str | None = None, field: str) -> None:
    if not value:
        return
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise DagDocumentError(
            f"{what} is no JSON value: {error}", dag_id=dag_id, task_id=task_id, field=field
        ) from error


def _groups(group: TaskGroup) -> list[TaskGroupDocument]:
    """Return the groups in a group, each before those in it, else by id."""
    documents: list[TaskGroupDocument] = []
    inner = [child for child in group.children.values() if isinstance(child, TaskGroup)]
    for child in sorted(inner, key=lambda one: str(one.group_id)):
        documents.append(
            TaskGroupDocument(
                group_id=str(child.group_id),
                parent_id=group.group_id,
                label=child.label or "",
                tooltip=child.tooltip,
                ui_color=child.ui_color,
                ui_fgcolor=child.ui_fgcolor,
                is_mapped=child.is_mapped,
                expansion=expansion_of(child) if child.is_mapped else None,
            ),
        )
        documents += _groups(child)
    return documents


def _edge_labels(dag: DAG) -> list[EdgeLabel]:
    return [
        EdgeLabel(upstream=upstream, downstream=downstream, label=info["label"])
        for upstream, edges in sorted(dag.edge_info.items())
        for downstream, info in sorted(edges.items())
        if info.get("label")
    ]


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _date(moment: datetime | None) -> datetime | None:
    """Return a date of any datetime class as a plain one, in UTC."""
    if moment is None:
        return None
    utc = moment.astimezone(timezone.utc)
    return datetime(
        utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, tzinfo=timezone.utc
    )
