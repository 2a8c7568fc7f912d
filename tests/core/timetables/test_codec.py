from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from tradewind.core.timetables import codec
from tradewind.core.timetables.codec import (
    CustomTimetable,
    NeedsAuthorCode,
    decode_timetable,
    encode_timetable,
    register_author_class,
    register_timetable,
)
from tradewind.core.timetables.interval import CronDataIntervalTimetable
from tradewind.core.timetables.protocol import TimeRestriction, TimetableError
from tradewind.core.timetables.simple import NullTimetable, OnceTimetable
from tradewind.core.timetables.trigger import CronTriggerTimetable

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)


class Workdays:
    """An author's timetable: Airflow's methods, no class of this package."""

    description = "Each working day"
    periodic = True
    can_be_scheduled = True
    active_runs_limit = 3
    summary = "workdays"

    def serialize(self) -> dict[str, Any]:  # noqa: D102
        return {"holidays": ["2026-12-25"]}


class Quiet(Workdays):  # noqa: D101
    active_runs_limit = None  # pyright: ignore[reportAssignmentType]
    periodic = False
    can_be_scheduled = False


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_CLASSES", dict(codec._CLASSES))
    monkeypatch.setattr(codec, "_TYPE_NAMES", dict(codec._TYPE_NAMES))


def test_a_registered_timetable_is_plain_json_with_its_type() -> None:
    document = encode_timetable(CronTriggerTimetable("@daily", timezone="Europe/Amsterdam"))
    assert document == {
        "type": "cron_trigger",
        "expression": "0 0 * * *",
        "timezone": "Europe/Amsterdam",
        "interval": 0.0,
        "run_immediately": False,
    }
    assert decode_timetable(json.loads(json.dumps(document))) == CronTriggerTimetable(
        "0 0 * * *", timezone="Europe/Amsterdam"
    )


def test_an_authors_class_is_kept_by_its_path() -> None:
    document = encode_timetable(Workdays())
    assert document == {
        "type": "custom",
        "class": f"{__name__}:Workdays",
        "data": {"holidays": ["2026-12-25"]},
        "summary": "workdays",
        "description": "Each working day",
        "active_runs_limit": 3,
    }
    timetable = decode_timetable(document)
    assert isinstance(timetable, CustomTimetable)
    assert (timetable.summary, timetable.description) == ("workdays", "Each working day")
    assert (timetable.periodic, timetable.can_be_scheduled, timetable.active_runs_limit) == (True, True, 3)
    assert timetable.serialize() == document["data"]
    assert encode_timetable(timetable) == document


def test_what_the_scheduler_asks_of_every_timetable_is_kept() -> None:
    document = encode_timetable(Quiet())
    timetable = decode_timetable(document)
    assert (timetable.periodic, timetable.can_be_scheduled, timetable.active_runs_limit) == (False, False, None)
    assert encode_timetable(timetable) == document


def test_a_custom_timetable_is_asked_elsewhere() -> None:
    timetable = decode_timetable(encode_timetable(Workdays()))
    with pytest.raises(NeedsAuthorCode, match="Workdays is author code") as caught:
        timetable.next_dagrun_info(
            last_automated_data_interval=None, restriction=TimeRestriction(None, None, catchup=True), now=NOW
        )
    assert caught.value.class_path == f"{__name__}:Workdays"
    assert caught.value.data == {"holidays": ["2026-12-25"]}
    with pytest.raises(NeedsAuthorCode):
        timetable.infer_manual_data_interval(run_after=NOW)


def test_a_subclass_of_a_registered_timetable_is_author_code() -> None:
    document = encode_timetable(_Nightly("@daily", "UTC"))
    assert document["type"] == "custom"
    assert document["data"] == {"expression": "0 0 * * *", "timezone": "UTC"}


class _Nightly(CronDataIntervalTimetable):
    pass


def test_a_class_inside_a_function_is_refused() -> None:
    class Local(Workdays):
        pass

    with pytest.raises(TimetableError, match="Local cannot be found again; define it at the top of a module"):
        encode_timetable(Local())


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "unknown timetable type None; known are asset, asset_or_time, continuous, cron_data_interval"),
        ({"type": "moon"}, "unknown timetable type 'moon'"),
        ({"type": ["x"]}, "unknown timetable type"),
        ({"type": "cron_trigger"}, "timetable document of type 'cron_trigger' is damaged: KeyError"),
        ({"type": "events", "event_dates": 3}, "is damaged: TypeError"),
        ({"type": "custom", "class": "a:B"}, "timetable document of type 'custom' is damaged"),
    ],
)
def test_a_damaged_document_is_told_so(document: dict[str, Any], message: str) -> None:
    with pytest.raises(TimetableError) as caught:
        decode_timetable(document)
    assert message in str(caught.value)


class Moon(OnceTimetable):  # noqa: D101
    type_name = "moon"


@pytest.mark.usefixtures("registry")
def test_the_registry_is_open() -> None:
    assert register_timetable(Moon) is Moon
    assert encode_timetable(Moon()) == {"type": "moon"}
    assert decode_timetable({"type": "moon"}) == Moon()
    register_timetable(Moon)


@pytest.mark.usefixtures("registry")
def test_a_taken_type_name_is_refused() -> None:
    class Other(OnceTimetable):
        pass

    class Custom(OnceTimetable):
        type_name = "custom"

    for timetable_class in (Other, Custom):
        with pytest.raises(TimetableError, match=f"is taken; give .*{timetable_class.__name__} another type_name"):
            register_timetable(timetable_class)


@pytest.mark.usefixtures("registry")
def test_what_authors_see_may_be_a_class_of_its_own() -> None:
    register_author_class(_Nightly, "cron_data_interval")
    document = encode_timetable(_Nightly("@daily", "UTC"))
    assert document["type"] == "cron_data_interval"
    assert type(decode_timetable(document)) is CronDataIntervalTimetable
    with pytest.raises(TimetableError, match="'moon' is not registered; known are asset, asset_or_time, continuous"):
        register_author_class(_Nightly, "moon")


def test_timetables_are_equal_by_what_they_say() -> None:
    same = CronDataIntervalTimetable("@daily", "UTC"), CronDataIntervalTimetable("0 0 * * *", "UTC")
    assert same[0] == same[1]
    assert len({*same}) == 1
    assert same[0] != CronDataIntervalTimetable("@daily", "Asia/Kolkata")
    assert NullTimetable() != OnceTimetable()
    assert NullTimetable() != "null"
    assert repr(same[0]) == "<CronDataIntervalTimetable 0 0 * * *>"


def test_a_timetable_may_leave_the_texts_to_the_base() -> None:
    class Bare(OnceTimetable):
        @property
        def summary(self) -> str:
            return super(OnceTimetable, self).summary

    assert Bare().summary == "Bare"
    assert Bare.deserialize({}) == Bare()
