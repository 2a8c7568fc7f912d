"""`ExternalTaskSensor`: waits for another DAG, or tasks or a task group of it; `ExternalTaskMarker` names who waits."""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from urllib.parse import quote

from tradewind.sdk.definitions.taskflow import signature_of
from tradewind.sdk.exceptions import AirflowSkipException
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.ports import worker_store
from tradewind.sdk.runtime.waiting import defers_by_default
from tradewind.sdk.sensors.errors import (
    DuplicateStateError,
    ExternalDagFailedError,
    ExternalDagNotFoundError,
    ExternalTaskFailedError,
    ExternalTaskGroupFailedError,
    ExternalTaskGroupNotFoundError,
    ExternalTaskNotFoundError,
)
from tradewind.sdk.sensors.sensor import BaseSensorOperator, SensorArgumentError
from tradewind.sdk.spellings.old_arguments import note_class_argument
from tradewind.sdk.state import State
from tradewind.sdk.toolkit.callables import determine_kwargs
from tradewind.sdk.toolkit.configuration import conf
from tradewind.sdk.toolkit.plugins import BaseOperatorLink
from tradewind.sdk.triggers.external_task import WorkflowTrigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from typing import Any

    from tradewind.serialization.records import DagRecord


class ExternalDagLink(BaseOperatorLink):
    """Leads to the DAG that is waited for."""

    name = "External DAG"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address of the other DAG's run that has the same run_id."""
        base = conf.get("api", "base_url", fallback="").rstrip("/")
        return f"{base}/dags/{operator.external_dag_id}/runs/{quote(ti_key.run_id)}"


