"""`DAG` and `@dag`."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from functools import wraps

from tradewind.sdk.author_defaults import airflow_of, author_defaults, by_airflow
from tradewind.sdk.definitions.contexts import DagContext, TaskGroupContext
from tradewind.sdk.definitions.dag_arguments import (
    as_utc,
    checked_links,
    checked_run_types,
    checked_tags,
    default_schedule,
    expect,
    is_returned,
    modern_arguments,
    or_default,
    read_doc_md,
    timetable_of,
    zone_name,
    zone_of,
)
from tradewind.sdk.definitions.node import validate_key
from tradewind.sdk.definitions.param import DagParam, ParamsDict
from tradewind.sdk.definitions.task_group import TaskGroup
from tradewind.sdk.deprecations import author_file, spelling_of_airflow_2
from tradewind.sdk.exceptions import (
    DuplicateTaskIdFound,
    FailFastDagInvalidTriggerRule,
    NodeNotFound,
    ParamValidationError,
    TaskNotFound,
)
from tradewind.sdk.graph.order import flatten, sort_tasks
from tradewind.sdk.graph.parts import draw_tree, selected_ids, subset
from tradewind.sdk.toolkit.kinds import NOTSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import tzinfo
    from typing import Any

    from tradewind.sdk.definitions.operator import BaseOperator

_FAIL_FAST_RULES = ("all_success", "all_done_setup_success")
_STORED = (
    "access_control",
    "auto_register",
    "dag_id",
    "dagrun_timeout",
    "deadline",
    "description",
    "disable_bundle_versioning",
    "is_paused_upon_creation",
    "jinja_environment_kwargs",
    "on_failure_callback",
    "on_success_callback",
    "render_template_as_native_obj",
    "rerun_with_latest_version",
    "template_undefined",
    "user_defined_filters",
    "user_defined_macros",
)
"""Arguments that become attributes as they are."""
_COMPARED = ("dag_id", "task_ids", "start_date", "end_date", "fileloc", "template_searchpath", "schedule")


class DAG:
    """Tasks, their order, and when they run.

    Takes every argument of Airflow 1.10, 2 and 3; one that Airflow 3 has dropped means its modern form and is noted.
    Raises TypeError for unknown arguments and wrong types, ValueError for values that make no sense: a cron
    expression that is none, catchup without a start date, a schedule with params that have no default, ...
    """

    dag_id: str
    description: str | None
    default_args: dict[str, Any]
    template_searchpath: list[str] | None
    template_undefined: Any
    user_defined_macros: dict[str, Any] | None
    user_defined_filters: dict[str, Any] | None
    jinja_environment_kwargs: dict[str, Any] | None
    render_template_as_native_obj: bool
    dagrun_timeout: timedelta | None
    deadline: Any
    sla_miss_callback: Any
    on_success_callback: Any
    on_failure_callback: Any
    access_control: dict[str, Any] | None
    is_paused_upon_creation: bool | None
    auto_register: bool
    allowed_run_types: frozenset[Any] | None
    """Which `DagRunType`s may be made of it, None for all."""
    disable_bundle_versioning: bool | None
    rerun_with_latest_version: bool | None
    owner_links: dict[str, str]
    fail_fast: bool
    catchup: bool
    schedule: Any
    timetable: Any
    start_date: datetime | None
    end_date: datetime | None
    max_active_tasks: int
    max_active_runs: int
    max_consecutive_failed_dag_runs: int
    params: ParamsDict
    tags: set[str]
    task_dict: dict[str, BaseOperator]
    task_group: TaskGroup
    edge_info: dict[str, dict[str, dict[str, Any]]]
    fileloc: str
    """The file it was made in; the parser may correct it."""
    relative_fileloc: str | None = None
    airflow_defaults: int
    airflow_2_spelling: tuple[str, int, str] | None
    """File, line and text of what says that it was written for Airflow 2."""
    """Whose defaults it got: those of Airflow 2 or 3."""
    partial: bool = False
    """Whether it is a part of another one: see `partial_subset`."""
    last_loaded: datetime | None = None
    parent_dag: DAG | None = None

    def __init__(  # noqa: PLR0913 - Airflow's
        self,
        dag_id: str,
        description: str | None = None,
        schedule: Any = NOTSET,
        *,
        start_date: datetime | str | None = None,
        end_date: datetime | str | None = None,
        template_searchpath: str | Iterable[str] | None = None,
        template_undefined: Any = None,
        user_defined_macros: dict[str, Any] | None = None,
        user_defined_filters: dict[str, Any] | None = None,
        default_args: dict[str, Any] | None = None,
        max_active_tasks: int | None = None,
        max_active_runs: int | None = None,
        max_consecutive_failed_dag_runs: int | None = None,
        dagrun_timeout: timedelta | None = None,
        deadline: Any = None,
        catchup: bool | None = None,
        on_success_callback: Any = None,
        on_failure_callback: Any = None,
        doc_md: str | None = None,
        params: Any = None,
        access_control: dict[str, Any] | None = None,
        is_paused_upon_creation: bool | None = None,
        jinja_environment_kwargs: dict[str, Any] | None = None,
        render_template_as_native_obj: bool = False,
        tags: Collection[str] | None = None,
        owner_links: dict[str, str] | None = None,
        auto_register: bool = True,
        fail_fast: bool = False,
        allowed_run_types: Any = None,
        dag_display_name: str | None = None,
        disable_bundle_versioning: bool | None = None,
        rerun_with_latest_version: bool | None = None,
        **removed: Any,
    ) -> None:
        arguments = dict(locals())
        for name in _STORED:
            setattr(self, name, arguments[name])
        validate_key(dag_id)
        self.fileloc = author_file()
        modern = modern_arguments(dag_id, removed) if removed else {}
        self.airflow_defaults = airflow_of(self.fileloc, uses_airflow_2_argument=bool(removed))
        self.airflow_2_spelling = spelling_of_airflow_2(self.fileloc)
        self.default_args = dict(expect(default_args, dict, dag_id, "default_args") or {})
        expect(description, str, dag_id, "description")
        expect(dagrun_timeout, timedelta, dag_id, "dagrun_timeout")
        self._settle_texts(dag_display_name, doc_md, tags, template_searchpath)
        self.sla_miss_callback = modern.get("sla_miss_callback")
        self.owner_links = checked_links(self.dag_id, owner_links)
        self.fail_fast = bool(modern.get("fail_fast", fail_fast))
        self.edge_info = {}
        self.task_dict = {}
        self.task_group = TaskGroup.create_root(self)
        self._settle_dates(start_date, end_date)
        self._settle_schedule(modern.get("schedule", schedule), catchup)
        self.allowed_run_types = checked_run_types(self.dag_id, allowed_run_types, self.timetable)
        self._settle_limits(modern.get("max_active_tasks", max_active_tasks), max_active_runs)
        self.max_consecutive_failed_dag_runs = or_default(
            expect(max_consecutive_failed_dag_runs, int, dag_id, "max_consecutive_failed_dag_runs"),
            author_defaults().max_consecutive_failed_dag_runs,
        )
        self._settle_params(params)

    def _settle_texts(
        self,
        display_name: str | None,
        doc_md: str | None,
        tags: Collection[str] | None,
        searchpath: str | Iterable[str] | None,
    ) -> None:
        self.dag_display_name = display_name or self.dag_id
        self.doc_md = read_doc_md(doc_md)
        self.tags = checked_tags(self.dag_id, tags)
        self.template_searchpath = [searchpath] if isinstance(searchpath, str) else list(searchpath or ()) or None

    def _settle_dates(self, start_date: Any, end_date: Any) -> None:
        defaults = self.default_args
        start_date = start_date or defaults.get("start_date")
        self._zone: tzinfo = zone_of(start_date)
        self.start_date = as_utc(start_date, self._zone)
        self.end_date = as_utc(end_date, self._zone)
        for name in ("start_date", "end_date"):
            if defaults.get(name):
                defaults[name] = as_utc(defaults[name], self._zone)

    def _settle_schedule(self, schedule: Any, catchup: bool | None) -> None:
        self.schedule = default_schedule(self.airflow_defaults) if schedule is NOTSET else schedule
        try:
            self.timetable = timetable_of(self.schedule, self._zone, self.airflow_defaults)
        except (TypeError, ValueError) as error:
            msg = f"DAG {self.dag_id!r}: {error}"
            raise (TypeError if isinstance(error, TypeError) else ValueError)(msg) from error
        given = author_defaults().catchup if catchup is None else bool(catchup)
        self.catchup = by_airflow(given, self.airflow_defaults)
        # In Airflow 2 the tasks may bring the date, Airflow 3 wants it at the DAG.
        if self.catchup and self.airflow_defaults >= 3 and self._is_scheduled and not self.start_date:
            raise ValueError(f"DAG {self.dag_id!r}: start_date is required when catchup=True")

    @property
    def _is_scheduled(self) -> bool:
        """Whether runs come without being triggered; authors' timetables need not say so."""
        return getattr(self.timetable, "can_be_scheduled", True)

    def _settle_limits(self, max_active_tasks: int | None, max_active_runs: int | None) -> None:
        defaults = author_defaults()
        self.max_active_tasks = or_default(
            expect(max_active_tasks, int, self.dag_id, "max_active_tasks"), defaults.max_active_tasks
        )
        limit = getattr(self.timetable, "active_runs_limit", None)
        if limit is not None and max_active_runs is not None and max_active_runs > limit:
            msg = (
                f"DAG {self.dag_id!r}: Invalid max_active_runs: {type(self.timetable).__name__} requires "
                f"max_active_runs <= {limit}, got {max_active_runs}"
            )
            raise ValueError(msg)
        self.max_active_runs = or_default(
            expect(max_active_runs, int, self.dag_id, "max_active_runs"), limit or defaults.max_active_runs
        )

    def _settle_params(self, params: Any) -> None:
        given = self.default_args.pop("params", None)
        self.params = ParamsDict(params)
        if given:
            self.params.update(ParamsDict(given))
        if not self.params or not self._is_scheduled:
            return
        try:
            self.params.validate()
        except ParamValidationError as error:
            msg = (
                f"Dag {self.dag_id!r} is not allowed to define a Schedule, as there are required params without default "
                f"values, or the default values are not valid. It has a schedule, so each needs one: {error}"
            )
            raise ValueError(msg) from error

    def __repr__(self) -> str:
        return f"<DAG: {self.dag_id}>"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _COMPARED)

    def __lt__(self, other: DAG) -> bool:
        return self.dag_id < other.dag_id

    def __hash__(self) -> int:
        return hash((type(self), self.dag_id))

    def __enter__(self) -> DAG:  # noqa: PYI034 - typing.Self is not in Python 3.10
        DagContext.push(self)
        return self

    def __exit__(self, *_exc: object) -> None:
        DagContext.pop()

    def __deepcopy__(self, memo: dict[int, Any]) -> DAG:
        result = type(self).__new__(type(self))
        memo[id(self)] = result
        for name, value in self.__dict__.items():
            shared = name in {"user_defined_macros", "user_defined_filters", "timetable", "_zone"}
            result.__dict__[name] = value if shared else copy.deepcopy(value, memo)
        return result

    # --- Its tasks ----------------------------------------------------------------------------------------------------

    @property
    def tasks(self) -> list[BaseOperator]:
        """Its tasks in the author's order."""
        return list(self.task_dict.values())

    @property
    def task_ids(self) -> list[str]:
        """The ids of its tasks in the author's order."""
        return list(self.task_dict)

    @property
    def task_count(self) -> int:
        """The number of its tasks."""
        return len(self.task_dict)

    @property
    def task_group_dict(self) -> dict[str, TaskGroup]:
        """Its task groups by group_id."""
        return {key: group for key, group in self.task_group.get_task_group_dict().items() if key is not None}

    @property
    def roots(self) -> list[BaseOperator]:
        """Its tasks without an upstream one."""
        return [task for task in self.task_dict.values() if not task.upstream_task_ids]

    @property
    def leaves(self) -> list[BaseOperator]:
        """Its tasks without a downstream one."""
        return [task for task in self.task_dict.values() if not task.downstream_task_ids]

    @property
    def teardowns(self) -> list[BaseOperator]:
        """Its teardown tasks."""
        return [task for task in self.task_dict.values() if task.is_teardown]

    @property
    def task(self) -> Any:
        """`@task` for this DAG: `@dag.task`."""
        from tradewind.sdk.definitions.taskflow import task  # noqa: PLC0415 - brings the decorators

        return task.bound(dag=self)

    def has_task(self, task_id: str) -> bool:
        """Return whether it has a task of this id."""
        return task_id in self.task_dict

    def has_task_group(self, task_group_id: str) -> bool:
        """Return whether it has a task group of this id."""
        return task_group_id in self.task_group_dict

    def get_task(self, task_id: str, include_subdags: bool = False) -> Any:  # noqa: ARG002 - Airflow's
        """Return the task of this id; raises `TaskNotFound`."""
        try:
            return self.task_dict[task_id]
        except KeyError:
            raise TaskNotFound(f"DAG {self.dag_id!r} has no task {task_id!r}") from None

    def __getitem__(self, node_id: str) -> Any:
        """Return the task or task group of this id; raises `NodeNotFound`."""
        node = self.task_dict.get(node_id) or self.task_group_dict.get(node_id)
        if node is None:
            raise NodeNotFound(f"DAG {self.dag_id!r} has no task or task group {node_id!r}")
        return node

    def add_task(self, task: BaseOperator) -> None:
        """Put a task into it. Raises `DuplicateTaskIdFound`, or `FailFastDagInvalidTriggerRule` with `fail_fast`."""
        if not task.start_date or (self.start_date and task.start_date < self.start_date):
            task.start_date = self.start_date
        if not task.end_date or (self.end_date and task.end_date > self.end_date):
            task.end_date = self.end_date
        if task.task_group is None:
            group = TaskGroupContext.get_current(self)
            group = group if group is not None and group.dag is self else self.task_group
            task.task_id = group.child_id(task.task_id)
            group.add(task)
        task_id = task.task_id
        if self.task_dict.get(task_id, task) is not task or task_id in self.task_group.used_group_ids:
            msg = f"Task id {task_id!r} has already been added to the Dag {self.dag_id!r}: give each an id of its own"
            raise DuplicateTaskIdFound(msg)
        self.task_dict[task_id] = task
        self.task_group.used_group_ids.add(task_id)
        task.dag = self
        if self.fail_fast and task.trigger_rule not in _FAIL_FAST_RULES:
            msg = f"DAG {self.dag_id!r} has fail_fast, which allows trigger rule all_success only; see task {task_id!r}"
            raise FailFastDagInvalidTriggerRule(msg)

    def add_tasks(self, tasks: Iterable[BaseOperator]) -> None:
        """Put several tasks into it."""
        for task in tasks:
            self.add_task(task)

    def set_dependency(self, upstream_task_id: str, downstream_task_id: str) -> None:
        """Put one task before another, by their ids."""
        self.get_task(upstream_task_id).set_downstream(self.get_task(downstream_task_id))

    def get_edge_info(self, upstream_task_id: str, downstream_task_id: str) -> dict[str, Any]:
        """Return what is written to an edge, `{"label": ...}`; empty for nothing."""
        return self.edge_info.get(upstream_task_id, {}).get(downstream_task_id, {})

    def set_edge_info(self, upstream_task_id: str, downstream_task_id: str, info: dict[str, Any]) -> None:
        """Write to an edge what the graph shows there."""
        self.edge_info.setdefault(upstream_task_id, {})[downstream_task_id] = info

    def topological_sort(self, include_subdag_tasks: bool = False) -> tuple[BaseOperator, ...]:  # noqa: ARG002 - Airflow's
        """Return its tasks, group by group, so that each comes after its upstream ones."""
        return tuple(flatten(self.task_group))

    def partial_subset(
        self,
        task_ids: str | Iterable[str],
        include_downstream: bool = False,
        include_upstream: bool = True,
        include_direct_upstream: bool = False,
        depth: int | None = None,
    ) -> DAG:
        """Return a copy with some of its tasks: those named, or whose id contains a text, and their relatives."""
        chosen = selected_ids(
            self,
            task_ids,
            downstream=include_downstream,
            upstream=include_upstream,
            direct=include_direct_upstream,
            depth=depth,
        )
        return subset(self, chosen)

    def tree_view(self) -> None:
        """Print it as a tree."""
        print(self.get_tree_representation())  # noqa: T201 - that is what it is for

    def get_tree_representation(self) -> str:
        """Return it as a tree of lines."""
        return draw_tree(self)

    # --- Facts --------------------------------------------------------------------------------------------------------

    @property
    def timezone(self) -> Any:
        """The zone of its schedule, as a pendulum time zone."""
        from tradewind.sdk.timezone import parse_timezone  # noqa: PLC0415 - brings pendulum

        return parse_timezone(zone_name(self._zone))

    @property
    def zone(self) -> tzinfo:
        """The zone of its schedule, as the author gave it."""
        return self._zone

    @property
    def schedule_interval(self) -> Any:
        """What the author wrote as its schedule: Airflow 2's name."""
        return self.schedule

    @property
    def concurrency(self) -> int:
        """`max_active_tasks`: Airflow 1's name."""
        return self.max_active_tasks

    @property
    def fail_stop(self) -> bool:
        """`fail_fast`: Airflow 2's name."""
        return self.fail_fast

    @property
    def folder(self) -> str:
        """The folder of its file."""
        return self.fileloc.rpartition("/")[0]

    @property
    def filepath(self) -> str:
        """The path of its file: Airflow 2's name."""
        return self.fileloc

    @property
    def owner(self) -> str:
        """The owners of its tasks, sorted."""
        return ", ".join(sorted({task.owner for task in self.task_dict.values()}))

    @property
    def is_subdag(self) -> bool:
        """Whether a task of another DAG runs it."""
        return self.parent_dag is not None

    @property
    def has_on_success_callback(self) -> bool:
        """Whether something is called when a run succeeds."""
        return bool(self.on_success_callback)

    @property
    def has_on_failure_callback(self) -> bool:
        """Whether something is called when a run fails."""
        return bool(self.on_failure_callback)

    def param(self, name: str, default: Any = NOTSET) -> DagParam:
        """Return a reference to one of its params, to be passed to tasks; `default` becomes the param's."""
        return DagParam(self, name, default)

    def get_template_env(self, *, force_sandboxed: bool = False) -> Any:
        """Return the Jinja environment of its templates."""
        from tradewind.sdk.runtime.templating import template_environment  # noqa: PLC0415 - brings Jinja

        return template_environment(self, None, force_sandboxed=force_sandboxed)

    def resolve_template_files(self) -> None:
        """Read the template files that its tasks name."""
        for task in self.task_dict.values():
            task.resolve_template_files()

    # --- Checking and running -----------------------------------------------------------------------------------------

    def validate(self) -> None:
        """Check what can only be checked when the file is read to its end. Raises ValueError or another error."""
        validate = getattr(self.timetable, "validate", None)
        if validate is not None:
            validate()
        checked_links(self.dag_id, self.owner_links)
        for task in self.task_dict.values():
            if task.is_setup and any(
                not after.is_teardown and after.trigger_rule != "all_success" for after in task.downstream_list
            ):
                msg = f"DAG {self.dag_id!r}: tasks after setup task {task.task_id!r} need trigger rule all_success"
                raise ValueError(msg)

    def add_result(self, xcom_arg: Any) -> Any:
        """Make what a task returns the result of the DAG; return the reference. Raises ValueError for another one."""
        if not is_returned(xcom_arg):
            raise ValueError(
                f"DAG {self.dag_id!r}: Only plain return value can be used as dag result, got {xcom_arg!r}"
            )
        xcom_arg.operator.returns_dag_result = True
        return xcom_arg

    def check_cycle(self) -> None:
        """Raise `AirflowDagCycleException` when its tasks wait for each other."""
        sort_tasks(self)

    def test(
        self,
        execution_date: Any = None,
        run_conf: dict[str, Any] | None = None,
        conn_file_path: str | None = None,
        variable_file_path: str | None = None,
        use_executor: bool = False,
        mark_success_pattern: Any = None,
        *,
        run_after: datetime | None = None,
        logical_date: Any = NOTSET,
    ) -> Any:
        """Run it once, in this process; return the finished run."""
        from tradewind.sdk.ports import dag_test_runner  # noqa: PLC0415 - only when a DAG is tested

        date = execution_date if logical_date is NOTSET else logical_date
        return dag_test_runner()(
            self,
            logical_date=as_utc(date, self._zone),
            run_conf=run_conf,
            conn_file_path=conn_file_path,
            variable_file_path=variable_file_path,
            mark_success_pattern=getattr(mark_success_pattern, "pattern", mark_success_pattern),
            use_executor=use_executor,
            run_after=as_utc(run_after, self._zone),
        )

    def cli(self) -> None:
        """Answer the command line of a script that ends with `dag.cli()`: `tasks`, `tree` or `test [DATE]`."""
        from tradewind.sdk.graph.command_line import answer_command_line  # noqa: PLC0415 - only as a script

        answer_command_line(self)


