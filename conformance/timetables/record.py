"""Ask real Airflow's timetables about every zone with daylight saving, around each change of 2020 to 2035.

Run with an interpreter that has apache-airflow-core 3.3.2, or apache-airflow 2.8.1, installed:

    PYTHONPATH=. python conformance/timetables/record.py conformance/expected/timetables-3.3.2.jsonl.gz

Zones whose clocks are alike in those years are asked about once. Each line of the file is one such clock: `names`, the
`offset` at the beginning of 2020 and the `changes` ([minute since 1970, offset from then on]), offsets in minutes; by
the name of a question its answers, one for each change before 2036. Times in answers are minutes after the change; a text is the
exception that Airflow raised. The questions are those of `questions`.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import gzip
import json
import logging
import sys
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import airflow
import pendulum
from airflow.timetables import interval as interval_module
from airflow.timetables import trigger as trigger_module
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.events import EventsTimetable
from airflow.timetables.interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable
from airflow.timetables.simple import ContinuousTimetable
from airflow.timetables.trigger import CronTriggerTimetable
from dateutil.relativedelta import relativedelta

from conformance.timetables.clocks import clocks
from conformance.timetables.questions import QUESTIONS, answers_of

IS_2 = airflow.__version__.startswith("2")


def set_clock(now: datetime) -> None:
    """Let Airflow's timetables believe that it is `now`."""
    moment = pendulum.instance(now)
    if IS_2:

        class Frozen(pendulum.DateTime):
            @classmethod
            def utcnow(cls) -> Any:
                return moment

        from airflow.timetables import simple
        from airflow.utils import timezone

        interval_module.DateTime = trigger_module.DateTime = simple.DateTime = Frozen
        timezone.utcnow = lambda: moment
        return
    from airflow._shared.timezones import timezone

    interval_module.utcnow = trigger_module.utcnow = timezone.utcnow = lambda: moment
    trigger_module.time = SimpleNamespace(time=now.timestamp)


class Asked:
    """One timetable of Airflow's, asked in terms of plain datetimes."""

    def __init__(self, timetable: Any) -> None:
        """Take the timetable."""
        self.timetable = timetable

    def next(
        self, last: Any, earliest: datetime | None, latest: datetime | None, *, catchup: bool, now: datetime
    ) -> Any:
        """Return the next run's interval with its run-after, or the exception's name."""
        set_clock(now)
        bounds = (moment and pendulum.instance(moment) for moment in (earliest, latest))
        try:
            info = self.timetable.next_dagrun_info(
                last_automated_data_interval=last and DataInterval(*map(pendulum.instance, last)),
                restriction=TimeRestriction(*bounds, catchup),
            )
        except Exception as error:  # noqa: BLE001 - whatever Airflow raises is the answer
            return type(error).__name__
        return info and (info.data_interval.start, info.data_interval.end, info.run_after)

    def manual(self, run_after: datetime) -> Any:
        """Return the data interval of a manual run."""
        try:
            found = self.timetable.infer_manual_data_interval(run_after=pendulum.instance(run_after))
        except Exception as error:  # noqa: BLE001 - as above
            return type(error).__name__
        return found.start, found.end


def make(document: dict[str, Any], zone: str, change: datetime) -> Asked | None:
    """Return the timetable of a question; None where this release has none like it."""
    kind = document["type"]
    if kind == "events":
        dates = [pendulum.instance(change + timedelta(minutes=minutes)) for minutes in document["after"]]
        return Asked(EventsTimetable(dates, restrict_to_events=document["restrict"]))
    if kind == "continuous":
        return Asked(ContinuousTimetable())
    delta = document.get("delta")
    span = relativedelta(**delta) if isinstance(delta, dict) else timedelta(seconds=delta or 0)
    if kind == "delta_data_interval":
        return Asked(DeltaDataIntervalTimetable(span))
    if kind == "cron_data_interval":
        return Asked(CronDataIntervalTimetable(document["expression"], _zone(zone)))
    if kind == "cron_trigger":
        interval = timedelta(minutes=document.get("interval", 0))
        return Asked(CronTriggerTimetable(document["expression"], timezone=_zone(zone), interval=interval))
    if IS_2:
        return None
    from airflow.timetables.trigger import DeltaTriggerTimetable, MultipleCronTriggerTimetable

    if kind == "delta_trigger":
        return Asked(DeltaTriggerTimetable(span))
    return Asked(MultipleCronTriggerTimetable(*document["expressions"], timezone=_zone(zone)))


def _zone(name: str) -> Any:
    return pendulum.timezone(name)


def main() -> None:
    """Write the facts to the file named on the command line."""
    logging.disable(logging.CRITICAL)
    lines: list[str] = []
    for clock in clocks():
        row: dict[str, Any] = {"names": clock.names, "offset": clock.offset, "changes": clock.changes}
        for name, question in QUESTIONS.items():
            changes = clock.asked
            asked = [make(question.document, clock.names[0], change) for change in changes]
            answers = [answers_of(question, one, change) for one, change in zip(asked, changes, strict=True) if one]
            if answers:
                row[name] = answers
        lines.append(json.dumps(row, separators=(",", ":")) + "\n")
        print(len(lines), clock.names[0], flush=True)
    Path(sys.argv[1]).write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


if __name__ == "__main__":
    main()
