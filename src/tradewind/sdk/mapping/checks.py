"""What `partial()`, `expand()` and `expand_kwargs()` refuse: each check raises with the operator and the argument."""

from __future__ import annotations

from collections.abc import Mapping

from tradewind.sdk.definitions.operator_arguments import OLD_SPELLINGS
from tradewind.sdk.definitions.operator_meta import declares_parameter, parameter_names
from tradewind.sdk.definitions.xcom_arg import XCOM_RETURN_KEY, XComArg
from tradewind.sdk.mapping.expand_input import is_mappable
from tradewind.sdk.mapping.items import is_mapping, is_sequence
from tradewind.sdk.runtime.context import KNOWN_CONTEXT_KEYS
from tradewind.sdk.toolkit.values import is_container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspect import Signature
    from typing import Any

    from tradewind.sdk.definitions.operator import BaseOperator

_MAPPABLE = "it has to be a list, a dict or what a task returns"


def check_operator_arguments(operator_class: type[BaseOperator], verb: str, arguments: Mapping[str, Any]) -> None:
    """Check the arguments that an operator is mapped with.

    Raises TypeError for those that its constructor does not take, with the verb `expand` ValueError for one that is no
    list, no dict and no XCom.
    """
    known = parameter_names(operator_class)
    name = operator_class.__name__
    if verb == "expand":
        for argument, value in arguments.items():
            if argument in known and not is_mappable(value):
                kind = type(value).__name__
                msg = f"{name}.expand() got an unexpected type {kind!r} for keyword argument {argument}: {_MAPPABLE}"
                raise ValueError(msg)
    unknown = [one for one in arguments if one not in known and one not in OLD_SPELLINGS]
    _refuse_unknown([one for one in unknown if not declares_parameter(operator_class, one)], f"{name}.{verb}()")


def check_function_arguments(signature: Signature, verb: str, arguments: Mapping[str, Any]) -> None:
    """Check the arguments that a function is mapped with, as `check_operator_arguments` does an operator's."""
    parameters = signature.parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    if verb == "expand":
        for argument, value in arguments.items():
            if argument in parameters and not is_mappable(value):
                kind = type(value).__name__
                raise ValueError(
                    f"expand() got an unexpected type {kind!r} for keyword argument {argument!r}: {_MAPPABLE}"
                )
    _refuse_unknown([argument for argument in arguments if argument not in parameters], f"{verb}()")


def check_context_keys(verb: str, arguments: Mapping[str, Any]) -> None:
    """Raise ValueError for arguments that the task context gives."""
    given = sorted(KNOWN_CONTEXT_KEYS.intersection(arguments))
    if given:
        variables = "variable" if len(given) == 1 else "variables"
        raise ValueError(f"cannot call {verb}() on task context {variables} {', '.join(map(repr, given))}")


def check_list_of_kwargs(kwargs: Any) -> None:
    """Raise TypeError for an argument of `expand_kwargs()` that is neither an XCom nor a list of dicts and XComs."""
    if isinstance(kwargs, XComArg):
        return
    if not is_sequence(kwargs) or not all(isinstance(item, (XComArg, Mapping)) for item in kwargs):
        raise TypeError(f"expected XComArg or list[dict], not {type(kwargs).__name__}")


def check_returned(value: Any) -> None:
    """Raise ValueError for a reference, at any depth, to another XCom than what its task returned."""
    if isinstance(value, XComArg):
        for operator, key in value.iter_references():
            if key != XCOM_RETURN_KEY:
                raise ValueError(f"cannot map over XCom with custom key {key!r} from {operator}")
    elif is_container(value) and not isinstance(value, bytes):
        for item in value.values() if is_mapping(value) else value:
            check_returned(item)


def _refuse_unknown(names: list[str], where: str) -> None:
    if len(names) == 1:
        raise TypeError(f"{where} got an unexpected keyword argument {names[0]!r}")
    if names:
        raise TypeError(f"{where} got unexpected keyword arguments {', '.join(map(repr, names))}")
