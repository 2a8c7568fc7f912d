"""What the scheduler wants written, as data: one `Batch` is one transaction.

The scheduler decides with the pure core, collects the effects of everything that arrived, and hands them over here.
Every update is compare-and-set on (id, version, state) and the whole batch is fenced by the scheduler's lease epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from tradewind.core.ids import DagRunPk, TaskInstancePk
    from tradewind.core.states import DagRunState, RunType, TaskInstanceState
    from tradewind.core.transitions import Event


@dataclass(slots=True)
class TaskTransition:
    """One task instance moves from `expected` to `target`; several events that fell together are one row.

    Times left None keep what the database holds, except with `is_new_try`, which clears what the last try left.
    """

    ti_pk: TaskInstancePk
    expected: TaskInstanceState
    expected_version: int
    target: TaskInstanceState
    version: int
    """The version to write: `expected_version` plus the number of events."""
    events: tuple[Event, ...]
    """Appended to the history of transitions, in order."""
    at: datetime
    try_number: int
    is_new_try: bool = False
    archives_try: bool = False
    """Copy the row as it is into the history of tries before it is changed."""
    scheduled_at: datetime | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    due_at: datetime | None = None
    """When a retry or the next poke is due; None clears it."""
    pid: int | None = None
    hostname: str | None = None
    note: str | None = None
    """One line about why, for lists and `explain`: the error of a failed try."""
    is_derived: bool = False
    """It follows from the states of other instances of the run: left out when one that is written with it is stale."""


@dataclass(slots=True)
class NewTaskInstance:
    """One row to insert for a run that starts, in state none, version 0."""

    ti_pk: TaskInstancePk
    task_id: str
    map_index: int
    max_tries: int
    operator: str
    pool: str
    pool_slots: int
    queue: str
    priority_weight: int


@dataclass(slots=True)
class Expansion:
    """A mapped task gets instances in a run that is under way, for what it is mapped over is known now."""

    run_pk: DagRunPk
    placeholder: TaskInstancePk | None
    """The one that stood for the task: it has map index 0 from now on. Its step is among the transitions."""
    task_instances: list[NewTaskInstance]


@dataclass(slots=True)
class RunStart:
    """A queued run starts: its state becomes running and its task instances come into being."""

    run_pk: DagRunPk
    dag_id: str
    run_id: str
    at: datetime
    dag_version_pk: int
    task_instances: list[NewTaskInstance]
    """Those that exist already (the run was cleared) stay as they are."""
    expected_version: int | None = None
    """`RunRow.version` as last loaded; None starts the run in any version."""
    bundle_version: str | None = None
    """The version of its bundle that the run is pinned to."""


@dataclass(slots=True)
class RunEnd:
    """A running run ends."""

    run_pk: DagRunPk
    state: DagRunState
    at: datetime
    expected_version: int | None = None
    """`RunRow.version` as last loaded: a user's clear in between makes the end stale; None ends any version."""


@dataclass(slots=True)
class NewRun:
    """A run the timetable asks for, in state queued. Ignored when one with its run_id or logical date exists."""

    dag_id: str
    run_id: str
    run_type: RunType
    run_after: datetime
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    conf: dict[str, Any] = field(default_factory=dict)
    triggered_by: str = "timetable"
    partition_key: str | None = None
    partition_date: datetime | None = None
    consumes: AssetsConsumed | None = None
    """The events of assets that the run is created for."""


@dataclass(slots=True)
class AssetsConsumed:
    """What a new run takes of the events that wait for its DAG: what is queued, and all others up to the newest of it."""

    queued: list[tuple[int, int, int]] = field(default_factory=list)
    """Asset, place and event of each row of the queue, by number."""
    newest_event_pk: int = 0
    takes_all: bool = False
    """The DAG's first run takes also what was there before the DAG (catchup)."""
    partition_pk: int | None = None
    """Of a run that works on a partition: it takes the events of that one, and nothing else."""


