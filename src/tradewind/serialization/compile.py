"""From the DAG document to the compiled DAG."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tradewind.core.expansion import sources
from tradewind.core.graph import CompiledDag, MappedGroup, TaskNode, setup_scopes, total_weights
from tradewind.core.retries import RetryPolicy
from tradewind.core.trigger_rules import parse_trigger_rule
from tradewind.serialization.expansions import read_expansion

if TYPE_CHECKING:
    from tradewind.core.expansion import Expansion
    from tradewind.serialization.document import DagDocument, TaskDocument


def compile_document(document: DagDocument) -> CompiledDag:
    """Return the compiled form of `document`.

    Raises `DagCycleError` for a cycle and `ValueError` for an unknown trigger rule or task and for what cannot be mapped
    over: a document made by `tradewind.sdk.document` has none of these.
    """
    tasks = document.tasks
    index_of = {task.task_id: index for index, task in enumerate(tasks)}
    downstream = [_indexes(document.dag_id, task, index_of) for task in tasks]
    upstream: list[list[int]] = [[] for _ in tasks]
    for index, targets in enumerate(downstream):
        for target in targets:
            upstream[target].append(index)
    weights = total_weights(
        [task.priority_weight for task in tasks],
        [task.weight_rule for task in tasks],
        upstream,
        downstream,
    )
    leaves = _leaves(tasks, downstream)
    scopes, scope_of = _scopes(tasks, upstream, downstream)
    mapping = _Mapping(document, index_of)
    nodes = tuple(
        _node(
            task,
            index=index,
            upstream=tuple(upstream[index]),
            downstream=downstream[index],
            scope=scopes[index],
            scope_of=tuple(scope_of[index]),
            priority_weight=weights[index],
            is_leaf=index in leaves,
            **mapping.of_task(index),
        )
        for index, task in enumerate(tasks)
    )
    timeout_s = document.dagrun_timeout_s
    return CompiledDag(
        dag_id=document.dag_id,
        nodes=nodes,
        index_of=index_of,
        groups=mapping.groups,
        max_active_runs=document.max_active_runs,
        max_active_tasks=document.max_active_tasks,
        dagrun_timeout=None if timeout_s is None else timedelta(seconds=timeout_s),
        fail_fast=document.fail_fast,
    )


def _indexes(dag_id: str, task: TaskDocument, index_of: dict[str, int]) -> tuple[int, ...]:
    try:
        return tuple(index_of[task_id] for task_id in task.downstream)
    except KeyError as error:
        msg = f"DAG {dag_id!r}: task {task.task_id!r} has the unknown task {error.args[0]!r} downstream"
        raise ValueError(msg) from None


def _scopes(
    tasks: tuple[TaskDocument, ...], upstream: list[list[int]], downstream: list[tuple[int, ...]]
) -> tuple[list[tuple[int, ...]], list[list[int]]]:
    """Return each task's scope, and for each task those that have it in theirs."""
    scope_of: list[list[int]] = [[] for _ in tasks]
    setups = {index for index, task in enumerate(tasks) if task.is_setup}
    teardowns = {index for index, task in enumerate(tasks) if task.is_teardown}
    if not setups:
        return [()] * len(tasks), scope_of
    scopes = setup_scopes(upstream, downstream, setups, teardowns)
    for index, scope in enumerate(scopes):
        for other in scope:
            scope_of[other].append(index)
    return scopes, scope_of


