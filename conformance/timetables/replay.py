"""The same questions asked of Tradewind's timetables, and what they answer otherwise than Airflow's.

Answers differ where `docs/decisions/0003-cron-across-dst.md` says why; `expected/timetable_deviations.jsonl.gz` lists for
each release, clock and question at which changes (a digit each, 1 where it differs). The clocks are the recorded ones: what
governments decide about summer time after that moves no answer.
"""

from __future__ import annotations

import gzip
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.core.timetables.deltas import parse_delta
from tradewind.core.timetables.events import EventsTimetable
from tradewind.core.timetables.interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable
from tradewind.core.timetables.protocol import DataInterval, TimeRestriction
from tradewind.core.timetables.simple import ContinuousTimetable
from tradewind.core.timetables.trigger import (
    CronTriggerTimetable,
    DeltaTriggerTimetable,
    MultipleCronTriggerTimetable,
)

from conformance.timetables.clocks import Clock, RecordedZone
from conformance.timetables.questions import QUESTIONS, answers_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from tradewind.core.timetables.protocol import Timetable

EXPECTED = Path(__file__).parents[1] / "expected"
RELEASES = ("3.3.2", "2.8.1")


class Asked:
    """One timetable, asked in terms of plain datetimes."""

    def __init__(self, timetable: Timetable) -> None:
        """Take the timetable."""
        self.timetable = timetable

    def next(
        self, last: Any, earliest: datetime | None, latest: datetime | None, *, catchup: bool, now: datetime
    ) -> Any:
        """Return start, end and run-after of the next run, or the exception's name."""
        try:
            info = self.timetable.next_dagrun_info(
                last_automated_data_interval=last and DataInterval(*last),
                restriction=TimeRestriction(earliest, latest, catchup),
                now=now,
            )
        except ValueError as error:
            return type(error).__name__
        return info and info.data_interval and (*info.data_interval, info.run_after)

    def manual(self, run_after: datetime) -> Any:
        """Return the data interval of a manual run."""
        return tuple(self.timetable.infer_manual_data_interval(run_after=run_after))


def make(document: dict[str, Any], zone: tzinfo, change: datetime) -> Asked:
    """Return the timetable of a question."""
    kind, expression = document["type"], document.get("expression", "")
    made: dict[str, Any] = {
        "events": lambda: EventsTimetable(
            [change + timedelta(minutes=minutes) for minutes in document["after"]],
            restrict_to_events=document["restrict"],
        ),
        "continuous": ContinuousTimetable,
        "delta_data_interval": lambda: DeltaDataIntervalTimetable(_delta(document)),
        "delta_trigger": lambda: DeltaTriggerTimetable(_delta(document)),
        "cron_data_interval": lambda: CronDataIntervalTimetable(expression, zone),
        "cron_trigger": lambda: CronTriggerTimetable(
            expression, timezone=zone, interval=timedelta(minutes=document.get("interval", 0))
        ),
        "multiple_cron_trigger": lambda: MultipleCronTriggerTimetable(*document["expressions"], timezone=zone),
    }
    return Asked(made[kind]())


def _delta(document: dict[str, Any]) -> Any:
    delta = document["delta"]
    return parse_delta(delta) if isinstance(delta, dict) else timedelta(seconds=delta)


def recorded(release: str) -> list[dict[str, Any]]:
    """Return what a release of Airflow answered, clock by clock."""
    text = gzip.decompress((EXPECTED / f"timetables-{release}.jsonl.gz").read_bytes()).decode()
    return [json.loads(line) for line in text.splitlines()]


def differences(row: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Give each question whose answers for a clock are not all Airflow's: its name, the digits, the first that differs."""
    clock = Clock(row["names"], row["offset"], row["changes"])
    zone = RecordedZone(clock)
    for name, question in QUESTIONS.items():
        digits, example = "", ""
        for number, expected in enumerate(row.get(name, ())):
            change = clock.at(number)
            found = answers_of(question, make(question.document, zone, change), change)
            differs = json.loads(json.dumps(found)) != expected
            digits += str(int(differs))
            if differs and not example:
                example = f"at {change.isoformat()}: {found}, {expected} in Airflow"
        if example:
            yield name, digits, example


def expected_deviations(release: str) -> dict[tuple[str, str], str]:
    """Return the digits of each clock, by its first name, and question that a decision covers."""
    text = gzip.decompress((EXPECTED / "timetable_deviations.jsonl.gz").read_bytes()).decode()
    rows = (json.loads(line) for line in text.splitlines())
    return {(name, question): digits for of, name, question, digits in rows if of == release}


def compare_timetables(release: str, match: str = "") -> dict[str, Any]:
    """Compare all answers of a release; return the counts and what is not as recorded."""
    deviations = expected_deviations(release)
    counts = {"rows": 0, "same": 0, "decided": 0}
    failures: list[dict[str, str]] = []
    for row in recorded(release):
        clock_name = row["names"][0]
        if match not in clock_name:
            continue
        counts["rows"] += (rows := sum(len(row[name]) for name in QUESTIONS if name in row))
        wanted = {question: digits for (name, question), digits in deviations.items() if name == clock_name}
        for question, digits, example in differences(row):
            rows -= digits.count("1")
            if digits == wanted.pop(question, None):
                counts["decided"] += digits.count("1")
            else:
                failures.append({"what": f"timetables {release} {clock_name} {question}", "why": example})
        failures += [{"what": f"{clock_name} {question}", "why": "listed, and yet alike"} for question in wanted]
        counts["same"] += rows
    return {"counts": counts, "failures": failures}


def main() -> None:
    """Write the list of what differs; print an example of each question: `python -m conformance.timetables.replay`."""
    lines: list[str] = []
    shown: set[tuple[str, str]] = set()
    for release in RELEASES:
        for row in recorded(release):
            for question, digits, example in differences(row):
                lines.append(json.dumps([release, row["names"][0], question, digits]) + "\n")
                if (release, question) not in shown:
                    shown.add((release, question))
                    print(release, row["names"][0], question, example[:400], file=sys.stderr)
    (EXPECTED / "timetable_deviations.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


if __name__ == "__main__":
    main()
