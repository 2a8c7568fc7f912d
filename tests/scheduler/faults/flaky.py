"""A store between the scheduler and its database that fails when a test wants it to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewind.metadata.errors import DatabaseUnavailableError


class FlakyStore:
    """Passes every call on. Those planned to fail do so before anything happens, or after all of it has happened."""

    def __init__(self, store: Any) -> None:
        self.failures = 0
        self._store = store
        self._plan: list[tuple[str | None, str]] = []

    def fail(self, moment: str, method: str | None = None, times: int = 1) -> None:
        """Let the next calls, of `method` where given, fail `before` or `after` they take effect."""
        self._plan += [(method, moment)] * times

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            is_planned = bool(self._plan) and self._plan[0][0] in {None, name}
            moment = self._plan.pop(0)[1] if is_planned else ""
            if moment == "before":
                self.failures += 1
                raise DatabaseUnavailableError("the database is away")
            result = method(*args, **kwargs)
            if moment == "after":
                self.failures += 1
                raise DatabaseUnavailableError("the answer was lost")
            return result

        return call
