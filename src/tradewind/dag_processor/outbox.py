"""What waits to be written: one transaction takes all that has come while the last one was under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.metadata.dags.records import FileResult
    from tradewind.metadata.dags.store import DagStore


class Outbox:
    """Results and removals by path; of two for one path the later counts."""

    MAX_FILES = 64
    MAX_WAIT_S = 0.25
    RETRY_S = 1.0

    def __init__(self, store: DagStore, *, is_paused_by_default: bool) -> None:
        self._store = store
        self._is_paused_by_default = is_paused_by_default
        self._waiting: dict[str, FileResult | None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Return whether it is time to write, whatever else goes on."""
        return len(self._waiting) >= self.MAX_FILES

    def add(self, result: FileResult) -> None:
        """Let the result of one file be written."""
        self._waiting[result.path] = result

    def remove(self, paths: Iterable[str]) -> None:
        """Let what is stored of these files be taken away."""
        self._waiting.update(dict.fromkeys(paths))

    def flush(self) -> list[str]:
        """Write everything; return the files to parse again because a dag_id is free for them now.

        Raises `DatabaseUnavailableError`; everything is still here then.
        """
        results = [result for result in self._waiting.values() if result is not None]
        gone = [path for path, result in self._waiting.items() if result is None]
        freed: list[str] = []
        if gone:
            freed += self._store.remove_files(gone).freed_paths
        if results:
            freed += self._store.store_files(results, is_paused_by_default=self._is_paused_by_default).freed_paths
        self._waiting.clear()
        return freed