def _node(task: TaskDocument, **place: Any) -> TaskNode:
    return TaskNode(
        **place,
        task_id=task.task_id,
        operator=task.task_type,
        trigger_rule=parse_trigger_rule(task.trigger_rule),
        retry=RetryPolicy(
            retries=task.retries,
            retry_delay_s=task.retry_delay_s,
            exponential_backoff=task.retry_exponential_backoff,
            max_retry_delay_s=task.max_retry_delay_s,
        ),
        weights_by_try=task.weights_by_try,
        pool=task.pool,
        pool_slots=task.pool_slots,
        queue=task.queue,
        executor=task.executor,
        max_active_tis_per_dag=task.max_active_tis_per_dag,
        max_active_tis_per_dagrun=task.max_active_tis_per_dagrun,
        depends_on_past=task.depends_on_past,
        wait_for_downstream=task.wait_for_downstream,
        ignore_first_depends_on_past=task.ignore_first_depends_on_past,
        waits_for_past_before_skipping=task.wait_for_past_depends_before_skipping,
        is_empty=task.is_empty,
        starts_from_trigger=task.start_trigger is not None,
        is_setup=task.is_setup,
        is_teardown=task.is_teardown,
        on_failure_fail_dagrun=task.on_failure_fail_dagrun,
    )


class _Mapping:
    """What the mapped tasks and groups of a document expand over, and which tasks have a say in it."""

    def __init__(self, document: DagDocument, index_of: dict[str, int]) -> None:
        self.dag_id = document.dag_id
        self.index_of = index_of
        self.groups: tuple[MappedGroup, ...] = ()
        self._group_index: dict[str, int] = {}
        self._parents = {group.group_id: group.parent_id for group in document.groups}
        for group in document.groups:
            if group.expansion is not None:
                expansion = self._read(f"task group {group.group_id!r}", group.expansion)
                self._group_index[group.group_id] = len(self.groups)
                self.groups += (MappedGroup(group_id=group.group_id, expansion=expansion),)
        self._around = [self._groups_around(task.group_id) for task in document.tasks]
        self._expansions = [
            None if task.expansion is None else self._read(f"task {task.task_id!r}", task.expansion)
            for task in document.tasks
        ]
        self._sources = [self._sources_of(index, task.task_id) for index, task in enumerate(document.tasks)]
        self._lengthens: list[list[int]] = [[] for _ in document.tasks]
        for index, found in enumerate(self._sources):
            for source in found:
                self._lengthens[source].append(index)

    def of_task(self, index: int) -> dict[str, Any]:
        """Return the fields of the task's node."""
        return {
            "expansion": self._expansions[index],
            "groups": self._around[index],
            "length_sources": self._sources[index],
            "lengthens": tuple(self._lengthens[index]),
        }

    def _read(self, name: str, written: dict[str, Any]) -> Expansion:
        try:
            return read_expansion(written, self.index_of)
        except ValueError as error:
            msg = f"DAG {self.dag_id!r}: {name} cannot be mapped: {error}"
            raise ValueError(msg) from None

    def _groups_around(self, group_id: str | None) -> tuple[int, ...]:
        found: list[int] = []
        while group_id is not None:
            if group_id in self._group_index:
                found.append(self._group_index[group_id])
            group_id = self._parents.get(group_id)
        return tuple(reversed(found))

    def _sources_of(self, index: int, task_id: str) -> tuple[int, ...]:
        expansions = [self.groups[group].expansion for group in self._around[index]]
        own = self._expansions[index]
        found = tuple(dict.fromkeys(s for part in (*expansions, *([own] if own else [])) for s in sources(part)))
        if index in found:
            msg = f"DAG {self.dag_id!r}: task {task_id!r} cannot be mapped over what it returns itself"
            raise ValueError(msg)
        return found


def _leaves(tasks: tuple[TaskDocument, ...], downstream: list[tuple[int, ...]]) -> set[int]:
    # Airflow lets a teardown decide over the run only when its author asked for it, and looks through teardowns
    # otherwise: the tasks before them are the leaves. Where nothing but such teardowns is left, their last ones are.
    counted = {index for index, task in enumerate(tasks) if not task.is_teardown or task.on_failure_fail_dagrun}
    leaves = {index for index in counted if counted.isdisjoint(downstream[index])}
    return leaves or {index for index, targets in enumerate(downstream) if not targets}
