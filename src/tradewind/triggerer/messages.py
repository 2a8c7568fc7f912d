"""What the triggerer and its child tell each other. Framed as the messages of workers are."""

from __future__ import annotations

from typing import Any

import msgspec

from tradewind.serialization.messages import RunTask, StoreCall, StoreReply
from tradewind.serialization.messages import frame as _frame

CHILD_MODULE = "tradewind.triggerer.child.process"


class ChildOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the child is told when it starts."""

    folders: tuple[str, ...] = ()
    """Folders of DAG files, plugins and configuration: triggers may lie there."""
    plugins_folder: str | None = None
    log_level: str = "INFO"
    base_url: str = "http://localhost:8080"
    import_timeout_s: float = 30.0
    blocked_after_s: float = 0.2
    """The loop is called blocked when it stands still for so long while other threads run."""
    kill_limit_s: float = 30.0
    """`on_kill` of a trigger may take so long."""
    author_defaults: dict[str, Any] = {}
    """Values for `tradewind.sdk.author_defaults.AuthorDefaults`."""
    author_values: dict[str, Any] = {}
    """Arguments of `tradewind.sdk.secrets.author_values.install_author_values`."""


class RunTrigger(msgspec.Struct, frozen=True, kw_only=True, tag="run_trigger", omit_defaults=True):
    """Order: run a trigger until it fires, or only end what it waits for."""

    trigger_pk: int
    classpath: str
    kwargs: bytes
    waiter: RunTask | None = None
    """The try that waits; None where no task does."""
    starts_task: bool = False
    """The task begins with this trigger: its template fields have to be rendered."""
    kills: bool = False
    """A user ended the task before the trigger ran here: `on_kill`, and nothing else."""


class CancelTrigger(msgspec.Struct, frozen=True, kw_only=True, tag="cancel_trigger", omit_defaults=True):
    """Order: run a trigger no more. `kills`: a user ended its task."""

    trigger_pk: int
    kills: bool = False


class Leave(msgspec.Struct, frozen=True, kw_only=True, tag="leave"):
    """Order: clean up and end."""


Order = RunTrigger | CancelTrigger | Leave | StoreReply


class ChildReady(msgspec.Struct, frozen=True, kw_only=True, tag="child_ready"):
    """Report: the loop runs."""


class Fired(msgspec.Struct, frozen=True, kw_only=True, tag="fired", omit_defaults=True):
    """Report: a trigger has said how the wait ends."""

    trigger_pk: int
    outcome: str
    """event; success, failed, skipped where it ended its task itself; error where it failed."""
    payload: bytes | None = None
    """The event as JSON, of an end the XComs by key, of an error the lines of its traceback."""
    is_last: bool = True
    """False of a trigger that no task waits for: it goes on."""


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """Report: a trigger that was cancelled, or killed, is gone."""

    trigger_pk: int


class Blocked(msgspec.Struct, frozen=True, kw_only=True, tag="blocked"):
    """Report: the loop stands still. `name` says whose doing it is, `where` in what line."""

    name: str
    where: str
    for_s: float


Report = ChildReady | Fired | Ended | Blocked | StoreCall

_order_decoder: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_report_decoder: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


def pack(message: Order | Report) -> bytes:
    """Return the message as one frame."""
    return _frame(message)  # type: ignore[arg-type] - any tagged struct is framed alike


def decode_order(body: bytes) -> Order:
    """Return the order in a frame's body; raises `msgspec.ValidationError` when it is none."""
    return _order_decoder.decode(body)


def decode_report(body: bytes) -> Report:
    """Return the report in a frame's body; raises `msgspec.ValidationError` when it is none."""
    return _report_decoder.decode(body)
