"""`BaseOperator`: what every task is."""

from __future__ import annotations

import copy

from tradewind.sdk.definitions.node import DAGNode, as_list, validate_key
from tradewind.sdk.definitions.operator_arguments import CONVERTERS, settle_arguments
from tradewind.sdk.definitions.operator_meta import OperatorMeta, PartialMethod
from tradewind.sdk.definitions.xcom_arg import PlainXComArg, XComArg
from tradewind.sdk.graph.scopes import SetupTeardownContext, leave
from tradewind.sdk.toolkit.kinds import NOTSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from typing import Any, ClassVar, NoReturn

    from tradewind.core.trigger_rules import TriggerRule
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.param import ParamsDict
    from tradewind.sdk.definitions.task_group import TaskGroup
    from tradewind.sdk.triggers.events import StartTriggerArgs

_SHARED_BY_COPIES = ("user_defined_macros", "user_defined_filters", "params")


class BaseOperator(DAGNode, metaclass=OperatorMeta):
    """A task. Operators derive from it, take their own arguments and `**kwargs`, and implement `execute(context)`.

    Takes every argument of Airflow 1.10, 2 and 3; what is left out comes from the `default_args` of the DAG and its
    task groups. Raises TypeError for missing, unknown or mistyped arguments and ValueError for values that make no
    sense, each with the task_id; `DuplicateTaskIdFound` when the DAG has such a task.
    """

    task_id: str
    owner: str
    email: str | Sequence[str] | None
    email_on_retry: bool
    email_on_failure: bool
    retries: int
    retry_delay: timedelta
    retry_exponential_backoff: float
    max_retry_delay: timedelta | None
    start_date: datetime | None
    end_date: datetime | None
    depends_on_past: bool
    ignore_first_depends_on_past: bool
    wait_for_past_depends_before_skipping: bool
    wait_for_downstream: bool
    params: ParamsDict
    default_args: dict[str, Any]
    priority_weight: int
    weight_rule: Any
    queue: str
    pool: str
    pool_slots: int
    execution_timeout: timedelta | None
    on_execute_callback: list[Callable[..., Any]]
    on_failure_callback: list[Callable[..., Any]]
    on_success_callback: list[Callable[..., Any]]
    on_retry_callback: list[Callable[..., Any]]
    on_skipped_callback: list[Callable[..., Any]]
    trigger_rule: TriggerRule
    max_active_tis_per_dag: int | None
    max_active_tis_per_dagrun: int | None
    executor: str | None
    executor_config: dict[str, Any]
    do_xcom_push: bool
    multiple_outputs: bool
    inlets: list[Any]
    outlets: list[Any]
    doc: str | None
    doc_md: str | None
    doc_json: str | None
    doc_yaml: str | None
    doc_rst: str | None
    run_as_user: str | None
    logger_name: str | None
    render_template_as_native_obj: bool | None

    template_fields: Sequence[str] = ()
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[dict[str, str]] = {}
    operator_extra_links: Collection[Any] = ()
    shallow_copy_attrs: Sequence[str] = ()
    ui_color: str = "#fff"
    ui_fgcolor: str = "#000"
    overwrite_rtif_after_execution: bool = False
    inherits_from_empty_operator: bool = False
    inherits_from_skipmixin: bool = False
    is_mapped: bool = False
    is_unmapped: bool = False
    """Whether it was made of a mapped task for one of its instances."""
    partial: ClassVar[Any] = PartialMethod()

    _dag: DAG | None = None
    _is_built: bool = False
    _lock_for_execution: bool = False
    _is_setup: bool = False
    _is_teardown: bool = False
    _on_failure_fail_dagrun: bool = False
    returns_dag_result: bool = False
    """Whether what it returns is the result of its DAG."""
    _task_display_name: str | None = None
    _pre_execute_hook: Callable[..., Any] | None = None
    _post_execute_hook: Callable[..., Any] | None = None
    _init_kwargs: dict[str, Any]

    def __init__(  # noqa: PLR0913 - Airflow's
        self,
        *,
        task_id: str,
        owner: Any = NOTSET,
        email: str | Sequence[str] | None = None,
        email_on_retry: Any = NOTSET,
        email_on_failure: Any = NOTSET,
        retries: Any = NOTSET,
        retry_delay: Any = NOTSET,
        retry_exponential_backoff: float = 0,
        max_retry_delay: timedelta | float | None = None,
        retry_policy: Any = None,
        start_date: datetime | str | None = None,
        end_date: datetime | str | None = None,
        depends_on_past: bool = False,
        ignore_first_depends_on_past: Any = NOTSET,
        wait_for_past_depends_before_skipping: bool = False,
        wait_for_downstream: bool = False,
        dag: DAG | None = None,
        params: Mapping[str, Any] | None = None,
        default_args: dict[str, Any] | None = None,
        priority_weight: int = 1,
        weight_rule: Any = NOTSET,
        queue: Any = NOTSET,
        pool: str | None = None,
        pool_slots: int = 1,
        execution_timeout: Any = NOTSET,
        on_execute_callback: Any = None,
        on_failure_callback: Any = None,
        on_success_callback: Any = None,
        on_retry_callback: Any = None,
        on_skipped_callback: Any = None,
        pre_execute: Callable[..., Any] | None = None,
        post_execute: Callable[..., Any] | None = None,
        trigger_rule: str = "all_success",
        resources: Any = None,
        run_as_user: str | None = None,
        map_index_template: str | None = None,
        max_active_tis_per_dag: int | None = None,
        max_active_tis_per_dagrun: int | None = None,
        executor: str | None = None,
        executor_config: dict[str, Any] | None = None,
        do_xcom_push: bool = True,
        multiple_outputs: bool = False,
        inlets: Any = None,
        outlets: Any = None,
        task_group: TaskGroup | None = None,
        doc: str | None = None,
        doc_md: str | None = None,
        doc_json: str | None = None,
        doc_yaml: str | None = None,
        doc_rst: str | None = None,
        task_display_name: str | None = None,
        logger_name: str | None = None,
        allow_nested_operators: bool = True,
        render_template_as_native_obj: bool | None = None,
        **kwargs: Any,
    ) -> None:
        arguments = dict(locals())
        for name in _NOT_STORED:
            arguments.pop(name, None)
        self._join(task_id, task_group)
        settle_arguments(self, arguments, kwargs)
        self._enter(dag)

    def _join(self, task_id: str, task_group: TaskGroup | None) -> None:
        """Take the full task_id and the place in the task group."""
        attributes: dict[str, Any] = vars(self)
        attributes["upstream_task_ids"] = set()
        attributes["downstream_task_ids"] = set()
        if self.is_unmapped:
            attributes.update(task_id=task_id, task_group=task_group)
            return
        attributes["task_id"] = full_id = task_id if task_group is None else task_group.child_id(task_id)
        validate_key(full_id)
        attributes["task_group"] = None
        if task_group is not None:
            task_group.add(self)

    def _enter(self, dag: DAG | None) -> None:
        """Join the DAG and the block for setups and teardowns; the operator of one map index joins neither."""
        if self.is_unmapped:
            vars(self)["_dag"] = dag
            return
        # As in Airflow a mapped task is in no block.
        if SetupTeardownContext.active and not self.is_mapped:
            SetupTeardownContext.update_context_map(self)
        if dag is not None:
            self.dag = dag

    def _finish_init(self) -> None:
        """End the outermost constructor: from here on, XComs in template fields are upstream tasks."""
        if isinstance(self.template_fields, str):
            self.template_fields = (self.template_fields,)
        for name in () if self.is_unmapped else self.template_fields:
            value = getattr(self, name, None)
            if value is not None:
                XComArg.apply_upstream_relationship(self, value)
        vars(self)["_is_built"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        convert = CONVERTERS.get(name)
        object.__setattr__(self, name, value if convert is None else convert(name, value))
        if not self._is_built or self._lock_for_execution:
            return
        if name in self._init_kwargs:
            self._init_kwargs[name] = value
        if name in self.template_fields:
            XComArg.apply_upstream_relationship(self, value)

    def __repr__(self) -> str:
        return f"<Task({self.task_type}): {self.task_id}>"

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, BaseOperator):
            return NotImplemented
        return self.task_id < other.task_id

    def __deepcopy__(self, memo: dict[int, Any]) -> BaseOperator:
        result = type(self).__new__(type(self))
        memo[id(self)] = result
        shared = (*type(self).shallow_copy_attrs, *_SHARED_BY_COPIES)
        for name, value in self.__dict__.items():
            if name == "_init_kwargs":
                copied = dict(value)
            else:
                copied = copy.copy(value) if name in shared else copy.deepcopy(value, memo)
            vars(result)[name] = copied
        return result

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_log"}

    @property
    def node_id(self) -> str:
        """Its task_id."""
        return self.task_id

    @property
    def dag_id(self) -> str:
        """The id of its DAG; for a task without one a name made of its owner."""
        return self._dag.dag_id if self._dag is not None else f"adhoc_{self.owner}"

    @property
    def dag(self) -> Any:
        """Its DAG; raises RuntimeError when it has none yet."""
        if self._dag is None:
            raise RuntimeError(f"{self!r} belongs to no DAG yet: create it in a `with DAG(...)` block or pass dag=")
        return self._dag

    @dag.setter
    def dag(self, dag: DAG | None) -> None:
        """Put it into a DAG, which it keeps: raises ValueError for another one, TypeError for what is no DAG."""
        if dag is not None:
            if not hasattr(dag, "add_task"):
                raise TypeError(f"dag of {self!r} has to be a DAG, got {type(dag).__name__}")
            if self._dag is not None and self._dag is not dag:
                raise ValueError(
                    f"The DAG assigned to {self!r} can not be changed: it belongs to DAG {self._dag.dag_id!r} and cannot "
                    f"move to {dag.dag_id!r}"
                )
        vars(self)["_dag"] = dag
        if dag is not None and dag.task_dict.get(self.task_id) is not self:
            dag.add_task(self)

    def get_dag(self) -> DAG | None:
        """Return its DAG, None when it has none yet."""
        return self._dag

    @property
    def roots(self) -> list[Any]:
        """Itself."""
        return [self]

    @property
    def leaves(self) -> list[Any]:
        """Itself."""
        return [self]

    @property
    def task_type(self) -> str:
        """The name of its class."""
        return type(self).__name__

    @property
    def operator_class(self) -> type[BaseOperator]:
        """Its class."""
        return type(self)

    @property
    def operator_name(self) -> str:
        """The name that the UI shows for its kind."""
        return getattr(self, "custom_operator_name", None) or self.task_type

    @property
    def task_display_name(self) -> str:
        """The name that the UI shows for it."""
        return self._task_display_name or self.task_id

    @property
    def label(self) -> str | None:
        """Its display name, else its task_id without the prefix of its group."""
        if self._task_display_name and self._task_display_name != self.task_id:
            return self._task_display_name
        return super().label

    @property
    def output(self) -> PlainXComArg:
        """The reference to what it returns; `output["key"]` is the one to another XCom."""
        return PlainXComArg(self)

    @property
    def priority_weight_total(self) -> int:
        """Its weight with those of the tasks that its weight rule adds."""
        if self.weight_rule not in ("downstream", "upstream"):
            return self.priority_weight
        others = self.get_flat_relatives(upstream=self.weight_rule == "upstream")
        return self.priority_weight + sum(task.priority_weight for task in others)

    @property
    def is_setup(self) -> bool:
        """Whether it prepares what other tasks need."""
        return self._is_setup

    @is_setup.setter
    def is_setup(self, value: bool) -> None:
        if value and self._is_teardown:
            raise ValueError(f"{self!r} is a teardown task and cannot be a setup task too")
        vars(self)["_is_setup"] = value

    @property
    def is_teardown(self) -> bool:
        """Whether it takes down what setup tasks prepared."""
        return self._is_teardown

    @is_teardown.setter
    def is_teardown(self, value: bool) -> None:
        if value and self._is_setup:
            raise ValueError(f"Cannot mark task {self.task_id!r} as teardown; task is already a setup.")
        vars(self)["_is_teardown"] = value

    @property
    def on_failure_fail_dagrun(self) -> bool:
        """Whether the run fails when this teardown task fails."""
        return self._on_failure_fail_dagrun

    @on_failure_fail_dagrun.setter
    def on_failure_fail_dagrun(self, value: bool) -> None:
        if value and not self._is_teardown:
            msg = f"Cannot set task on_failure_fail_dagrun for {self.task_id!r} because it is not a teardown task."
            raise ValueError(msg)
        vars(self)["_on_failure_fail_dagrun"] = value

    def as_setup(self) -> BaseOperator:
        """Make it a setup task; return it."""
        self.is_setup = True
        return self

    def as_teardown(self, *, setups: Any = None, on_failure_fail_dagrun: bool | None = None) -> BaseOperator:
        """Make it a teardown task, after `setups`, which become setup tasks; return it."""
        self.is_teardown = True
        setattr(self, "trigger_rule", "all_done_setup_success")  # noqa: B010 - converted as in the constructor
        if on_failure_fail_dagrun is not None:
            self.on_failure_fail_dagrun = on_failure_fail_dagrun
        for setup in as_list(setups) if setups is not None else ():
            task: Any = setup
            task.is_setup = True
            task.set_downstream(self)
        return self

    def __enter__(self) -> type[SetupTeardownContext]:
        """Open a block for the work between setup and teardown. Raises RuntimeError for a task that is neither."""
        if not self._is_setup and not self._is_teardown:
            raise RuntimeError(f"{self!r} opens no block: only setup and teardown tasks can be used with `with`")
        SetupTeardownContext.push_setup_teardown_task(self)
        return SetupTeardownContext

    def __exit__(self, kind: object, *_exc: object) -> None:
        leave(is_error=kind is not None)

    def add_inlets(self, inlets: Iterable[Any]) -> None:
        """Add to what it reads."""
        self.inlets.extend(inlets)

    def add_outlets(self, outlets: Iterable[Any]) -> None:
        """Add to what it writes."""
        self.outlets.extend(outlets)

    @staticmethod
    def xcom_push(context: Any, key: str, value: Any) -> None:
        """Push an XCom of the task instance of `context`: Airflow 2's way of `context["ti"].xcom_push`."""
        context["ti"].xcom_push(key=key, value=value)

    @staticmethod
    def xcom_pull(context: Any, task_ids: Any = None, dag_id: str | None = None, **how: Any) -> Any:
        """Return an XCom of the run of `context`: Airflow 2's way of `context["ti"].xcom_pull`."""
        return context["ti"].xcom_pull(task_ids=task_ids, dag_id=dag_id, **how)

    def iter_mapped_dependants(self) -> Iterator[Any]:
        """Yield the mapped tasks and task groups that are expanded over what it returns."""
        from tradewind.sdk.mapping.relations import iter_mapped_dependants  # noqa: PLC0415 - few ask

        return iter_mapped_dependants(self)

    def get_needs_expansion(self) -> bool:
        """Say whether it has instances by map index: it is mapped, or in a mapped task group."""
        return self.is_mapped or self.get_closest_mapped_task_group() is not None

    def get_parse_time_mapped_ti_count(self) -> int:
        """Return how many instances there will be in a mapped group. Raises `NotMapped`, or `NotFullyPopulated`."""
        count = 0
        for group in self.iter_mapped_task_groups():
            count = (count or 1) * group.get_parse_time_mapped_ti_count()
        if not count and self.get_closest_mapped_task_group() is None:
            from tradewind.sdk.exceptions import NotMapped  # noqa: PLC0415 - few ask

            raise NotMapped
        return count

    def prepare_for_execution(self) -> BaseOperator:
        """Return a copy to run: assigning to its attributes does nothing but that."""
        other = copy.copy(self)
        vars(other)["_lock_for_execution"] = True
        return other

    def get_template_env(self, dag: DAG | None = None) -> Any:
        """Return the Jinja environment that its templates are rendered in."""
        from tradewind.sdk.runtime.templating import template_environment  # noqa: PLC0415 - brings Jinja

        return template_environment(dag if dag is not None else self._dag, self)

    def render_template_fields(self, context: Mapping[str, Any], jinja_env: Any = None) -> None:
        """Replace its template fields by what they come to for the task instance of `context`."""
        from tradewind.sdk.runtime.templating import render_template_fields  # noqa: PLC0415 - brings Jinja

        render_template_fields(self, context, jinja_env)

    def render_template(
        self, content: Any, context: Mapping[str, Any], jinja_env: Any = None, seen_oids: set[int] | None = None
    ) -> Any:
        """Return `content` with the templates and references in it replaced."""
        from tradewind.sdk.runtime.templating import render_template  # noqa: PLC0415 - brings Jinja

        return render_template(self, content, context, jinja_env, seen_oids)

    def resolve_template_files(self) -> None:
        """Replace template fields that name a file with one of `template_ext` by what the file says."""
        from tradewind.sdk.runtime.templating import resolve_template_files  # noqa: PLC0415 - brings Jinja

        resolve_template_files(self)

    def prepare_template(self) -> None:
        """Change template fields after template files were read into them; for operators to override."""

    def pre_execute(self, context: Any) -> None:
        """Run before `execute`; for operators to override."""

    def execute(self, context: Any) -> Any:
        """Do the work; what it returns becomes the XCom `return_value`."""
        raise NotImplementedError(f"{type(self).__name__} has no execute(context) method")

    def post_execute(self, context: Any, result: Any = None) -> None:
        """Run after `execute`; for operators to override."""

    def on_kill(self) -> None:
        """Clean up when the task instance is killed: end subprocesses, cancel remote work."""

    def defer(
        self,
        *,
        trigger: Any,
        method_name: str,
        kwargs: dict[str, Any] | None = None,
        timeout: timedelta | float | None = None,
    ) -> NoReturn:
        """Leave the worker until `trigger` fires, then go on in `method_name`. Raises `TaskDeferred`."""
        from tradewind.sdk.exceptions import TaskDeferred  # noqa: PLC0415 - only when a task runs

        raise TaskDeferred(trigger=trigger, method_name=method_name, kwargs=kwargs, timeout=timeout)

    start_from_trigger: bool = False
    """Whether its tries begin with the trigger that `start_trigger_args` names, before any worker is needed."""
    start_trigger_args: StartTriggerArgs | None = None

    def expand_start_trigger_args(self, *, context: Any) -> StartTriggerArgs | None:  # noqa: ARG002 - mapped ones need it
        """Return the trigger that an instance begins with; of a mapped task with the arguments of its own."""
        return self.start_trigger_args

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Go on after a wait outside the worker: call `next_method` with what it was to get, and the event.

        Raises `TaskDeferralTimeout` when the wait took too long, `TaskDeferralError` when the trigger failed.
        """
        from tradewind.sdk.runtime.waiting import go_on  # noqa: PLC0415 - only when a task runs

        return go_on(self, next_method, next_kwargs or {}, context)

    def dry_run(self) -> None:
        """Log the template fields as they stand."""
        self.log.info("Dry run")
        for name in self.template_fields:
            content = getattr(self, name)
            if content and isinstance(content, str):
                self.log.info("Template field %s: %s", name, content)


def prepares_templates(task: BaseOperator) -> bool:
    """Say whether the class of a task changes template files before they are rendered."""
    kind = type(task)
    return (
        kind.prepare_template is not BaseOperator.prepare_template
        or kind.resolve_template_files is not BaseOperator.resolve_template_files
    )


_NOT_STORED = ("self", "task_id", "task_group", "default_args", "kwargs", "__class__")
