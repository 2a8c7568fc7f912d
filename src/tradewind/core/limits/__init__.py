"""Limits on what runs at the same time, as counters that events raise and lower.

`Limits` is the way in; `Candidate` is what asks for a slot and `Blocker` the reason why it has to wait.
"""

from __future__ import annotations

from tradewind.core.limits.admission import DEFAULT_POOL, Limits
from tradewind.core.limits.blockers import Blocker, BlockerKind
from tradewind.core.limits.candidate import Candidate, Hold
from tradewind.core.limits.usage import PoolUsage, Usage

__all__ = ["DEFAULT_POOL", "Blocker", "BlockerKind", "Candidate", "Hold", "Limits", "PoolUsage", "Usage"]
