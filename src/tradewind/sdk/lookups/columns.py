"""Columns and conditions: `DagRun.state == "failed"` in a query."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


class Element:
    """A part of a query. SQLAlchemy's functions (`and_`, `desc`, `func.max`) take it for one of theirs."""

    def __clause_element__(self) -> Any:
        """Return a stand-in that carries this part through SQLAlchemy: whoever asks has imported it."""
        from importlib import import_module  # noqa: PLC0415 - loaded already, by whom it is called

        stand_in: Any = import_module("sqlalchemy").literal_column(repr(self))
        stand_in.tradewind_element = self
        return stand_in


class Condition(Element):
    """A column compared with a value: `operation` is one of `tradewind.serialization.rows`."""

    def __init__(self, column: Column, operation: str, value: Any) -> None:
        self.column = column
        self.operation = operation
        self.value = value

    def __repr__(self) -> str:
        return f"{self.column!r} {self.operation} {self.value!r}"

    def __and__(self, other: Any) -> Combined:
        return Combined("and", [self, other])

    def __or__(self, other: Any) -> Combined:
        return Combined("or", [self, other])

    def __invert__(self) -> Combined:
        return Combined("not", [self])


class Combined(Condition):
    """Conditions joined by `and` or `or`, or one under `not`."""

    def __init__(self, word: str, parts: Iterable[Any]) -> None:
        self.word = word
        self.parts = list(parts)

    def __repr__(self) -> str:
        return f"{self.word}({', '.join(map(repr, self.parts))})"


class Ordering(Element):
    """A column to sort by, and in which direction."""

    def __init__(self, column: Column, *, is_descending: bool) -> None:
        self.column = column
        self.is_descending = is_descending

    def __repr__(self) -> str:
        return f"{self.column!r} {'DESC' if self.is_descending else 'ASC'}"


class Column(Element):
    """One column of a model, as `DagRun.run_id` at the class gives it."""

    __hash__ = object.__hash__

    def __init__(self, model: type, name: str, stored: str) -> None:
        self.model = model
        self.name = name
        self.stored = stored
        """The name it has in the worker store: Airflow 3's."""

    def __repr__(self) -> str:
        return f"{self.model.__name__}.{self.name}"

    def __eq__(self, other: object) -> Any:
        return self._is_null(wanted=True) if other is None else Condition(self, "eq", _plain(other))

    def __ne__(self, other: object) -> Any:
        return self._is_null(wanted=False) if other is None else Condition(self, "ne", _plain(other))

    def __lt__(self, other: Any) -> Condition:
        return Condition(self, "lt", _plain(other))

    def __le__(self, other: Any) -> Condition:
        return Condition(self, "le", _plain(other))

    def __gt__(self, other: Any) -> Condition:
        return Condition(self, "gt", _plain(other))

    def __ge__(self, other: Any) -> Condition:
        return Condition(self, "ge", _plain(other))

    def __invert__(self) -> Condition:
        return Condition(self, "eq", False)

    def is_(self, other: Any) -> Condition:
        """Return the condition that the column is None, True or False."""
        return self.__eq__(other)

    def is_not(self, other: Any) -> Condition:
        """Return the condition that it is not."""
        return self.__ne__(other)

    isnot = is_not

    def in_(self, values: Iterable[Any]) -> Condition:
        """Return the condition that the column is one of the values."""
        return Condition(self, "in", [_plain(value) for value in values])

    def not_in(self, values: Iterable[Any]) -> Condition:
        """Return the condition that it is none of them."""
        return Condition(self, "not_in", [_plain(value) for value in values])

    notin_ = not_in

    def like(self, pattern: str) -> Condition:
        """Return the condition that the text is like an SQL pattern."""
        return Condition(self, "like", pattern)

    def startswith(self, prefix: str) -> Condition:
        """Return the condition that the text begins so."""
        return Condition(self, "like", f"{prefix}%")

    def endswith(self, suffix: str) -> Condition:
        """Return the condition that the text ends so."""
        return Condition(self, "like", f"%{suffix}")

    def contains(self, part: str) -> Condition:
        """Return the condition that the text contains this."""
        return Condition(self, "like", f"%{part}%")

    def between(self, start: Any, end: Any) -> Combined:
        """Return the condition that the column lies between, both included."""
        return Combined("and", [self >= start, self <= end])

    def desc(self) -> Ordering:
        """Return the column to sort by, the largest first."""
        return Ordering(self, is_descending=True)

    def asc(self) -> Ordering:
        """Return the column to sort by."""
        return Ordering(self, is_descending=False)

    def label(self, name: str) -> Column:
        """Return the column under another name in the result."""
        return Column(self.model, name, self.stored)

    def _is_null(self, *, wanted: bool) -> Condition:
        return Condition(self, "is_null", wanted)


