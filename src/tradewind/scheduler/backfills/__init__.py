"""Backfills under way."""

from __future__ import annotations

from tradewind.scheduler.backfills.desk import BackfillDesk

__all__ = ["BackfillDesk"]
