"""Patience with a database that is away: it is the only truth, so nothing goes on without it, and nothing is dropped."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar, cast

from tradewind.metadata.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import Any

    Store = TypeVar("Store")

_log = logging.getLogger(__name__)

_FIRST_DELAY_S = 0.05


class _PatientStore:
    def __init__(
        self,
        store: object,
        stopping: threading.Event,
        longest_delay_s: float,
        on_outage: Callable[[], None],
    ) -> None:
        self._store = store
        self._stopping = stopping
        self._longest_delay_s = longest_delay_s
        self._on_outage = on_outage

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._store, name)

        def insist(*args: Any, **kwargs: Any) -> Any:
            delay_s = min(_FIRST_DELAY_S, self._longest_delay_s)
            while True:
                try:
                    return method(*args, **kwargs)
                except DatabaseUnavailableError as error:
                    if self._stopping.is_set():
                        raise
                    self._on_outage()
                    _log.warning("database unavailable, trying again in %.2f s: %s", delay_s, error)
                    self._stopping.wait(delay_s)
                    delay_s = min(delay_s * 2, self._longest_delay_s)

        self.__dict__[name] = insist
        return insist


def patient(
    store: Store,
    stopping: threading.Event,
    longest_delay_s: float,
    on_outage: Callable[[], None],
) -> Store:
    """Return `store` with each method tried until it works, or until `stopping` is set, when the error is raised.

    A commit whose answer was lost is sent again: its guards then match nothing, which the scheduler takes as rows that
    somebody else changed, and reads again. The answer also named what the commit made, and rings may have been lost:
    `on_outage` is called at every failure, so that the scheduler reads everything again once the database is back.
    """
    return cast("Store", _PatientStore(store, stopping, longest_delay_s, on_outage))
