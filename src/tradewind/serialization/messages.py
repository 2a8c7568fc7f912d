"""What the scheduler's executor and a worker process tell each other, and how it is framed on a stream socket.

A frame is four bytes of length, big endian, and a MessagePack map with a `type` field. Unknown fields are ignored by
the reader, so either side may be one release ahead.
"""

from __future__ import annotations

import struct
from datetime import datetime, timezone
from typing import Any

import msgspec


class DagRunFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a task may read of its DAG run. All dates aware, in UTC."""

    pk: int
    dag_id: str
    run_id: str
    run_type: str
    logical_date: datetime | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None
    run_after: datetime
    queued_at: datetime | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    clear_number: int = 0
    state: str = "running"
    conf: dict[str, Any] = {}
    triggered_by: str = "timetable"
    triggering_user_name: str | None = None
    note: str | None = None
    partition_key: str | None = None
    partition_date: datetime | None = None


class DagFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where the author's code lies: enough for a worker to import it, or to know that it has."""

    path: str
    """Absolute path of the file; for a zip the archive."""
    folder: str
    """The DAG folder, which goes on sys.path."""
    fingerprint: str
    """Hash over the file and the modules of its folder that it imports: a warm worker with another one is stale."""


class Resumption(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """With what a try goes on that was parked. Values are JSON, as XComs are written."""

    next_method: str
    """The method of the operator; `FAIL_METHOD` where the wait ended badly."""
    next_kwargs: bytes = b"{}"
    event: bytes | None = None
    """The payload of the event: one more argument, `event`. None where there was none."""


FAIL_METHOD = "__fail__"
"""Airflow's name for going on in order to fail."""


class RunTask(msgspec.Struct, frozen=True, kw_only=True, tag="run_task", omit_defaults=True):
    """Order: run one try of one task instance."""

    ti_pk: int
    try_number: int
    max_tries: int
    dag_file: DagFile
    dag_id: str
    task_id: str
    map_index: int = -1
    expanded_ti_count: int | None = None
    """How many instances the task has in the run, None for a task that is not mapped."""
    dag_run: DagRunFacts
    log_path: str
    """Absolute path of the try's log file; the worker makes its folders."""
    pool: str = "default_pool"
    pool_slots: int = 1
    queue: str = "default"
    priority_weight: int = 1
    queued_at: datetime | None = None
    operator: str = ""
    first_started_at: datetime | None = None
    """When the first try after a reschedule began: sensors count their timeout from it."""
    resumption: Resumption | None = None
    """The try was parked and goes on; None: it begins with `execute`."""


class RunCallback(msgspec.Struct, frozen=True, kw_only=True, tag="run_callback", omit_defaults=True):
    """Order: call what no process of a task can call: a DAG's callback, that of a task whose process was lost, ..."""

    callback_pk: int
    dag_file: DagFile
    dag_id: str
    dag_run: DagRunFacts
    kind: str = "task"
    """task, dag, dag_listener, deadline or sla: whose callback it is."""
    task_id: str | None = None
    """The task whose context the callback sees; None where the run has no instance to tell of."""
    map_index: int = -1
    try_number: int = 0
    name: str
    """on_success_callback, on_failure_callback, ..."""
    reason: str = ""
    payload: dict[str, Any] = {}
    """What it is told beside its context; JSON types."""
    log_path: str


class ComputeNextRun(msgspec.Struct, frozen=True, kw_only=True, tag="compute_next_run"):
    """Order: ask an author's timetable class for the next run; the scheduler imports no author code."""

    request_id: int
    dag_file: DagFile
    dag_id: str
    last_interval_start: datetime | None
    last_interval_end: datetime | None
    earliest: datetime | None
    latest: datetime | None
    catchup: bool
    now: datetime
    count: int = 1
    """So many runs are wanted, one after the other: a backfill asks for several."""


class Kill(msgspec.Struct, frozen=True, kw_only=True, tag="kill"):
    """Order: stop the try if it is the one at work (sent after SIGTERM, so that a late signal hits nothing else)."""

    ti_pk: int
    try_number: int


class Stop(msgspec.Struct, frozen=True, kw_only=True, tag="stop"):
    """Order: leave when the work in hand is done."""


class StoreReply(msgspec.Struct, frozen=True, kw_only=True, tag="store_reply", omit_defaults=True):
    """Answer to a `StoreCall`."""

    call_id: int
    result: Any = None
    error: str | None = None
    error_kind: str = ""
    """`not_found`, `invalid`, `unavailable`: the worker raises its own exception for it."""


Order = RunTask | RunCallback | ComputeNextRun | Kill | Stop | StoreReply


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """Report: the process can take an order."""

    pid: int
    hostname: str


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="started"):
    """Report: the try began."""

    ti_pk: int
    try_number: int
    pid: int
    started_at: datetime


class XComValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One XCom to store, its value already JSON."""

    key: str
    value: bytes
    task_id: str | None = None
    """None: of the task instance that reports."""
    map_index: int | None = None


class Deferral(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a try waits for that leaves the worker: a trigger, or without one a human. Values as XComs are written."""

    next_method: str
    next_kwargs: bytes = b"{}"
    classpath: str = ""
    """Of the trigger."""
    kwargs: bytes = b"{}"
    """What the trigger is made of again."""
    due_at: datetime | None = None
    """The wait is over then, whatever has come."""
    due_outcome: str = "timeout"
    """How it is over then: timeout, or an event, or an end of the task, as a trigger would say it."""
    due_payload: bytes | None = None
    is_timed: bool = False
    """Nothing but that moment is waited for: the scheduler sees to it, and no triggerer is needed."""
    queue: str | None = None
    question: HumanQuestion | None = None


class HumanQuestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a human is asked: options to choose from, and a form."""

    subject: str
    body: str | None = None
    options: list[str]
    defaults: list[str] | None = None
    multiple: bool = False
    params: dict[str, Any] = {}
    """Of each field its `value`, `description` and JSON `schema`."""
    assigned_users: list[dict[str, str]] = []
    """Who may answer, each with `id` and `name`; empty: whoever may."""


class AssetEventReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of an asset that the success of a task makes."""

    name: str = ""
    """Empty where the outlet is a reference by URI."""
    uri: str = ""
    """Empty where the outlet is a reference by name."""
    extra: dict[str, Any] = {}
    aliases: tuple[str, ...] = ()
    """Through which the event is made."""
    asset_extra: dict[str, Any] = {}
    """What the asset gets where it is new."""
    partition_key: str | None = None
    partition_date: datetime | None = None


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished", omit_defaults=True):
    """Report: the try ended. Everything it leaves behind comes in this one message."""

    ti_pk: int
    try_number: int
    outcome: str
    """success, failed (retry by the rules), fail_without_retry, skipped, reschedule, deferred, awaiting_input, killed."""
    started_at: datetime
    ended_at: datetime
    xcoms: tuple[XComValue, ...] = ()
    asset_events: tuple[AssetEventReport, ...] = ()
    skip_task_ids: tuple[str, ...] = ()
    """What a branch or a short circuit decided not to run; resolved to instances by the scheduler."""
    reschedule_at: datetime | None = None
    retry_at: datetime | None = None
    deferral: Deferral | None = None
    """What a deferred try waits for."""
    error: str | None = None
    """One line for lists and for `explain`; the log has the traceback."""
    rendered_fields: bytes | None = None
    """JSON object of the rendered template fields; None when the task has none worth showing."""
    note: str | None = None
    map_length: int | None = None
    """What is mapped over the task's return value makes of it: its length; of a mapped instance 1 when it returned one."""
    rendered_map_index: str | None = None
    """The name that `map_index_template` gives the instance."""
    retire: bool = False
    """The process leaves after this report: it has done its share of tasks, or the task left it unusable."""
    ready_follows: bool = False
    """The process still runs the task's callbacks; a `Ready` says when it takes an order again."""


class XComPush(msgspec.Struct, frozen=True, kw_only=True, tag="xcom_push", omit_defaults=True):
    """Report: an XCom pushed while the task runs. In order with what follows it, no answer."""

    ti_pk: int
    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    key: str
    value: bytes


class StoreCall(msgspec.Struct, frozen=True, kw_only=True, tag="store_call"):
    """Question: a method of the worker store, by name, with its arguments as plain data."""

    call_id: int
    method: str
    arguments: dict[str, Any]


class CallbackDone(msgspec.Struct, frozen=True, kw_only=True, tag="callback_done", omit_defaults=True):
    """Report: a `RunCallback` was carried out."""

    callback_pk: int
    error: str | None = None
    moment: datetime | None = None
    """The answer where a date was asked for."""


class RunDates(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The dates of one run that a timetable gave."""

    run_after: datetime
    interval_start: datetime | None
    interval_end: datetime | None


class NextRunComputed(msgspec.Struct, frozen=True, kw_only=True, tag="next_run_computed", omit_defaults=True):
    """Answer to `ComputeNextRun`."""

    request_id: int
    run_after: datetime | None = None
    interval_start: datetime | None = None
    interval_end: datetime | None = None
    error: str | None = None
    following: tuple[RunDates, ...] = ()
    """Those after the first, where several were wanted; fewer than that where the timetable gives no more."""


Report = Ready | Started | Finished | XComPush | StoreCall | CallbackDone | NextRunComputed

_LENGTH = struct.Struct(">I")


def _plain(value: Any) -> datetime:
    """Return a date of another datetime class, as author code has them, as a plain one in UTC."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"a message cannot carry what is of type {type(value).__name__}: {value!r}")
    utc = value.astimezone(timezone.utc)
    return datetime(
        utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, tzinfo=timezone.utc
    )


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_order_decoder: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_report_decoder: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


def frame(message: Order | Report) -> bytes:
    """Return the message as one frame, ready for `sendall`."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class FrameBuffer:
    """Cuts what arrives on a stream socket into frames. Holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Add `chunk`; return the bodies of the frames that are complete now, in order."""
        data = self._data
        data += chunk
        bodies: list[bytes] = []
        start = 0
        while len(data) - start >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(data, start)
            end = start + _LENGTH.size + size
            if len(data) < end:
                break
            bodies.append(bytes(data[start + _LENGTH.size : end]))
            start = end
        if start:
            del data[:start]
        return bodies


def decode_order(body: bytes) -> Order:
    """Return the order in a frame's body; raises `msgspec.ValidationError` when it is none."""
    return _order_decoder.decode(body)


def decode_report(body: bytes) -> Report:
    """Return the report in a frame's body; raises `msgspec.ValidationError` when it is none."""
    return _report_decoder.decode(body)
