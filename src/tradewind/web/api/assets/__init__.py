"""Assets, their events, and what waits for runs."""

from __future__ import annotations

from tradewind.web.api.assets import events, listing, queue

OPERATIONS = (*listing.OPERATIONS, *events.OPERATIONS, *queue.OPERATIONS)
