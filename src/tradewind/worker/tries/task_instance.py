"""The task instance at work: `context["ti"]`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tradewind.core.clock import SystemClock
from tradewind.sdk.mapping.items import LazyItems
from tradewind.sdk.mapping.relations import relevant_map_indexes
from tradewind.sdk.ports import worker_store
from tradewind.sdk.runtime.context import task_context
from tradewind.sdk.runtime.dates import as_pendulum
from tradewind.sdk.runtime.task_instance import TaskInstance
from tradewind.sdk.xcoms.backend import xcom_backend
from tradewind.sdk.xcoms.storing import to_stored
from tradewind.worker.tries.xcom_pull import ANY, pull

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pendulum import DateTime

    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.runtime.context import Context
    from tradewind.sdk.runtime.dag_run import DagRun
    from tradewind.serialization.messages import RunTask
    from tradewind.serialization.records import TaskInstanceRecord

_CLOCK = SystemClock()


class RuntimeTaskInstance(TaskInstance):
    """One try at work, with everything author code knows of Airflow's: XComs, its run, its predecessors."""

    def __init__(
        self,
        order: RunTask,
        task: BaseOperator,
        *,
        started_at: datetime,
        hostname: str = "",
        base_url: str = "",
        xcom_max_bytes: int = 16 << 20,
    ) -> None:
        """View the try of `order`; nothing else is computed yet."""
        self.order = order
        self.task = task
        self.dag_id = order.dag_id
        self.task_id = order.task_id
        self.run_id = order.dag_run.run_id
        self.map_index = order.map_index
        self.try_number = order.try_number
        self.max_tries = order.max_tries
        self.operator = order.operator or task.task_type
        self.pool = order.pool
        self.pool_slots = order.pool_slots
        self.queue = order.queue
        self.priority_weight = order.priority_weight
        self.hostname = hostname
        self.pid = os.getpid()
        self.is_mapped = order.map_index >= 0
        self.expanded_ti_count = order.expanded_ti_count
        self.skipped_task_ids: list[str] = []
        """What the task decided not to run, in the order of its calls."""
        self.note: str | None = None
        self.rendered_map_index: str | None = None
        self.ended_at: datetime | None = None
        self._state = "running"
        self._started_at = started_at
        self._base_url = base_url
        self._xcom_max_bytes = xcom_max_bytes
        self._context: Context | None = None

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def id(self) -> int:
        """The database's number of the task instance."""
        return self.order.ti_pk

    @property
    def logical_date(self) -> DateTime | None:
        """The logical date of the run."""
        return as_pendulum(self.order.dag_run.logical_date)

    @property
    def start_date(self) -> DateTime | None:
        """When the try began."""
        return as_pendulum(self._started_at)

    @property
    def end_date(self) -> DateTime | None:
        """When the try ended: None but in callbacks."""
        return as_pendulum(self.ended_at)

    @property
    def duration(self) -> float | None:
        """Seconds since the try began, to its end when it has ended."""
        return ((self.ended_at or _CLOCK.now()) - self._started_at).total_seconds()

    @property
    def queued_dttm(self) -> DateTime | None:
        """When the try was queued."""
        return as_pendulum(self.order.queued_at)

    @property
    def prev_attempted_tries(self) -> int:
        """How many tries there have been, this one included."""
        return self.try_number

    @property
    def next_try_number(self) -> int:
        """The number of the next try."""
        return self.try_number + 1

    @property
    def dag_run(self) -> DagRun:
        """The DAG run."""
        return self.get_template_context()["dag_run"]

    @property
    def log_filepath(self) -> str:
        """The log file of this try."""
        return self.order.log_path

    @property
    def log_url(self) -> str:
        """The page of this try's log."""
        mapped = f"/mapped/{self.map_index}" if self.map_index >= 0 else ""
        return (
            f"{self._base_url.rstrip('/')}/dags/{self.dag_id}/runs/{quote(self.run_id)}/tasks/{self.task_id}{mapped}"
            f"?try_number={self.try_number}"
        )

    @property
    def mark_success_url(self) -> str:
        """The page on which the instance can be marked successful."""
        return self.log_url

    @property
    def stats_tags(self) -> dict[str, str]:
        """What metrics about it are tagged with."""
        return {"dag_id": self.dag_id, "task_id": self.task_id}

    @property
    def is_premature(self) -> bool:
        """Whether it waits for its retry: never while it runs."""
        return False

    def set_state(self, state: str) -> None:
        """Say what callbacks see: the outcome is decided, nothing is written."""
        self._state = state

    def refresh_from_db(self, session: object = None, lock_for_update: bool = False) -> None:  # noqa: FBT001, FBT002
        """Do nothing: what a worker knows of its own try is what there is to know."""

    def get_dagrun(self, session: object = None) -> DagRun:  # noqa: ARG002 - Airflow 2's callers pass one
        """Return the DAG run."""
        return self.dag_run

    def get_template_context(
        self,
        session: object = None,  # noqa: ARG002 - Airflow 2's callers pass one
        ignore_param_exceptions: bool = True,  # noqa: ARG002, FBT001, FBT002 - as above
    ) -> Context:
        """Return the context of the try: one object, however often it is asked for."""
        if self._context is None:
            self._context = task_context(ti=self, task=self.task, dag=self.task.dag, dag_run=self.order.dag_run)
        return self._context

    def render_templates(self, context: Context | None = None, jinja_env: Any = None) -> BaseOperator:
        """Render the template fields of `ti.task`; return the task as it was before."""
        original = self.task
        self.task = original.prepare_for_execution()
        self.task.render_template_fields(context or self.get_template_context(), jinja_env)
        return original

    # ---- XComs -------------------------------------------------------------------------------------------------------

    def xcom_push(self, key: str, value: Any, execution_date: object = None, session: object = None) -> None:  # noqa: ARG002
        """Store a value for other tasks. Raises ValueError for what cannot be kept: no JSON, or too large."""
        worker_store().set_xcom(
            dag_id=self.dag_id,
            run_id=self.run_id,
            task_id=self.task_id,
            map_index=self.map_index,
            key=key,
            value=self.encode_xcom(key, value),
        )

    def encode_xcom(self, key: str, value: Any) -> bytes:
        """Return what is stored for a value. Raises ValueError, naming key, type and size, for what cannot be kept.

        Raises `XComBackendError` when the installation's backend fails.
        """
        if isinstance(value, LazyItems):
            value = list(value)
        encoded = to_stored(
            xcom_backend(),
            value,
            key=key,
            dag_id=self.dag_id,
            task_id=self.task_id,
            run_id=self.run_id,
            map_index=self.map_index,
        )
        if len(encoded) > self._xcom_max_bytes:
            raise XComTooLargeError(
                f"XCom {key!r} of task {self.task_id!r} is {len(encoded) / (1 << 20):.1f} MiB of JSON, more than the "
                f"{self._xcom_max_bytes / (1 << 20):g} MiB an XCom may have: store the data elsewhere and pass its "
                "address, or raise the option xcom.max_value_mib"
            )
        return encoded

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str = "return_value",
        include_prior_dates: bool = False,  # noqa: FBT001, FBT002 - Airflow's signature
        session: object = None,  # noqa: ARG002 - Airflow 2's callers pass one
        *,
        map_indexes: int | Iterable[int] | None = ANY,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """Return what other tasks have pushed.

        One task gives one value, or a list when it is mapped; several tasks or map indexes give a list in the order
        asked for. Without task_ids a DAG written for Airflow 3 gets its own task's value, one written for Airflow 2
        the newest of any task.
        """
        return pull(
            self,
            task_ids=task_ids,
            dag_id=dag_id or self.dag_id,
            run_id=run_id or self.run_id,
            key=key,
            include_prior_dates=include_prior_dates,
            map_indexes=map_indexes,
            default=default,
        )

    def clear_xcom_data(self, session: object = None) -> None:  # noqa: ARG002 - Airflow 2's callers pass one
        """Delete every XCom of the instance."""
        xcom_backend().clear(dag_id=self.dag_id, run_id=self.run_id, task_id=self.task_id, map_index=self.map_index)

    def skip_downstream(self, task_ids: Iterable[str]) -> None:
        """Skip these tasks when the try has succeeded, whatever their trigger rules say."""
        self.skipped_task_ids += [task_id for task_id in task_ids if task_id not in self.skipped_task_ids]

    # ---- predecessors and others -------------------------------------------------------------------------------------

    def get_previous_dagrun(self, state: Any = None, session: object = None) -> DagRun | None:  # noqa: ARG002
        """Return the run before this one, with `state` the last one in that state."""
        return self.dag_run.get_previous_dagrun(state=state)

    def get_previous_ti(
        self,
        state: Any = None,
        session: object = None,  # noqa: ARG002 - Airflow 2's callers pass one
        *,
        logical_date: datetime | None = None,
        map_index: int = -1,
    ) -> TaskInstance | None:
        """Return this task's instance in the newest earlier run that has one, with `state` one in that state."""
        before = logical_date or self.order.dag_run.logical_date
        if before is None:
            return None
        runs = worker_store().get_dag_runs(dag_id=self.dag_id, before_logical_date=before, limit=_RUNS_LOOKED_AT)
        if not runs:
            return None
        found = worker_store().get_task_instances(
            dag_id=self.dag_id,
            run_ids=[run.run_id for run in runs],
            task_ids=[self.task_id],
            states=None if state is None else [getattr(state, "value", state)],
        )
        by_run = {record.run_id: record for record in found if record.map_index == map_index}
        return next((TaskInstance(by_run[run.run_id]) for run in runs if run.run_id in by_run), None)

    @property
    def previous_ti(self) -> TaskInstance | None:
        """This task's instance in the run before."""
        return self.get_previous_ti()

    @property
    def previous_ti_success(self) -> TaskInstance | None:
        """This task's last successful instance."""
        return self.get_previous_ti(state="success")

    def get_previous_execution_date(self, state: Any = None, session: object = None) -> DateTime | None:  # noqa: ARG002
        """Return the logical date of the previous instance."""
        previous = self.get_previous_ti(state=state)
        return None if previous is None else previous.logical_date

    def get_previous_start_date(self, state: Any = None, session: object = None) -> DateTime | None:  # noqa: ARG002
        """Return when the previous instance began."""
        previous = self.get_previous_ti(state=state)
        return None if previous is None else previous.start_date

    @property
    def previous_start_date_success(self) -> DateTime | None:
        """When this task's last successful instance began."""
        return self.get_previous_start_date(state="success")

    def get_first_reschedule_date(self, context: object = None) -> DateTime | None:  # noqa: ARG002 - Airflow's signature
        """Return when the first try after a reschedule began: sensors count their timeout from it."""
        return as_pendulum(self.order.first_started_at)

    def are_dependents_done(self, session: object = None) -> bool:  # noqa: ARG002 - Airflow 2's callers pass one
        """Return whether every task directly after this one has ended well."""
        wanted = sorted(self.task.downstream_task_ids)
        found = self._instances(self.dag_id, task_ids=wanted, run_ids=[self.run_id])
        done = [record for record in found if record.state in {"success", "skipped", "failed", "upstream_failed"}]
        return len(done) >= len(wanted)

    def get_relevant_upstream_map_indexes(
        self,
        upstream: Any,
        ti_count: int | None,  # noqa: ARG002 - Airflow's signature
        session: object = None,  # noqa: ARG002 - Airflow 2's callers pass one
    ) -> int | range | None:
        """Return which instances of another task this one reads: all (None), but in one mapped group its own index."""
        return relevant_map_indexes(upstream, self.get_template_context())

    @staticmethod
    def get_ti_count(
        dag_id: str,
        map_index: int | None = None,
        task_ids: list[str] | None = None,
        task_group_id: str | None = None,
        logical_dates: list[datetime] | None = None,
        run_ids: list[str] | None = None,
        states: list[str] | None = None,
    ) -> int:
        """Return how many task instances match every argument given."""
        records = worker_store().get_task_instances(
            dag_id=dag_id, task_ids=task_ids, run_ids=run_ids, logical_dates=logical_dates, states=states
        )
        return sum(_is_in(record, map_index, task_group_id) for record in records)

    @staticmethod
    def get_task_states(
        dag_id: str,
        map_index: int | None = None,
        task_ids: list[str] | None = None,
        task_group_id: str | None = None,
        logical_dates: list[datetime] | None = None,
        run_ids: list[str] | None = None,
    ) -> dict[str, dict[str, str | None]]:
        """Return states by task_id (with `_<map index>` where it is mapped) by run_id."""
        records = worker_store().get_task_instances(
            dag_id=dag_id, task_ids=task_ids, run_ids=run_ids, logical_dates=logical_dates
        )
        states: dict[str, dict[str, str | None]] = {}
        for record in records:
            if _is_in(record, map_index, task_group_id):
                name = record.task_id if record.map_index < 0 else f"{record.task_id}_{record.map_index}"
                states.setdefault(record.run_id, {})[name] = record.state
        return states

    @staticmethod
    def get_dr_count(
        dag_id: str,
        logical_dates: list[datetime] | None = None,
        run_ids: list[str] | None = None,
        states: list[str] | None = None,
    ) -> int:
        """Return how many DAG runs match every argument given."""
        runs = worker_store().get_dag_runs(dag_id=dag_id, run_ids=run_ids, logical_dates=logical_dates)
        return sum(states is None or run.state in states for run in runs)

    @staticmethod
    def get_dagrun_state(dag_id: str, run_id: str) -> str | None:
        """Return the state of a DAG run, None when there is no such run."""
        runs = worker_store().get_dag_runs(dag_id=dag_id, run_ids=[run_id])
        return runs[0].state if runs else None

    def _instances(self, dag_id: str, **filters: Any) -> list[TaskInstanceRecord]:
        return worker_store().get_task_instances(dag_id=dag_id, **filters)


class XComTooLargeError(ValueError):
    """An XCom is larger than the installation allows."""


_RUNS_LOOKED_AT = 100
"""So many runs back an earlier instance of the task is looked for."""


def _is_in(record: TaskInstanceRecord, map_index: int | None, task_group_id: str | None) -> bool:
    return (map_index is None or record.map_index == map_index) and (
        task_group_id is None or record.task_id.startswith(f"{task_group_id}.")
    )
