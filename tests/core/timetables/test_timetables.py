"""What the golden file does not ask."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from tradewind.core.cron import CronError, parse_cron
from tradewind.core.timetables.cron_text import describe
from tradewind.core.timetables.events import EventsTimetable
from tradewind.core.timetables.interval import CronDataIntervalTimetable
from tradewind.core.timetables.protocol import DagRunInfo, DataInterval, TimeRestriction, TimetableError
from tradewind.core.timetables.simple import ContinuousTimetable
from tradewind.core.timetables.trigger import CronTriggerTimetable, MultipleCronTriggerTimetable

UTC = timezone.utc
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FREE = TimeRestriction(None, None, catchup=True)


def test_run_infos_know_their_logical_date() -> None:
    assert DagRunInfo.exact(NOW).logical_date == NOW
    info = DagRunInfo.interval(NOW, NOW + timedelta(1))
    assert (info.logical_date, info.run_after) == (NOW, NOW + timedelta(1))
    assert DagRunInfo(NOW, None).logical_date is None


def test_a_changed_schedule_does_not_repeat_a_logical_date() -> None:
    daily = CronDataIntervalTimetable("@daily", "UTC")
    morning = datetime(2026, 3, 1, tzinfo=UTC)
    hourly_run = DataInterval(morning, morning + timedelta(hours=1))
    info = daily.next_dagrun_info(last_automated_data_interval=hourly_run, restriction=FREE, now=NOW)
    assert info is not None
    assert info.logical_date == morning + timedelta(days=1)


def test_without_start_date_the_last_complete_interval_comes_first() -> None:
    info = CronDataIntervalTimetable("@daily", "UTC").next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(None, None, catchup=False), now=NOW
    )
    midnight = NOW.replace(hour=0)
    assert info == DagRunInfo.interval(midnight - timedelta(days=1), midnight)


def test_the_end_date_includes_its_moment() -> None:
    timetable = CronTriggerTimetable("0 12 * * *", timezone="UTC")
    for latest, is_due in ((NOW, True), (NOW - timedelta(seconds=1), False)):
        restriction = TimeRestriction(NOW, latest, catchup=True)
        info = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction, now=NOW)
        assert (info is not None) is is_due


def test_moments_in_any_zone_mean_the_same() -> None:
    amsterdam = ZoneInfo("Europe/Amsterdam")
    timetable = CronTriggerTimetable("30 2 * * *", timezone=amsterdam)
    # The clock shows 02:45 for the first time that night: the run is due when it shows 02:30 again.
    first_pass = datetime(2024, 10, 27, 2, 45, tzinfo=amsterdam)
    info = timetable.next_dagrun_info(
        last_automated_data_interval=None,
        restriction=TimeRestriction(first_pass, None, catchup=True),
        now=first_pass,
    )
    assert info is not None
    assert info.run_after.isoformat() == "2024-10-27T01:30:00+00:00"


def test_several_crons_with_long_intervals_skip_no_run() -> None:
    timetable = MultipleCronTriggerTimetable("0 1 * * *", "0 5 * * *", timezone="UTC", interval=timedelta(days=1))
    last_end = NOW.replace(hour=5)
    info = timetable.next_dagrun_info(
        last_automated_data_interval=DataInterval(last_end - timedelta(days=1), last_end),
        restriction=TimeRestriction(None, None, catchup=False),
        now=NOW,
    )
    assert info is not None
    assert info.run_after == datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_several_crons_need_one() -> None:
    with pytest.raises(TimetableError, match="at least one cron expression"):
        MultipleCronTriggerTimetable(timezone="UTC")


def test_several_crons_end_together() -> None:
    timetable = MultipleCronTriggerTimetable("0 1 * * *", "0 5 * * *", timezone="UTC")
    restriction = TimeRestriction(NOW, NOW, catchup=True)
    assert timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction, now=NOW) is None


def test_a_bad_cron_is_refused_where_it_is_written() -> None:
    with pytest.raises(CronError, match="hour field, '25'"):
        CronTriggerTimetable("0 25 * * *", timezone="UTC")
    with pytest.raises(TimetableError, match="unknown time zone 'Mars'"):
        CronDataIntervalTimetable("@daily", "Mars")


def test_continuous_runs_wait_for_a_start_date_that_was_moved() -> None:
    start = NOW + timedelta(days=2)
    info = ContinuousTimetable().next_dagrun_info(
        last_automated_data_interval=DataInterval(NOW, NOW + timedelta(hours=1)),
        restriction=TimeRestriction(start, None, catchup=True),
        now=NOW,
    )
    assert info == DagRunInfo.interval(start, start + timedelta(hours=1))


def test_events_need_zones_and_may_come_presorted() -> None:
    assert EventsTimetable([NOW], presorted=True).event_dates == [NOW]
    with pytest.raises(ValueError, match="has no time zone"):
        EventsTimetable([datetime(2026, 1, 1)])  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("* * * * *", "Every minute"),
        ("*/5 * * * *", "Every 5 minutes"),
        ("0 * * * *", "Every hour"),
        ("30 * * * *", "At 30 minutes past the hour"),
        ("30 * * * * 5", "At 30 minutes and 5 seconds past the hour"),
        ("0 0 * * *", "At 00:00"),
        ("0 0 * * * 30", "At 00:00:30"),
        ("30 21 * * 5", "At 21:30, only on Friday"),
        (
            "0 0,12 1 */2 *",
            "At 00:00 and 12:00, on day 1 of the month, only in January, March, May, July, September and November",
        ),
        ("0 9-17 * * mon-fri", "At 0 minutes past the hour, in hours 9 to 17, only on Monday to Friday"),
        ("*/15 9,10 * 6 *", "Every 15 minutes, in hours 9 and 10, only in June"),
        ("1,4-7 * * * * 5", "At minutes 1 and 4 to 7, at second 5"),
        ("* * * * * */10", "Every 10 seconds"),
        ("5 3 * * * *", "Every second, in minutes 5, in hours 3"),
        ("0 0 L * *", "At 00:00, on the last day of the month"),
        ("0 0 15,L * *", "At 00:00, on day 15 of the month and the last day of the month"),
        ("0 0 15W * *", "At 00:00, on the working day nearest to day 15 of the month"),
        (
            "0 0 15W * fri#3",
            "At 00:00, on the working day nearest to day 15 of the month, only on the third Friday of the month",
        ),
        ("0 0 * * mon#2,L5", ""),
        ("0 0 * * L5", "At 00:00, only on the last Friday of the month"),
        ("0 0 1,15 * mon", "At 00:00, on day 1 and 15 of the month or on Monday"),
    ],
)
def test_expressions_are_put_in_words(expression: str, text: str) -> None:
    description = describe(parse_cron(expression))
    assert description == (text or "At 00:00, only on the second Monday of the month and the last Friday of the month")