class FlagColumn(Column):
    """A flag of Airflow 2 that is true where another column has a certain value, such as `DagRun.external_trigger`."""

    __hash__ = object.__hash__

    def __init__(self, model: type, name: str, stored: str, value: str) -> None:
        super().__init__(model, name, stored)
        self._value = value

    def __eq__(self, other: object) -> Any:
        return Condition(Column(self.model, self.name, self.stored), "eq" if other else "ne", self._value)

    def __ne__(self, other: object) -> Any:
        return self.__eq__(not other)

    def __invert__(self) -> Any:
        return self.__eq__(other=False)


class Model(type):
    """The class of classes that can be queried: their columns are found at the class, whatever instances have there."""

    def __getattribute__(cls, name: str) -> Any:
        """Return a column for the name of one, else what the class has."""
        if name in _COLUMN_NAMES:
            stored: Any = type.__getattribute__(cls, "__columns__").get(name)
            if isinstance(stored, Flag):
                return FlagColumn(cls, name, stored.column, stored.value)
            if stored is not None:
                return Column(cls, name, stored)
        return type.__getattribute__(cls, name)


_COLUMN_NAMES: set[str] = set()
"""The names of every model's columns: most attributes of a class are none, and are found without a detour."""


class Flag(NamedTuple):
    """What a flag of Airflow 2 means: a stored column, and the value at which it is true."""

    column: str
    value: str


def columns_of(names: str, **renamed: str | Flag) -> dict[str, Any]:
    """Return `__columns__` of a model: its columns by name, with what the worker store calls them."""
    columns: dict[str, Any] = {name: name for name in names.split()} | renamed
    _COLUMN_NAMES.update(columns)
    return columns


def flattened(condition: Any, refuse: Callable[[str], Exception]) -> Any:
    """Return a condition made of this module's parts out of what SQLAlchemy made of them; raises `refuse(...)` for others."""
    if isinstance(condition, Condition):
        if isinstance(condition, Combined):
            return Combined(condition.word, [flattened(part, refuse) for part in condition.parts])
        return condition
    if isinstance(condition, Column):
        return condition.is_(True)
    if isinstance(condition, bool):
        return Combined("and" if condition else "or", [])
    carried = getattr(condition, "tradewind_element", None)
    if carried is not None:
        return flattened(carried, refuse)
    word = getattr(getattr(condition, "operator", None), "__name__", "")
    if word in {"and_", "or_"}:
        return Combined(word[:-1], [flattened(part, refuse) for part in condition.clauses])
    if word in {"inv", "not_"} or type(condition).__name__ == "Grouping":
        inner = flattened(condition.element, refuse)
        return Combined("not", [inner]) if word else inner
    raise refuse(f"the condition {condition}")


def _plain(value: Any) -> Any:
    """Return the value of an enum's member, and a date as a plain one in UTC, which is what rows have."""
    from datetime import datetime, timezone  # noqa: PLC0415 - off the import path of DAG files

    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
        return datetime.fromtimestamp(aware.timestamp(), timezone.utc)
    return getattr(value, "value", value)
