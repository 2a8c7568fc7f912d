"""Plain data about backfills, and how a row becomes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.runs.backfill import ReprocessBehavior
from tradewind.metadata.tables import backfill

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.metadata.batch import RunRow


@dataclass(slots=True)
class Backfill:
    """One backfill as it is stored."""

    pk: int
    dag_id: str
    from_date: datetime
    to_date: datetime
    dag_run_conf: dict[str, Any] | None
    reprocess_behavior: ReprocessBehavior
    max_active_runs: int
    is_backwards: bool
    is_paused: bool
    is_on_latest_version: bool
    is_laid_out: bool
    """Whether all of its places are written."""
    size: int
    """How many places are written."""
    next_ordinal: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    triggering_user_name: str | None
    error: str | None

    @property
    def may_take(self) -> bool:
        """Whether there are places without a run that can be taken now; backwards, the last date comes first."""
        return self.next_ordinal <= self.size and (self.is_laid_out or not self.is_backwards)

    @property
    def has_no_more_places(self) -> bool:
        """Whether every place has been taken."""
        return self.is_laid_out and self.next_ordinal > self.size


@dataclass(frozen=True, slots=True)
class Place:
    """One run that the dates of a backfill ask for."""

    run_after: datetime
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    logical_date: datetime | None


@dataclass(slots=True)
class PlacesTaken:
    """What taking some places of a backfill led to."""

    backfill: Backfill | None
    """As it is then; None when it is gone."""
    runs: list[RunRow] = field(default_factory=list)
    """Queued now: created, or started over."""


BACKFILL_COLUMNS = tuple(backfill.c[name] for name in Backfill.__dataclass_fields__)


def backfill_of(row: Any) -> Backfill:
    """Return the backfill of a row of `BACKFILL_COLUMNS`."""
    values: list[Any] = list(row)
    values[4] = None if values[4] is None else msgspec.json.decode(values[4])
    values[5] = ReprocessBehavior(values[5])
    return Backfill(*values)
