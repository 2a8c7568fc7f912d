"""`TriggerDagRunOperator`: a task that starts a run of another DAG, and may wait for its end."""

from __future__ import annotations

import json
import secrets
import time
from datetime import datetime
from types import SimpleNamespace
from urllib.parse import quote

from tradewind.core.runs.creation import make_run_id
from tradewind.core.states import RunType
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowSkipException,
    DagNotFound,
    DagRunAlreadyExists,
    DagRunNotFound,
)
from tradewind.sdk.ports import worker_store
from tradewind.sdk.runtime.waiting import defers_by_default, first_look_at
from tradewind.sdk.spellings.old_arguments import note_class_argument
from tradewind.sdk.state import DagRunState
from tradewind.sdk.timezone import coerce_datetime, parse
from tradewind.sdk.toolkit.configuration import conf as configuration
from tradewind.sdk.toolkit.kinds import NOTSET
from tradewind.sdk.toolkit.plugins import BaseOperatorLink
from tradewind.sdk.triggers.external_task import DagStateTrigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from tradewind.serialization.records import DagRunRecord

XCOM_LOGICAL_DATE_ISO = "trigger_logical_date_iso"
XCOM_RUN_ID = "trigger_run_id"


class DagIsPaused(AirflowException):
    """The DAG to start is paused."""

    def __init__(self, dag_id: str) -> None:
        super().__init__(f"Dag {dag_id} is paused")
        self.dag_id = dag_id


class RunConfError(AirflowException, ValueError):
    """The conf is no JSON. Airflow 2 raises AirflowException for it, Airflow 3 ValueError."""


