"""The DAG run as author code sees it: `context["dag_run"]`, and what `DagRun.find(...)` returns."""

from __future__ import annotations

from tradewind.sdk.deprecations import note_deprecated
from tradewind.sdk.lookups.columns import Flag, Model, columns_of
from tradewind.sdk.ports import worker_store
from tradewind.sdk.runtime.dates import as_pendulum
from tradewind.sdk.state import DagRunState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from pendulum import DateTime

    from tradewind.sdk.runtime.task_instance import TaskInstance
    from tradewind.serialization.messages import DagRunFacts
    from tradewind.serialization.records import DagRunRecord

_DATES = frozenset(
    {
        "data_interval_end",
        "data_interval_start",
        "end_date",
        "logical_date",
        "partition_date",
        "queued_at",
        "run_after",
        "start_date",
    }
)
_PERHAPS_UNKNOWN = frozenset({"dag_hash", "queued_at", "version_number"})
"""Listeners and callbacks read these; not every record has them."""
_OLD_NAMES = {"execution_date": "logical_date", "external_trigger": "run_type"}
_STARTED_BY_HAND = ("manual", "operator_triggered")


class DagRun(metaclass=Model):
    """A view of one run: every attribute of the record behind it, dates as `pendulum.DateTime` in UTC."""

    __table_name__ = "dag_run"
    __columns__ = columns_of(
        """id dag_id run_id run_type state logical_date data_interval_start data_interval_end run_after queued_at
        start_date end_date conf note clear_number""",
        execution_date="logical_date",
        external_trigger=Flag("run_type", "manual"),
    )

    def __init__(self, record: DagRunFacts | DagRunRecord) -> None:
        self._record = record
        self.dag_id = record.dag_id
        self.run_id = record.run_id
        self.run_type = record.run_type
        self.conf = record.conf

    logical_date: DateTime | None
    data_interval_start: DateTime | None
    data_interval_end: DateTime | None
    run_after: DateTime
    start_date: DateTime | None
    end_date: DateTime | None
    partition_date: DateTime | None
    partition_key: str | None

    def __getattr__(self, name: str) -> Any:
        """Return what the record holds; a date is made into pendulum's when it is first asked for."""
        if name in _OLD_NAMES:
            note_deprecated(f"dag_run.{name}", f"dag_run.{_OLD_NAMES[name]}", since="2.2")
            return self.logical_date if name == "execution_date" else self.is_started_by_hand
        if name in _PERHAPS_UNKNOWN:
            value = getattr(self._record, name, None)
        else:
            value = getattr(self._record, name) if not name.startswith("__") else _missing(name)
        if name in _DATES:
            value = vars(self)[name] = as_pendulum(value)
        return value

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> DagRun:
        """Return the run of a row of the worker store."""
        from tradewind.serialization.records import DagRunRecord  # noqa: PLC0415 - sdk loads it when asked

        known = DagRunRecord.__struct_fields__
        run = cls(DagRunRecord(**{name: value for name, value in row.items() if name in known}))
        vars(run).update({name: value for name, value in row.items() if name not in known})
        return run

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} @ {self._record.logical_date}: {self.run_id}, state:{self._record.state}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DagRun) and (self.dag_id, self.run_id) == (other.dag_id, other.run_id)

    def __hash__(self) -> int:
        return hash((self.dag_id, self.run_id))

    @property
    def state(self) -> DagRunState:
        """The run's state when the task was started or the run was looked up."""
        return DagRunState(self._record.state)

    @property
    def is_started_by_hand(self) -> bool:
        """Whether no schedule made the run: Airflow 2's `external_trigger`."""
        return self.run_type in _STARTED_BY_HAND

    @property
    def is_backfill(self) -> bool:
        """Whether a backfill made the run."""
        return self.run_type == "backfill"

    @property
    def has_logical_date(self) -> bool:
        """Whether the run has one, without making it into pendulum's."""
        return self._record.logical_date is not None

    @property
    def previous_success(self) -> DagRun | None:
        """The last run before this one that succeeded; asked for once."""
        if "_previous_success" not in vars(self):
            vars(self)["_previous_success"] = previous_dag_run(self, state="success")
        return vars(self)["_previous_success"]

    @property
    def consumed_asset_events(self) -> list[Any]:
        """The events of assets that the run was created for."""
        from tradewind.sdk.assets.inlet_events import AssetEvent  # noqa: PLC0415 - few runs come of assets

        records = worker_store().get_triggering_asset_events(dag_id=self.dag_id, run_id=self.run_id)
        return [AssetEvent(record) for record in records]

    def get_state(self) -> DagRunState:
        """Return the run's state."""
        return self.state

    def get_task_instances(self, state: Any = None, session: object = None) -> list[TaskInstance]:  # noqa: ARG002
        """Return the run's task instances as they stand now; `state` is one state or several, None all."""
        from tradewind.sdk.runtime.task_instance import TaskInstance  # noqa: PLC0415 - it needs this module

        wanted = None if state is None else [_plain(s) for s in (state if _is_many(state) else [state])]
        records = worker_store().get_task_instances(dag_id=self.dag_id, run_ids=[self.run_id], states=wanted)
        return [TaskInstance(record) for record in records]

    def get_task_instance(
        self,
        task_id: str,
        session: object = None,  # noqa: ARG002 - Airflow 2's callers pass one
        *,
        map_index: int = -1,
    ) -> TaskInstance | None:
        """Return one task instance of the run as it stands now, None when there is none."""
        from tradewind.sdk.runtime.task_instance import TaskInstance  # noqa: PLC0415 - it needs this module

        records = worker_store().get_task_instances(dag_id=self.dag_id, run_ids=[self.run_id], task_ids=[task_id])
        return next((TaskInstance(record) for record in records if record.map_index == map_index), None)

    def get_previous_dagrun(self, state: Any = None, session: object = None) -> DagRun | None:  # noqa: ARG002
        """Return the run before this one, by logical date, with `state` the last one in that state."""
        return previous_dag_run(self, state=state)

    def get_previous_scheduled_dagrun(self, session: object = None) -> DagRun | None:  # noqa: ARG002
        """Return the last run before this one that the schedule made."""
        return previous_dag_run(self, run_type="scheduled")

    @classmethod
    def find(  # noqa: PLR0913, PLR0917 - Airflow's signature
        cls,
        dag_id: str | Sequence[str] | None = None,
        run_id: str | Sequence[str] | None = None,
        execution_date: datetime | Sequence[datetime] | None = None,
        state: Any = None,
        external_trigger: bool | None = None,
        no_backfills: bool = False,
        run_type: Any = None,
        session: object = None,  # noqa: ARG003 - Airflow 2's callers pass one
        execution_start_date: datetime | None = None,
        execution_end_date: datetime | None = None,
        *,
        logical_date: datetime | Sequence[datetime] | None = None,
    ) -> list[DagRun]:
        """Return the runs that match every argument given, by logical date."""
        dates = logical_date if logical_date is not None else execution_date
        wanted = {"run_id": run_id, "logical_date": dates, "state": state, "run_type": run_type}
        found = _runs_of_all_dags(wanted) if not dag_id else []
        for one_dag_id in _several(dag_id) if dag_id else ():
            records = worker_store().get_dag_runs(
                dag_id=one_dag_id,
                run_ids=None if run_id is None else _several(run_id),
                logical_dates=None if dates is None else _several(dates),
                state=None if state is None else _plain(state),
                run_type=None if run_type is None else _plain(run_type),
            )
            found += [cls(record) for record in records]
        found = [
            run
            for run in found
            if not (no_backfills and run.is_backfill)
            and (external_trigger is None or run.is_started_by_hand == external_trigger)
            and _is_between(run.logical_date, execution_start_date, execution_end_date)
        ]
        return sorted(found, key=lambda run: run.logical_date or run.run_after)


