"""References to XComs: what a TaskFlow call and `operator.output` give, to be passed to other tasks."""

from __future__ import annotations

from tradewind.sdk.definitions.node import DAGNode, DependencyMixin, ResolveMixin
from tradewind.sdk.exceptions import AirflowException, XComNotFound
from tradewind.sdk.toolkit.kinds import NOTSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from tradewind.sdk.definitions.edges import EdgeModifier
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.graph.scopes import SetupTeardownContext

XCOM_RETURN_KEY = "return_value"


class XComArg(ResolveMixin, DependencyMixin):
    """A reference to what tasks push. `XComArg(operator, key)` makes one to a single XCom, a `PlainXComArg`.

    Put anywhere into a template field, it makes its task an upstream one, and is replaced by the value when the task
    runs. In a string it becomes a template: `f"{task.output}"`.
    """

    def __new__(cls, *_args: Any, **_kwargs: Any) -> PlainXComArg:
        """Make a `PlainXComArg` when the class itself is called."""
        kind: Any = PlainXComArg if cls is XComArg else cls
        return object.__new__(kind)

    def __init__(self, operator: BaseOperator, key: str = XCOM_RETURN_KEY) -> None:
        self.operator = operator
        self.key = key

    @staticmethod
    def iter_xcom_references(arg: Any) -> Iterator[tuple[BaseOperator, str]]:
        """Yield the tasks and keys of every reference in `arg`: in lists, tuples, sets, dicts and tasks' templates."""
        if isinstance(arg, (str, int, float, type(None))):
            return
        if isinstance(arg, ResolveMixin):
            yield from arg.iter_references()
        elif isinstance(arg, (list, tuple, set, frozenset, dict)):
            inside: Any = arg  # pyright: ignore[reportUnknownVariableType] - anything at all
            for element in inside.values() if isinstance(arg, dict) else inside:
                yield from XComArg.iter_xcom_references(element)
        elif isinstance(arg, DAGNode):
            for name in getattr(arg, "template_fields", ()):
                yield from XComArg.iter_xcom_references(getattr(arg, name, None))

    @staticmethod
    def apply_upstream_relationship(op: DependencyMixin, arg: Any) -> None:
        """Put every task that `arg` refers to before `op`."""
        for operator, _ in XComArg.iter_xcom_references(arg):
            op.set_upstream(operator)

    @property
    def roots(self) -> list[BaseOperator]:
        """The tasks it refers to."""
        return [operator for operator, _ in self.iter_references()]

    @property
    def leaves(self) -> list[BaseOperator]:
        """The tasks it refers to."""
        return [operator for operator, _ in self.iter_references()]

    def set_upstream(
        self, task_or_task_list: DependencyMixin | Iterable[DependencyMixin], edge_modifier: EdgeModifier | None = None
    ) -> None:
        """Put the given ones before the tasks it refers to."""
        for operator, _ in self.iter_references():
            operator.set_upstream(task_or_task_list, edge_modifier)

    def set_downstream(
        self, task_or_task_list: DependencyMixin | Iterable[DependencyMixin], edge_modifier: EdgeModifier | None = None
    ) -> None:
        """Put the given ones after the tasks it refers to."""
        for operator, _ in self.iter_references():
            operator.set_downstream(task_or_task_list, edge_modifier)

    def iter_references(self) -> Iterator[tuple[BaseOperator, str]]:
        """Yield the tasks and keys it refers to."""
        raise NotImplementedError

    def map(self, f: Callable[[Any], Any]) -> XComArg:
        """Return a reference to the items of the value, each put through `f` when it is read."""
        from tradewind.sdk.mapping.references import MapXComArg  # noqa: PLC0415 - only files with mapped tasks

        return MapXComArg(self, [f])

    def zip(self, *others: XComArg, fillvalue: Any = NOTSET) -> XComArg:
        """Return a reference to tuples of the items of several values; `fillvalue` stands in where one is shorter."""
        from tradewind.sdk.mapping.references import ZipXComArg  # noqa: PLC0415 - as above

        return ZipXComArg([self, *others], fillvalue=fillvalue)

    def concat(self, *others: XComArg) -> XComArg:
        """Return a reference to the items of several values one after the other."""
        from tradewind.sdk.mapping.references import ConcatXComArg  # noqa: PLC0415 - as above

        return ConcatXComArg([self, *others])


