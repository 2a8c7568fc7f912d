"""What people ask for: a backfill, or which runs one would have."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from tradewind.core.runs.backfill import (
    DEFAULT_MAX_ACTIVE_RUNS,
    BackfillRefusedError,
    BackfillTerms,
    ReprocessBehavior,
    check_backfill,
    reason_for_no_run,
    runs_between,
)
from tradewind.core.states import DagRunState, RunType
from tradewind.core.timetables.codec import NeedsAuthorCode, decode_timetable
from tradewind.metadata.backfills.records import BACKFILL_COLUMNS, Backfill, backfill_of
from tradewind.metadata.database import add_ring, insert
from tradewind.metadata.doorbell.ring import BACKFILL, Ring
from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError, NotFoundError
from tradewind.metadata.runs.creation import require_run_type
from tradewind.metadata.tables import backfill, dag, dag_run, dag_version
from tradewind.metadata.tables.backfill_tables import ACTIVE_BACKFILL
from tradewind.serialization.document import decode_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.core.timetables.protocol import DagRunInfo, Timetable
    from tradewind.metadata.database import Database
    from tradewind.serialization.document import DagDocument

    AskAuthor = Callable[[DagDocument, "BackfillRequest", datetime], Iterable[DagRunInfo]]

_LOOKED_UP_AT_ONCE = 500


@dataclass(frozen=True)
class BackfillRequest:
    """A backfill to create."""

    dag_id: str
    from_date: datetime
    to_date: datetime
    dag_run_conf: dict[str, Any] | None = None
    """Already checked against the DAG's params."""
    reprocess_behavior: ReprocessBehavior = ReprocessBehavior.NONE
    max_active_runs: int = DEFAULT_MAX_ACTIVE_RUNS
    is_backwards: bool = False
    is_on_latest_version: bool = True
    """Whether runs that start over do so with the newest version of their DAG."""
    triggering_user_name: str | None = None


class Planned(NamedTuple):
    """One run that a backfill would create, or let start over."""

    logical_date: datetime | None
    run_after: datetime
    is_there: bool


def create_backfill(database: Database, clock: Clock, request: BackfillRequest) -> Backfill:
    """Create a backfill and ring for the scheduler, which creates its runs as they get their turn.

    Raises `NotFoundError` for an unknown DAG, `AlreadyExistsError` while another backfill of the DAG is under way, and
    `InvalidRequestError` for one that cannot be or has no run.
    """
    document, timetable = _checked(database, request, clock.now())
    try:
        has_runs = next(_runs(timetable, request, clock.now()), None) is not None
    except NeedsAuthorCode:
        has_runs = True  # which ones the scheduler finds out
    if not has_runs:
        span = f"{request.from_date.isoformat()} to {request.to_date.isoformat()}"
        msg = f"no runs to create for DAG {document.dag_id!r} from {span}"
        raise InvalidRequestError(msg)
    now = clock.now()
    conf = request.dag_run_conf
    with database.begin() as connection:
        row = connection.execute(
            insert(connection, backfill)
            .values(
                dag_id=request.dag_id,
                from_date=request.from_date,
                to_date=request.to_date,
                dag_run_conf=None if conf is None else msgspec.json.encode(conf).decode(),
                reprocess_behavior=request.reprocess_behavior.value,
                max_active_runs=request.max_active_runs,
                is_backwards=request.is_backwards,
                is_paused=False,
                is_on_latest_version=request.is_on_latest_version,
                is_laid_out=False,
                size=0,
                next_ordinal=1,
                created_at=now,
                updated_at=now,
                triggering_user_name=request.triggering_user_name,
            )
            .on_conflict_do_nothing(index_elements=["dag_id"], index_where=sa.text(ACTIVE_BACKFILL))
            .returning(*BACKFILL_COLUMNS),
        ).first()
        if row is None:
            msg = f"another backfill of DAG {request.dag_id!r} is under way: there can be only one at a time"
            raise AlreadyExistsError(msg)
        created = backfill_of(row)
        add_ring(connection, Ring(BACKFILL, str(created.pk)))
    return created


def plan_backfill(
    database: Database, clock: Clock, request: BackfillRequest, ask_author: AskAuthor | None = None
) -> Iterator[Planned]:
    """Return the runs that a backfill would create or let start over, in their order; nothing is written.

    `ask_author` computes the runs of an author's timetable where author code may be imported. Raises as
    `create_backfill` does, and `InvalidRequestError` for an author's timetable without `ask_author`.
    """
    now = clock.now()
    document, timetable = _checked(database, request, now)
    infos: Iterable[DagRunInfo] = _runs(timetable, request, now)
    try:
        next(_runs(timetable, request, now), None)
    except NeedsAuthorCode as error:
        if ask_author is None:
            msg = (
                f"DAG {request.dag_id!r} has a timetable of its own ({error.class_path}), which only its file can ask: "
                "use `tradewind backfill create --dry-run` where the file is"
            )
            raise InvalidRequestError(msg) from None
        infos = ask_author(document, request, now)
    return _planned(database, request, reversed(list(infos)) if request.is_backwards else iter(infos))


def _states_of(
    connection: sa.Connection, dag_id: str, logical_dates: Iterable[datetime | None]
) -> dict[datetime, DagRunState]:
    """Return the states of the DAG's runs with these logical dates."""
    wanted = [date for date in logical_dates if date is not None]
    query = sa.select(dag_run.c.logical_date, dag_run.c.state).where(
        dag_run.c.dag_id == dag_id, dag_run.c.logical_date.in_(wanted)
    )
    return {date: DagRunState(state) for date, state in connection.execute(query)}


def _planned(database: Database, request: BackfillRequest, infos: Iterator[DagRunInfo]) -> Iterator[Planned]:
    while part := list(islice(infos, _LOOKED_UP_AT_ONCE)):
        with database.read() as connection:
            states = _states_of(connection, request.dag_id, [info.logical_date for info in part])
        for info in part:
            state = None if info.logical_date is None else states.get(info.logical_date)
            if state is None or reason_for_no_run(state, request.reprocess_behavior) is None:
                yield Planned(info.logical_date, info.run_after, state is not None)


def _checked(database: Database, request: BackfillRequest, now: datetime) -> tuple[DagDocument, Timetable]:
    """Return document and timetable of the DAG. Raises as `create_backfill` does."""
    query = (
        sa.select(dag.c.is_present, dag_version.c.document)
        .join(dag_version, dag_version.c.pk == dag.c.version_pk)
        .where(dag.c.dag_id == request.dag_id)
    )
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        msg = f"there is no DAG {request.dag_id!r}"
        raise NotFoundError(msg)
    if not row.is_present:
        msg = f"DAG {request.dag_id!r} cannot be run: its file is gone, defines it no more, or has an import error"
        raise InvalidRequestError(msg)
    document = decode_document(row.document)
    require_run_type(request.dag_id, ",".join(document.allowed_run_types or ()), RunType.BACKFILL.value)
    timetable = decode_timetable(document.timetable)
    try:
        check_backfill(
            timetable,
            BackfillTerms(
                request.from_date,
                request.to_date,
                request.reprocess_behavior,
                request.max_active_runs,
                request.is_backwards,
            ),
            dag_id=request.dag_id,
            asks_the_past=any(task.depends_on_past for task in document.tasks),
            now=now,
        )
    except BackfillRefusedError as error:
        raise InvalidRequestError(str(error)) from None
    return document, timetable


def _runs(timetable: Timetable, request: BackfillRequest, now: datetime) -> Iterator[DagRunInfo]:
    return runs_between(timetable, from_date=request.from_date, to_date=request.to_date, now=now)
