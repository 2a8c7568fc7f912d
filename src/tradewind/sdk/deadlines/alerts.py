"""`DeadlineAlert`, and how a DAG's deadlines and Airflow 2's `sla` become part of its document."""

from __future__ import annotations

from datetime import timedelta

from tradewind.sdk.deadlines.callbacks import AsyncCallback, Callback, SyncCallback
from tradewind.sdk.deadlines.references import BUILT_IN, BaseDeadlineReference
from tradewind.sdk.deprecations import note_deprecated
from tradewind.sdk.exceptions import AirflowRuntimeError
from tradewind.sdk.toolkit.values import is_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tradewind.serialization.document import DeadlineDocument

SLA = "sla"
"""The reference type of a task's `sla`: the end of the run's data interval, for runs of the schedule."""
CUSTOM = "custom"
"""The reference type of a class of the author's: asked in a worker."""


class VariableInterval:
    """An interval of so many seconds as the Airflow variable `key` says when a run is queued."""

    def __init__(self, key: str) -> None:
        self.key = key

    def resolve(self) -> timedelta:
        """Return the interval as the variable says now. Raises ValueError for none, or one that is no whole number."""
        from tradewind.sdk.variable import Variable  # noqa: PLC0415 - few deadlines have one

        note_deprecated("VariableInterval.resolve()", "Variable.get()", since="3.3", removed_in="4.0")
        try:
            value = Variable.get(self.key)
        except (AirflowRuntimeError, KeyError) as error:
            raise ValueError(f"VariableInterval {self.key!r} not found: there is no such variable") from error
        try:
            return timedelta(seconds=int(value))
        except ValueError:
            raise ValueError(f"VariableInterval {self.key!r} must be an integer (seconds), got: {value!r}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VariableInterval) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


class DeadlineAlert:
    """A run has to succeed within `interval` of `reference`; if not, `callback` is called, once.

    Raises ValueError for a callback that is neither a `SyncCallback` nor an `AsyncCallback`.
    """

    def __init__(
        self,
        reference: BaseDeadlineReference,
        interval: timedelta | VariableInterval,
        callback: Callback,
        name: str | None = None,
    ) -> None:
        if not isinstance(callback, (AsyncCallback, SyncCallback)):
            raise ValueError(  # noqa: TRY004 - Airflow's kind
                f"Callbacks of type {type(callback).__name__} are not currently supported: "
                f"give a SyncCallback or an AsyncCallback of {callback!r}"
            )
        self.reference = reference
        self.interval = interval
        self.callback = callback
        self.name = name

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DeadlineAlert):
            return NotImplemented
        return (self.reference, self.interval, self.callback) == (other.reference, other.interval, other.callback)

    def __hash__(self) -> int:
        return hash((type(self.reference).__name__, self.interval, self.callback))


def alerts_of(dag: Any) -> list[DeadlineAlert]:
    """Return the DAG's deadline alerts. Raises TypeError for what is none."""
    given = dag.deadline
    alerts: list[Any] = [] if given is None else [*given] if is_list(given) else [given]
    for alert in alerts:
        if not isinstance(alert, DeadlineAlert):
            raise TypeError(f"deadline has to be a DeadlineAlert or a list of them, got {type(alert).__name__}")
    return alerts


def deadlines_of(dag: Any) -> tuple[DeadlineDocument, ...]:
    """Return the DAG's deadlines and its tasks' `sla`s as data. Raises TypeError for what makes no deadline."""
    return (*(_described(alert) for alert in alerts_of(dag)), *_slas_of(dag))


def _described(alert: DeadlineAlert) -> DeadlineDocument:
    from tradewind.serialization.document import DeadlineDocument  # noqa: PLC0415 - brings msgspec

    reference, interval = alert.reference, alert.interval
    if not isinstance(reference, BaseDeadlineReference):  # pyright: ignore[reportUnnecessaryIsInstance] - authors pass what they like
        raise TypeError(f"the reference of a deadline has to be a DeadlineReference, got {reference!r}")
    if not isinstance(interval, (timedelta, VariableInterval)):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
        raise TypeError(f"the interval of a deadline has to be a timedelta, got {interval!r}")
    data = reference.serialize_reference() if isinstance(reference, BUILT_IN) else {"name": reference.reference_name}
    kind = reference.reference_name if isinstance(reference, BUILT_IN) else CUSTOM
    return DeadlineDocument(
        name=alert.name,
        reference_type=kind,
        reference=data,
        interval_s=interval.total_seconds() if isinstance(interval, timedelta) else None,
        interval_variable=interval.key if isinstance(interval, VariableInterval) else None,
        callback=alert.callback.path,
    )


def _slas_of(dag: Any) -> list[DeadlineDocument]:
    """Return one deadline for each `sla` that tasks of the DAG have."""
    from tradewind.serialization.document import DeadlineDocument  # noqa: PLC0415 - as above

    by_sla: dict[float, list[str]] = {}
    for task in dag.tasks:
        sla = getattr(task, SLA, None)
        if sla is None:
            continue
        if not isinstance(sla, timedelta):
            raise TypeError(f"task {task.task_id!r}: sla has to be a timedelta, got {type(sla).__name__}: {sla!r}")
        by_sla.setdefault(sla.total_seconds(), []).append(task.task_id)
    return [
        DeadlineDocument(
            name=SLA,
            reference_type=SLA,
            interval_s=seconds,
            task_ids=tuple(sorted(task_ids)),
            callback="sla_miss_callback" if dag.sla_miss_callback else "",
        )
        for seconds, task_ids in sorted(by_sla.items())
    ]
