"""The scheduler's side of the database: its lease, what it loads, and the one transaction that writes a batch."""

from __future__ import annotations

from tradewind.metadata.scheduling.store import SchedulerStore

__all__ = ["SchedulerStore"]
