"""The run engine: what may happen to the task instances of one running DAG run, decided from counters."""

from __future__ import annotations

from tradewind.core.engine.births import MAX_INSTANCES, first_map_indexes
from tradewind.core.engine.engine import MAX_REQUEUES, RunEngine
from tradewind.core.engine.roster import Instance, Outcome

__all__ = ["MAX_INSTANCES", "MAX_REQUEUES", "Instance", "Outcome", "RunEngine", "first_map_indexes"]
