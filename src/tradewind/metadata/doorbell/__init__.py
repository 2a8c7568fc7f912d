"""How processes wake each other: after a commit, everyone who listens hears what kind of thing changed."""

from __future__ import annotations

from tradewind.metadata.doorbell.listening import listen
from tradewind.metadata.doorbell.ring import (
    BACKFILL,
    DAG,
    EVENT,
    POOL,
    RESYNC,
    RUN,
    TRIGGER,
    VARIABLE,
    Listener,
    Ring,
)

__all__ = ["BACKFILL", "DAG", "EVENT", "POOL", "RESYNC", "RUN", "TRIGGER", "VARIABLE", "Listener", "Ring", "listen"]
