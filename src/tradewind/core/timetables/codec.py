"""Timetables as plain JSON types, the form in which the DAG document holds them.

The timetables of this package are registered under a type name. Any other class is author code: it is kept by its
path, with what its `serialize` gave, and only a process that may import author code can ask it for runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from tradewind.core.timetables.asset_schedules import AssetOrTimeTimetable, AssetTriggeredTimetable
from tradewind.core.timetables.events import EventsTimetable
from tradewind.core.timetables.interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable
from tradewind.core.timetables.partitioned import (
    CronPartitionTimetable,
    PartitionedAssetTimetable,
    PartitionedAtRuntime,
)
from tradewind.core.timetables.protocol import (
    DagRunInfo,
    DataInterval,
    PlainTimetable,
    TimeRestriction,
    Timetable,
    TimetableError,
)
from tradewind.core.timetables.simple import ContinuousTimetable, NullTimetable, OnceTimetable
from tradewind.core.timetables.trigger import (
    CronTriggerTimetable,
    DeltaTriggerTimetable,
    MultipleCronTriggerTimetable,
)

if TYPE_CHECKING:
    from datetime import datetime

CUSTOM = "custom"


class NeedsAuthorCode(Exception):  # noqa: N818 - not an error: the question goes to another process
    """A custom timetable was asked where author code must not be imported.

    `class_path` (`module:Qualified.Name`) and `data` say what a worker process has to make and ask instead.
    """

    def __init__(self, class_path: str, data: dict[str, Any]) -> None:
        """Name the class and what it was serialized to."""
        super().__init__(f"timetable {class_path} is author code; ask a process that may import it")
        self.class_path = class_path
        self.data = data


class CustomTimetable(Timetable):
    """The stand-in for an author's timetable outside author code: it knows everything but the runs."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Take what `encode_timetable` gave for the author's object."""
        self.class_path: str = document["class"]
        self.data: dict[str, Any] = document["data"]
        self.description = document["description"]
        self.periodic = document.get("periodic", True)
        self.can_be_scheduled = document.get("can_be_scheduled", True)
        self.active_runs_limit = document.get("active_runs_limit")
        self._summary: str = document["summary"]

    @property
    def summary(self) -> str:
        """What the author's object gave."""
        return self._summary

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,  # noqa: ARG002 - every timetable is asked in these words
        restriction: TimeRestriction,  # noqa: ARG002 - every timetable is asked in these words
        now: datetime,  # noqa: ARG002 - every timetable is asked in these words
    ) -> DagRunInfo | None:
        """Raise NeedsAuthorCode."""
        self._refuse()

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:  # noqa: ARG002 - every timetable is asked in these words
        """Raise NeedsAuthorCode."""
        self._refuse()

    def serialize(self) -> dict[str, Any]:
        """Give what the author's object gave."""
        return self.data

    def _refuse(self) -> NoReturn:
        raise NeedsAuthorCode(self.class_path, self.data)


_CLASSES: dict[str, type[PlainTimetable]] = {}
_TYPE_NAMES: dict[type, str] = {}


def register_timetable(timetable_class: type[PlainTimetable]) -> type[PlainTimetable]:
    """Let the codec know a class by its `type_name`; usable as a decorator.

    Raises TimetableError when the name is taken.
    """
    name = timetable_class.type_name
    if name == CUSTOM or _CLASSES.setdefault(name, timetable_class) is not timetable_class:
        raise TimetableError(f"timetable type {name!r} is taken; give {timetable_class.__qualname__} another type_name")
    _TYPE_NAMES[timetable_class] = name
    return timetable_class


def register_author_class(author_class: type, type_name: str) -> None:
    """Let instances of `author_class` be encoded under an existing type name.

    For what authors see of a registered timetable, where that is a class of its own; it is decoded as the registered one.
    """
    if type_name not in _CLASSES:
        raise TimetableError(f"timetable type {type_name!r} is not registered; known are {', '.join(sorted(_CLASSES))}")
    _TYPE_NAMES[author_class] = type_name


def encode_timetable(timetable: Any) -> dict[str, Any]:
    """Give a timetable as plain JSON types; any object with Airflow's timetable methods will do.

    Raises TimetableError when a custom class is not reachable by its name (one defined inside a function).
    """
    if isinstance(timetable, CustomTimetable):
        return _custom_document(timetable.class_path, timetable.data, timetable)
    timetable_class: type[Any] = timetable.__class__
    name = _TYPE_NAMES.get(timetable_class)
    if name is not None:
        data: dict[str, Any] = timetable.serialize()
        if "timetable" in data:  # a schedule that has another one in it
            data = {**data, "timetable": encode_timetable(data["timetable"])}
        return {"type": name, **data}
    path = f"{timetable_class.__module__}:{timetable_class.__qualname__}"
    if "<" in path:
        raise TimetableError(f"timetable class {path} cannot be found again; define it at the top of a module")
    return _custom_document(path, timetable.serialize(), timetable)


def decode_timetable(document: dict[str, Any]) -> Timetable:
    """Make the timetable of a document again; a custom one becomes a `CustomTimetable`.

    Raises TimetableError when the document is not one that `encode_timetable` gives.
    """
    name = document.get("type")
    try:
        if name == CUSTOM:
            return CustomTimetable(document)
        if isinstance(name, str) and name in _CLASSES:
            if "timetable" in document:
                document = {**document, "timetable": decode_timetable(document["timetable"])}
            return _CLASSES[name].deserialize(document)
    except (KeyError, TypeError) as error:
        raise TimetableError(f"timetable document of type {name!r} is damaged: {error!r}") from error
    raise TimetableError(f"unknown timetable type {name!r}; known are {', '.join(sorted(_CLASSES))} and {CUSTOM}")


def _custom_document(class_path: str, data: dict[str, Any], timetable: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": CUSTOM,
        "class": class_path,
        "data": data,
        "summary": timetable.summary,
        "description": timetable.description,
    }
    for name, usual in (("periodic", True), ("can_be_scheduled", True), ("active_runs_limit", None)):
        value = getattr(timetable, name, usual)
        if value != usual:
            document[name] = value
    return document


for _timetable_class in (
    NullTimetable,
    OnceTimetable,
    ContinuousTimetable,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    MultipleCronTriggerTimetable,
    DeltaDataIntervalTimetable,
    DeltaTriggerTimetable,
    EventsTimetable,
    AssetTriggeredTimetable,
    AssetOrTimeTimetable,
    PartitionedAssetTimetable,
    PartitionedAtRuntime,
    CronPartitionTimetable,
):
    register_timetable(_timetable_class)
