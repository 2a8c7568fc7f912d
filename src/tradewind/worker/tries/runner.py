"""One try of one task instance: find the task, render, execute, judge, report, call back.

The same code runs in a warm worker, in a forked child and in a process of its own (`dags test`); what differs is in
`Surroundings`.
"""

from __future__ import annotations

import logging
import os
from contextvars import copy_context
from dataclasses import dataclass
from inspect import isgenerator
from typing import TYPE_CHECKING, Any

from tradewind.core.clock import SystemClock
from tradewind.sdk.assets.outlet_events import take_yielded
from tradewind.sdk.definitions.operator import prepares_templates
from tradewind.sdk.deprecations import drain_deprecations
from tradewind.sdk.exceptions import AirflowTaskTimeout, TaskAwaitingInput, TaskDeferred
from tradewind.sdk.plugins.links import address_of, key_of, links_of
from tradewind.sdk.plugins.listening import tell
from tradewind.sdk.policies.cluster import env_vars_of_policies
from tradewind.sdk.providers.lineage import get_hook_lineage_collector
from tradewind.sdk.runtime.current import set_context
from tradewind.sdk.runtime.templating import render_template_fields
from tradewind.sdk.state import TaskInstanceState
from tradewind.sdk.state_stores.accessors import clear_state_of_success
from tradewind.sdk.toolkit.callables import context_to_airflow_vars
from tradewind.serialization.messages import Finished, Ready, Started, XComValue
from tradewind.worker.tries.aftermath import Aftermath
from tradewind.worker.tries.asset_events import asset_events_of, require_active_assets
from tradewind.worker.tries.callbacks import guarded, run_callbacks
from tradewind.worker.tries.deferral import UnserializableTriggerError, deferral_of, going_on, remaining_limit_s
from tradewind.worker.tries.mapping import label_if_possible, label_of_index, length_for_mapping, operator_of_index
from tradewind.worker.tries.outcome import Judgement, judge, misses_logical_date, one_line
from tradewind.worker.tries.rendered import rendered_fields
from tradewind.worker.tries.task_instance import RuntimeTaskInstance
from tradewind.worker.tries.verdict import ask_retry_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradewind.executors.local_protocol import WorkerOptions
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.runtime.context import Context
    from tradewind.serialization.messages import AssetEventReport, Report, RunTask
    from tradewind.worker.host.environment import TaskEnvironment
    from tradewind.worker.host.interrupts import Interrupts
    from tradewind.worker.tries.callbacks import Limit

_log = logging.getLogger("tradewind.task")
clock = SystemClock()


@dataclass(slots=True)
class Surroundings:
    """What a try needs of the process it runs in."""

    send: Callable[[Report], None]
    """Takes the reports."""
    was_killed: Callable[[int, int], bool]
    """Whether the scheduler told this try (task instance, try number) to stop."""
    interrupts: Interrupts
    callback_limit: Limit
    """Ends a callback that takes too long; the argument names it."""
    environment: TaskEnvironment
    options: WorkerOptions
    hostname: str
    note: Callable[[], str | None]
    """Something to say about the try, such as a log that could not be written."""
    retires: Callable[[], bool]
    """Whether the process leaves after this try."""


def run_try(order: RunTask, find_dag: Callable[[], DAG], around: Surroundings, *, announce: bool = True) -> Finished:
    """Run the try and report its begin and its end; return the end.

    Nothing of the author's comes through as an exception, but KeyboardInterrupt. `announce`: report the begin too.
    """
    get_hook_lineage_collector().clear()
    started_at = clock.now()
    if announce:
        around.send(Started(ti_pk=order.ti_pk, try_number=order.try_number, pid=os.getpid(), started_at=started_at))
    attempt = _Attempt(order, around, started_at)
    return copy_context().run(attempt.run, find_dag)


