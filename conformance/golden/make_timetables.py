"""Write what Airflow's own timetables answer, around daylight-saving changes and elsewhere.

Run with an interpreter that has apache-airflow-core 3.3.2 installed:

    python conformance/golden/make_timetables.py tests/core/golden/timetables.json

Times are minutes since 1970 (UTC), relative to the first number of a case where the case says so. A text instead of an
answer is the exception that Airflow raised. The file has these parts:

- `expressions`, `zones`: what the numbers in the other parts point to;
- `sequences`: [expression, zone, start, [boundaries after start]]: a cron data interval timetable with catchup is asked
  again and again; each run goes from one boundary to the next (where it does not, the case lists pairs instead);
- `skips`: [expression, zone, now, interval first, interval next, manual, trigger first, trigger next]: without catchup, at one
  moment: the first run of a DAG that started long before, the run after the last one that was due a while before `now`,
  the interval of a run triggered now, and the first and the following run of a trigger timetable;
- `others`: one question to any timetable, named by its document in the DAG document's form, with its answer.
"""

# pyright: reportMissingImports=false
# ruff: noqa: SLF001 - the clock of Airflow's modules is set from outside

from __future__ import annotations

import itertools
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pendulum
from airflow._shared.timezones import timezone as airflow_timezone
from airflow.timetables import interval as interval_module
from airflow.timetables import trigger as trigger_module
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.events import EventsTimetable
from airflow.timetables.interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable
from airflow.timetables.simple import ContinuousTimetable, NullTimetable, OnceTimetable
from airflow.timetables.trigger import CronTriggerTimetable, DeltaTriggerTimetable, MultipleCronTriggerTimetable
from dateutil.relativedelta import relativedelta, weekday

STEPS = 7
EXPRESSIONS = [
    *("*/5 * * * *", "* * * * *", "0 * * * *", "30 * * * *", "15,45 * * * *", "*/20 0-23 * * *", "7 */1 * * *"),
    *("0 */2 * * *", "30 */3 * * *", "0 */6 * * *", "0,30 1-5 * * *", "*/30 2 * * *", "15 1,2,3 * * *"),
    *("@daily", "30 2 * * *", "0 2 * * *", "30 1 * * *", "0 3 * * *", "30 0 * * *", "59 23 * * *", "20,40 2 * * *"),
    *("0 12 * * *", "45 23 * * *", "@weekly", "30 2 * * sun", "0 0 * * mon", "0 9 * * 1-5", "0 22 * * sat-mon"),
    *("0 * * * mon", "*/10 * * * fri", "@monthly", "30 2 L * *", "0 0 31 * *", "0 2 1,15 * fri", "0 0 * * 5#1"),
    *("0 6 * * L5", "@quarterly", "@yearly", "0 0 29 2 *", "30 2 * * * 30", "*/15 * * * * 10,40"),
]
SKIPPED_EXPRESSIONS = [
    *("*/5 * * * *", "0 * * * *", "30 * * * *", "0 */2 * * *", "@daily", "30 2 * * *", "0 2 * * *", "30 1 * * *"),
    *("30 0 * * *", "0 3 * * *", "0,30 1-5 * * *", "59 23 * * *", "30 2 * * sun", "0 * * * mon", "@monthly"),
]
# Each zone with days around which its wall clock is moved, or two quiet ones.
ZONES: list[tuple[str | int, tuple[str, ...]]] = [
    ("UTC", ("2024-03-31", "2024-10-27")),
    ("Europe/Amsterdam", ("2024-03-31", "2024-10-27")),
    ("Europe/Dublin", ("2024-03-31", "2024-10-27")),
    ("America/New_York", ("2024-03-10", "2024-11-03")),
    ("America/Sao_Paulo", ("2018-11-04", "2019-02-17")),
    ("Australia/Lord_Howe", ("2024-04-07", "2024-10-06")),
    ("Pacific/Chatham", ("2024-04-07", "2024-09-29")),
    ("Pacific/Apia", ("2011-12-30", "2012-04-01")),
    ("Asia/Tehran", ("2022-03-22", "2022-09-21")),
    ("Africa/Cairo", ("2024-04-26", "2024-10-31")),
    ("Africa/Casablanca", ("2023-03-19", "2023-04-23")),
    ("Asia/Kolkata", ("2024-03-31", "2024-10-27")),
    (19800, ("2024-02-29",)),
]
NOW_OFFSETS_MIN = (-95, -20, 10, 40, 100, 900)


def utc(text: str) -> pendulum.DateTime:
    """Read a moment in UTC."""
    return pendulum.instance(datetime.fromisoformat(text).replace(tzinfo=timezone.utc))


def minutes(moment: datetime | None) -> float | None:
    """Give minutes since 1970, as an integer where there is one."""
    if moment is None:
        return None
    value = round(moment.timestamp() / 60, 6)
    return int(value) if value == int(value) else value


