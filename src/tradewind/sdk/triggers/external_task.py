"""Triggers that wait for runs, tasks and task groups of other DAGs."""

from __future__ import annotations

from tradewind.sdk.ports import worker_store
from tradewind.sdk.triggers.events import TriggerEvent
from tradewind.sdk.triggers.trigger import BaseTrigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from datetime import datetime
    from typing import Any

_PATH = "airflow.providers.standard.triggers.external_task"


class WorkflowTrigger(BaseTrigger):
    """Fires when another DAG's runs, or tasks or a task group in them, are in one of the states given.

    The event says `{"status": "failed"}` when one is in `failed_states`, `skipped` when one is in `skipped_states`,
    `success` when all are in `allowed_states`. Runs are named by `run_ids` or by `logical_dates` (`execution_dates`).
    """

    def __init__(  # noqa: PLR0913, PLR0917 - Airflow's
        self,
        external_dag_id: str,
        run_ids: list[str] | None = None,
        execution_dates: list[datetime] | None = None,
        logical_dates: list[datetime] | None = None,
        external_task_ids: Collection[str] | None = None,
        external_task_group_id: str | None = None,
        failed_states: Collection[str] | None = None,
        skipped_states: Collection[str] | None = None,
        allowed_states: Collection[str] | None = None,
        poke_interval: float = 2.0,
        soft_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.external_dag_id = external_dag_id
        self.run_ids = run_ids
        self.execution_dates = execution_dates
        self.logical_dates = logical_dates or execution_dates
        self.external_task_ids = external_task_ids
        self.external_task_group_id = external_task_group_id
        self.failed_states = failed_states
        self.skipped_states = skipped_states
        self.allowed_states = allowed_states
        self.poke_interval = poke_interval
        self.soft_fail = soft_fail

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and what it waits for."""
        return (
            f"{_PATH}.WorkflowTrigger",
            {
                "external_dag_id": self.external_dag_id,
                "external_task_ids": None if self.external_task_ids is None else list(self.external_task_ids),
                "external_task_group_id": self.external_task_group_id,
                "failed_states": _texts(self.failed_states),
                "skipped_states": _texts(self.skipped_states),
                "allowed_states": _texts(self.allowed_states),
                "poke_interval": self.poke_interval,
                "soft_fail": self.soft_fail,
                "run_ids": self.run_ids,
                "logical_dates": self.logical_dates,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every `poke_interval` seconds."""
        from tradewind.sdk.triggers.sleeping import in_thread, pause  # noqa: PLC0415 - only the triggerer runs triggers

        while (status := await in_thread(self.status)) is None:
            await pause(self.poke_interval)
        yield TriggerEvent({"status": status})

    def status(self) -> str | None:
        """Return how it stands now: failed, skipped or success; None while it goes on."""
        by_run = self._states_by_run()
        states = [state for of_run in by_run for state in of_run]
        for status, wanted in (("failed", self.failed_states), ("skipped", self.skipped_states)):
            if wanted and any(state in wanted for state in states):
                return status
        allowed = self.allowed_states or ()
        done = [of_run for of_run in by_run if of_run and all(state in allowed for state in of_run)]
        return "success" if len(done) == len(self.run_ids or self.logical_dates or ()) else None

    def _states_by_run(self) -> list[list[str | None]]:
        """Return of each run that is there the states that count; of a run that lacks one of the tasks none."""
        which: dict[str, Any] = {"dag_id": self.external_dag_id}
        which |= {"run_ids": self.run_ids} if self.run_ids else {"logical_dates": self.logical_dates or []}
        task_ids = self._task_ids()
        if task_ids is None:
            return [[run.state] for run in worker_store().get_dag_runs(**which)]
        by_run: dict[str, dict[str, list[str | None]]] = {}
        for record in worker_store().get_task_instances(**which, task_ids=task_ids):
            by_run.setdefault(record.run_id, {}).setdefault(record.task_id, []).append(record.state)
        if not self.external_task_group_id:
            by_run = {run_id: found for run_id, found in by_run.items() if len(found) == len(task_ids)}
        return [[state for of_task in found.values() for state in of_task] for found in by_run.values()]

    def _task_ids(self) -> list[str] | None:
        """Return the tasks that count, None where the run itself does."""
        if self.external_task_ids:
            return list(dict.fromkeys(self.external_task_ids))
        if not self.external_task_group_id:
            return None
        dag = worker_store().get_dag(self.external_dag_id)
        return [] if dag is None else list(dag.task_groups.get(self.external_task_group_id, ()))


class DagStateTrigger(BaseTrigger):
    """Fires when the runs of a DAG are in one of `states`. The event is the class and its arguments, with each run's state."""

    def __init__(
        self,
        dag_id: str,
        states: list[str],
        run_ids: list[str] | None = None,
        execution_dates: list[datetime] | None = None,
        poll_interval: float = 5.0,
    ) -> None:
        super().__init__()
        self.dag_id = dag_id
        self.states = states
        self.run_ids = run_ids
        self.execution_dates = execution_dates
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and what it waits for."""
        return (
            f"{_PATH}.DagStateTrigger",
            {
                "dag_id": self.dag_id,
                "states": _texts(self.states),
                "poll_interval": self.poll_interval,
                "run_ids": self.run_ids,
                "execution_dates": self.execution_dates,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every `poll_interval` seconds."""
        from tradewind.sdk.triggers.sleeping import in_thread, pause  # noqa: PLC0415 - as above

        wanted = len(self.run_ids or self.execution_dates or ())
        while len(found := await in_thread(self._ended)) != wanted:
            await pause(self.poll_interval)
        path, data = self.serialize()
        yield TriggerEvent((path, {**data, **found}))

    def _ended(self) -> dict[str, str]:
        """Return the states of those runs that are in one of the states."""
        which: dict[str, Any] = (
            {"run_ids": self.run_ids} if self.run_ids else {"logical_dates": self.execution_dates or []}
        )
        runs = worker_store().get_dag_runs(dag_id=self.dag_id, **which)
        return {run.run_id: run.state for run in runs if run.state in self.states}


class TaskStateTrigger(WorkflowTrigger):
    """`WorkflowTrigger` for one task or for runs, as Airflow 2 called it; `trigger_start_time` is of no use any more."""

    def __init__(
        self,
        dag_id: str,
        execution_dates: list[datetime],
        trigger_start_time: datetime,
        states: list[str] | None = None,
        task_id: str | None = None,
        poll_interval: float = 2.0,
    ) -> None:
        super().__init__(
            dag_id,
            execution_dates=execution_dates,
            external_task_ids=None if task_id is None else [task_id],
            allowed_states=states or ["success"],
            poke_interval=poll_interval,
        )
        self.trigger_start_time = trigger_start_time


def _texts(states: Collection[str] | None) -> list[str] | None:
    return None if states is None else [str(getattr(state, "value", state)) for state in states]