class _Attempt:
    """The try under way: what is known of it so far."""

    def __init__(self, order: RunTask, around: Surroundings, started_at: datetime) -> None:
        self.order = order
        self.around = around
        self.started_at = started_at
        self.task: BaseOperator | None = None
        self.ti: RuntimeTaskInstance | None = None
        self.context: Context | None = None
        self.xcoms: tuple[XComValue, ...] = ()
        self.asset_events: tuple[AssetEventReport, ...] = ()
        self.links: list[XComValue] = []
        self.rendered: bytes | None = None
        self.map_length: int | None = None

    def run(self, find_dag: Callable[[], DAG]) -> Finished:
        judgement = self._judge(find_dag)
        if judgement.outcome == "success":
            judgement = self._note_asset_events(judgement)
        aftermath = Aftermath(self.order, self.task, judgement, self.asset_events)
        self._add_links(judgement)
        finished = self._finish(judgement, ready_follows=self.ti is not None and not aftermath.is_empty)
        self.around.send(finished)
        if finished.ready_follows and self.ti is not None:
            aftermath.carry_out(self.ti, self._under_way()[1], self.around.callback_limit)
            self.around.send(Ready(pid=os.getpid(), hostname=self.around.hostname))
        return finished

    def _judge(self, find_dag: Callable[[], DAG]) -> Judgement:
        try:
            with self.around.interrupts.during(self._on_kill):
                dag = find_dag()
                drain_deprecations()  # what the file's own lines use is told of as its warnings
                self._prepare(dag)
                self._keep(self._execute())
                clear_state_of_success(self.ti)
        except KeyboardInterrupt:
            raise
        except (TaskDeferred, TaskAwaitingInput) as error:
            return self._park(error)
        except BaseException as error:  # noqa: BLE001 - whatever author code raises ends the try, not the worker
            if self.ti is not None and self.task is not None and self.context is not None:
                self.ti.rendered_map_index = label_if_possible(self.task, self.context, self.ti.rendered_map_index)
            judgement = judge(error, lambda: self.around.was_killed(self.order.ti_pk, self.order.try_number))
            if self.order.dag_run.logical_date is None and misses_logical_date(error):
                _log.error(_NO_LOGICAL_DATE)
            return ask_retry_policy(judgement, self.order, self.task, self.context)
        return Judgement("success")

    def _park(self, wait: TaskDeferred | TaskAwaitingInput) -> Judgement:
        """Let the try wait outside the worker, or fail where that cannot be stored."""
        task, _ = self._under_way()
        try:
            deferral = deferral_of(wait, task, self.order)
        except UnserializableTriggerError as error:
            _log.error("Failed: %s", error)
            return Judgement("failed", one_line(error), error)
        return Judgement("deferred" if deferral.classpath else "awaiting_input", deferral=deferral)

    def _prepare(self, dag: DAG) -> None:
        order, around = self.order, self.around
        original = dag.get_task(order.task_id)
        self.task = task = original.prepare_for_execution()
        self.ti = ti = RuntimeTaskInstance(
            order,
            task,
            started_at=(order.resumption and order.first_started_at) or self.started_at,
            hostname=around.hostname,
            base_url=around.options.base_url,
            xcom_max_bytes=around.options.xcom_max_bytes,
        )
        self.context = context = ti.get_template_context()
        set_context(context)
        _log.info(
            "Running %s of DAG %s, run %s, try %d of %d" if order.resumption is None else _GOING_ON,
            original if order.map_index < 0 else f"{original!r}[{order.map_index}]",
            order.dag_id,
            order.dag_run.run_id,
            order.try_number,
            max(order.max_tries + 1, order.try_number),
        )
        around.environment.enter(
            env_vars_of_policies(context) | context_to_airflow_vars(context, in_env_var_format=True)
        )
        self.task, no_templates = operator_of_index(task, context)
        self._render(self.task, context, no_templates)
        ti.rendered_map_index = label_if_possible(self.task, context, None)

    def _render(self, task: BaseOperator, context: Context, no_templates: set[int]) -> None:
        if not task.template_fields:
            return
        if prepares_templates(task):
            task.resolve_template_files()
        if no_templates:
            render_template_fields(task, context, None, no_templates)
        else:
            task.render_template_fields(context)
        self.rendered = rendered_fields(task)

    def _execute(self) -> Any:
        task, context = self._under_way()
        require_active_assets(task)
        tell(
            "on_task_instance_running",
            self.around.callback_limit,
            previous_state=TaskInstanceState.QUEUED,
            task_instance=self.ti,
            session=None,
        )
        if task._pre_execute_hook is not None:  # noqa: SLF001 - the author's, kept by the operator for the runner
            task._pre_execute_hook(context)  # noqa: SLF001 - as above
        task.pre_execute(context)
        run_callbacks(task, "on_execute_callback", context, self.around.callback_limit)
        resumption = self.order.resumption
        execute = task.execute if resumption is None else going_on(task, resumption)
        try:
            with self.around.interrupts.time_limit(
                remaining_limit_s(task, self.order), "the task's execution_timeout is over: it"
            ):
                result = execute(context=context)  # pyright: ignore[reportCallIssue] - authors' signatures differ
                if isgenerator(result):
                    result = take_yielded(result)
        except AirflowTaskTimeout:
            task.on_kill()
            raise
        if task._post_execute_hook is not None:  # noqa: SLF001 - as above
            task._post_execute_hook(context, result)  # noqa: SLF001 - as above
        task.post_execute(context, result)
        if task.overwrite_rtif_after_execution:
            self.rendered = rendered_fields(task)
        return result

    def _keep(self, result: Any) -> None:
        """Make XComs of what the task returned. Raises ValueError and TypeError for what cannot be kept."""
        task, context = self._under_way()
        ti = self.ti
        if ti is None:
            return
        ti.rendered_map_index = label_of_index(task, context)
        value = result if task.do_xcom_push else None
        limit = self.around.options.max_map_length
        self.map_length = length_for_mapping(task, ti.map_index, value, limit)
        if value is None:
            return
        values: dict[str, Any] = {}
        if task.multiple_outputs:
            values.update(_several_outputs(task, result))
        values["return_value"] = result
        self.xcoms = tuple(XComValue(key=key, value=ti.encode_xcom(key, value)) for key, value in values.items())

    def _note_asset_events(self, judgement: Judgement) -> Judgement:
        """Note what the success means to assets; what cannot be told of them fails the try."""
        task, context = self._under_way()
        try:
            self.asset_events = asset_events_of(task, context, self.order.dag_run)
        except Exception as error:  # noqa: BLE001 - author objects may raise anything
            return judge(error, lambda: False)
        return judgement

    def _add_links(self, judgement: Judgement) -> None:
        """Have the task's extra links computed: the web server, which shows them, runs no author code."""
        task, ti = self.task, self.ti
        if task is None or ti is None or judgement.outcome in _NOT_ENDED:
            return
        for link in links_of(task):

            def add(link: Any = link) -> None:
                address = address_of(link, task, ti)
                if address is not None:
                    self.links.append(XComValue(key=key_of(link), value=ti.encode_xcom(key_of(link), address)))

            guarded(add, f"extra link {link.name!r}", self.around.callback_limit)

    def _finish(self, judgement: Judgement, *, ready_follows: bool) -> Finished:
        for note in drain_deprecations():
            _log.warning("%s:%d: %s", note.file, note.line, note.message)
        ended_at = clock.now()
        ti, succeeded = self.ti, judgement.outcome == "success"
        if ti is not None:
            ti.ended_at = ended_at
        _log.info("Ended as %s after %.3f s", judgement.outcome, (ended_at - self.started_at).total_seconds())
        return Finished(
            ti_pk=self.order.ti_pk,
            try_number=self.order.try_number,
            outcome=judgement.outcome,
            started_at=self.started_at,
            ended_at=ended_at,
            asset_events=self.asset_events if succeeded else (),
            xcoms=(*(self.xcoms if succeeded else ()), *self.links),
            skip_task_ids=tuple(ti.skipped_task_ids if ti is not None and succeeded else ()) + judgement.skip_task_ids,
            reschedule_at=judgement.reschedule_at,
            retry_at=judgement.retry_at,
            deferral=judgement.deferral,
            error=judgement.message,
            rendered_fields=self.rendered,
            map_length=self.map_length if succeeded else None,
            rendered_map_index=ti.rendered_map_index if ti is not None else None,
            note=(ti.note if ti is not None else None) or self.around.note(),
            retire=self.around.retires(),
            ready_follows=ready_follows,
        )

    def _on_kill(self) -> None:
        _log.warning("Told to stop (SIGTERM)")
        if self.task is not None:
            self.task.on_kill()

    def _under_way(self) -> tuple[BaseOperator, Context]:
        if self.task is None or self.context is None:
            raise RuntimeError("the try has no task yet: prepare it first")
        return self.task, self.context


_NO_LOGICAL_DATE = (
    "The run has no logical date, and so no ds, ts, logical_date and data_interval_*: trigger it with one, "
    "or use dag_run.run_after"
)
_GOING_ON = "Going on with %s of DAG %s, run %s, try %d of %d"
_NOT_ENDED = frozenset({"awaiting_input", "deferred", "killed", "reschedule"})


def _several_outputs(task: BaseOperator, result: Any) -> dict[str, Any]:
    """Return the XComs of a task with multiple_outputs. Raises TypeError when it returned no dict with text keys."""
    if not isinstance(result, dict):
        raise TypeError(
            f"task {task.task_id!r} has multiple_outputs and must return a dict, not {type(result).__name__}"
        )
    for key in result:
        if not isinstance(key, str):
            raise TypeError(
                f"task {task.task_id!r} has multiple_outputs: its dict has the key {key!r}, which is no text"
            )
    return result
