"""Playing schedules without running anything: what would run when, and what would wait for what."""

from __future__ import annotations

from tradewind.core.simulation.durations import Durations, Spread
from tradewind.core.simulation.record import Record, Waiting
from tradewind.core.simulation.simulator import SimulatedDag, Simulator

__all__ = ["Durations", "Record", "SimulatedDag", "Simulator", "Spread", "Waiting"]
