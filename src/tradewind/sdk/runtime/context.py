"""The task context: what `execute(context)`, `**kwargs` of a Python callable and templates get.

It has every key of Airflow 2.8 and of 3.3. A key's value is computed when it is first read: most tasks read two of
them, and some (the previous successful run) cost a question to the scheduler. A run without a logical date has no
key that depends on one, as in Airflow 3.
"""

from __future__ import annotations

from collections.abc import ItemsView, KeysView, ValuesView
from functools import partial

from tradewind.sdk.deprecations import note_deprecated
from tradewind.sdk.runtime.computed import COMPUTED, COSTLY, DEPRECATED, NEEDS_LOGICAL_DATE
from tradewind.sdk.runtime.dag_run import DagRun

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.serialization.messages import DagRunFacts

    _Computed = dict[str, Callable[["Context"], Any]]
    _Plain = dict[str, Any]
else:
    _Plain = dict

_WITHOUT_DATE: _Computed = {key: compute for key, compute in COMPUTED.items() if key not in NEEDS_LOGICAL_DATE}


class Context(_Plain):
    """A mapping of the context's keys. Keys that are set or deleted behave as in any dict."""

    __slots__ = ("_computed",)

    def __init__(self, context: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(context or (), **kwargs)
        self._computed: _Computed = {}

    def __missing__(self, key: str) -> Any:
        """Compute a value and keep it; a deprecated key is noted with its modern form."""
        compute = self._computed.get(key)
        if compute is None:
            raise KeyError(key)
        deprecated = DEPRECATED.get(key)
        if deprecated is not None:
            note_deprecated(f"context key {key}", deprecated, since="2.2", removed_in="3.0")
        value = compute(self)
        self[key] = value
        return value

    def __contains__(self, key: object) -> bool:
        return _Plain.__contains__(self, key) or key in self._computed

    def __iter__(self) -> Iterator[str]:
        yield from _Plain.__iter__(self)
        for key in tuple(self._computed):
            if not _Plain.__contains__(self, key):
                yield key

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        _Plain.pop(self, key, None)
        if key in self._computed:
            self._computed = {name: compute for name, compute in self._computed.items() if name != key}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Context):
            return self is other or (_Plain.__eq__(self, other) and self._computed == other._computed)
        return _Plain.__eq__(self, other)

    __hash__ = None  # type: ignore[assignment] - it can change

    def __repr__(self) -> str:
        return f"<Context {', '.join(self)}>"

    def __copy__(self) -> Context:
        """Return a context with the same keys: those computed so far keep their values."""
        return Context.computing(self._known(), self._computed)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Become a plain dict, with every value, where it is pickled."""
        return dict, (dict(self.items()),)

    copy = __copy__

    def get(self, key: str, default: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a key's value, or the default when there is no such key."""
        return self[key] if key in self else default  # noqa: SIM401 - this is `get`

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a key and return its value, or the default. Raises KeyError without one."""
        if key not in self and default:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def forget(self, key: str) -> None:
        """Compute a key anew when it is next read: what it is computed from has changed."""
        _Plain.pop(self, key, None)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return a key's value; a key that is missing gets the default."""
        if key not in self:
            self[key] = default
        return self[key]

    def keys(self) -> Any:
        """Return the keys, those too whose values nobody has read yet."""
        return KeysView(self)

    def items(self) -> Any:
        """Return pairs of key and value; reading them computes every value."""
        return ItemsView(self)

    def values(self) -> Any:
        """Return the values; reading them computes every one."""
        return ValuesView(self)

    @classmethod
    def computing(cls, values: dict[str, Any], computed: _Computed) -> Context:
        """Return a context of values, and of functions for the values of other keys."""
        context = cls(values)
        context._computed = computed
        return context

    def _known(self) -> dict[str, Any]:
        """Return the values that are known by now; `dict.copy` would ask for every key."""
        return dict(_Plain.items(self))

    def only(self, keys: Container[str]) -> Context:
        """Return a context that has those of the keys only."""
        return Context.computing(
            {key: value for key, value in _Plain.items(self) if key in keys},
            {key: partial(_of, self, key) for key in self._computed if key in keys},
        )

    def for_unpacking(self) -> dict[str, Any]:
        """Return every key for a call with `**`.

        Keys that cost a question to the scheduler, and deprecated ones, have a stand-in that fetches (and notes) when
        it is used.
        """
        from tradewind.sdk.runtime.lazy import LazyValue  # noqa: PLC0415 - only callables that take **kwargs need it

        known = self._known()
        for key in self._computed:
            if key not in known:
                known[key] = LazyValue(partial(self.__getitem__, key)) if key in COSTLY else self[key]
        return known


def task_context(
    *, ti: Any, task: BaseOperator, dag: DAG, dag_run: DagRunFacts | DagRun, test_mode: bool = False
) -> Context:
    """Return the context of one try.

    `ti` is the task instance at work; of it the attributes `try_number` and, if present, `expanded_ti_count` and
    `task_reschedule_count` are read. `test_mode` says that nothing of the run is kept.
    """
    run = dag_run if isinstance(dag_run, DagRun) else DagRun(dag_run)
    context = Context.computing(
        {
            "dag": dag,
            "dag_run": run,
            "inlets": task.inlets,
            "map_index_template": getattr(task, "map_index_template", None),
            "outlets": task.outlets,
            "run_id": run.run_id,
            "task": task,
            "task_instance": ti,
            "test_mode": test_mode,
            "ti": ti,
        },
        COMPUTED if run.has_logical_date else _WITHOUT_DATE,
    )
    if task.outlets:
        # Made now, so that every copy of the context has the same: what the task says of its events is read off it.
        context["outlet_events"]
    return context


def _of(source: Context, key: str, _part: Context) -> Any:
    """Compute a key of a part of `source`, which may lack what the key is computed from."""
    return source[key]


def context_merge(context: Context, *args: Any, **kwargs: Any) -> None:
    """Set keys as `dict.update` does."""
    context.update(*args, **kwargs)


def context_copy_partial(source: Context, keys: Container[str]) -> Context:
    """Return a context that has only those keys of `source`."""
    return source.only(keys)


KNOWN_CONTEXT_KEYS: frozenset[str] = frozenset(
    {*COMPUTED, "dag", "dag_run", "exception", "inlets", "map_index_template", "outlets", "reason", "run_id", "task"}
    | {"task_instance", "templates_dict", "test_mode", "ti"}
)
