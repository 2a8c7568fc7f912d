"""What goes through the doorbell."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Ring(NamedTuple):
    """One signal: something of `topic` changed. The payload names it; whoever hears it reads the database."""

    topic: str
    payload: str = ""


RUN = "run"
"""Payload: the run's number, or 0 for new queued runs."""
DAG = "dag"
"""Payload: dag_id of a DAG with a new version, paused, unpaused or gone."""
POOL = "pool"
BACKFILL = "backfill"
"""Payload: the backfill's number; it is new, or was paused, unpaused or cancelled."""
ASSET = "asset"
"""Events of assets were queued."""
VARIABLE = "variable"
TRIGGER = "trigger"
"""For triggerers. Payload: new, where triggers came; gone, where some are wanted no more."""
EVENT = "event"
"""For the scheduler: a trigger fired, or a human answered."""
PLUGINS = "plugins"
"""The DAG processor found other plugins than before."""
RESYNC = Ring("resync")
"""Signals may have been lost: read everything again."""


class Listener(Protocol):
    """Hears every ring of every process since it was made, or a `RESYNC` in its place."""

    def fileno(self) -> int:
        """Return the descriptor to wait for; the same one for the listener's whole life."""
        ...

    def drain(self) -> list[Ring]:
        """Return what has been heard, in order, without waiting.

        Raises `DatabaseUnavailableError` while the line is down; call again later, the first answer then has a `RESYNC`.
        """
        ...

    def close(self) -> None:
        """Stop hearing."""
        ...
