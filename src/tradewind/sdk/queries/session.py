"""Database sessions as DAG files use them: to read. Each use is noted with its modern form."""

from __future__ import annotations

from tradewind.sdk.deprecations import note_deprecated
from tradewind.sdk.queries.query import NoDatabaseError, Query, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class Session:
    """Stands for a database session: queries are answered through the worker store, everything that writes is refused."""

    def query(self, *entities: Any) -> Query:
        """Return a query. Raises `NoDatabaseError` for what cannot be asked."""
        query = Query(entities)
        name = getattr(getattr(query, "_model", None), "__name__", "")
        note_deprecated(f"session.query({name})", _MODERN.get(name, "the REST API"))
        return query

    def __enter__(self) -> Session:  # noqa: PYI034 - typing.Self is not in Python 3.10
        return self

    def __exit__(self, *_exc: object) -> None:
        return

    def __call__(self, *_args: Any, **_kwargs: Any) -> Session:
        """Return a session: `settings.Session` is called."""
        return self

    def commit(self) -> None:
        """Do nothing: nothing was written."""

    begin = close = expire_all = expunge_all = flush = remove = rollback = commit

    def add(self, instance: object) -> NoReturn:
        """Refuse, with what to do instead."""
        raise NoDatabaseError(
            f"session.add({type(instance).__name__}): sessions of DAG files are read-only; use Variable.set(), "
            "XCom.set(), `tradewind connections add`, or the REST API"
        )

    add_all = merge = delete = add

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse every other use."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise refuse(f"session.{name}")


_MODERN = {
    "DagRun": "DagRun.find()",
    "TaskInstance": "dag_run.get_task_instances()",
    "BaseXCom": "XCom.get_all() or ti.xcom_pull()",
    "Variable": "Variable.get() and Variable.keys()",
    "Connection": "Connection.get()",
    "DagModel": "DagModel.get_dagmodel()",
}
