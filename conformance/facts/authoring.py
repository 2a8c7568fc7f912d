"""The DAG of a spec, written with an author's classes: Airflow 2's, Airflow 3's or Tradewind's."""

from __future__ import annotations

import inspect
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from conformance.facts.specs import Spec

START = datetime(2024, 1, 1, tzinfo=timezone.utc)


class Authoring(Protocol):
    """What an author imports."""

    DAG: Any
    TaskGroup: Any
    task_group: Any
    BaseOperator: Any
    EmptyOperator: Any
    BranchPythonOperator: Any
    ShortCircuitOperator: Any
    fail_fast: str
    """The name of the DAG's argument."""


def author(spec: Spec, names: Authoring) -> Any:
    """Return the DAG; raises what the classes raise where they refuse it."""
    return _Author(spec, names).dag


class _Author:
    def __init__(self, spec: Spec, names: Authoring) -> None:
        self.spec, self.names = spec, names
        self.tasks: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}
        self.works = _work_class(names.BaseOperator)
        arguments = {names.fail_fast: True} if spec.get("fail_fast") else {}
        self.dag = names.DAG(
            spec["id"].replace("/", "_"),
            schedule=timedelta(days=1),
            start_date=START,
            catchup=spec.get("catchup", False),
            default_args={"retry_delay": timedelta(0), "owner": "facts"},
            **arguments,
        )
        with self.dag:
            self._make_all()
        for above, below in spec.get("edges", ()):
            self._node(above).set_downstream(self._node(below))

    def _node(self, node_id: str) -> Any:
        return self.groups[node_id] if node_id in self.groups else self.tasks[node_id]

    def _path(self, group: str | None) -> list[str]:
        """Return the groups around, the outermost first."""
        return [] if group is None else [*self._path(self.spec["groups"][group].get("in")), group]

    def _make_all(self) -> None:
        """Make tasks in the order of the spec, a group with its first task, a mapped group with all of them."""
        for task_id, task in self.spec["tasks"].items():
            path = self._path(task.get("group"))
            if task_id in self.tasks:
                continue
            if path and "map" in self.spec["groups"][path[0]]:
                self._mapped_group(path[0])
            else:
                self._make(task_id, path)

    def _make(self, task_id: str, path: list[str]) -> None:
        with ExitStack() as around:
            for group_id in path:
                if group_id not in self.groups:
                    self.groups[group_id] = self.names.TaskGroup(group_id, prefix_group_id=False)
                around.enter_context(self.groups[group_id])
            self.tasks[task_id] = self._task(task_id, self.spec["tasks"][task_id])

    def _mapped_group(self, group_id: str) -> None:
        mapping = self.spec["groups"][group_id]["map"]

        def members(**_arguments: Any) -> None:
            for task_id, task in self.spec["tasks"].items():
                path = self._path(task.get("group"))
                if path[:1] == [group_id]:
                    self._make(task_id, path[1:])

        members.__signature__ = _signature(mapping["expand"])  # pyright: ignore[reportFunctionMemberAccess]
        made = self.names.task_group(group_id=group_id, prefix_group_id=False)(members)
        self.groups[group_id] = made.expand(**self._arguments(mapping["expand"]))

    def _task(self, task_id: str, task: dict[str, Any]) -> Any:
        options = _options(task_id, task)
        kind = task.get("kind", "work")
        if "map" in task:
            partial = self.works.partial(**options)
            if "kwargs" in task["map"]:
                return partial.expand_kwargs(self._source(task["map"]["kwargs"], as_dicts=True))
            return partial.expand(**self._arguments(task["map"]["expand"]))
        if kind == "branch":
            return self.names.BranchPythonOperator(python_callable=_nothing, **options)
        if kind in {"short", "direct_short"}:
            return self.names.ShortCircuitOperator(
                python_callable=_nothing, ignore_downstream_trigger_rules=kind == "short", **options
            )
        made = self.names.EmptyOperator(**options) if kind == "empty" else self.works(**options)
        if kind == "setup":
            made.as_setup()
        elif kind == "teardown":
            made.as_teardown(on_failure_fail_dagrun=task.get("fails_run", False))
        return made

    def _arguments(self, sources: dict[str, list[Any]]) -> dict[str, Any]:
        return {argument: self._source(source) for argument, source in sources.items()}

    def _source(self, source: list[Any], *, as_dicts: bool = False) -> Any:
        form, *rest = source
        if form == "list":
            return [{"x": item} if as_dicts else item for item in range(rest[0])]
        if form == "xcom":
            return self.tasks[rest[0]].output
        made = [self._source(inner) for inner in rest]
        if form == "map":
            return made[0].map(_as_dict if as_dicts else _same)
        return getattr(made[0], form)(*made[1:])


def _options(task_id: str, task: dict[str, Any]) -> dict[str, Any]:
    past = task.get("past", "")
    options: dict[str, Any] = {"task_id": task_id, "retries": task.get("retries", 0)}
    if task.get("kind") != "teardown":
        options["trigger_rule"] = task.get("rule", "all_success")
    if past:
        options |= {
            "depends_on_past": "d" in past or "w" in past,
            "wait_for_downstream": "w" in past,
            "ignore_first_depends_on_past": "i" in past,
            "wait_for_past_depends_before_skipping": "p" in past,
        }
    return options


def _work_class(base: Any) -> Any:
    class Work(base):
        def __init__(self, *, x: Any = None, y: Any = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.x, self.y = x, y

        def execute(self, context: Any) -> None:
            raise NotImplementedError

    return Work


def _signature(arguments: dict[str, Any]) -> Any:

    return inspect.Signature([inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in arguments])


def _same(item: Any) -> Any:
    return item


def _as_dict(item: Any) -> dict[str, Any]:
    return {"x": item}


def _nothing() -> None:
    """Decide nothing: the spec says what is decided."""
