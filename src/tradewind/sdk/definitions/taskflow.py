"""TaskFlow: `@task` makes a function a factory of tasks, and calling it gives the reference to the task's result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial, update_wrapper
from importlib import import_module
from inspect import Parameter, signature

from tradewind.sdk.definitions.contexts import DagContext, TaskGroupContext
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.definitions.xcom_arg import PlainXComArg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from inspect import Signature
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.task_group import TaskGroup

_SUFFIX = re.compile(r"__\d+$")
_ORDERED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_DOCUMENTATION = ("doc", "doc_md", "doc_json", "doc_yaml", "doc_rst")


def get_unique_task_id(task_id: str, dag: DAG | None = None, task_group: TaskGroup | None = None) -> str:
    """Return `task_id`, or `task_id__1`, `task_id__2`, ... when the DAG has the ones before."""
    dag = dag if dag is not None else DagContext.get_current()
    if dag is None:
        return task_id
    group = task_group if task_group is not None else TaskGroupContext.get_current(dag)
    full_id = group.child_id(task_id) if group is not None else task_id
    if full_id not in dag.task_dict:
        return task_id
    prefix = _SUFFIX.sub("", full_id) + "__"
    taken = [
        int(used[len(prefix) :]) for used in dag.task_dict if used.startswith(prefix) and used[len(prefix) :].isdigit()
    ]
    return f"{_SUFFIX.sub('', task_id)}__{max(taken, default=0) + 1}"


class DecoratedOperator(BaseOperator):
    """Base of the operators behind task decorators: keeps a function and the arguments it was called with.

    Subclasses name it before the operator that does the work; `kwargs_to_upstream` are arguments for that one. Raises
    TypeError when the function cannot be called with the arguments and the context.
    """

    template_fields: Sequence[str] = ("op_args", "op_kwargs")
    template_fields_renderers = {"op_args": "py", "op_kwargs": "py"}  # noqa: RUF012 - as all operators
    shallow_copy_attrs: Sequence[str] = ("python_callable",)
    custom_operator_name: str = "@task"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        task_id: str,
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        kwargs_to_upstream: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not self.is_unmapped:
            task_id = get_unique_task_id(task_id, kwargs.get("dag"), kwargs.get("task_group"))
        self.python_callable = python_callable
        self.op_args = op_args or ()
        self.op_kwargs = op_kwargs or {}
        check_call(python_callable, self.op_args, self.op_kwargs)
        super().__init__(task_id=task_id, **(kwargs_to_upstream or {}), **kwargs)

    def _hook_apply_defaults(self, *args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Fill arguments of the function from `default_args` too, as Airflow does."""
        function = kwargs.get("python_callable")
        defaults = kwargs.get("default_args")
        if function is not None and defaults:
            given = dict(kwargs.get("op_kwargs") or {})
            for name in signature_of(function).parameters:
                if name in defaults and name not in given:
                    given[name] = defaults[name]
            kwargs["op_kwargs"] = given
        return args, kwargs

    def execute(self, context: Any) -> Any:
        """Call the function with its arguments and what it wants of the context."""
        return super().execute(context)

    def get_python_source(self) -> str:
        """Return the source of the function, without its decorators."""
        from tradewind.sdk.toolkit.callables import source_of  # noqa: PLC0415 - reads the file

        return source_of(self.python_callable, is_undecorated=True)


def signature_of(function: Any) -> Signature:
    """Return the signature of a function, kept on it: it is asked for with each call of a task factory."""
    try:
        return function.__dict__["_tradewind_signature"]
    except (AttributeError, KeyError):
        found = signature(function)
        try:
            function._tradewind_signature = found  # noqa: SLF001 - our own mark
        except AttributeError:
            return found  # a method or a builtin takes no attributes
        return found


