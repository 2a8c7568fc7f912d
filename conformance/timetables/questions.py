"""What timetables are asked around a change of the clock; the same questions for Airflow's and for Tradewind's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

STEPS = 7
NOW_MIN = (-95, -20, 10, 40, 100)

CHAINED = (
    *("0 * * * *", "*/20 * * * *", "15,45 * * * *", "0 */2 * * *", "0,30 1-5 * * *", "15 0,1,2,3 * * *", "30 2 * * *"),
    *("0 2 * * *", "30 1 * * *", "0 3 * * *", "0 0 * * *", "30 0 * * *", "59 23 * * *", "0 12 * * *", "30 2 * * sun"),
    *("0 0 * * mon", "0 0 1 * *", "0 * * * mon", "20,40 2 * * *"),
)
OVERDUE = ("0 * * * *", "30 * * * *", "0 */2 * * *", "0 0 * * *", "30 2 * * *", "0 2 * * *", "30 1 * * *", "0 3 * * *")


class Asked(Protocol):
    """A timetable; its moments are plain datetimes, an exception is its name."""

    def next(
        self, last: Any, earliest: datetime | None, latest: datetime | None, *, catchup: bool, now: datetime
    ) -> Any:
        """Return start, end and run-after of the next run, None when there is none."""
        ...

    def manual(self, run_after: datetime) -> Any:
        """Return start and end of the data interval of a manual run."""
        ...


@dataclass(frozen=True)
class Question:
    """A timetable, and how it is asked: for the runs that follow one another, or at moments around the change."""

    document: dict[str, Any]
    is_chain: bool = True
    catchup: bool = True
    before: timedelta = field(default=timedelta(hours=7))
    """So long before the change the DAG starts."""


def answers_of(question: Question, asked: Asked, change: datetime) -> Any:
    """Return the answers around one change."""
    return _chain(question, asked, change) if question.is_chain else _overdue(asked, change)


def _chain(question: Question, asked: Asked, change: datetime) -> list[Any]:
    start = change - question.before - timedelta(minutes=3)
    last, found = None, []
    for step in range(STEPS):
        now = start + question.before * step / 3
        answer = asked.next(last, start, None, catchup=question.catchup, now=now)
        found.append(_minutes(answer, change))
        if answer is None or isinstance(answer, str):
            break
        last = answer[:2]
    return found


def _overdue(asked: Asked, change: datetime) -> list[Any]:
    found: list[Any] = []
    for minutes in NOW_MIN:
        now = change + timedelta(minutes=minutes)
        first = asked.next(None, change - timedelta(days=6), None, catchup=False, now=now)
        found.append(_minutes(first, change))
        if first is not None and not isinstance(first, str):
            found.append(
                _minutes(asked.next(first[:2], change - timedelta(days=6), None, catchup=False, now=now), change)
            )
        found.append(_minutes(asked.manual(now), change))
        found.append(_minutes(asked.next(None, None, now + timedelta(hours=5), catchup=True, now=now), change))
    return found


def _minutes(answer: Any, change: datetime) -> Any:
    if answer is None or isinstance(answer, str):
        return answer
    minutes = [round((moment - change).total_seconds() / 60, 3) for moment in answer]
    minutes = [int(value) if value == int(value) else value for value in minutes]
    # The run-after of most runs is the end of their interval: it is not written then.
    return minutes[:2] if minutes[-1] == minutes[1] else minutes


def _questions() -> dict[str, Question]:
    found: dict[str, Question] = {}
    for cron in CHAINED:
        is_frequent = cron.split()[1] == "*" and cron.split()[4] == "*"
        days = 7 if cron.split()[4] not in {"*", "mon"} else 1
        before = timedelta(hours=2) if is_frequent else timedelta(days=days * 2)
        found[f"interval {cron}"] = Question({"type": "cron_data_interval", "expression": cron}, before=before)
        found[f"trigger {cron}"] = Question(
            {"type": "cron_trigger", "expression": cron, "interval": 45}, before=before, catchup=days == 1
        )
    for cron in OVERDUE:
        found[f"overdue interval {cron}"] = Question({"type": "cron_data_interval", "expression": cron}, is_chain=False)
        found[f"overdue trigger {cron}"] = Question({"type": "cron_trigger", "expression": cron}, is_chain=False)
    found["several"] = Question(
        {"type": "multiple_cron_trigger", "expressions": ["30 1 * * *", "30 2 * * *", "0 3 * * *", "0 12 * * mon"]},
        before=timedelta(days=1),
    )
    for name, delta in (
        ("day", 86400),
        ("95 minutes", 5700),
        ("month", {"months": 1}),
        ("day 31", {"months": 1, "day": 31}),
    ):
        found[f"delta {name}"] = Question({"type": "delta_data_interval", "delta": delta}, before=timedelta(days=2))
        found[f"delta trigger {name}"] = Question({"type": "delta_trigger", "delta": delta}, before=timedelta(days=2))
    for name, delta in (("day", 86400), ("month", {"months": 1})):
        found[f"overdue delta {name}"] = Question({"type": "delta_data_interval", "delta": delta}, is_chain=False)
    for restrict in (True, False):
        found[f"events {restrict}"] = Question(
            {"type": "events", "after": [-1500, -90, -30, 0, 30, 90, 1500], "restrict": restrict}, is_chain=False
        )
    found["continuous"] = Question({"type": "continuous"}, is_chain=False)
    return found


QUESTIONS = _questions()