def previous_dag_run(run: Any, *, state: Any = None, run_type: str | None = None) -> DagRun | None:
    """Return the run with the newest logical date before that of `run`, None without one or without a date."""
    if run.logical_date is None:
        return None
    records = worker_store().get_dag_runs(
        dag_id=run.dag_id,
        state=None if state is None else _plain(state),
        run_type=run_type,
        before_logical_date=run.logical_date,
        limit=1,
    )
    return DagRun(records[0]) if records else None


def _runs_of_all_dags(wanted: dict[str, Any]) -> list[DagRun]:
    conditions = [getattr(DagRun, name).in_(_several(value)) for name, value in wanted.items() if value is not None]
    filters = [(each.column.stored, each.operation, each.value) for each in conditions]
    return [DagRun.from_row(row) for row in worker_store().find_rows(table="dag_run", filters=filters)]


def _plain(state: Any) -> str:
    return getattr(state, "value", state)


def _is_many(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, frozenset))


def _several(value: Any) -> list[Any]:
    return list(value) if _is_many(value) else [value]


def _is_between(date: datetime | None, start: datetime | None, end: datetime | None) -> bool:
    if start is None and end is None:
        return True
    return date is not None and (start is None or date >= start) and (end is None or date <= end)


def _missing(name: str) -> Any:
    raise AttributeError(name)