def check_call(function: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]) -> None:
    """Check that a function can be called with the arguments; those that the context gives may be left out.

    Raises TypeError naming what is missing or too much, ValueError for a context key with a default other than None.
    """
    from tradewind.sdk.runtime.context import KNOWN_CONTEXT_KEYS  # noqa: PLC0415 - only for TaskFlow

    parameters = signature_of(function).parameters
    name_of = getattr(function, "__name__", repr(function))
    for name, parameter in parameters.items():
        if name in KNOWN_CONTEXT_KEYS and parameter.default not in (None, Parameter.empty):
            raise ValueError(f"{name_of}(): {name!r} is a key of the context and can have no default other than None")
    positional = [name for name, parameter in parameters.items() if parameter.kind in _ORDERED]
    takes_any = {parameter.kind for parameter in parameters.values()}
    if len(args) > len(positional) and Parameter.VAR_POSITIONAL not in takes_any:
        msg = f"{name_of}() takes {len(positional)} positional argument(s), {len(args)} were given: too many positional"
        raise TypeError(msg)
    by_place = set(positional[: len(args)])
    twice = sorted(by_place & kwargs.keys())
    if twice:
        raise TypeError(f"{name_of}() got multiple values for argument {twice[0]!r}")
    unknown = sorted(kwargs.keys() - parameters.keys())
    if unknown and Parameter.VAR_KEYWORD not in takes_any:
        raise TypeError(f"{name_of}() got an unexpected keyword argument {unknown[0]!r}")
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is Parameter.empty
        and parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
        and name not in by_place
        and name not in kwargs
        and name not in KNOWN_CONTEXT_KEYS
    ]
    if missing:
        raise TypeError(f"{name_of}(): missing a required argument: {', '.join(map(repr, missing))}")


