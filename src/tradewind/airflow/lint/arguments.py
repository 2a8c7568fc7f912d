"""Arguments of DAGs and tasks under an earlier name, and trigger rules, context keys and template fields of that kind."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tradewind.airflow.lint.finding import Edit, Finding
from tradewind.core.trigger_rules import parse_trigger_rule
from tradewind.sdk.runtime.computed import DEPRECATED
from tradewind.sdk.spellings.old_arguments import CLASS_ARGUMENTS, DAG_ARGUMENTS, TASK_ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.airflow.lint.module import Module
    from tradewind.sdk.spellings.old_arguments import OldArgument

_TASK_CLASS = re.compile(r"(Operator|Sensor|Marker)$")
_RULES = {"DUMMY": "ALWAYS", "NONE_FAILED_OR_SKIPPED": "NONE_FAILED_MIN_ONE_SUCCESS"}
_CONTEXTS = frozenset({"context", "kwargs", "ctx"})
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_SAME = frozenset({"prev_execution_date_success", "triggering_dataset_events"})
"""Names whose successor has the same value in every run; the others have to be thought about."""
_KEY = re.compile(r"(?<![\w.'\"])(" + "|".join(sorted(DEPRECATED, key=len, reverse=True)) + r")(?!\w)")


def find_arguments(module: Module) -> Iterator[Finding]:
    """Give every deprecated spelling that is no import."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield from _of_call(module, node)
        elif isinstance(node, ast.Attribute) and node.attr in _RULES and module.dotted(node.value) in _RULE_CLASSES:
            start, end = module.span(node)
            edit = Edit(end - len(node.attr), end, _RULES[node.attr])
            yield _finding(
                module, start, f"TriggerRule.{node.attr}", f"TriggerRule.{_RULES[node.attr]}", "2.2", (edit,)
            )
        elif isinstance(node, ast.Subscript):
            yield from _of_subscript(module, node)
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "default_args" for t in node.targets
        ):
            yield from _of_default_args(module, node.value)


_RULE_CLASSES = frozenset(
    {"airflow.utils.trigger_rule.TriggerRule", "airflow.sdk.TriggerRule", "airflow.task.trigger_rule.TriggerRule"}
)


def _of_call(module: Module, call: ast.Call) -> Iterator[Finding]:
    name = module.dotted(call.func) or ""
    last = name.rpartition(".")[2]
    is_airflow = name.startswith("airflow.")
    if is_airflow and last in {"DAG", "dag"}:
        yield from _of_keywords(module, call, "DAG", DAG_ARGUMENTS)
    elif is_airflow and _TASK_CLASS.search(last):
        yield from _of_keywords(module, call, last, TASK_ARGUMENTS | CLASS_ARGUMENTS.get(last, {}))
        yield from _of_templates(module, call)
    elif name.startswith(_TASK_DECORATORS):
        yield from _of_keywords(module, call, f"@{last}", TASK_ARGUMENTS)
    else:
        return
    for keyword in call.keywords:
        if keyword.arg == "trigger_rule":
            yield from _of_rule(module, keyword.value)
        elif keyword.arg == "default_args":
            yield from _of_default_args(module, keyword.value)


_TASK_DECORATORS = ("airflow.decorators.task", "airflow.sdk.task")


def _of_keywords(module: Module, call: ast.Call, owner: str, old_ones: dict[str, OldArgument]) -> Iterator[Finding]:
    given = {keyword.arg for keyword in call.keywords}
    for place, keyword in enumerate(call.keywords):
        old = old_ones.get(keyword.arg or "")
        if old is None:
            continue
        start = module.span(keyword)[0]
        edits: tuple[Edit, ...] = ()
        if old.is_renamed and old.modern not in given:
            edits = (Edit(start, start + len(keyword.arg or ""), old.modern),)
        elif not old.modern and _has_no_effect(keyword.value):
            edits = _removal(module, call, place)
        yield _finding(module, start, f"{owner}({keyword.arg}=...)", old.advice, old.since, edits, old.removed_in)


