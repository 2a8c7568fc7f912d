"""Timetables as authors use and extend them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pendulum
import pytest
import time_machine

from tradewind import DAG
from tradewind.core.timetables import interval
from tradewind.core.timetables.codec import decode_timetable, encode_timetable
from tradewind.core.timetables.protocol import DagRunInfo, DataInterval, TimeRestriction
from tradewind.sdk.timetables import classes
from tradewind.sdk.timetables.asking import next_run_of
from tradewind.sdk.toolkit.timetables import Timetable

PARIS = pendulum.timezone("Europe/Paris")
START = pendulum.datetime(2024, 3, 5, tz="Europe/Paris")
EVERY_KIND: list[Any] = [
    classes.NullTimetable(),
    classes.OnceTimetable(),
    classes.ContinuousTimetable(),
    classes.CronDataIntervalTimetable("0 0 * * *", timezone=PARIS),
    classes.DeltaDataIntervalTimetable(timedelta(days=1)),
    classes.CronTriggerTimetable("0 0 * * *", timezone="UTC", interval=timedelta(hours=1)),
    classes.DeltaTriggerTimetable(timedelta(days=1)),
    classes.MultipleCronTriggerTimetable("0 0 * * *", "0 5 * * *", timezone="UTC"),
    classes.EventsTimetable([START]),
]


@pytest.mark.parametrize("timetable", EVERY_KIND, ids=lambda one: type(one).__name__)
def test_every_kind_is_asked_and_answers_as_authors_expect(timetable: Any) -> None:
    assert isinstance(timetable, Timetable)
    restriction = TimeRestriction(earliest=START, latest=None, catchup=True)
    info: Any = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    if info is not None:
        assert isinstance(info.run_after, pendulum.DateTime)
        assert isinstance(info.data_interval.start, pendulum.DateTime)
        assert info.run_after >= START
    else:
        assert not timetable.can_be_scheduled
    inferred = timetable.infer_manual_data_interval(run_after=START.add(days=3))
    assert isinstance(inferred.end, pendulum.DateTime)


@pytest.mark.parametrize("timetable", EVERY_KIND, ids=lambda one: type(one).__name__)
def test_every_kind_is_in_a_document_what_it_is_derived_from(timetable: Any) -> None:
    decoded = decode_timetable(encode_timetable(timetable))
    assert type(decoded).__name__ == type(timetable).__name__
    assert not isinstance(decoded, Timetable)
    assert decoded.serialize() == timetable.serialize()
    assert decoded.summary == timetable.summary
    assert decoded.description == timetable.description


def test_dates_of_pendulum_go_through_the_cores_own() -> None:
    last = DataInterval(pendulum.datetime(2024, 3, 30, tz=PARIS), pendulum.datetime(2024, 3, 31, tz=PARIS))
    core = interval.CronDataIntervalTimetable("0 0 * * *", "Europe/Paris")
    info = core.next_dagrun_info(
        last_automated_data_interval=last,
        restriction=TimeRestriction(START, None, catchup=True),
        now=pendulum.datetime(2024, 4, 5),
    )
    assert info is not None
    assert info.run_after == datetime(2024, 3, 31, 22, tzinfo=timezone.utc)
    assert type(info.run_after) is datetime


class Workdays(classes.CronDataIntervalTimetable):
    """An author's: the runs of a weekend are those of Monday."""

    def next_dagrun_info(self, *, last_automated_data_interval: Any, restriction: Any) -> Any:  # type: ignore[override]
        """Skip the weekend."""
        info = super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )
        while info is not None and info.run_after.weekday() >= 5:
            end: Any = info.run_after
            info = DagRunInfo.interval(start=end, end=end.add(days=1))
        return info


def test_an_authors_class_derives_from_one() -> None:
    timetable = Workdays("0 0 * * *", timezone="UTC")
    friday = DataInterval(pendulum.datetime(2024, 3, 7), pendulum.datetime(2024, 3, 8))
    info = timetable.next_dagrun_info(
        last_automated_data_interval=friday, restriction=TimeRestriction(START, None, catchup=True)
    )
    assert info.run_after == pendulum.datetime(2024, 3, 11)
    assert encode_timetable(timetable)["type"] == "custom"
    assert next_run_of(timetable, friday).run_after == info.run_after
    assert DAG("d", schedule=timetable, start_date=START).timetable is timetable


def test_what_authors_classes_call_of_a_cron_timetable() -> None:
    timetable = classes.CronTriggerTimetable("0 6 * * *", timezone=PARIS)
    noon = pendulum.datetime(2024, 3, 5, 12, tz=PARIS)
    assert timetable._get_next(noon) == pendulum.datetime(2024, 3, 6, 6, tz=PARIS)
    assert timetable._get_prev(noon) == pendulum.datetime(2024, 3, 5, 6, tz=PARIS)
    assert timetable._align_to_next(noon) == timetable._get_next(noon)
    assert timetable._align_to_prev(noon) == timetable._get_prev(noon)
    assert (timetable._expression, timetable._timezone) == ("0 6 * * *", PARIS)


def test_without_catchup_the_clock_is_read() -> None:
    timetable = classes.CronTriggerTimetable("0 6 * * *", timezone="UTC")
    with time_machine.travel("2024-03-09T07:00:00+00:00", tick=False):
        info: Any = timetable.next_dagrun_info(
            last_automated_data_interval=None, restriction=TimeRestriction(START, None, catchup=False)
        )
    assert info.run_after == pendulum.datetime(2024, 3, 9, 6)


def test_a_schedule_of_a_dag_is_of_these_classes() -> None:
    dag = DAG("d", schedule="@daily", start_date=START)
    assert isinstance(dag.timetable, classes.CronTriggerTimetable)
    last = DataInterval.exact(pendulum.datetime(2024, 3, 6, tz=PARIS))
    info: Any = dag.timetable.next_dagrun_info(
        last_automated_data_interval=last, restriction=TimeRestriction(None, None, catchup=True)
    )
    assert info.run_after == pendulum.datetime(2024, 3, 7, tz=PARIS)


def test_a_run_id() -> None:
    timetable = classes.NullTimetable()
    date = pendulum.datetime(2024, 3, 5)
    assert timetable.generate_run_id(run_type="manual", run_after=date) == "manual__2024-03-05T00:00:00+00:00"
    assert timetable.generate_run_id(run_type="x", logical_date=date, data_interval=None) == f"x__{date.isoformat()}"
    assert timetable.generate_run_id(run_type="x") == "x__"
