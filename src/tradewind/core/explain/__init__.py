"""Why a task instance is not running: from the counters, lines and timers that decide, so that CLI, API and UI say the same."""

from __future__ import annotations

from tradewind.core.explain.explanation import Explanation, Facts
from tradewind.core.explain.task_instances import explain

__all__ = ["Explanation", "Facts", "explain"]
