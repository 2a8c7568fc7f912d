"""The values that the instances of a mapped task returned, as a sequence that fetches them when they are read."""

from __future__ import annotations

from tradewind.sdk.mapping.items import LazyItems
from tradewind.sdk.ports import worker_store
from tradewind.sdk.xcoms.backend import xcom_backend
from tradewind.sdk.xcoms.storing import from_stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tradewind.serialization.records import XComRecord

_FIRST_WINDOW = 16
_LARGEST_WINDOW = 512
_WINDOW_BYTES = 1 << 20
"""So much is fetched at once, as far as the values seen so far tell."""


class LazyXComSequence(LazyItems):
    """The XComs of one key that the instances of a task pushed, by map index.

    An instance that pushed none has no place in it. Values are fetched some at a time, neighbours together; only the
    last ones fetched are kept.
    """

    def __init__(self, *, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> None:
        self._dag_id = dag_id
        self._run_id = run_id
        self._task_id = task_id
        self._key = key
        self._map_indexes: list[int] | None = None
        self._window = _FIRST_WINDOW
        self._records: dict[int, XComRecord] = {}

    def __repr__(self) -> str:
        if self._map_indexes is None:
            return "LazyXComSequence(<unevaluated length>)"
        size = len(self._map_indexes)
        return f"LazyXComSequence([{size} {'item' if size == 1 else 'items'}])"

    def __len__(self) -> int:
        return len(self.map_indexes)

    @property
    def map_indexes(self) -> list[int]:
        """The map indexes of the instances that pushed a value, in order; asked for once."""
        if self._map_indexes is None:
            self._map_indexes = worker_store().get_xcom_map_indexes(
                dag_id=self._dag_id, run_id=self._run_id, task_id=self._task_id, key=self._key
            )
        return self._map_indexes

    def at(self, place: int) -> Any:
        """Return the value at a place. Raises IndexError when it is there no more."""
        map_index = self.map_indexes[place]
        if map_index not in self._records:
            self._fetch(place)
        record = self._records.get(map_index)
        if record is None:
            msg = f"XCom {self._key!r} of task {self._task_id!r}, map index {map_index}, was deleted meanwhile"
            raise IndexError(msg)
        return from_stored(xcom_backend(), record)

    def _fetch(self, place: int) -> None:
        start = place - place % self._window
        records = worker_store().get_xcoms(
            dag_id=self._dag_id,
            run_id=self._run_id,
            task_ids=[self._task_id],
            map_indexes=self.map_indexes[start : start + self._window],
            key=self._key,
        )
        self._records = {record.map_index: record for record in records}
        if records:
            mean = max(1, sum(len(record.value) for record in records) // len(records))
            self._window = max(1, min(_LARGEST_WINDOW, _WINDOW_BYTES // mean))