class TriggerDagRunLink(BaseOperatorLink):
    """Leads to the run that was started."""

    name = "Triggered DAG"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address of the run."""
        from tradewind.sdk.xcoms.xcom import BaseXCom  # noqa: PLC0415 - a task needs no such look-up

        base = configuration.get("api", "base_url", fallback="").rstrip("/")
        run_id = BaseXCom.get_value(ti_key=ti_key, key=XCOM_RUN_ID)
        return f"{base}/dags/{operator.trigger_dag_id}/runs/{quote(str(run_id))}"


class TriggerDagRunOperator(BaseOperator):
    """Starts a run of the DAG `trigger_dag_id`, with `conf`; the run_id is the XCom `trigger_run_id`.

    `logical_date` (a date or text, None for a run without one) is now when left out; `trigger_run_id` is made from it.
    When there is such a run, `reset_dag_run` clears it and `skip_when_already_exists` skips the task; else it fails with
    `DagRunAlreadyExists`. With `wait_for_completion` the task looks every `poke_interval` seconds until the run is in
    one of `allowed_states` (success) or fails in one of `failed_states` (failed); with `deferrable` a trigger looks in
    its place. `python_callable` is Airflow 1.10's way to decide over the run and its conf. Raises `DagNotFound`, with `fail_when_dag_is_paused` `DagIsPaused`.
    """

    template_fields: Sequence[str] = (
        "trigger_dag_id",
        "trigger_run_id",
        "logical_date",
        "conf",
        "wait_for_completion",
        "skip_when_already_exists",
    )
    template_fields_renderers = {"conf": "py"}  # noqa: RUF012 - as all operators
    ui_color = "#ffefeb"
    operator_extra_links = (TriggerDagRunLink(),)

    def __init__(  # noqa: PLR0913 - Airflow's
        self,
        *,
        trigger_dag_id: str,
        trigger_run_id: str | None = None,
        conf: Any = None,
        logical_date: Any = NOTSET,
        execution_date: Any = None,
        run_after: Any = NOTSET,
        reset_dag_run: bool = False,
        wait_for_completion: bool = False,
        poke_interval: int = 60,
        allowed_states: Iterable[str] | None = None,
        failed_states: Iterable[str] | None = None,
        skip_when_already_exists: bool = False,
        fail_when_dag_is_paused: bool = False,
        note: str | None = None,
        deferrable: bool | None = None,
        openlineage_inject_parent_info: bool = True,
        python_callable: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if python_callable is not None:
            note_class_argument(self, "python_callable")
        if execution_date is not None:
            note_class_argument(self, "execution_date")
            logical_date = execution_date
        _check_date("logical_date", logical_date)
        _check_date("run_after", run_after)
        self.trigger_dag_id = trigger_dag_id
        self.trigger_run_id = trigger_run_id
        self.conf = conf
        self.logical_date = logical_date
        self.run_after = run_after
        self.reset_dag_run = reset_dag_run
        self.wait_for_completion = wait_for_completion
        self.poke_interval = poke_interval
        self.allowed_states = [DagRunState(state) for state in allowed_states or ("success",)]
        self.failed_states = [DagRunState(state) for state in (("failed",) if failed_states is None else failed_states)]
        self.skip_when_already_exists = skip_when_already_exists
        self.fail_when_dag_is_paused = fail_when_dag_is_paused
        self.note = note
        self.deferrable = defers_by_default(deferrable)
        self.openlineage_inject_parent_info = openlineage_inject_parent_info
        self.python_callable = python_callable

    def execute(self, context: Any) -> None:
        """Start the run, and wait for its end when that is wanted."""
        if self.python_callable is not None and not self._is_wanted(context):
            return
        logical_date, run_after = self._dates(context)
        if not self.trigger_run_id:
            unique = secrets.token_urlsafe(6) if logical_date is None else ""
            due = logical_date or run_after or first_look_at(context)
            self.trigger_run_id = make_run_id(RunType.MANUAL, run_after=due, logical_date=logical_date, unique=unique)
        run = self._trigger(str(self.trigger_run_id), logical_date, run_after)
        self.trigger_run_id = run.run_id
        context["ti"].xcom_push(key=XCOM_RUN_ID, value=run.run_id)
        if self.wait_for_completion:
            self._wait(run.run_id)

    def _is_wanted(self, context: Any) -> bool:
        """Ask the author's function, as Airflow 1.10 did: it fills in run_id and payload, or gives nothing for no run."""
        order: Any = self.python_callable and self.python_callable(context, SimpleNamespace(run_id=None, payload=None))
        if not order:
            self.log.info("The task's function wants no run of DAG %s", self.trigger_dag_id)
            return False
        self.trigger_run_id = order.run_id or self.trigger_run_id
        self.conf = order.payload or self.conf
        return True

    def _dates(self, context: Any) -> tuple[datetime | None, datetime | None]:
        run_after = None if self.run_after is NOTSET else _as_date(self.run_after)
        if self.logical_date is NOTSET:
            return None if self.run_after is not NOTSET else first_look_at(context), run_after
        return _as_date(self.logical_date), run_after

    def _trigger(self, run_id: str, logical_date: datetime | None, run_after: datetime | None) -> DagRunRecord:
        self._require_dag()
        self.log.info("Triggering DAG %s, run %s", self.trigger_dag_id, run_id)
        try:
            return worker_store().trigger_dag_run(
                dag_id=self.trigger_dag_id,
                run_id=run_id,
                logical_date=logical_date,
                run_after=run_after,
                conf=self._conf(),
                note=self.note,
                reset=self.reset_dag_run,
            )
        except DagRunAlreadyExists as error:
            if not self.skip_when_already_exists:
                raise
            raise AirflowSkipException(
                "Skipping due to skip_when_already_exists is set to True and DagRunAlreadyExists"
            ) from error

    def _require_dag(self) -> None:
        if not self.fail_when_dag_is_paused:
            return
        dag = worker_store().get_dag(self.trigger_dag_id)
        if dag is None:
            raise DagNotFound(f"Dag {self.trigger_dag_id} is not found")
        if dag.is_paused:
            raise DagIsPaused(self.trigger_dag_id)

    def _conf(self) -> dict[str, Any]:
        try:
            conf = json.loads(self.conf) if isinstance(self.conf, str) and self.conf else self.conf
            json.dumps(conf)
        except (TypeError, ValueError) as error:
            raise RunConfError(f"conf parameter should be JSON Serializable: {self.conf!r} ({error})") from error
        if conf and not isinstance(conf, dict):
            raise RunConfError(f"conf has to be a dict, got {type(conf).__name__}: {conf!r}")
        return {**conf} if conf else {}

    def execute_complete(self, context: Any, event: tuple[str, dict[str, Any]]) -> None:  # noqa: ARG002 - Airflow's
        """End as the run did. Raises `AirflowException` when it failed."""
        states = event[1]
        for run_id in states["run_ids"]:
            self.trigger_run_id = run_id
            self._judge(states.get(run_id))

    def _wait(self, run_id: str) -> None:
        if self.deferrable:
            self.defer(
                trigger=DagStateTrigger(
                    dag_id=self.trigger_dag_id,
                    states=[*self.allowed_states, *self.failed_states],
                    run_ids=[run_id],
                    poll_interval=self.poke_interval,
                ),
                method_name="execute_complete",
            )
        while True:
            self.log.info("Waiting for %s of DAG %s to end", run_id, self.trigger_dag_id)
            time.sleep(self.poke_interval)
            if self._has_ended(run_id):
                return

    def _has_ended(self, run_id: str) -> bool:
        """Say whether the run has ended well. Raises `AirflowException` when it failed or is gone."""
        runs = worker_store().get_dag_runs(dag_id=self.trigger_dag_id, run_ids=[run_id])
        if not runs:
            raise DagRunNotFound(f"run {run_id!r} of DAG {self.trigger_dag_id!r} is gone")
        return self._judge(runs[0].state)

    def _judge(self, state: str | None) -> bool:
        if state in self.failed_states:
            raise AirflowException(f"{self.trigger_dag_id} failed with failed state {state}")
        if state in self.allowed_states:
            self.log.info("%s finished with allowed state %s", self.trigger_dag_id, state)
        return state in self.allowed_states


def _check_date(name: str, value: Any) -> None:
    if value is not NOTSET and value is not None and not isinstance(value, (str, datetime)):
        kind = type(value).__name__
        raise TypeError(f"Expected str, datetime.datetime, or None for parameter '{name}'. Got {kind}")


def _as_date(value: Any) -> datetime | None:
    return parse(value) if isinstance(value, str) else coerce_datetime(value)
