"""How operators come into being: `default_args` are applied at each constructor of the class and its bases."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Mapping
from functools import partial, wraps
from types import FunctionType

from tradewind.sdk.definitions.contexts import DagContext, TaskGroupContext
from tradewind.sdk.definitions.param import ParamsDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeGuard

_VAR_KEYWORDS = 0x08
"""Flag of a code object whose function takes **kwargs."""
_DECLARED = "_BaseOperatorMeta__param_names"
_GIVEN_BY_META = ("dag", "default_args", "params", "task_group")


class _Parameters:
    """The keyword parameters of one constructor, read off its code: cheaper than a signature."""

    __slots__ = ("defaults", "names", "required", "takes_any")

    def __init__(self, init: Callable[..., None]) -> None:
        function: Any = init
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        code = function.__code__
        positional = code.co_varnames[1 : code.co_argcount]
        keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        by_place = function.__defaults__ or ()
        required = positional[: max(0, len(positional) - len(by_place))]
        self.defaults: dict[str, Any] = {
            **dict(zip(positional[len(required) :], by_place)),  # noqa: B905 - of one length
            **(function.__kwdefaults__ or {}),
        }
        self.names = frozenset(positional + keyword_only)
        self.required = (frozenset(required) | (frozenset(keyword_only) - frozenset(function.__kwdefaults__ or ()))) - {
            "task_id"
        }
        self.takes_any = bool(code.co_flags & _VAR_KEYWORDS)

    def fill(self, kwargs: dict[str, Any], defaults: dict[str, Any], operator_class: type[Any]) -> None:
        """Put what `defaults` has for this constructor into `kwargs`; raises TypeError for what is still missing."""
        names = self.names
        for name, value in defaults.items():
            if name in names and name not in kwargs:
                kwargs[name] = value
        if not kwargs.keys() >= self.required:
            missing = ", ".join(repr(name) for name in sorted(self.required - kwargs.keys()))
            where = f"{operator_class.__name__} (task_id: {kwargs.get('task_id')})"
            plural = "s" if ", " in missing else ""
            raise TypeError(f"{where}: missing keyword argument{plural} {missing}")
        if not self.takes_any:
            for name in _GIVEN_BY_META:
                if name not in names:
                    kwargs.pop(name, None)


class OperatorMeta(ABCMeta):
    """Metaclass of operators: wraps each constructor so that it is filled from `default_args`."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> OperatorMeta:
        """Make the class with its own constructor wrapped."""
        init = namespace.get("__init__")
        if isinstance(init, FunctionType):
            namespace["__init__"] = _with_default_args(init)
        return super().__new__(mcs, name, bases, namespace, **kwargs)


def parameter_names(operator_class: type) -> frozenset[str]:
    """Return the names of the keyword parameters of the constructors of a class and its bases."""
    names: frozenset[str] = frozenset()
    for kind in operator_class.__mro__:
        init = kind.__dict__.get("__init__")
        if isinstance(init, FunctionType):
            names |= _Parameters(init).names
    return names


def declares_parameter(operator_class: type, name: str) -> bool:
    """Return whether a constructor that was made by code, and shows no parameters, says that it takes one.

    Such constructors say so in the attribute in which Airflow's metaclass keeps the parameters of every operator.
    """
    declared = (getattr(kind.__dict__.get("__init__"), _DECLARED, ()) for kind in operator_class.__mro__)
    return any(name in names for names in declared)


def argument_defaults(operator_class: type, base: type) -> dict[str, Any]:
    """Return the defaults that a class, and its bases up to `base`, have of their own for arguments of `base`."""
    names = parameter_names(base)
    own = operator_class.__mro__[: operator_class.__mro__.index(base)]
    defaults: dict[str, Any] = {}
    for kind in reversed(own):
        init = kind.__dict__.get("__init__")
        if isinstance(init, FunctionType):
            defaults.update(_Parameters(init).defaults)
    return {
        name: value
        for name, value in defaults.items()
        if name in names and name not in _GIVEN_BY_META and name != "task_id"
    }


class PartialMethod:
    """`Operator.partial(task_id=..., ...)`: the arguments that all instances of a mapped task have in common."""

    def __get__(self, task: Any, operator_class: type[Any]) -> Callable[..., Any]:
        """Return the method of a class. Called on a task it raises TypeError."""
        return partial(_make_partial, operator_class) if task is None else _refuse_partial


def _make_partial(operator_class: type[Any], **kwargs: Any) -> Any:
    from tradewind.sdk.mapping.partial import partial_of  # noqa: PLC0415 - only files with mapped tasks need it

    return partial_of(operator_class, **kwargs)


def _refuse_partial(**_kwargs: Any) -> Any:
    raise TypeError("partial can only be called on Operator classes, not Tasks themselves")


def _with_default_args(init: Callable[..., None]) -> Callable[..., None]:
    parameters = _Parameters(init)

    @wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it takes the place of one
        if args:
            msg = f"{type(self).__name__} takes keyword arguments only, got {args[0]!r}; write task_id=... and so on"
            raise TypeError(msg)
        state = self.__dict__
        is_outermost = "_default_args" not in state
        if is_outermost:
            state["_default_args"] = _open(kwargs)
            state["_init_kwargs"] = {}
            if kwargs.pop("_airflow_from_mapped", False):
                state["is_unmapped"] = True
            if hasattr(self, "_hook_apply_defaults"):
                _, kwargs = self._hook_apply_defaults(**kwargs)
        parameters.fill(kwargs, state["_default_args"], self.__class__)
        init(self, **kwargs)
        state["_init_kwargs"].update(kwargs)
        if is_outermost:
            del state["_default_args"]
            self._finish_init()

    return __init__


def _open(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Find the DAG and the group of a new task; return what fills each of its constructors.

    That is the `default_args` that hold for it, its DAG, group and params. They are put into `kwargs` as well: operators
    look for them there. Raises TypeError when `default_args` or `params` is no mapping.
    """
    dag = kwargs.get("dag")
    if dag is None:
        dag = DagContext.get_current()
    group = kwargs.get("task_group")
    if group is None and dag is not None:
        group = TaskGroupContext.get_current(dag)
    own = kwargs.get("default_args")
    defaults: dict[str, Any] = dict(dag.default_args) if dag is not None else {}
    if group is not None and group.default_args:
        defaults.update(group.default_args)
    if own:
        if not _is_mapping(own):
            raise TypeError(f"default_args has to be a dict, got {type(own).__name__}")
        defaults.update(own)
    params = _merged_params(dag, kwargs.pop("params", None), defaults.pop("params", None) if own else None)
    found = {"dag": dag, "task_group": group, "params": params or None}
    given = {name: value for name, value in found.items() if value is not None}
    kwargs.update(given, default_args=defaults)
    return {**defaults, **given}


def _is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _merged_params(dag: Any, own: Any, of_default_args: Any) -> ParamsDict:
    params = ParamsDict() if dag is None or not dag.params else dag.params.with_source("dag")
    for given in (own, of_default_args):
        if given:
            if not _is_mapping(given):
                raise TypeError(f"params has to be a dict, got {type(given).__name__}")
            params.update(ParamsDict(given).with_source("task"))
    return params