class TaskFactory:
    """What a task decorator makes of a function: calling it makes a task and returns the reference to its result.

    Raises TypeError for a method.
    """

    _airflow_is_task_decorator = True
    is_setup = False
    is_teardown = False
    on_failure_fail_dagrun = False
    returns_dag_result = False

    def __init__(
        self,
        function: Callable[..., Any],
        operator_class: type[BaseOperator],
        multiple_outputs: bool | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        if "self" in signature_of(function).parameters:
            raise TypeError(f"@task does not support methods; {function.__qualname__} takes self")
        self.function = function
        self.operator_class = operator_class
        self.multiple_outputs = returns_mapping(function) if multiple_outputs is None else multiple_outputs
        self.kwargs: dict[str, Any] = {"task_id": getattr(function, "__name__", "task"), **(kwargs or {})}
        update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> PlainXComArg:
        """Make a task that will call the function with these arguments; return the reference to its result."""
        arguments = self.arguments()
        kwargs = {**arguments.pop("op_kwargs", {}), **kwargs}
        fails_run = arguments.pop("on_failure_fail_dagrun", self.on_failure_fail_dagrun)
        made: Any = self.operator_class
        task: BaseOperator = made(
            python_callable=self.function,
            op_args=args,
            op_kwargs=kwargs,
            multiple_outputs=self.multiple_outputs,
            **arguments,
        )
        task.is_setup = self.is_setup
        task.is_teardown = self.is_teardown
        task.returns_dag_result = self.returns_dag_result
        task.on_failure_fail_dagrun = fails_run
        if self.function.__doc__ and not any(getattr(task, name) for name in _DOCUMENTATION):
            task.doc_md = self.function.__doc__
        return PlainXComArg(task)

    def arguments(self) -> dict[str, Any]:
        """Return the operator's arguments. Raises ValueError for a teardown with a trigger rule."""
        if not self.is_teardown:
            return dict(self.kwargs)
        if "trigger_rule" in self.kwargs:
            raise ValueError("Trigger rule not configurable for teardown tasks.")
        return {**self.kwargs, "trigger_rule": "all_done_setup_success"}

    def partial(self, **kwargs: Any) -> TaskFactory:
        """Return a factory whose mapped tasks call the function with these arguments in every instance."""
        from tradewind.sdk.mapping.partial import partial_kwargs_of  # noqa: PLC0415 - only files with mapped tasks

        return self.override(op_kwargs=partial_kwargs_of(self, kwargs))

    def expand(self, **map_kwargs: Any) -> PlainXComArg:
        """Make a task that calls the function for each combination of the items of the arguments."""
        from tradewind.sdk.mapping.partial import expand_function  # noqa: PLC0415 - as above

        return expand_function(self, map_kwargs)

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> PlainXComArg:
        """Make a task that calls the function for each dict of arguments in a list, given or returned by a task."""
        from tradewind.sdk.mapping.partial import expand_function_kwargs  # noqa: PLC0415 - as above

        return expand_function_kwargs(self, kwargs, strict=strict)

    def override(self, **kwargs: Any) -> TaskFactory:
        """Return a factory whose tasks have other arguments."""
        arguments = {**self.kwargs, **kwargs}
        multiple_outputs = arguments.pop("multiple_outputs", self.multiple_outputs)
        other = TaskFactory(self.function, self.operator_class, multiple_outputs, arguments)
        other.is_setup, other.is_teardown = self.is_setup, self.is_teardown
        other.on_failure_fail_dagrun = self.on_failure_fail_dagrun
        other.returns_dag_result = self.returns_dag_result
        return other


def result(task_factory: Any) -> Any:
    """Make what the task of a decorated function returns the result of its DAG: `@result` above `@task`.

    Raises TypeError for a function that is no task.
    """
    if not isinstance(task_factory, TaskFactory):
        raise TypeError("@result must be used on top of a @task-decorated function")
    task_factory.returns_dag_result = True
    return task_factory


def returns_mapping(function: Callable[..., Any]) -> bool:
    """Return whether the annotation of a function says that it returns a dict: each key becomes an XCom then."""
    annotation = getattr(function, "__annotations__", {}).get("return")
    if annotation is None:
        return False
    if isinstance(annotation, str):
        from typing import get_type_hints  # noqa: PLC0415 - few files need it

        # Only the return annotation: those of the parameters may name types that exist for the checker only.
        carrier = type("carrier", (), {"__annotations__": {"return": annotation}})
        try:
            annotation = get_type_hints(carrier, getattr(function, "__globals__", {}))["return"]
        except (NameError, TypeError, AttributeError, SyntaxError):
            return False
    kind = getattr(annotation, "__origin__", annotation)
    return isinstance(kind, type) and issubclass(kind, Mapping)


def task_decorator_factory(
    python_callable: Callable[..., Any] | None = None,
    *,
    multiple_outputs: bool | None = None,
    decorated_operator_class: type[BaseOperator],
    **kwargs: Any,
) -> Any:
    """Return a decorator for `decorated_operator_class`, or the decorated function when one is passed.

    Keyword arguments are those of every task that the function makes.
    """
    if python_callable is None:
        return partial(
            TaskFactory, operator_class=decorated_operator_class, multiple_outputs=multiple_outputs, kwargs=kwargs
        )
    if not callable(python_callable):
        raise TypeError(f"a task decorator takes keyword arguments only, got {python_callable!r}")
    return TaskFactory(python_callable, decorated_operator_class, multiple_outputs, kwargs)


_decorators: dict[str, Any] = {
    "bash": "tradewind.sdk.operators.bash:bash_task",
    "branch": "tradewind.sdk.operators.python:branch_task",
    "branch_external_python": "tradewind.sdk.virtualenvs.decorators:branch_external_python_task",
    "branch_virtualenv": "tradewind.sdk.virtualenvs.decorators:branch_virtualenv_task",
    "external_python": "tradewind.sdk.virtualenvs.decorators:external_python_task",
    "python": "tradewind.sdk.operators.python:python_task",
    "run_if": "tradewind.sdk.operators.conditions:run_if",
    "sensor": "tradewind.sdk.sensors.python:sensor_task",
    "short_circuit": "tradewind.sdk.operators.python:short_circuit_task",
    "skip_if": "tradewind.sdk.operators.conditions:skip_if",
    "virtualenv": "tradewind.sdk.virtualenvs.decorators:virtualenv_task",
}


_CONDITIONS = frozenset({"run_if", "skip_if"})
"""Decorators of what the others made: they make no task."""


def register_task_decorator(name: str, decorator: Any) -> None:
    """Make `@task.<name>` mean `decorator`: a callable, or where it is found, as `package.module:name`."""
    _decorators[name] = decorator


def _of_a_provider(name: str) -> Any:
    """Return the decorator that an installed provider package brings under a name, None for none."""
    from tradewind.sdk.providers.installed import ProvidersManager  # noqa: PLC0415 - few files use one

    return ProvidersManager().taskflow_decorators.get(name)


class TaskDecorators:
    """`task`: `@task`, `@task(...)` and `@task.<kind>`, with the decorators of provider packages."""

    def __init__(self, **arguments: Any) -> None:
        self._arguments = arguments

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Decorate a function whose tasks run it in the worker."""
        return self.python(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = _decorators.get(name) or (None if name.startswith("_") else _of_a_provider(name))
        if found is None:
            kinds = ", ".join(sorted(_decorators))
            raise AttributeError(f"there is no task decorator @task.{name}; there are: {kinds} (providers bring more)")
        if isinstance(found, str):
            module, _, attribute = found.partition(":")
            found = _decorators[name] = getattr(import_module(module), attribute)
        return partial(found, **self._arguments) if self._arguments and name not in _CONDITIONS else found

    def bound(self, **arguments: Any) -> TaskDecorators:
        """Return the decorators with arguments that every task gets."""
        return TaskDecorators(**{**self._arguments, **arguments})


task = TaskDecorators()
