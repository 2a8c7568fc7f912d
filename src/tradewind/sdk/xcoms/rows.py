"""XComs as rows: what queries return, and what a backend's `deserialize_value` is handed."""

from __future__ import annotations

from tradewind.sdk.lookups.columns import Model, columns_of
from tradewind.sdk.runtime.dates import as_pendulum
from tradewind.sdk.toolkit.values import is_container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from pendulum import DateTime


class XComRow(metaclass=Model):
    """One stored XCom. `value` is what the backend made of the pushed value, or where rows are listed the value itself."""

    __table_name__ = "xcom"
    __columns__ = columns_of(
        "dag_id run_id task_id map_index key value timestamp logical_date", execution_date="logical_date"
    )

    def __init__(
        self,
        *,
        key: str,
        value: Any,
        dag_id: str = "",
        task_id: str = "",
        run_id: str = "",
        map_index: int = -1,
        timestamp: datetime | None = None,
        logical_date: datetime | None = None,
    ) -> None:
        self.key = key
        self.value = value
        self.dag_id = dag_id
        self.task_id = task_id
        self.run_id = run_id
        self.map_index = map_index
        self.timestamp = timestamp
        self._logical_date = logical_date

    def __repr__(self) -> str:
        mapped = "" if self.map_index < 0 else f"[{self.map_index}]"
        return f'<XCom "{self.key}" ({self.task_id}{mapped} @ {self.run_id})>'

    @property
    def logical_date(self) -> DateTime | None:
        """The logical date of the run."""
        return as_pendulum(self._logical_date)

    @property
    def execution_date(self) -> DateTime | None:
        """The logical date of the run, by Airflow 2's name."""
        return self.logical_date


class Rows(list["Any"]):
    """A list that also answers as the query which Airflow 2 returns in its place."""

    def all(self) -> list[Any]:
        """Return every row."""
        return list(self)

    def first(self) -> Any:
        """Return the first row, None when there is none."""
        return self[0] if self else None

    def one_or_none(self) -> Any:
        """Return the only row, None when there is none. Raises ValueError for several."""
        if len(self) > 1:
            raise ValueError(f"there are {len(self)} rows, where one was asked for")
        return self.first()

    def scalar(self) -> Any:
        """Return the only row, None when there is none."""
        return self.one_or_none()

    def limit(self, limit: int) -> Rows:
        """Return the first rows."""
        return Rows(self[:limit])

    def count(self, value: Any = None, /) -> int:
        """Return how many rows there are, or how many equal `value`."""
        return len(self) if value is None else super().count(value)


def several(value: Any) -> list[Any]:
    """Return what an argument says that may be one thing or several."""
    return list(value) if is_container(value) else [value]