class PlainXComArg(XComArg):
    """A reference to one XCom of one task."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PlainXComArg):
            return NotImplemented
        return self.operator is other.operator and self.key == other.key

    def __hash__(self) -> int:
        return hash((self.operator.task_id, self.key))

    def __getitem__(self, item: str) -> XComArg:
        """Return the reference to another key of the task: `result["name"]`."""
        if not isinstance(item, str):  # pyright: ignore[reportUnnecessaryIsInstance] - authors pass what they like
            msg = f"an XCom's key is a string, got {type(item).__name__}: {item!r}"
            raise ValueError(msg)  # noqa: TRY004 - Airflow's
        return PlainXComArg(self.operator, item)

    def __iter__(self) -> Iterator[Any]:
        # Without it Python would try result[0], result[1], ... without end.
        raise TypeError("an XCom cannot be unpacked in a DAG file: its value exists only when the task has run")

    def __repr__(self) -> str:
        key = "" if self.key == XCOM_RETURN_KEY else f", {self.key!r}"
        return f"XComArg({self.operator!r}{key})"

    def __str__(self) -> str:
        task_id, dag_id = self.operator.task_id, self.operator.dag_id
        return f"{{{{ task_instance.xcom_pull(task_ids='{task_id}', dag_id='{dag_id}', key='{self.key}') }}}}"

    @property
    def is_setup(self) -> bool:
        """Whether its task is a setup task."""
        return self.operator.is_setup

    @is_setup.setter
    def is_setup(self, value: bool) -> None:
        self.operator.is_setup = value

    @property
    def is_teardown(self) -> bool:
        """Whether its task is a teardown task."""
        return self.operator.is_teardown

    @is_teardown.setter
    def is_teardown(self, value: bool) -> None:
        self.operator.is_teardown = value

    @property
    def on_failure_fail_dagrun(self) -> bool:
        """Whether the failure of its teardown task fails the run."""
        return self.operator.on_failure_fail_dagrun

    @on_failure_fail_dagrun.setter
    def on_failure_fail_dagrun(self, value: bool) -> None:
        self.operator.on_failure_fail_dagrun = value

    def as_setup(self) -> XComArg:
        """Make its task a setup task; return the reference."""
        self.operator.as_setup()
        return self

    def as_teardown(self, *, setups: Any = None, on_failure_fail_dagrun: bool | None = None) -> XComArg:
        """Make its task the teardown of `setups`; return the reference."""
        self.operator.as_teardown(setups=setups, on_failure_fail_dagrun=on_failure_fail_dagrun)
        return self

    def __enter__(self) -> type[SetupTeardownContext]:
        """Open a block for the work between setup and teardown. Raises for a task that is neither."""
        if not self.is_setup and not self.is_teardown:
            raise AirflowException(f"{self!r} opens no block: only setup and teardown tasks can be used with `with`")
        return self.operator.__enter__()

    def __exit__(self, *exc: object) -> None:
        self.operator.__exit__(*exc)

    def iter_references(self) -> Iterator[tuple[BaseOperator, str]]:
        """Yield its task and key."""
        yield self.operator, self.key

    def map(self, f: Callable[[Any], Any]) -> XComArg:
        """Return a reference to the items, each put through `f`. Raises ValueError for another key than the result."""
        self._check_returned("map against")
        return super().map(f)

    def zip(self, *others: XComArg, fillvalue: Any = NOTSET) -> XComArg:
        """Return a reference to tuples of items. Raises ValueError for another key than the result."""
        self._check_returned("map against")
        return super().zip(*others, fillvalue=fillvalue)

    def concat(self, *others: XComArg) -> XComArg:
        """Return a reference to all items. Raises ValueError for another key than the result."""
        self._check_returned("concatenate")
        return super().concat(*others)

    def _check_returned(self, verb: str) -> None:
        if self.key != XCOM_RETURN_KEY:
            raise ValueError(f"cannot {verb} non-return XCom")

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Return the XCom's value for the run of `context`.

        None when the task returned nothing. Raises `XComNotFound` when another key was never pushed, unless the task
        splits its result into keys (`multiple_outputs`) and did not run.
        """
        ti = context["ti"]
        operator = self.operator
        indexes: dict[str, Any] = {}
        if operator.is_mapped:
            from tradewind.sdk.mapping.lazy_sequence import LazyXComSequence  # noqa: PLC0415 - only of mapped tasks

            return LazyXComSequence(dag_id=ti.dag_id, run_id=ti.run_id, task_id=operator.task_id, key=self.key)
        if operator.get_closest_mapped_task_group() is not None:
            from tradewind.sdk.mapping.relations import relevant_map_indexes  # noqa: PLC0415 - only of mapped groups

            relevant = relevant_map_indexes(operator, context)
            indexes = {} if relevant is None else {"map_indexes": relevant}
        value = ti.xcom_pull(task_ids=operator.task_id, key=self.key, default=NOTSET, **indexes)
        if value is not NOTSET:
            return value
        if self.key == XCOM_RETURN_KEY or self.operator.multiple_outputs:
            return None
        raise XComNotFound(ti.dag_id, self.operator.task_id, self.key)