@dataclass(slots=True)
class AssetEventWrite:
    """One event of an asset; what is queued for whom follows from what DAGs say of assets."""

    name: str
    """Empty, or `uri` is, where a reference is to be looked up."""
    uri: str
    extra: dict[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    ti_pk: TaskInstancePk | None = None
    """Whose success it is: left out when that is stale. None for an event from elsewhere."""
    group: str = "asset"
    asset_extra: dict[str, Any] = field(default_factory=dict)
    """What the asset gets where it is new."""
    source_dag_id: str | None = None
    source_task_id: str | None = None
    source_run_id: str | None = None
    source_map_index: int | None = None
    partition_key: str | None = None
    partition_date: datetime | None = None


@dataclass(slots=True)
class PartitionEventWrite:
    """An event that waits in the queue of a DAG comes to one of the DAG's partitions, which may be new."""

    dag_id: str
    partition_key: str
    fingerprint: str
    event_pk: int
    asset_pk: int
    source_key: str
    partition_date: datetime | None = None
    """What the partition takes over from the run that made the event."""


@dataclass(slots=True)
class PartitionRow:
    """A partition that has events and no run yet."""

    partition_pk: int
    dag_id: str
    partition_key: str
    partition_date: datetime | None
    fingerprint: str
    events: list[tuple[int, str, str, str, datetime]] = field(default_factory=list)
    """Of each event its asset's number, name and URI, its own partition key and when it was made."""


@dataclass(slots=True)
class AssetQueueRow:
    """Events of one asset that wait for a run of one DAG."""

    dag_id: str
    asset_pk: int
    place: int
    name: str
    uri: str
    aliases: frozenset[str]
    event_pk: int
    """The newest of them."""
    last_at: datetime
    partition_key: str | None = None
    partition_date: datetime | None = None


@dataclass(slots=True)
class DagSchedule:
    """What the scheduler knows next of a DAG: written so that pages and a restarted scheduler see it."""

    dag_id: str
    next_run_after: datetime | None
    next_interval_start: datetime | None
    next_interval_end: datetime | None


@dataclass(slots=True)
class XComWrite:
    """One XCom; replaces an earlier one of the same key."""

    ti_pk: TaskInstancePk
    key: str
    value: bytes


@dataclass(slots=True)
class RenderedWrite:
    """The rendered template fields of one try, JSON."""

    ti_pk: TaskInstancePk
    fields: bytes


@dataclass(slots=True)
class MappingWrite:
    """What a try leaves for mapping: what others are mapped over, and the name of a mapped instance."""

    ti_pk: TaskInstancePk
    map_length: int | None
    rendered_map_index: str | None


@dataclass(slots=True)
class CallbackRequest:
    """A callback that has to be called once; deleted by pk when done, found again after a crash."""

    run_pk: DagRunPk
    dag_id: str
    run_id: str
    name: str
    reason: str
    task_id: str | None = None
    """The task whose callback it is; of another kind, the one whose context it sees."""
    map_index: int = -1
    try_number: int = 0
    kind: str = "task"
    """task, dag, dag_listener, deadline or sla: whose callback it is."""
    payload: dict[str, Any] = field(default_factory=dict)
    """What a callback is told beside its context; JSON types."""


@dataclass(slots=True)
class Question:
    """What a human is asked; texts that are JSON are written as they are."""

    subject: str
    body: str | None
    options: str
    defaults: str | None
    multiple: bool
    params: str
    assigned_users: str


@dataclass(slots=True)
class NewDeferral:
    """A task instance that is parked by this batch hands itself to a trigger; replaces what it waited for before."""

    ti_pk: TaskInstancePk
    ti_version: int
    try_number: int
    classpath: str
    """Of the trigger; empty where a human ends the wait."""
    kwargs: bytes
    next_method: str
    next_kwargs: bytes
    due_outcome: str = "timeout"
    """How the wait is over at the `due_at` of its task instance."""
    due_payload: bytes | None = None
    is_timed: bool = False
    """The scheduler alone ends it, by its timer."""
    queue: str | None = None
    question: Question | None = None


@dataclass(slots=True)
class ResumedDeferral:
    """A wait is over and its task instance goes on, in this batch, with what its row says."""

    ti_pk: TaskInstancePk
    ti_version: int
    was_waiting: bool = False
    """Its time was over: its trigger is at work and has to be told."""
    default_answer: tuple[int, str, str] | None = None
    """Nobody answered a question with defaults: the try, the options and the form that are its answer, JSON."""


@dataclass(slots=True)
class OverDeferral:
    """The try that waited has ended. `was_waiting`: its trigger is at work and has to be told."""

    ti_pk: TaskInstancePk
    was_waiting: bool


@dataclass(slots=True)
class NewDeadline:
    """A run has to be done by then. Ignored when the run has a deadline of the same alert already."""

    run_pk: DagRunPk
    dag_id: str
    run_id: str
    alert: int
    """The place of the alert in the DAG document."""
    name: str | None
    due_at: datetime


@dataclass(slots=True)
class DeadlineRow:
    """A deadline that is stored and was not missed yet."""

    deadline_pk: int
    run_pk: DagRunPk
    dag_id: str
    run_id: str
    alert: int
    due_at: datetime


@dataclass(slots=True)
class DeadlineEnd:
    """A deadline was missed, or its callback was called."""

    deadline_pk: int
    missed_at: datetime | None = None
    called_at: datetime | None = None
    callback_error: str | None = None


@dataclass(slots=True)
class Batch:
    """Everything one transaction writes. Empty lists cost nothing."""

    transitions: list[TaskTransition] = field(default_factory=list)
    run_starts: list[RunStart] = field(default_factory=list)
    run_ends: list[RunEnd] = field(default_factory=list)
    new_runs: list[NewRun] = field(default_factory=list)
    schedules: list[DagSchedule] = field(default_factory=list)
    new_task_instances: list[tuple[DagRunPk, NewTaskInstance]] = field(default_factory=list)
    """Rows added to a run that is under way: a new DAG version brought new tasks."""
    expansions: list[Expansion] = field(default_factory=list)
    """Left out, with every step of the new instances, where something else of their run is stale."""
    xcoms: list[XComWrite] = field(default_factory=list)
    rendered: list[RenderedWrite] = field(default_factory=list)
    mappings: list[MappingWrite] = field(default_factory=list)
    callbacks: list[CallbackRequest] = field(default_factory=list)
    callbacks_done: list[int] = field(default_factory=list)
    deadlines: list[NewDeadline] = field(default_factory=list)
    deadline_ends: list[DeadlineEnd] = field(default_factory=list)
    deadlines_kept: list[int] = field(default_factory=list)
    """Numbers of deadlines that nothing missed: they are deleted."""
    asset_events: list[AssetEventWrite] = field(default_factory=list)
    partition_events: list[PartitionEventWrite] = field(default_factory=list)
    assets_unqueued: list[tuple[str, int, int, int]] = field(default_factory=list)
    """Rows of the queue that have been seen to: DAG, asset, place and event."""
    partitions_dropped: list[int] = field(default_factory=list)
    pauses: list[str] = field(default_factory=list)
    """DAGs to pause, because their runs keep failing."""
    deferrals: list[NewDeferral] = field(default_factory=list)
    """These three belong to transitions of the same batch and are left out with them."""
    deferrals_resumed: list[ResumedDeferral] = field(default_factory=list)
    deferrals_over: list[OverDeferral] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Return whether there is anything to write."""
        return bool(
            self.transitions
            or self.run_starts
            or self.run_ends
            or self.new_runs
            or self.schedules
            or self.new_task_instances
            or self.expansions
            or self.xcoms
            or self.rendered
            or self.mappings
            or self.callbacks
            or self.callbacks_done
            or self.deadlines
            or self.deadline_ends
            or self.deadlines_kept
            or self.asset_events
            or self.partition_events
            or self.assets_unqueued
            or self.partitions_dropped
            or self.pauses
            or self.deferrals
            or self.deferrals_resumed
            or self.deferrals_over,
        )


@dataclass(slots=True)
class CommitResult:
    """What a committed batch could not do, and what it made."""

    stale_task_instances: list[TaskInstancePk] = field(default_factory=list)
    """Rows somebody else changed meanwhile (a user cleared or marked them): reload their runs."""
    stale_runs: list[DagRunPk] = field(default_factory=list)
    created_runs: list[RunRow] = field(default_factory=list)
    created_callbacks: list[CallbackRow] = field(default_factory=list)
    created_deadlines: list[DeadlineRow] = field(default_factory=list)
    asset_dag_ids: set[str] = field(default_factory=set)
    """DAGs that wait for an asset of which an event was written."""


@dataclass(slots=True)
class DagRow:
    """One DAG that is present, as the scheduler loads it."""

    dag_id: str
    version_pk: int
    version_hash: str
    document: bytes
    is_paused: bool
    folder: str
    path: str
    fingerprint: str
    last_interval_start: datetime | None
    """Of the newest automated run, whatever its state: where the timetable goes on."""
    last_interval_end: datetime | None
    last_run_after: datetime | None
    bundle_name: str = "dags-folder"
    bundle_version: str | None = None
    next_run_after: datetime | None = None
    """When the next run was due, as far as a scheduler knew."""


@dataclass(slots=True)
class RunRow:
    """One DAG run that has not finished."""

    run_pk: DagRunPk
    dag_id: str
    run_id: str
    run_type: RunType
    state: DagRunState
    run_after: datetime
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    queued_at: datetime
    started_at: datetime | None
    conf: dict[str, Any]
    dag_version_pk: int | None
    clear_number: int = 0
    triggered_by: str = "timetable"
    triggering_user_name: str | None = None
    note: str | None = None
    version: int = 0
    """Raised when a user clears or marks something of the run."""
    backfill_pk: int | None = None
    """The backfill that owns the run: its room is the backfill's and not the DAG's."""
    backfill_ordinal: int | None = None
    bundle_version: str | None = None
    """The version of its bundle that it is pinned to; None: it follows the newest."""
    partition_key: str | None = None
    partition_date: datetime | None = None
    ended_at: datetime | None = None


@dataclass(slots=True)
class TaskInstanceRow:
    """One task instance of a run that has not finished."""

    ti_pk: TaskInstancePk
    task_id: str
    map_index: int
    state: TaskInstanceState
    version: int
    try_number: int
    max_tries: int
    pool: str
    pool_slots: int
    queue: str
    priority_weight: int
    due_at: datetime | None
    started_at: datetime | None
    queued_at: datetime | None
    map_length: int | None = None


@dataclass(slots=True)
class DeferralRow:
    """What a task instance waits for, or went on with, as the scheduler loads it."""

    trigger_pk: int
    ti_pk: TaskInstancePk
    ti_version: int
    try_number: int
    state: str
    """waiting, fired or resumed."""
    next_method: str
    next_kwargs: bytes
    outcome: str
    """How the wait ended, or while it goes on how it ends when its time is over: event, error, timeout, or a state."""
    payload: bytes | None


@dataclass(slots=True)
class PoolRow:
    """One pool; `slots` -1 is unlimited."""

    name: str
    slots: int
    include_deferred: bool


@dataclass(slots=True)
class CallbackRow:
    """A callback request as stored."""

    callback_pk: int
    request: CallbackRequest


class LeaseLostError(RuntimeError):
    """Another scheduler has taken over: this one must stop at once and write nothing more."""
