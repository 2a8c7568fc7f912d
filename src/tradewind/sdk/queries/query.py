"""`session.query(...)`: the read-only part of SQLAlchemy's queries that DAG files use, over the worker store."""

from __future__ import annotations

from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.lookups.columns import Column, Combined, Condition, Model, Ordering, flattened
from tradewind.sdk.ports import worker_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

MODERN_FORM = "use DagRun.find(), dag_run.get_task_instances(), Variable, Connection, XCom, or the REST API"


class NoDatabaseError(AirflowException, RuntimeError):
    """Author code asked of a database session what cannot be had without a database."""


class NoResultFoundError(NoDatabaseError):
    """One row was asked for, and there is none."""


class MultipleResultsFoundError(NoDatabaseError):
    """One row was asked for, and there are several."""


def refuse(what: str) -> NoDatabaseError:
    """Return the error that says what a session here does not do."""
    return NoDatabaseError(f"{what}: Tradewind gives DAG files no database, only a part of its queries; {MODERN_FORM}")


class Query:
    """A query of one model or of columns of it. Each method returns another query; what runs it is named as in SQLAlchemy."""

    def __init__(self, entities: tuple[Any, ...]) -> None:
        """Ask for entities: a model, columns of one, or `func.count()`, `func.max(...)` and `func.min(...)` of columns.

        Raises `NoDatabaseError` for others.
        """
        self._entities = [_entity(entity) for entity in entities]
        models = {model for model, _, _ in self._entities if model is not None}
        if len(models) > 1:
            raise refuse(f"session.query() of {' and '.join(sorted(model.__name__ for model in models))} together")
        self._model: Any = next(iter(models), None)
        self._conditions: list[Condition] = []
        self._order: list[tuple[str, bool]] = []
        self._limit: int | None = None
        self._offset = 0
        self._is_distinct = False

    # ---- what is asked -----------------------------------------------------------------------------------------------

    def filter(self, *conditions: Any) -> Query:
        """Return the query with more conditions."""
        return self._with(_conditions=[*self._conditions, *(flattened(each, refuse) for each in conditions)])

    def where(self, *conditions: Any) -> Query:
        """Return the query with more conditions."""
        return self.filter(*conditions)

    def filter_by(self, **values: Any) -> Query:
        """Return the query with columns that equal values."""
        return self.filter(*(getattr(self._model, name) == value for name, value in values.items()))

    def select_from(self, *models: Any) -> Query:
        """Return the query of this model, where `func.count()` alone does not say which."""
        return self._with(_model=models[0] if self._model is None else self._model)

    def order_by(self, *orderings: Any) -> Query:
        """Return the query in this order."""
        return self._with(_order=[*self._order, *(_ordering(each) for each in orderings if each is not None)])

    def limit(self, limit: int | None) -> Query:
        """Return the query of the first rows."""
        return self._with(_limit=limit)

    def offset(self, offset: int | None) -> Query:
        """Return the query without its first rows."""
        return self._with(_offset=offset or 0)

    def distinct(self, *_columns: Any) -> Query:
        """Return the query without rows that are alike."""
        return self._with(_is_distinct=True)

    def options(self, *_options: Any) -> Query:
        """Return the query: how rows are fetched makes no difference here."""
        return self

    with_for_update = execution_options = enable_eagerloads = populate_existing = options

    # ---- what runs it ------------------------------------------------------------------------------------------------

    def all(self) -> list[Any]:
        """Return every row."""
        if any(function for _, _, function in self._entities):
            return [tuple(self._aggregate(column, function) for _, column, function in self._entities)]
        rows = [self._result(row) for row in self._rows()]
        if not self._is_distinct:
            return rows
        return [row for place, row in enumerate(rows) if row not in rows[:place]]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all())

    def first(self) -> Any:
        """Return the first row, None when there is none."""
        rows = (self if self._is_distinct else self.limit(1)).all()
        return rows[0] if rows else None

    def one_or_none(self) -> Any:
        """Return the only row, None when there is none. Raises `MultipleResultsFoundError` for several."""
        rows = self.all()
        if len(rows) > 1:
            raise MultipleResultsFoundError(
                f"the query of {self._name()} finds {len(rows)} rows, where one was asked for"
            )
        return rows[0] if rows else None

    def one(self) -> Any:
        """Return the only row. Raises `NoResultFoundError` when there is none."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFoundError(f"the query of {self._name()} finds no row")
        return row

    def scalar(self) -> Any:
        """Return the first column of the only row, None when there is none."""
        row: Any = self.one_or_none()
        is_of_columns = self._entities[0][1] is not None or bool(self._entities[0][2])
        return row[0] if is_of_columns and row is not None else row

    def scalars(self) -> Query:
        """Return the query itself: of a model each row is one thing."""
        return self

    def count(self) -> int:
        """Return how many rows there are."""
        return len(self.all() if self._is_distinct else self._rows())

    def get(self, ident: Any) -> Any:
        """Refuse: rows are found by their columns."""
        raise refuse(f"query.get({ident!r})")

    def delete(self, *_args: Any, **_kwargs: Any) -> int:
        """Refuse."""
        raise _read_only(f"deleting rows of {self._name()}")

    def update(self, *_args: Any, **_kwargs: Any) -> int:
        """Refuse."""
        raise _read_only(f"changing rows of {self._name()}")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Refuse every other method of SQLAlchemy's."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise refuse(f"query.{name}()")

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _with(self, **changed: Any) -> Query:
        query = object.__new__(Query)
        query.__dict__.update(self.__dict__, **changed)
        return query

    def _name(self) -> str:
        return self._model.__name__ if self._model is not None else "nothing"

    def _rows(self) -> list[dict[str, Any]]:
        """Return the rows: the store sees to simple conditions, what is joined otherwise is looked at here."""
        from tradewind.serialization.rows import holds, select  # noqa: PLC0415 - sdk loads it when asked

        if self._model is None:
            raise refuse("session.query(func.count()) without select_from(Model)")
        simple = [each for condition in self._conditions for each in _simple_parts(condition)]
        joined = [each for condition in self._conditions for each in _joined_parts(condition)]
        filters = [(each.column.stored, each.operation, each.value) for each in simple]
        table: str = self._model.__table_name__
        if not joined:
            return worker_store().find_rows(
                table=table, filters=filters, order_by=self._order, limit=self._limit, offset=self._offset
            )

        def meets(row: dict[str, Any], condition: Any) -> bool:
            if not isinstance(condition, Combined):
                return holds(row.get(condition.column.stored), condition.operation, condition.value)
            found = (meets(row, part) for part in condition.parts)
            return not any(found) if condition.word == "not" else {"and": all, "or": any}[condition.word](found)

        rows = worker_store().find_rows(table=table, filters=filters, order_by=self._order)
        kept = [row for row in rows if all(meets(row, condition) for condition in joined)]
        return select(kept, (), limit=self._limit, offset=self._offset)

    def _result(self, row: dict[str, Any]) -> Any:
        if len(self._entities) == 1 and self._entities[0][1] is None:
            return self._model.from_row(row)
        return tuple(
            self._model.from_row(row) if column is None else _shown(row.get(column.stored))
            for _, column, _ in self._entities
        )

    def _aggregate(self, column: Column | None, function: str) -> Any:
        rows = self._rows()
        if function == "count":
            return len(rows) if column is None else sum(row.get(column.stored) is not None for row in rows)
        values = [row[column.stored] for row in rows if row.get(column.stored) is not None] if column else []
        return _shown({"max": max, "min": min, "sum": sum}[function](values)) if values else None


def _entity(entity: Any) -> tuple[Any, Column | None, str]:
    """Return model, column and aggregate function of what a query asks for."""
    if isinstance(entity, Model):
        if not hasattr(entity, "__table_name__"):
            raise refuse(f"session.query({entity.__name__})")
        return entity, None, ""
    carried = getattr(entity, "tradewind_element", entity)
    if isinstance(carried, Column):
        return carried.model, carried, ""
    function: Any = getattr(entity, "element", entity) if type(entity).__name__ == "Label" else entity
    name = str(getattr(function, "name", ""))
    if name in {"count", "max", "min", "sum"} and hasattr(function, "clauses"):
        inner = [getattr(clause, "tradewind_element", None) for clause in function.clauses]
        columns = [each for each in inner if isinstance(each, Column)]
        return (columns[0].model if columns else None), (columns[0] if columns else None), name
    raise refuse(f"session.query({entity})")


def _ordering(ordering: Any) -> tuple[str, bool]:
    carried = getattr(ordering, "tradewind_element", ordering)
    if isinstance(carried, Ordering):
        return carried.column.stored, carried.is_descending
    if isinstance(carried, Column):
        return carried.stored, False
    modifier = getattr(getattr(ordering, "modifier", None), "__name__", "")
    inner = getattr(getattr(ordering, "element", None), "tradewind_element", None)
    if isinstance(inner, Column) and modifier in {"asc_op", "desc_op"}:
        return inner.stored, modifier == "desc_op"
    raise refuse(f"order_by({ordering})")


def _simple_parts(condition: Condition) -> list[Condition]:
    """Return the conditions that a store can see to: single ones, and those joined by `and`."""
    if not isinstance(condition, Combined):
        return [condition]
    return [each for part in condition.parts for each in _simple_parts(part)] if condition.word == "and" else []


def _joined_parts(condition: Condition) -> list[Condition]:
    """Return the others."""
    if not isinstance(condition, Combined):
        return []
    return (
        [each for part in condition.parts for each in _joined_parts(part)] if condition.word == "and" else [condition]
    )


def _shown(value: Any) -> Any:
    """Return a column's value as author code has it: dates are pendulum's."""
    from datetime import datetime  # noqa: PLC0415 - sdk loads it when asked

    from tradewind.sdk.runtime.dates import as_pendulum  # noqa: PLC0415 - as above

    return as_pendulum(value) if isinstance(value, datetime) else value


def _read_only(what: str) -> NoDatabaseError:
    return NoDatabaseError(
        f"{what}: sessions of DAG files are read-only; old rows are deleted by `tradewind db clean`, "
        "states are set through the REST API or the command line"
    )
