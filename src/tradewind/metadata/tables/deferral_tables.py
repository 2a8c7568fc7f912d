"""What parked task instances wait for: triggers and questions to humans."""

from __future__ import annotations

from enum import Enum

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table
from sqlalchemy import text as sql

from tradewind.metadata.tables.columns import Pk, instant, metadata, one_of, optional_text, pk, quoted, text


class TriggerState(str, Enum):
    """Where one deferral is in its life."""

    WAITING = "waiting"
    """Written with the task instance's step. A triggerer claims it and runs it."""
    FIRED = "fired"
    """Written by its triggerer, or by a human's answer. The scheduler takes it."""
    RESUMED = "resumed"
    """The task instance goes on; the row holds with what, until the try ends."""
    KILLED = "killed"
    """A user ended the task instance: a triggerer calls the trigger's `on_kill` and deletes the row."""


FOR_TRIGGERERS = frozenset({TriggerState.WAITING, TriggerState.KILLED})
_UNCLAIMED = f"state IN ({quoted(FOR_TRIGGERERS)}) AND owner_pk IS NULL AND classpath <> ''"
_FIRED = f"state = '{TriggerState.FIRED.value}'"

trigger = Table(
    "trigger",
    metadata,
    pk(),
    # None where no task waits for it.
    Column("ti_pk", Pk, nullable=True),
    # Of the task instance since its step: tells its deferrals apart.
    Column("ti_version", Integer, nullable=False),
    Column("try_number", Integer, nullable=False),
    text("state"),
    # Empty where a human ends the wait.
    text("classpath"),
    Column("kwargs", LargeBinary, nullable=False),
    text("next_method"),
    Column("next_kwargs", LargeBinary, nullable=False),
    optional_text("queue"),
    # The number of the triggerer's job; 0 where the scheduler alone ends the wait, by its timer.
    Column("owner_pk", Pk, nullable=True),
    # How the wait ended, and with what; while it goes on, how it ends when its time is over.
    text("outcome"),
    Column("payload", LargeBinary, nullable=True),
    instant("created_at", is_required=True),
    instant("fired_at"),
    one_of("state", TriggerState),
    Index("ix_trigger_ti_pk", "ti_pk"),
    Index("ix_trigger_owner_pk", "owner_pk"),
    Index("ix_trigger_unclaimed", "pk", sqlite_where=sql(_UNCLAIMED), postgresql_where=sql(_UNCLAIMED)),
    Index("ix_trigger_fired", "pk", sqlite_where=sql(_FIRED), postgresql_where=sql(_FIRED)),
    # A number is never given twice: an event that comes late must not meet another trigger.
    sqlite_autoincrement=True,
)

hitl_detail = Table(
    "hitl_detail",
    metadata,
    Column("ti_pk", Pk, autoincrement=False, nullable=False),
    Column("try_number", Integer, nullable=False),
    text("subject"),
    optional_text("body"),
    # JSON, as all that has a form of its own here.
    text("options"),
    optional_text("defaults"),
    Column("multiple", Boolean, nullable=False),
    text("params"),
    text("assigned_users"),
    instant("created_at", is_required=True),
    instant("responded_at"),
    optional_text("responded_by"),
    optional_text("chosen_options"),
    text("params_input", server_default="{}"),
    PrimaryKeyConstraint("ti_pk", "try_number"),
    Index("ix_hitl_detail_created_at", "created_at"),
)
"""A question to humans, and the answer once there is one."""