def dag(dag_id_or_func: Any = None, **decorator_kwargs: Any) -> Any:
    """Make a function that creates tasks a factory of DAGs: `@dag` or `@dag(dag_id=..., schedule=..., ...)`.

    Calling the factory gives the DAG. Arguments of the function become params of the DAG.
    """
    if "dag_id" not in decorator_kwargs and isinstance(dag_id_or_func, str) and dag_id_or_func.strip():
        decorator_kwargs["dag_id"] = dag_id_or_func

    def decorate(function: Callable[..., Any]) -> Callable[..., DAG]:
        @wraps(function)
        def factory(*args: Any, **kwargs: Any) -> DAG:
            from inspect import signature  # noqa: PLC0415 - not on the way of `from tradewind import DAG`

            bound = signature(function).bind(*args, **kwargs)
            bound.apply_defaults()
            arguments: dict[str, Any] = {"dag_id": function.__name__, **decorator_kwargs}
            with DAG(**arguments) as made:
                if function.__doc__ and not made.doc_md:
                    made.doc_md = function.__doc__
                returned = function(**{name: made.param(name, value) for name, value in bound.arguments.items()})
                if is_returned(returned):
                    made.add_result(returned)
            return made

        return factory

    return decorate(dag_id_or_func) if callable(dag_id_or_func) else decorate