def set_clock(now: datetime) -> None:
    """Let Airflow's timetables believe that it is `now`."""

    def frozen() -> datetime:
        return now

    interval_module.utcnow = frozen
    trigger_module.utcnow = frozen
    airflow_timezone.utcnow = frozen
    trigger_module.time = SimpleNamespace(time=now.timestamp)


def change_near(zone: Any, day: str) -> pendulum.DateTime:
    """Give the first change of offset within a day and a half around the day, or its noon."""
    start = utc(day) - timedelta(hours=36)
    moments = [start + timedelta(minutes=15 * quarter) for quarter in range(4 * 72)]
    for before, after in itertools.pairwise(moments):
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            return after
    return start + timedelta(hours=48)


def ask(timetable: Any, last: DataInterval | None, restriction: TimeRestriction) -> Any:
    """Ask for the next run; give it, None, or the exception as text."""
    try:
        return timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
    except Exception as error:  # noqa: BLE001 - whatever Airflow raises is the answer
        return type(error).__name__


def since(moment: datetime, start: datetime) -> float:
    """Give minutes from start to moment, as an integer where there is one."""
    value = round((moment - start).total_seconds() / 60, 6)
    return int(value) if value == int(value) else value


def sequence(expression: int, zone: int, change: pendulum.DateTime) -> list[Any]:
    """Follow an expression over a change, beginning about three steps before it."""
    timetable = CronDataIntervalTimetable(EXPRESSIONS[expression], airflow_timezone.parse_timezone(ZONES[zone][0]))
    before = timetable._get_prev(timetable._get_prev(timetable._get_prev(change)))
    start = before - timedelta(minutes=3)
    restriction = TimeRestriction(earliest=start, latest=None, catchup=True)
    last, pairs = None, []
    for _ in range(STEPS):
        info = ask(timetable, last, restriction)
        if not hasattr(info, "data_interval"):
            pairs.append(info)
            break
        last = info.data_interval
        pairs.append([since(last.start, start), since(last.end, start)])
    is_chained = all(a[1] == b[0] for a, b in itertools.pairwise(pairs) if isinstance(b, list))
    if is_chained and isinstance(pairs[-1], list):
        return [expression, zone, minutes(start), [pairs[0][0], *(end for _, end in pairs)]]
    return [expression, zone, minutes(start), pairs]


def skip(expression: str, zone: int, now: pendulum.DateTime) -> list[Any]:
    """Ask at one moment without catchup."""
    set_clock(now)
    tz = airflow_timezone.parse_timezone(ZONES[zone][0])
    restriction = TimeRestriction(earliest=now - timedelta(days=800), latest=None, catchup=False)
    answers: list[Any] = []
    for timetable in (CronDataIntervalTimetable(expression, tz), CronTriggerTimetable(expression, timezone=tz)):
        answers.append(ask(timetable, None, restriction))
        # The last run is the one that was due two days before.
        last_end = timetable._get_prev(now - timedelta(days=2))
        last_start = timetable._get_prev(last_end) if isinstance(timetable, CronDataIntervalTimetable) else last_end
        answers.append(ask(timetable, DataInterval(last_start, last_end), restriction))
        if isinstance(timetable, CronDataIntervalTimetable):
            answers.append(SimpleNamespace(data_interval=timetable.infer_manual_data_interval(run_after=now)))
    relative = [
        [since(answer.data_interval.start, now), since(answer.data_interval.end, now)]
        if hasattr(answer, "data_interval")
        else answer
        for answer in answers
    ]
    # A trigger run has an empty interval: one number says it.
    relative[3:] = [answer[1] if isinstance(answer, list) else answer for answer in relative[3:]]
    return [EXPRESSIONS.index(expression), zone, minutes(now), *relative]


