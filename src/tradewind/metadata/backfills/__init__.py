"""Backfills: created, paused and cancelled by people, carried out place by place by the scheduler."""

from __future__ import annotations

from tradewind.metadata.backfills.asking import BackfillRequest, Planned, create_backfill, plan_backfill
from tradewind.metadata.backfills.controlling import (
    cancel_backfill,
    count_runs,
    get_backfill,
    list_backfills,
    pause_backfill,
)
from tradewind.metadata.backfills.records import Backfill, Place, PlacesTaken
from tradewind.metadata.backfills.taking import BackfillStore

__all__ = [
    "Backfill",
    "BackfillRequest",
    "BackfillStore",
    "Place",
    "PlacesTaken",
    "Planned",
    "cancel_backfill",
    "count_runs",
    "create_backfill",
    "get_backfill",
    "list_backfills",
    "pause_backfill",
    "plan_backfill",
]
