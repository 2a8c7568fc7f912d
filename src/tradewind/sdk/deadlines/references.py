"""From which moment a deadline counts."""

from __future__ import annotations

from datetime import datetime, timezone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

REFERENCE_TYPE_FIELD = "reference_type"
DEFAULT_RUNS = 10


class BaseDeadlineReference:
    """What authors derive their own references from: they implement `_evaluate_with(*, session, **kwargs)`."""

    @property
    def reference_name(self) -> str:
        """The name of its class."""
        return type(self).__name__

    def serialize_reference(self) -> dict[str, Any]:
        """Return the reference as plain JSON types; for authors to extend."""
        return {REFERENCE_TYPE_FIELD: self.reference_name}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> BaseDeadlineReference:
        """Make the reference again from what `serialize_reference` gave."""
        del reference_data
        return cls()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseDeadlineReference):
            return NotImplemented
        return self.serialize_reference() == other.serialize_reference()

    def __hash__(self) -> int:
        return hash(tuple(sorted((key, str(value)) for key, value in self.serialize_reference().items())))


class DagRunLogicalDateDeadline(BaseDeadlineReference):
    """The run's logical date."""


class DagRunQueuedAtDeadline(BaseDeadlineReference):
    """When the run was queued."""


class FixedDatetimeDeadline(BaseDeadlineReference):
    """One date for every run."""

    def __init__(self, _datetime: datetime) -> None:
        self._datetime = _datetime

    def serialize_reference(self) -> dict[str, Any]:
        """Return the reference as plain JSON types."""
        moment = self._datetime
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
        return {**super().serialize_reference(), "datetime": aware.timestamp()}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> FixedDatetimeDeadline:
        """Make the reference again from what `serialize_reference` gave."""
        return cls(datetime.fromtimestamp(reference_data["datetime"], timezone.utc))


class AverageRuntimeDeadline(BaseDeadlineReference):
    """The start of the wait plus the average duration of the last successful runs; none while there are too few."""

    DEFAULT_LIMIT = DEFAULT_RUNS

    def __init__(self, max_runs: int, min_runs: int | None = None) -> None:
        self.max_runs = max_runs
        self.min_runs = max_runs if min_runs is None else min_runs
        if self.min_runs < 1:
            raise ValueError("min_runs must be at least 1")

    def serialize_reference(self) -> dict[str, Any]:
        """Return the reference as plain JSON types."""
        return {**super().serialize_reference(), "max_runs": self.max_runs, "min_runs": self.min_runs}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> AverageRuntimeDeadline:
        """Make the reference again from what `serialize_reference` gave."""
        max_runs = reference_data.get("max_runs", DEFAULT_RUNS)
        return cls(max_runs, reference_data.get("min_runs", max_runs))


BUILT_IN = (DagRunLogicalDateDeadline, DagRunQueuedAtDeadline, FixedDatetimeDeadline, AverageRuntimeDeadline)


class DeadlineReference:
    """The references there are, by Airflow's names; those that authors register become attributes too."""

    class TYPES:
        """When a reference is known: Airflow computes some when a run is made, some when it is queued; here both at once."""

        DAGRUN_CREATED: tuple[type[BaseDeadlineReference], ...] = (
            DagRunLogicalDateDeadline,
            FixedDatetimeDeadline,
            AverageRuntimeDeadline,
        )
        DAGRUN_QUEUED: tuple[type[BaseDeadlineReference], ...] = (DagRunQueuedAtDeadline,)
        DAGRUN: tuple[type[BaseDeadlineReference], ...] = DAGRUN_CREATED + DAGRUN_QUEUED

    DAGRUN_LOGICAL_DATE: BaseDeadlineReference = DagRunLogicalDateDeadline()
    DAGRUN_QUEUED_AT: BaseDeadlineReference = DagRunQueuedAtDeadline()

    @classmethod
    def AVERAGE_RUNTIME(cls, max_runs: int = 0, min_runs: int | None = None) -> BaseDeadlineReference:  # noqa: N802
        """Return the average duration of at most `max_runs` successful runs, once there are `min_runs`."""
        return AverageRuntimeDeadline(max_runs or DEFAULT_RUNS, min_runs)

    @classmethod
    def FIXED_DATETIME(cls, dt: datetime) -> BaseDeadlineReference:  # noqa: N802 - Airflow's
        """Return a date of its own."""
        return FixedDatetimeDeadline(dt)

    @classmethod
    def register_custom_reference(
        cls, reference_class: type[BaseDeadlineReference], deadline_reference_type: Any = None
    ) -> type[BaseDeadlineReference]:
        """Make a reference class of the author's an attribute. Raises ValueError for other classes and types."""
        if not issubclass(reference_class, BaseDeadlineReference):  # pyright: ignore[reportUnnecessaryIsInstance] - authors pass what they like
            raise ValueError(f"{reference_class.__name__} must inherit from BaseDeadlineReference")  # noqa: TRY004 - Airflow's
        known = (cls.TYPES.DAGRUN_CREATED, cls.TYPES.DAGRUN_QUEUED)
        kind = known[0] if deadline_reference_type is None else deadline_reference_type
        if kind not in known:
            raise ValueError(f"{kind!r} is none of DeadlineReference.TYPES.DAGRUN_CREATED and DAGRUN_QUEUED")
        try:
            instance = reference_class()
        except TypeError as error:
            raise TypeError(f"{reference_class.__name__} must be constructible without arguments: {error}") from error
        setattr(cls, reference_class.__name__, instance)
        name = "DAGRUN_CREATED" if kind is known[0] else "DAGRUN_QUEUED"
        setattr(cls.TYPES, name, (*kind, reference_class))
        cls.TYPES.DAGRUN = cls.TYPES.DAGRUN_CREATED + cls.TYPES.DAGRUN_QUEUED
        return reference_class


def deadline_reference(deadline_reference_type: Any = None) -> Any:
    """Decorate a class of one's own to register it, with or without parentheses."""
    if isinstance(deadline_reference_type, type):
        return DeadlineReference.register_custom_reference(deadline_reference_type)

    def decorate(reference_class: type[BaseDeadlineReference]) -> type[BaseDeadlineReference]:
        return DeadlineReference.register_custom_reference(reference_class, deadline_reference_type)

    return decorate


def evaluate(reference: BaseDeadlineReference, facts: Any) -> datetime | None:
    """Return the moment that a reference of the author's gives for a run. Raises TypeError for what is no date."""
    method: Callable[..., Any] | None = getattr(reference, "_evaluate_with", None)
    if method is None:
        raise TypeError(f"{reference.reference_name} has no _evaluate_with(*, session, **kwargs) method")
    found = method(session=None, dag_id=facts.dag_id, run_id=facts.run_id)
    if found is None:
        return None
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise TypeError(f"{reference.reference_name} has to give a date with a time zone, it gave {found!r}")
    return found.astimezone(timezone.utc)