MONTH_ENDS = relativedelta(months=1)
OTHERS: list[tuple[Any, dict[str, Any]]] = [
    (NullTimetable(), {"type": "null"}),
    (OnceTimetable(), {"type": "once"}),
    (ContinuousTimetable(), {"type": "continuous"}),
    *(
        (kind(delta), {"type": name, "delta": encoded, **extra})
        for kind, name, extra in (
            (DeltaDataIntervalTimetable, "delta_data_interval", {}),
            (DeltaTriggerTimetable, "delta_trigger", {"interval": 0}),
        )
        for delta, encoded in (
            (timedelta(hours=1), 3600),
            (timedelta(days=1), 86400),
            (timedelta(days=7), 604800),
            (timedelta(minutes=95, seconds=7), 5707),
            (relativedelta(months=1), {"months": 1}),
            (relativedelta(years=1, months=2, days=-3), {"years": 1, "months": 2, "days": -3}),
            (relativedelta(months=1, day=31, hour=4), {"months": 1, "day": 31, "hour": 4}),
            (relativedelta(days=1, weekday=weekday(4, 1)), {"days": 1, "weekday": [4, 1]}),
            (relativedelta(days=3, hours=2), {"days": 3, "hours": 2}),
        )
    ),
    (
        DeltaTriggerTimetable(timedelta(hours=6), interval=relativedelta(months=1)),
        {"type": "delta_trigger", "delta": 21600, "interval": {"months": 1}},
    ),
    *(
        (
            CronTriggerTimetable(cron, timezone=zone, interval=span, run_immediately=immediately),
            {
                "type": "cron_trigger",
                "expression": cron,
                "timezone": zone,
                "interval": span.total_seconds(),
                "run_immediately": immediately.total_seconds() if isinstance(immediately, timedelta) else immediately,
            },
        )
        for cron, zone, span, immediately in (
            ("30 16 * * *", "Europe/Amsterdam", timedelta(days=1), False),
            ("0 * * * *", "UTC", timedelta(0), False),
            ("0 * * * *", "UTC", timedelta(0), True),
            ("0 * * * *", "Asia/Kolkata", timedelta(hours=1), timedelta(minutes=20)),
            ("0 6 * * 1", "America/New_York", timedelta(days=7), None),
        )
    ),
    *(
        (
            MultipleCronTriggerTimetable(*crons, timezone=zone, interval=span),
            {
                "type": "multiple_cron_trigger",
                "expressions": list(crons),
                "timezone": zone,
                "interval": span.total_seconds(),
                "run_immediately": False,
            },
        )
        for crons, zone, span in (
            (("0 1 * * *", "30 5 * * 1-5"), "Europe/Amsterdam", timedelta(0)),
            (("*/15 8-9 * * *", "0 12 * * *", "0 0 1 * *"), "America/New_York", timedelta(0)),
            (("0 1 * * *", "0 5 * * *"), "UTC", timedelta(days=1)),
        )
    ),
    *(
        (
            EventsTimetable([utc(date) for date in dates], restrict_to_events=restricted, description=description),
            {
                "type": "events",
                "event_dates": [f"{date}+00:00" for date in sorted(dates)],
                "restrict_to_events": restricted,
                "description": description,
            },
        )
        for dates, restricted, description in (
            (["2024-05-20T12:00:00", "2024-01-31T00:00:00", "2024-05-20T12:00:00"], True, None),
            (["2024-02-01T08:00:00", "2024-12-24T18:00:00"], False, "Feasts"),
            ([], True, None),
        )
    ),
]
EARLIEST = (None, "2024-01-31T00:00:00", "2024-05-20T11:17:00", "2024-11-05T00:00:00")
LATEST = (None, "2024-05-20T12:00:00", "2024-04-30T23:00:00")
LAST = (None, ("2024-05-17T22:00:00", "2024-05-18T22:00:00"), ("2024-05-20T12:00:00", "2024-05-20T12:00:00"))
NOWS = ("2024-05-20T12:00:00", "2024-05-20T23:41:07")


def other(timetable: Any, document: int) -> list[list[Any]]:
    """Ask one timetable all questions."""
    answers: list[list[Any]] = []
    for now in NOWS:
        set_clock(utc(now))
        manual = timetable.infer_manual_data_interval(run_after=utc(now))
        answers.append([document, minutes(utc(now)), [minutes(manual.start), minutes(manual.end)]])
        for earliest in EARLIEST:
            for latest in LATEST:
                for catchup in (True, False):
                    for last in LAST:
                        restriction = TimeRestriction(
                            utc(earliest) if earliest else None, utc(latest) if latest else None, catchup
                        )
                        interval = DataInterval(utc(last[0]), utc(last[1])) if last else None
                        info = ask(timetable, interval, restriction)
                        answer = (
                            [minutes(info.data_interval.start), minutes(info.run_after)]
                            if hasattr(info, "data_interval")
                            else info
                        )
                        question = [EARLIEST.index(earliest), LATEST.index(latest), int(catchup), LAST.index(last)]
                        answers.append([document, minutes(utc(now)), question, answer])
    return answers


def main() -> None:
    """Write the file named on the command line."""
    sequences, skips = [], []
    for zone, (name, days) in enumerate(ZONES):
        tz = airflow_timezone.parse_timezone(name)
        changes = [change_near(tz, day) for day in days]
        for change in changes:
            sequences += [sequence(expression, zone, change) for expression in range(len(EXPRESSIONS))]
            for expression in SKIPPED_EXPRESSIONS:
                skips += [skip(expression, zone, change + timedelta(minutes=offset)) for offset in NOW_OFFSETS_MIN]
    golden = {
        "airflow": "3.3.2",
        "expressions": EXPRESSIONS,
        "zones": [name for name, _ in ZONES],
        "sequences": sequences,
        "skips": skips,
        "documents": [document for _, document in OTHERS],
        "questions": {"earliest": EARLIEST, "latest": LATEST, "last": LAST},
        "others": [answer for number, (timetable, _) in enumerate(OTHERS) for answer in other(timetable, number)],
        "texts": [[timetable.summary, timetable.description] for timetable, _ in OTHERS],
    }
    lines = [f'"{key}": {_compact(value)}' for key, value in golden.items()]
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _compact(value: Any) -> str:
    """Give JSON with one line per member of a list, so that a change of the file shows where it is."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(member, separators=(",", ":")) for member in value) + "\n]"
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    main()
