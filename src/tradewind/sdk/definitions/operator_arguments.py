"""The arguments every operator takes: how a value becomes the task's attribute, and which spellings are old ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from tradewind.sdk.author_defaults import airflow_of, author_defaults, by_airflow
from tradewind.sdk.definitions.dag_arguments import as_utc
from tradewind.sdk.definitions.param import ParamsDict
from tradewind.sdk.deprecations import author_file, note_deprecated
from tradewind.sdk.spellings.old_arguments import TASK_ARGUMENTS, note_old_argument
from tradewind.sdk.toolkit.kinds import NOTSET
from tradewind.sdk.toolkit.values import is_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tradewind.core.trigger_rules import TriggerRule
    from tradewind.sdk.definitions.operator import BaseOperator

MINIMUM_PRIORITY_WEIGHT = -(2**31)
MAXIMUM_PRIORITY_WEIGHT = 2**31 - 1
WEIGHT_RULES = ("downstream", "upstream", "absolute")


class ArgumentError(TypeError):
    """An argument of an operator has a value of the wrong type."""


def _wrong(name: str, value: Any, expected: str) -> ArgumentError:
    return ArgumentError(f"{name} has to be {expected}, got {type(value).__name__}: {value!r}")


def _text(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise _wrong(name, value, "a string")


def _flag(_name: str, value: Any) -> bool:
    return bool(value)


def _whole(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise _wrong(name, value, "a whole number") from None


def _whole_or_none(name: str, value: Any) -> int | None:
    return None if value is None else _whole(name, value)


def _whole_or_zero(name: str, value: Any) -> int:
    return 0 if value is None else _whole(name, value)


def _duration(name: str, value: Any) -> timedelta | None:
    if value is None or isinstance(value, timedelta):
        return value
    try:
        return timedelta(seconds=value)
    except TypeError:
        raise _wrong(name, value, "a timedelta or a number of seconds") from None


def _timeout(name: str, value: Any) -> timedelta | None:
    if value is None or isinstance(value, timedelta):
        return value
    raise ValueError(f"{name} must be timedelta object but passed as type: {type(value)}: {value!r}")


def _backoff(name: str, value: Any) -> float | bool:
    """`True` stays as it was written; the DAG document knows what it means."""
    if value is None:
        return 0
    if isinstance(value, (bool, int, float)):
        return value
    raise _wrong(name, value, "a number or a boolean")


def _date(_name: str, value: Any) -> Any:
    return as_utc(value)


def _priority_weight(name: str, value: Any) -> int:
    if isinstance(value, str):
        raise ArgumentError(f"`{name}` only accepts integers, received {type(value)}: {value!r}")
    return max(MINIMUM_PRIORITY_WEIGHT, min(MAXIMUM_PRIORITY_WEIGHT, _whole(name, value)))


def _pool_slots(name: str, value: Any) -> int:
    slots = _whole(name, value)
    if slots < 1:
        raise ValueError(f"{name} has to be at least 1, got {slots}")
    return slots


def _trigger_rule(_name: str, value: Any) -> TriggerRule:
    # On the first task, not with the module: `from tradewind import DAG` has no need of it.
    from tradewind.core.trigger_rules import TriggerRule, parse_trigger_rule  # noqa: PLC0415 - as said

    if isinstance(value, TriggerRule):
        return value
    rule = parse_trigger_rule(value)
    if rule.value != value:
        note_deprecated(f"trigger_rule={value!r}", f"trigger_rule={rule.value!r}", since="2.2")
    return rule


def _weight_rule(name: str, value: Any) -> Any:
    """A string is one of Airflow's three; anything else is a class or an instance of an author's strategy."""
    rule = getattr(value, "value", value)
    if isinstance(rule, str) and rule not in WEIGHT_RULES and "." not in rule:
        raise ValueError(f"unknown {name} {rule!r}; valid rules are: {', '.join(WEIGHT_RULES)}")
    return rule


def _resources(_name: str, value: Any) -> Any:
    if not is_dict(value):
        return value
    from tradewind.sdk.policies.operator_resources import Resources  # noqa: PLC0415 - few tasks say

    return Resources(**value)


def _retry_policy(name: str, value: Any) -> Any:
    if value is None or (callable(getattr(value, "evaluate", None)) and not isinstance(value, type)):
        return value
    raise _wrong(name, value, "an instance of a RetryPolicy")


def _list(_name: str, value: Any) -> list[Any]:
    if not value:
        return []
    is_one = isinstance(value, (str, Mapping)) or not isinstance(value, Collection)
    return [value] if is_one else [*value]


def _dict(name: str, value: Any) -> dict[str, Any]:
    if not value:
        return {}
    is_dict = isinstance(value, Mapping)
    if not is_dict:
        raise _wrong(name, value, "a dict")
    return {**value}


def _params(_name: str, value: Any) -> ParamsDict:
    return value if isinstance(value, ParamsDict) else ParamsDict(value)


CONVERTERS: dict[str, Callable[[str, Any], Any]] = {
    "depends_on_past": _flag,
    "do_xcom_push": _flag,
    "email_on_failure": _flag,
    "email_on_retry": _flag,
    "end_date": _date,
    "execution_timeout": _timeout,
    "executor": _text,
    "executor_config": _dict,
    "ignore_first_depends_on_past": _flag,
    "inlets": _list,
    "map_index_template": _text,
    "max_active_tis_per_dag": _whole_or_none,
    "max_active_tis_per_dagrun": _whole_or_none,
    "max_retry_delay": _duration,
    "multiple_outputs": _flag,
    "on_execute_callback": _list,
    "on_failure_callback": _list,
    "on_retry_callback": _list,
    "on_skipped_callback": _list,
    "on_success_callback": _list,
    "outlets": _list,
    "owner": _text,
    "params": _params,
    "pool": _text,
    "pool_slots": _pool_slots,
    "priority_weight": _priority_weight,
    "queue": _text,
    "resources": _resources,
    "retries": _whole_or_zero,
    "retry_delay": _duration,
    "retry_exponential_backoff": _backoff,
    "retry_policy": _retry_policy,
    "run_as_user": _text,
    "start_date": _date,
    "trigger_rule": _trigger_rule,
    "wait_for_downstream": _flag,
    "wait_for_past_depends_before_skipping": _flag,
    "weight_rule": _weight_rule,
}
"""Also applied when an author assigns to the attribute later."""

_LEFT_OUT: dict[str, Callable[[int], Any]] = {
    "email_on_failure": lambda _: author_defaults().email_on_failure,
    "email_on_retry": lambda _: author_defaults().email_on_retry,
    "execution_timeout": lambda _: _seconds(author_defaults().execution_timeout_s),
    "ignore_first_depends_on_past": lambda airflow: by_airflow(author_defaults().ignore_first_depends_on_past, airflow),
    "owner": lambda _: author_defaults().owner,
    "queue": lambda _: author_defaults().queue,
    "retries": lambda _: author_defaults().retries,
    "retry_delay": lambda _: _seconds(author_defaults().retry_delay_s),
    "weight_rule": lambda _: author_defaults().weight_rule,
}
"""Defaults that the installation can change; the signature of `BaseOperator` has NOTSET for them. The argument is whose
defaults the file gets: Airflow 2's or 3's."""

_NEVER_NONE = frozenset({"owner", "queue", "retry_delay", "weight_rule"})
"""Arguments that authors pass None for and mean the default."""

_STORED_AS = {
    "post_execute": "_post_execute_hook",
    "pre_execute": "_pre_execute_hook",
    "task_display_name": "_task_display_name",
}
"""Arguments that share their name with a method or property."""

OLD_SPELLINGS = frozenset(TASK_ARGUMENTS)


def _seconds(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def settle_arguments(task: BaseOperator, arguments: dict[str, Any], surplus: dict[str, Any]) -> None:
    """Give `task` its attributes from the arguments of `BaseOperator`; `surplus` holds those it does not know.

    Old spellings are noted and mean their modern form. Raises TypeError for an argument no operator of this class
    takes, and TypeError or ValueError for a wrong value; both name the task.
    """
    if surplus:
        _settle_old_spellings(task, arguments, surplus)
    dag = arguments.pop("dag")
    airflow = dag.airflow_defaults if dag is not None else airflow_of(author_file())
    store = object.__setattr__  # the task's own hook is for assignments that authors make later
    try:
        for name, value in arguments.items():
            if value is NOTSET or (value is None and name in _NEVER_NONE):
                value = _LEFT_OUT[name](airflow)  # noqa: PLW2901 - the value that is meant
            convert = CONVERTERS.get(name)
            store(task, _STORED_AS.get(name, name), value if convert is None else convert(name, value))
    except (TypeError, ValueError) as error:
        where = f"{task.task_type} (task_id: {task.task_id}" + (f", DAG: {dag.dag_id})" if dag else ")")
        msg = f"{where}: {error}"
        raise (TypeError if isinstance(error, TypeError) else ValueError)(msg) from error
    if task.pool is None:  # pyright: ignore[reportUnnecessaryComparison] - authors write None for the default
        store(task, "pool", author_defaults().pool)
    if task.wait_for_downstream:
        store(task, "depends_on_past", True)


def _settle_old_spellings(task: BaseOperator, arguments: dict[str, Any], surplus: dict[str, Any]) -> None:
    for name in [name for name in surplus if name in TASK_ARGUMENTS]:
        value, old = surplus.pop(name), TASK_ARGUMENTS[name]
        if old.is_renamed or value is not None:
            note_old_argument(type(task).__name__, name, old)
        if old.is_renamed:
            arguments[old.modern] = value
        elif name == "sla" and value is not None:
            object.__setattr__(task, name, value)
    if surplus:
        names = ", ".join(repr(name) for name in sorted(surplus))
        where = f"{type(task).__name__} (task_id: {task.task_id})"
        raise TypeError(f"Invalid arguments were passed to {where}: it does not take the argument(s) {names}")
