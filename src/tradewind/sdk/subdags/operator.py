"""`SubDagOperator`: a task that is a DAG of its own, run between the task's neighbours."""

from __future__ import annotations

from tradewind.sdk.definitions.contexts import DagContext
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.trigger_dag_run import TriggerDagRunOperator
from tradewind.sdk.ports import worker_store
from tradewind.sdk.timetables.classes import NullTimetable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG

ANY_LEAF, ALL_LEAVES = "any_leaf", "all_leaves"
_POLL_S = 1


class SubDagOperator(TriggerDagRunOperator):
    """Runs `subdag` once for each run of its own DAG, with the same run_id and logical date, and ends as that run does.

    The subdag's dag_id has to be `<dag_id>.<task_id>`; its schedule means nothing. While it runs, the task waits in the
    triggerer and holds no slot. A task that starts over lets the subdag start over. `propagate_skipped_state`
    (`any_leaf`, `all_leaves`) skips what comes after when so many of the subdag's last tasks were skipped. Raises
    `AirflowException` without a DAG, and for a subdag of another name.
    """

    template_fields = ("conf",)
    ui_color = "#555"
    ui_fgcolor = "#fff"

    def __init__(
        self,
        *,
        subdag: DAG,
        conf: dict[str, Any] | None = None,
        propagate_skipped_state: Any = None,
        session: object = None,  # noqa: ARG002 - Airflow 2's callers may pass one
        **kwargs: Any,
    ) -> None:
        super().__init__(
            trigger_dag_id=subdag.dag_id,
            conf=conf,
            reset_dag_run=True,
            wait_for_completion=True,
            poke_interval=_POLL_S,
            deferrable=True,
            **kwargs,
        )
        dag = kwargs.get("dag") or DagContext.get_current()
        if dag is None:
            raise AirflowException(f"SubDagOperator {self.task_id!r} needs a DAG: create it in a `with DAG(...)` block")
        expected = f"{dag.dag_id}.{kwargs['task_id']}"
        if subdag.dag_id != expected:
            raise AirflowException(
                f"The subdag's dag_id should have the form '{{parent_dag_id}}.{{this_task_id}}'. "
                f"Expected '{expected}'; received '{subdag.dag_id}'."
            )
        self.subdag = subdag
        self.propagate_skipped_state = getattr(propagate_skipped_state, "value", propagate_skipped_state)
        subdag.parent_dag = dag
        subdag.is_paused_upon_creation = False
        subdag.catchup = False
        subdag.schedule, subdag.timetable = None, NullTimetable()

    def execute(self, context: Any) -> None:
        """Start the subdag's run and wait for it."""
        self.trigger_run_id = context["run_id"]
        super().execute(context)
        self._propagate_skips(context)

    def execute_complete(self, context: Any, event: Any) -> None:
        """End as the subdag's run did. Raises `AirflowException` when it failed."""
        super().execute_complete(context, event)
        self._propagate_skips(context)

    def _dates(self, context: Any) -> tuple[datetime | None, datetime | None]:
        run = context["dag_run"]
        return run.logical_date, run.run_after

    def _propagate_skips(self, context: Any) -> None:
        if self.propagate_skipped_state not in {ANY_LEAF, ALL_LEAVES}:
            return
        leaves = [task.task_id for task in self.subdag.leaves]
        records = worker_store().get_task_instances(
            dag_id=self.trigger_dag_id, run_ids=[context["run_id"]], task_ids=leaves
        )
        skipped = [record.state == "skipped" for record in records]
        if any(skipped) if self.propagate_skipped_state == ANY_LEAF else skipped and all(skipped):
            context["ti"].skip_downstream(sorted(self.downstream_task_ids))


def with_subdags(dags: Iterable[DAG]) -> list[DAG]:
    """Return the DAGs with those that are parts of them, at any depth, each once."""
    found: dict[int, DAG] = {}
    waiting = list(dags)
    while waiting:
        dag = waiting.pop(0)
        if id(dag) not in found:
            found[id(dag)] = dag
            waiting += [task.subdag for task in dag.tasks if isinstance(task, SubDagOperator)]
    return list(found.values())
