"""The one table of task instance transitions. Rows and nothing else; `apply` lives in `tradewind.core.lifecycle`.

Read off Airflow 3.3.2's behaviour. An event leads from any of its source states to one target. Effects are names
the shell implements. `docs/reference/transitions.md`, the database check and the legend of the UI are made from it.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from tradewind.core.states import FINISHED, LIVE, PARKED, WAITING
from tradewind.core.states import TaskInstanceState as S


class Actor(str, Enum):
    """Who may cause a transition."""

    SCHEDULER = "scheduler"
    WORKER = "worker"
    TRIGGERER = "triggerer"
    USER = "user"


class Effect(str, Enum):
    """What has to follow a transition, in the same transaction or right after it."""

    NEW_TRY = "new_try"
    ARCHIVE_TRY = "archive_try"
    TAKE_SLOT = "take_slot"
    RELEASE_SLOT = "release_slot"
    OPEN_LEASE = "open_lease"
    CLOSE_LEASE = "close_lease"
    ARM_TIMER = "arm_timer"
    CREATE_TRIGGER = "create_trigger"
    DROP_TRIGGER = "drop_trigger"
    STAMP = "stamp"
    WAKE_DOWNSTREAM = "wake_downstream"
    REOPEN_RUN = "reopen_run"
    KILL = "kill"


class Event(str, Enum):
    """The name of a transition."""

    SCHEDULE = "schedule"
    START_DEFERRED = "start_deferred"
    COMPLETE_EMPTY = "complete_empty"
    FAIL_UPSTREAM = "fail_upstream"
    RULE_SKIP = "rule_skip"
    SKIP_DOWNSTREAM = "skip_downstream"
    EXPAND = "expand"
    ENQUEUE = "enqueue"
    UNSCHEDULE = "unschedule"
    REQUEUE = "requeue"
    START = "start"
    SUCCEED = "succeed"
    SKIP = "skip"
    FAIL = "fail"
    RETRY = "retry"
    RESCHEDULE = "reschedule"
    DEFER = "defer"
    ASK_HUMAN = "ask_human"
    RESUME = "resume"
    RESCUE = "rescue"
    CLEAR = "clear"
    CLEAR_RUNNING = "clear_running"
    MARK_SUCCESS = "mark_success"
    MARK_FAILED = "mark_failed"
    MARK_SKIPPED = "mark_skipped"
    REMOVE = "remove"
    RESTORE = "restore"


class Transition(NamedTuple):
    """One row: `event` leads from any of `sources` to `target`, fired by one of `actors`, followed by `effects`."""

    event: Event
    sources: frozenset[S]
    target: S
    actors: frozenset[Actor]
    effects: tuple[Effect, ...] = ()


def _row(event: Event, sources: frozenset[S] | set[S], target: S, actors: set[Actor], *effects: Effect) -> Transition:
    return Transition(event, frozenset(sources), target, frozenset(actors), effects)


_SCHEDULER = {Actor.SCHEDULER}
_WORKER = {Actor.WORKER}
_TRIGGERER = {Actor.TRIGGERER}
_USER = {Actor.USER}
_ENDED = (Effect.RELEASE_SLOT, Effect.CLOSE_LEASE, Effect.WAKE_DOWNSTREAM)
_STAMPED = (Effect.STAMP, Effect.WAKE_DOWNSTREAM)
_ALL = frozenset(S)

TRANSITIONS: tuple[Transition, ...] = (
    # The new try begins here, except after a reschedule, which goes on with the same one.
    _row(Event.SCHEDULE, WAITING, S.SCHEDULED, _SCHEDULER, Effect.NEW_TRY),
    _row(Event.START_DEFERRED, WAITING, S.DEFERRED, _SCHEDULER, Effect.NEW_TRY, Effect.CREATE_TRIGGER),
    # An operator that does nothing needs no worker.
    _row(Event.COMPLETE_EMPTY, WAITING | {S.SCHEDULED}, S.SUCCESS, _SCHEDULER, *_STAMPED),
    _row(Event.FAIL_UPSTREAM, WAITING, S.UPSTREAM_FAILED, _SCHEDULER, *_STAMPED),
    _row(Event.RULE_SKIP, WAITING, S.SKIPPED, _SCHEDULER, *_STAMPED),
    # A branch names the tasks not taken. Those that hold no slot yet are skipped, and as in Airflow 3 also those that
    # something else upstream has failed: the branch says that they were not wanted.
    _row(
        Event.SKIP_DOWNSTREAM,
        WAITING | PARKED | {S.SCHEDULED, S.UPSTREAM_FAILED},
        S.SKIPPED,
        {Actor.WORKER},
        *_STAMPED,
    ),
    # What stood for a mapped task becomes its first instance; the others come into being beside it. It has tries behind it
    # where an earlier DAG version did not map the task.
    _row(Event.EXPAND, WAITING, S.NONE, _SCHEDULER, Effect.ARCHIVE_TRY),
    _row(Event.ENQUEUE, {S.SCHEDULED}, S.QUEUED, _SCHEDULER, Effect.TAKE_SLOT),
    _row(Event.UNSCHEDULE, {S.SCHEDULED}, S.NONE, _SCHEDULER),
    _row(Event.REQUEUE, {S.QUEUED}, S.SCHEDULED, _SCHEDULER, Effect.RELEASE_SLOT),
    _row(Event.START, {S.QUEUED, S.RESTARTING}, S.RUNNING, _WORKER, Effect.OPEN_LEASE),
    # A trigger may end its task itself, without a worker.
    _row(Event.SUCCEED, {S.RUNNING, S.DEFERRED}, S.SUCCESS, _WORKER | _TRIGGERER, *_ENDED),
    _row(Event.SKIP, {S.RUNNING, S.DEFERRED}, S.SKIPPED, _WORKER | _TRIGGERER, *_ENDED),
    _row(
        Event.FAIL,
        {S.RUNNING, S.QUEUED, S.DEFERRED},
        S.FAILED,
        _WORKER | _TRIGGERER | _SCHEDULER,
        *_ENDED,
    ),
    _row(
        Event.RETRY,
        {S.RUNNING, S.QUEUED, S.RESTARTING, S.DEFERRED},
        S.UP_FOR_RETRY,
        {Actor.WORKER, Actor.SCHEDULER, Actor.TRIGGERER},
        Effect.RELEASE_SLOT,
        Effect.CLOSE_LEASE,
        Effect.ARM_TIMER,
    ),
    _row(
        Event.RESCHEDULE,
        {S.RUNNING},
        S.UP_FOR_RESCHEDULE,
        _WORKER,
        Effect.RELEASE_SLOT,
        Effect.CLOSE_LEASE,
        Effect.ARM_TIMER,
    ),
    _row(
        Event.DEFER,
        {S.RUNNING},
        S.DEFERRED,
        _WORKER,
        Effect.RELEASE_SLOT,
        Effect.CLOSE_LEASE,
        Effect.CREATE_TRIGGER,
    ),
    _row(Event.ASK_HUMAN, {S.RUNNING}, S.AWAITING_INPUT, _WORKER, Effect.RELEASE_SLOT, Effect.CLOSE_LEASE),
    # The same try goes on: its trigger fired or failed, a human answered, or (the scheduler sees to it) nobody did in time.
    _row(
        Event.RESUME,
        PARKED,
        S.SCHEDULED,
        {Actor.TRIGGERER, Actor.USER, Actor.SCHEDULER},
        Effect.DROP_TRIGGER,
    ),
    _row(
        Event.RESCUE,
        {S.QUEUED, S.RUNNING, S.RESTARTING},
        S.NONE,
        _SCHEDULER,
        Effect.ARCHIVE_TRY,
        Effect.RELEASE_SLOT,
        Effect.CLOSE_LEASE,
    ),
    _row(
        Event.CLEAR,
        _ALL - {S.RUNNING},
        S.NONE,
        _USER,
        Effect.ARCHIVE_TRY,
        Effect.RELEASE_SLOT,
        Effect.REOPEN_RUN,
    ),
    _row(Event.CLEAR_RUNNING, {S.RUNNING}, S.RESTARTING, _USER, Effect.KILL, Effect.REOPEN_RUN),
    # The scheduler marks too: at dagrun_timeout, and for the other tasks of a fail_fast DAG.
    _row(Event.MARK_SUCCESS, _ALL - {S.SUCCESS}, S.SUCCESS, _USER, Effect.KILL, *_ENDED),
    _row(Event.MARK_FAILED, _ALL - {S.FAILED}, S.FAILED, _USER | _SCHEDULER, Effect.KILL, *_ENDED),
    _row(Event.MARK_SKIPPED, _ALL - {S.SKIPPED}, S.SKIPPED, _USER | _SCHEDULER, Effect.KILL, *_ENDED),
    _row(Event.REMOVE, LIVE | FINISHED - {S.REMOVED}, S.REMOVED, _SCHEDULER, Effect.RELEASE_SLOT),
    _row(Event.RESTORE, {S.REMOVED}, S.NONE, _SCHEDULER),
)
