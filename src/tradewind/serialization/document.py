"""The DAG document: what the rest of the system knows of an author's DAG, without the author's code.

Plain data: only JSON types, sorted where the author's order means nothing, no memory addresses, no clock. Two imports
of an unchanged file give byte-equal documents, so that `version_hash` changes only when a run would differ.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

DOCUMENT_FORMAT = 1

DEFAULTS_WARNING = "airflow_2_defaults"
"""Kind of the warning that names the line by which a DAG has the defaults of Airflow 2.

It is no part of the document: the line moves with every edit above it.
"""


class TaskDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task. Durations are seconds. Defaults are Airflow's, so that a plain task is a short object."""

    task_id: str
    task_type: str
    """Class name of the operator, as the UI shows it."""
    operator_module: str = ""
    downstream: tuple[str, ...] = ()
    """Sorted task_ids."""
    trigger_rule: str = "all_success"
    retries: int = 0
    retry_delay_s: float = 300.0
    retry_exponential_backoff: float = 0.0
    """0 is off; Airflow 2's True is 2.0."""
    max_retry_delay_s: float | None = None
    execution_timeout_s: float | None = None
    depends_on_past: bool = False
    ignore_first_depends_on_past: bool = False
    wait_for_downstream: bool = False
    wait_for_past_depends_before_skipping: bool = False
    pool: str = "default_pool"
    pool_slots: int = 1
    priority_weight: int = 1
    weight_rule: str = "downstream"
    weights_by_try: tuple[int, ...] = ()
    """What an author's strategy class said, from the first try on, the last number for all later ones; empty where the
    weight rule has a name."""
    queue: str = "default"
    executor: str | None = None
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    owner: str = "airflow"
    start_date: datetime | None = None
    end_date: datetime | None = None
    is_empty: bool = False
    """Nothing to run: no execute of its own, no callback, no outlet. The scheduler completes it itself."""
    start_trigger: StartTriggerDocument | None = None
    """What its tries begin with, where that is no worker but a trigger."""
    is_setup: bool = False
    is_teardown: bool = False
    on_failure_fail_dagrun: bool = False
    is_mapped: bool = False
    expansion: dict[str, Any] | None = None
    """What a mapped task expands over, None for a plain task: how many instances it has, as `serialization.expansions`
    reads it."""
    group_id: str | None = None
    display_name: str = ""
    doc_md: str = ""
    ui_color: str = "#fff"
    ui_fgcolor: str = "#000"
    template_fields: tuple[str, ...] = ()
    params: dict[str, ParamDocument] = {}
    callbacks: tuple[str, ...] = ()
    """Sorted names of the callback arguments that are set: on_failure_callback, ..."""
    inlets: tuple[dict[str, Any], ...] = ()
    outlets: tuple[dict[str, Any], ...] = ()
    extra_links: tuple[str, ...] = ()
    """Sorted names, those that plugins add included."""
    link_keys: dict[str, str] = {}
    """For each of them the key of the XCom that holds the address, once a try has ended."""
    email: tuple[str, ...] = ()
    email_on_failure: bool = True
    email_on_retry: bool = True


class StartTriggerDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A trigger that runs before any worker is needed. Arguments are written as XComs are."""

    classpath: str
    kwargs: dict[str, Any] = {}
    next_method: str
    next_kwargs: dict[str, Any] = {}
    timeout_s: float | None = None


class ParamDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One param: its default, where it has one, and its JSON schema."""

    value: Any = None
    is_required: bool = False
    """No default was given: a run must bring the value."""
    description: str | None = None
    schema: dict[str, Any] = {}


class TaskGroupDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task group. The edges of tasks already carry its dependencies; a mapped one multiplies the tasks in it."""

    group_id: str
    parent_id: str | None = None
    label: str = ""
    tooltip: str = ""
    ui_color: str = "CornflowerBlue"
    ui_fgcolor: str = "#000"
    is_mapped: bool = False
    expansion: dict[str, Any] | None = None
    """As that of a task: every task in the group has so many instances."""


class EdgeLabel(msgspec.Struct, frozen=True, kw_only=True):
    """The text an author put on an edge with `Label`."""

    upstream: str
    downstream: str
    label: str


class DeadlineDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """By when a run, or some of its tasks, have to be done; the callback itself stays with the author's code."""

    name: str | None = None
    reference_type: str
    """DagRunLogicalDateDeadline, DagRunQueuedAtDeadline, FixedDatetimeDeadline, AverageRuntimeDeadline, custom or sla."""
    reference: dict[str, Any] = {}
    interval_s: float | None = None
    interval_variable: str | None = None
    """In its place the variable that has the seconds."""
    task_ids: tuple[str, ...] = ()
    """Of an sla: the tasks that have to be done, in place of the run."""
    callback: str = ""
    """Its dotted path, for people."""


class DagDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One DAG. Built by `tradewind.sdk.document.to_document`."""

    format: int = DOCUMENT_FORMAT
    dag_id: str
    display_name: str = ""
    description: str | None = None
    relative_fileloc: str = ""
    """The file, relative to its DAG folder (a zip member: `archive.zip/file.py`)."""
    timezone: str = "UTC"
    timetable: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "null"})
    """As `tradewind.core.timetables.codec` writes it."""
    schedule_summary: str = ""
    start_date: datetime | None = None
    """The earliest date of a run: the DAG's own, else the earliest of its tasks'."""
    end_date: datetime | None = None
    catchup: bool = False
    max_active_runs: int = 16
    max_active_tasks: int = 16
    max_consecutive_failed_dag_runs: int = 0
    dagrun_timeout_s: float | None = None
    is_paused_upon_creation: bool | None = None
    allowed_run_types: tuple[str, ...] | None = None
    """Sorted; None for all. A run that a task triggers is of the type `operator_triggered` here."""
    fail_fast: bool = False
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    owner_links: dict[str, str] = {}
    params: dict[str, ParamDocument] = {}
    doc_md: str | None = None
    render_template_as_native_obj: bool = False
    callbacks: tuple[str, ...] = ()
    deadlines: tuple[DeadlineDocument, ...] = ()
    disable_bundle_versioning: bool = False
    """Its runs follow the newest version of its bundle instead of being pinned to the one that they started with."""
    rerun_with_latest_version: bool | None = None
    """Whether runs that start over do so with the newest version, where nobody says; None: as the installation says."""
    airflow_defaults: int = 3
    """Whose defaults the file gets: those of Airflow 2 or of Airflow 3."""
    tasks: tuple[TaskDocument, ...] = ()
    """In topological order, ties by task_id."""
    groups: tuple[TaskGroupDocument, ...] = ()
    edge_labels: tuple[EdgeLabel, ...] = ()


def tasks_by_group(document: DagDocument) -> dict[str, list[str]]:
    """Return for each task group the ids of the tasks in it and in the groups in it, in the document's order."""
    parents = {group.group_id: group.parent_id for group in document.groups}
    members: dict[str, list[str]] = {group_id: [] for group_id in parents}
    for task in document.tasks:
        group_id = task.group_id
        while group_id is not None:
            members[group_id].append(task.task_id)
            group_id = parents[group_id]
    return members


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(DagDocument)


def encode_document(document: DagDocument) -> bytes:
    """Return the canonical JSON of `document`."""
    return _encoder.encode(document)


def decode_document(data: bytes | str) -> DagDocument:
    """Return the document; raises `msgspec.ValidationError` when `data` is not one."""
    return _decoder.decode(data)


def version_hash(encoded: bytes) -> str:
    """Return the hash under which one version of a DAG is stored: 32 hexadecimal digits of its canonical JSON."""
    return hashlib.sha256(encoded).hexdigest()[:32]