def _has_no_effect(value: ast.expr) -> bool:
    return isinstance(value, (ast.Constant, ast.Name, ast.Attribute))


def _removal(module: Module, call: ast.Call, place: int) -> tuple[Edit, ...]:
    """Return the edit that takes a keyword out with its comma; none where a comment stands beside it."""
    start, end = module.span(call.keywords[place])
    members = sorted(module.span(node) for node in (*call.args, *call.keywords))
    index = members.index((start, end))
    if index + 1 < len(members):
        cut = (start, members[index + 1][0])
    elif index:
        cut = (members[index - 1][1], end)
    else:
        cut = (start, end)
    gap = module.source[cut[0] : start] + module.source[end : cut[1]]
    return () if b"#" in gap else (Edit(*cut, ""),)


def _of_default_args(module: Module, value: ast.expr) -> Iterator[Finding]:
    if not isinstance(value, ast.Dict):
        return
    given = {key.value for key in value.keys if isinstance(key, ast.Constant)}
    for key in value.keys:
        if not isinstance(key, ast.Constant) or key.value not in TASK_ARGUMENTS:
            continue
        name = str(key.value)
        old = TASK_ARGUMENTS[name]
        edits = (_text_edit(module, key, name, old.modern),) if old.is_renamed and old.modern not in given else ()
        yield _finding(
            module, module.span(key)[0], f"default_args[{name!r}]", old.modern, old.since, edits, old.removed_in
        )


def _of_rule(module: Module, value: ast.expr) -> Iterator[Finding]:
    if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        return
    try:
        modern = parse_trigger_rule(value.value).value
    except ValueError:
        return
    if modern != value.value:
        edit = _text_edit(module, value, value.value, modern)
        start = module.span(value)[0]
        yield _finding(module, start, f"trigger_rule={value.value!r}", f"trigger_rule={modern!r}", "2.2", (edit,))


def _of_subscript(module: Module, node: ast.Subscript) -> Iterator[Finding]:
    key = node.slice
    if not (isinstance(node.value, ast.Name) and node.value.id in _CONTEXTS and isinstance(key, ast.Constant)):
        return
    modern = DEPRECATED.get(str(key.value))
    if modern is not None:
        edits = (_text_edit(module, key, str(key.value), modern),) if key.value in _SAME else ()
        found = _finding(module, module.span(key)[0], f"context key {key.value}", modern, "2.2", edits)
        yield found._replace(is_of_tries=True)


def _of_templates(module: Module, call: ast.Call) -> Iterator[Finding]:
    """Give the deprecated names in templates among the arguments of a task."""
    for node in (inner for value in (*call.args, *(k.value for k in call.keywords)) for inner in ast.walk(value)):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or "{" not in node.value:
            continue
        start, end = module.span(node)
        text = module.source[start:end].decode("utf-8", "replace")
        for template in _TEMPLATE.finditer(text):
            for key in _KEY.finditer(template.group()):
                name = key.group(1)
                at = start + len(text[: template.start() + key.start()].encode())
                modern = DEPRECATED[name]
                edits = (Edit(at, at + len(name), modern),) if name in _SAME else ()
                found = _finding(module, at, f"template name {name}", modern, "2.2", edits)
                yield found._replace(is_of_tries=True)


def _text_edit(module: Module, node: ast.expr, old: str, modern: str) -> Edit:
    """Replace the text of a string in its quotes."""
    start, end = module.span(node)
    at = start + module.source[start:end].index(old.encode())
    return Edit(at, at + len(old), modern)


def _finding(
    module: Module,
    offset: int,
    old: str,
    modern: str,
    since: str,
    edits: tuple[Edit, ...] = (),
    removed_in: str = "3.0",
) -> Finding:
    return Finding(*module.place(offset), old, modern, since, removed_in, edits)
