"""Creating runs that nobody's timetable asked for."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.core.runs import make_run_id
from tradewind.core.states import DagRunState, RunType
from tradewind.metadata.database import add_ring, insert
from tradewind.metadata.doorbell.ring import RUN, Ring
from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError, NotFoundError
from tradewind.metadata.runs.listing import RUN_COLUMNS, run_detail
from tradewind.metadata.tables import dag, dag_run

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.metadata.database import Database
    from tradewind.metadata.runs.records import RunDetail

_ALPHABET = string.ascii_letters + string.digits
_MAX_RUN_ID = 250
_OF_A_TASK = "operator_triggered"
"""What `allowed_run_types` calls a run that TriggerDagRunOperator makes."""


@dataclass(frozen=True)
class RunRequest:
    """A run to create. What is left None is filled in."""

    dag_id: str
    run_id: str | None = None
    logical_date: datetime | None = None
    data_interval: tuple[datetime, datetime] | None = None
    """Left None it is empty, at the logical date. Whoever knows the DAG's timetable gives the one it infers."""
    run_after: datetime | None = None
    """Left None: now."""
    conf: dict[str, Any] = field(default_factory=dict)
    """Already checked against the DAG's params."""
    note: str | None = None
    run_type: RunType = RunType.MANUAL
    triggered_by: str = "rest_api"
    triggering_user_name: str | None = None
    partition_key: str | None = None
    partition_date: datetime | None = None


def create_manual_run(database: Database, clock: Clock, request: RunRequest) -> RunDetail:
    """Create a queued run and ring for the scheduler.

    Raises `NotFoundError` for an unknown DAG, `InvalidRequestError` for one that is no longer present or a run_id that
    cannot be, `AlreadyExistsError` when the DAG has a run with the run_id or the logical date.
    """
    with database.begin() as connection:
        detail = insert_run(connection, clock.now(), request)
        add_ring(connection, Ring(RUN, "0"))
    return detail


def insert_run(connection: sa.Connection, now: datetime, request: RunRequest) -> RunDetail:
    """Create the run inside a transaction; errors as in `create_manual_run`."""
    _require_dag(connection, request)
    run_after = request.run_after or now
    run_id = request.run_id or generate_run_id(request.run_type, request.logical_date, run_after)
    if len(run_id) > _MAX_RUN_ID or not run_id.strip():
        msg = f"a run_id has between 1 and {_MAX_RUN_ID} characters: {run_id!r}"
        raise InvalidRequestError(msg)
    start, end = request.data_interval or (request.logical_date, request.logical_date)
    row = connection.execute(
        insert(connection, dag_run)
        .values(
            dag_id=request.dag_id,
            run_id=run_id,
            run_type=request.run_type.value,
            state=DagRunState.QUEUED.value,
            run_after=run_after,
            logical_date=request.logical_date,
            data_interval_start=start,
            data_interval_end=end,
            queued_at=now,
            conf=msgspec.json.encode(request.conf).decode(),
            triggered_by=request.triggered_by,
            triggering_user_name=request.triggering_user_name,
            note=request.note,
            partition_key=request.partition_key,
            partition_date=request.partition_date,
        )
        .on_conflict_do_nothing()
        .returning(*RUN_COLUMNS),
    ).first()
    if row is None:
        raise _collision(connection, request, run_id)
    return run_detail(row)


def generate_run_id(run_type: RunType, logical_date: datetime | None, run_after: datetime) -> str:
    """Return the run_id Airflow would make: the type and the run-after date, and chance where no logical date is."""
    unique = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return make_run_id(run_type, run_after=run_after, logical_date=logical_date, unique=unique)


def _require_dag(connection: sa.Connection, request: RunRequest) -> None:
    dag_id = request.dag_id
    row = connection.execute(sa.select(dag.c.is_present, dag.c.allowed_run_types).where(dag.c.dag_id == dag_id)).first()
    if row is None:
        msg = f"there is no DAG {dag_id!r}"
        raise NotFoundError(msg)
    if not row.is_present:
        msg = f"DAG {dag_id!r} cannot be run: its file is gone, defines it no more, or has an import error"
        raise InvalidRequestError(msg)
    by_task = request.triggered_by == "operator" and request.run_type is RunType.MANUAL
    require_run_type(dag_id, row.allowed_run_types, _OF_A_TASK if by_task else request.run_type.value)


def require_run_type(dag_id: str, allowed: str | None, run_type: str) -> None:
    """Raise `InvalidRequestError` when the DAG has `allowed_run_types` (comma-separated) without this type."""
    if allowed and run_type not in allowed.split(","):
        msg = f"DAG {dag_id!r} does not allow {run_type} runs: its allowed_run_types are {allowed.replace(',', ', ')}"
        raise InvalidRequestError(msg)


def _collision(connection: sa.Connection, request: RunRequest, run_id: str) -> AlreadyExistsError:
    has_run_id = connection.execute(
        sa.select(dag_run.c.pk).where(dag_run.c.dag_id == request.dag_id, dag_run.c.run_id == run_id),
    ).scalar()
    if has_run_id is not None or request.logical_date is None:
        return AlreadyExistsError(f"DAG {request.dag_id!r} has a run {run_id!r} already")
    date = request.logical_date.isoformat()
    return AlreadyExistsError(f"DAG {request.dag_id!r} has a run with logical date {date} already")