class ExternalTaskSensor(BaseSensorOperator):
    """Waits until the run of another DAG, or tasks or a task group in it, are in one of `allowed_states` (success).

    The run is the one with the same logical date; with `execution_delta` that much earlier, with `execution_date_fn`
    those at the dates that the function returns for this run's date and the context keys it names. One of
    `failed_states` fails the sensor (skips it with `soft_fail`), one of `skipped_states` skips it: of a task group any
    task decides, while all of its tasks have to be in `allowed_states`. With `check_existence` it fails at once when
    there is no such DAG, task or group. Raises ValueError for arguments that exclude each other and for states that
    there are not, `DuplicateStateError` for one in two of the lists.
    """

    template_fields: Sequence[str] = (
        "external_dag_id",
        "external_task_id",
        "external_task_ids",
        "external_task_group_id",
    )
    ui_color = "#4db7db"
    operator_extra_links = (ExternalDagLink(),)

    def __init__(  # noqa: PLR0913 - Airflow's
        self,
        *,
        external_dag_id: str,
        external_task_id: str | None = None,
        external_task_ids: Collection[str] | None = None,
        external_task_group_id: str | None = None,
        allowed_states: Iterable[str] | None = None,
        skipped_states: Iterable[str] | None = None,
        failed_states: Iterable[str] | None = None,
        execution_delta: timedelta | None = None,
        execution_date_fn: Callable[..., Any] | None = None,
        check_existence: bool = False,
        poll_interval: float | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        if poll_interval is not None:
            note_class_argument(self, "poll_interval")
            kwargs.setdefault("poke_interval", poll_interval)
        super().__init__(**kwargs)
        self.external_dag_id = external_dag_id
        self.external_task_id = external_task_id
        self.external_task_ids = external_task_ids or None
        self.external_task_group_id = external_task_group_id
        self.allowed_states = list(allowed_states or ["success"])
        self.skipped_states = list(skipped_states or ())
        self.failed_states = list(failed_states or ())
        self.execution_delta = execution_delta
        self.execution_date_fn = execution_date_fn
        self.check_existence = check_existence
        self.deferrable = defers_by_default(deferrable)
        self.external_dates_filter: str | None = None
        self._has_checked_existence = False
        self._check_target()
        self._check_states()
        if execution_delta is not None and execution_date_fn is not None:
            raise SensorArgumentError(f"{self!r}: execution_delta and execution_date_fn exclude each other: choose one")

    def _check_target(self) -> None:
        wanted = [self.external_task_id, self.external_task_ids, self.external_task_group_id]
        if sum(target is not None for target in wanted) > 1:
            names = "external_task_id, external_task_ids and external_task_group_id"
            raise SensorArgumentError(f"{self!r}: {names} exclude each other: choose one")
        if self.external_task_id is not None:
            self.external_task_ids = [self.external_task_id]

    def _check_states(self) -> None:
        states: list[str | None] = [*self.allowed_states, *self.skipped_states, *self.failed_states]
        if len(set(states)) < len(states):
            raise DuplicateStateError(f"{self!r}: allowed_states, skipped_states and failed_states share a state")
        is_dag = not self.external_task_ids and not self.external_task_group_id
        known = [str(state) for state in (State.dag_states if is_dag else State.task_states) if state is not None]
        unknown = sorted(str(state) for state in states if state is not None and str(state) not in known)
        if unknown:
            what = "a DAG run" if is_dag else "a task instance"
            raise SensorArgumentError(f"{self!r}: {unknown[0]!r} is no state of {what}; those are: {', '.join(known)}")

    def poke(self, context: Any) -> bool:
        """Say whether what it waits for is in an allowed state, at every date."""
        dates = self._dates(context)
        self.external_dates_filter = ",".join(date.isoformat() for date in dates)
        self.log.info("Poking for %s at %s", self._target_words(), self.external_dates_filter)
        if self.check_existence and not self._has_checked_existence:
            self._check_for_existence()
        if self.external_task_group_id:
            return self._poke_group(context["ti"], dates)
        if self._count(context["ti"], dates, self.failed_states):
            self._fail(ExternalTaskFailedError if self.external_task_ids else ExternalDagFailedError)
        if self._count(context["ti"], dates, self.skipped_states):
            self._skip()
        per_date = len(self.external_task_ids) if self.external_task_ids else 1
        return self._count(context["ti"], dates, self.allowed_states) == len(dates) * per_date

    def execute(self, context: Any) -> Any:
        """Wait for it, in the worker or outside."""
        if not self.deferrable:
            return super().execute(context)
        if self.check_existence and not self._has_checked_existence:
            self._check_for_existence()
        dates = self._dates(context)
        self.external_dates_filter = ",".join(date.isoformat() for date in dates)
        return self.defer(
            trigger=WorkflowTrigger(
                external_dag_id=self.external_dag_id,
                external_task_group_id=self.external_task_group_id,
                external_task_ids=self.external_task_ids,
                allowed_states=self.allowed_states,
                failed_states=self.failed_states,
                skipped_states=self.skipped_states,
                poke_interval=self.poke_interval,
                soft_fail=self.soft_fail,
                logical_dates=dates,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) if self.timeout else None,
        )

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> None:
        """End as the event says: well, skipped, or failed."""
        if event is None:
            raise ExternalTaskNotFoundError("No event received from trigger")
        self.external_dates_filter = ",".join(date.isoformat() for date in self._dates(context))
        status = event["status"]
        if status == "success":
            self.log.info("The external %s has ended well", self._target_words())
        elif status == "skipped":
            self._skip()
        else:
            self._fail(self._error())

    def _error(self) -> type[Exception]:
        if self.external_task_group_id:
            return ExternalTaskGroupFailedError
        return ExternalTaskFailedError if self.external_task_ids else ExternalDagFailedError

    def _count(self, ti: Any, dates: list[datetime], states: list[str]) -> int:
        if not states:
            return 0
        where: dict[str, Any] = {"dag_id": self.external_dag_id, "logical_dates": dates, "states": states}
        if not self.external_task_ids:
            return ti.get_dr_count(**where)
        if len(set(self.external_task_ids)) < len(self.external_task_ids):
            raise ValueError("Duplicate task_ids passed in external_task_ids parameter")
        return ti.get_ti_count(task_ids=list(self.external_task_ids), **where)

    def _poke_group(self, ti: Any, dates: list[datetime]) -> bool:
        dag = worker_store().get_dag(self.external_dag_id)
        task_ids = [] if dag is None else dag.task_groups.get(self.external_task_group_id or "", [])
        if not task_ids:
            return False
        by_run = ti.get_task_states(dag_id=self.external_dag_id, task_ids=list(task_ids), logical_dates=dates)
        states = [state for run in by_run.values() for state in run.values()]
        if any(state in self.failed_states for state in states):
            self._fail(ExternalTaskGroupFailedError)
        if any(state in self.skipped_states for state in states):
            self._skip()
        done = [run for run in by_run.values() if run and all(state in self.allowed_states for state in run.values())]
        return len(done) == len(dates)

    def _target_words(self) -> str:
        of_dag = f"DAG {self.external_dag_id!r}"
        if self.external_task_ids:
            return f"tasks {list(self.external_task_ids)} of {of_dag}"
        return f"task group {self.external_task_group_id!r} of {of_dag}" if self.external_task_group_id else of_dag

    def _fail(self, error: type[Exception]) -> None:
        message = f"The external {self._target_words()} failed."
        if self.soft_fail:
            raise AirflowSkipException(f"{message} Skipping due to soft_fail.")
        raise error(message)

    def _skip(self) -> None:
        raise AirflowSkipException(f"The external {self._target_words()} reached a state in skipped_states. Skipping.")

    def _dates(self, context: Any) -> list[datetime]:
        own = context.get("logical_date") or context["dag_run"].run_after
        if self.execution_delta is not None:
            return [own - self.execution_delta]
        if self.execution_date_fn is None:
            return [own]
        given = copy(context)
        given["context"] = context
        chosen = determine_kwargs(self.execution_date_fn, (), given)
        # The date comes by place, whatever the function calls it.
        by_place = {"execution_date", "logical_date", *list(signature_of(self.execution_date_fn).parameters)[:1]}
        found = self.execution_date_fn(own, **{key: value for key, value in chosen.items() if key not in by_place})
        return [found] if isinstance(found, datetime) else list(found)

    def _check_for_existence(self) -> None:
        dag: DagRecord | None = worker_store().get_dag(self.external_dag_id)
        if dag is None:
            raise ExternalDagNotFoundError(f"The external DAG {self.external_dag_id} does not exist.")
        for task_id in self.external_task_ids or ():
            if task_id not in dag.task_ids:
                msg = f"The external task {task_id} in DAG {self.external_dag_id} does not exist."
                raise ExternalTaskNotFoundError(msg)
        group_id = self.external_task_group_id
        if group_id and group_id not in dag.task_groups:
            msg = f"The external task group '{group_id}' in DAG '{self.external_dag_id}' does not exist."
            raise ExternalTaskGroupNotFoundError(msg)
        self._has_checked_existence = True


class ExternalTaskMarker(EmptyOperator):
    """Says that a task of another DAG waits for this one, an `ExternalTaskSensor` as a rule.

    Raises TypeError for a `logical_date` that is neither a date nor text, ValueError for a `recursion_depth` below 1.
    """

    template_fields: Sequence[str] = ("external_dag_id", "external_task_id", "logical_date")
    ui_color = "#4db7db"
    operator_extra_links = (ExternalDagLink(),)

    def __init__(
        self,
        *,
        external_dag_id: str,
        external_task_id: str,
        logical_date: str | datetime = "{{ logical_date.isoformat() }}",
        execution_date: str | datetime | None = None,
        recursion_depth: int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if execution_date is not None:
            note_class_argument(self, "execution_date")
            logical_date = execution_date
        if not isinstance(logical_date, (str, datetime)):  # pyright: ignore[reportUnnecessaryIsInstance] - authors'
            kind = type(logical_date).__name__
            raise TypeError(f"Expected str or datetime.datetime type for logical_date. Got {kind}")
        if recursion_depth <= 0:
            raise ValueError("recursion_depth should be a positive integer")
        self.external_dag_id = external_dag_id
        self.external_task_id = external_task_id
        self.logical_date = logical_date if isinstance(logical_date, str) else logical_date.isoformat()
        self.recursion_depth = recursion_depth
