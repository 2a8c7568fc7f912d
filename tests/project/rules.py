"""House rules as checks of syntax trees. Each takes a tree and yields the line and the sentence of what breaks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

Finding = tuple[int, str]
Rule = Callable[[ast.AST], Iterator[Finding]]

SQL_CALLS = {"text", "exec_driver_sql", "execute", "executemany", "executescript", "scalar", "scalars"}
STATE_TABLES = {"task_instance"}
STATE_COLUMN = "state"
STATE_SQL = re.compile(r"\bupdate\s+task_instance\b.*\bset\b.*\bstate\s*=", re.IGNORECASE | re.DOTALL)
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}


def sql_is_constant(tree: ast.AST) -> Iterator[Finding]:
    """SQL text is a constant with bound parameters, never put together from values."""
    for call in calls(tree):
        if called_name(call) in SQL_CALLS and call.args and is_put_together(call.args[0]):
            yield call.lineno, f"SQL put together for {called_name(call)}(): write a constant and bind the values"


def state_is_written_by_transitions(tree: ast.AST) -> Iterator[Finding]:
    """A task instance's state changes through the table of transitions: no other update of its table sets the column."""
    advice = "fire an event of the table of transitions"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called_name(node) == "values" and updated_table(node.func) in STATE_TABLES:
            if STATE_COLUMN in value_names(node):
                yield node.lineno, f"updates a task instance's state: {advice}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and STATE_SQL.search(node.value):
            yield node.lineno, f"updates a task instance's state in SQL: {advice}"


def environment_is_not_read(tree: ast.AST) -> Iterator[Finding]:
    """Settings come from `tradewind.config`; elsewhere the environment is only handed on whole.

    That is `{**os.environ, ...}` or `dict(os.environ)`, for a child process.
    """
    spreads = (zip(node.keys, node.values, strict=True) for node in ast.walk(tree) if isinstance(node, ast.Dict))
    handed_on = {id(value) for spread in spreads for key, value in spread if key is None}
    handed_on |= {id(argument) for call in calls(tree) if called_name(call) == "dict" for argument in call.args}
    for node in ast.walk(tree):
        if id(node) in handed_on:
            continue
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and is_name(node.value, "os"):
            yield node.lineno, f"reads os.{node.attr}: take the value as an argument, read it in tradewind.config"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            for alias in node.names:
                if alias.name in ENVIRONMENT:
                    yield node.lineno, f"imports os.{alias.name}: read it in tradewind.config"


def received_session_is_not_committed(tree: ast.AST) -> Iterator[Finding]:
    """Who opens a session commits it; a function that is handed one does not."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            received = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
            for call in calls(function):
                if (
                    isinstance(call.func, ast.Attribute)
                    and call.func.attr in {"commit", "rollback"}
                    and isinstance(call.func.value, ast.Name)
                    and call.func.value.id in received & {"session", "connection"}
                ):
                    yield (
                        call.lineno,
                        f"{call.func.attr}s a {call.func.value.id} that was handed in: leave it to the caller",
                    )


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield every call in the tree."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called_name(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def is_put_together(node: ast.expr) -> bool:
    """Tell whether the expression makes text out of values."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        return any(is_text(side) for side in (node.left, node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"format", "join"}:
        return is_text(node.func.value)
    # text(f"...") inside execute(...): reported at the inner call.
    return False


def is_text(node: ast.expr) -> bool:
    """Tell whether the expression is text, constant or formatted."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def updated_table(node: ast.expr) -> str | None:
    """Return the table that a chain such as `update(t).where(...).values` or `t.update().values` writes to."""
    while True:
        if isinstance(node, ast.Call):
            if called_name(node) == "update":
                table = node.args[0] if node.args else getattr(node.func, "value", None)
                return ast.unparse(table).rpartition(".")[2] if table is not None else None
            node = node.func
        elif isinstance(node, ast.Attribute):
            node = node.value
        else:
            return None


def value_names(call: ast.Call) -> Iterator[str]:
    """Yield the column names that `values(...)` is given."""
    for keyword in call.keywords:
        if keyword.arg:
            yield keyword.arg
        elif isinstance(keyword.value, ast.Dict):
            yield from constant_keys(keyword.value)
    for argument in call.args:
        if isinstance(argument, ast.Dict):
            yield from constant_keys(argument)


def constant_keys(node: ast.Dict) -> Iterator[str]:
    """Yield the names among the keys: constants, and `table.c.name` for a column."""
    for key in node.keys:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value
        elif isinstance(key, ast.Attribute):
            yield key.attr


def is_name(node: ast.expr, name: str) -> bool:
    """Tell whether the expression is that bare name."""
    return isinstance(node, ast.Name) and node.id == name
