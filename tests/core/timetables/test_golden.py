"""The timetables against Airflow 3.3.2's answers.

Every case in which they differ is listed, by its number and under its reason, in `golden/timetable_deviations.json`; the
reasons are explained in `docs/decisions/0003-cron-across-dst.md`. To see a difference, print the case in the test.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tradewind.core.timetables.codec import decode_timetable, encode_timetable
from tradewind.core.timetables.interval import CronDataIntervalTimetable
from tradewind.core.timetables.protocol import DagRunInfo, DataInterval, TimeRestriction
from tradewind.core.timetables.trigger import CronTriggerTimetable, MultipleCronTriggerTimetable
from tradewind.core.timetables.zones import parse_zone

FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN = json.loads((FOLDER / "timetables.json").read_text())
DEVIATIONS = json.loads((FOLDER / "timetable_deviations.json").read_text())
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TEXTS = zip(GOLDEN["documents"], GOLDEN["texts"], strict=True)


def at(minutes: float) -> datetime:
    return EPOCH + timedelta(seconds=round(minutes * 60))


def iso(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def since(moment: datetime, start: datetime) -> float:
    return round((moment - start).total_seconds() / 60, 6)


def run_of(info: DagRunInfo | None) -> DataInterval:
    assert info is not None
    assert info.data_interval is not None
    return info.data_interval


def reason(timetable: CronDataIntervalTimetable, zone: str | int, around: datetime) -> str:
    """Say which rule of the decision a cron case falls under, from the case alone."""
    if timetable.schedule.expression.covers_every_hour:
        return "free hour"
    tz = ZoneInfo(zone) if isinstance(zone, str) else parse_zone(zone)
    offsets = [(around + timedelta(hours=hours)).astimezone(tz).utcoffset() for hours in (-42, 42)]
    assert offsets[0] is not None
    assert offsets[1] is not None
    return "jump" if offsets[0] < offsets[1] else "repeat" if offsets[0] > offsets[1] else "none"


def cases(part: str, name: str | int) -> list[tuple[int, list[Any]]]:
    zone = GOLDEN["zones"].index(name)
    return [(number, case) for number, case in enumerate(GOLDEN[part]) if case[1] == zone]


def listed(part: str, name: str | int) -> dict[str, list[int]]:
    numbers = {number for number, _ in cases(part, name)}
    found = {why: [number for number in listed if number in numbers] for why, listed in DEVIATIONS[part].items()}
    return {why: listed for why, listed in found.items() if listed}


@pytest.mark.parametrize("name", GOLDEN["zones"])
def test_runs_follow_one_another_as_in_airflow(name: str | int) -> None:
    deviations: dict[str, list[int]] = defaultdict(list)
    for number, (expression, _, start_min, boundaries) in cases("sequences", name):
        timetable = CronDataIntervalTimetable(GOLDEN["expressions"][expression], name)
        start = at(start_min)
        restriction = TimeRestriction(earliest=start, latest=None, catchup=True)
        last, found = None, []
        for _ in range(7):
            info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction, now=EPOCH)
            last, previous = run_of(info), last
            assert previous is None or previous.end == last.start
            found += [since(last.end, start)] if previous else [since(last.start, start), since(last.end, start)]
        if found != boundaries:
            deviations[reason(timetable, name, start)].append(number)
    assert dict(deviations) == listed("sequences", name)


@pytest.mark.parametrize("name", GOLDEN["zones"])
def test_without_catchup_runs_are_skipped_as_in_airflow(name: str | int) -> None:
    deviations: dict[str, list[int]] = defaultdict(list)
    for number, (expression, _, now_min, *answers) in cases("skips", name):
        text, now = GOLDEN["expressions"][expression], at(now_min)
        interval, trigger = CronDataIntervalTimetable(text, name), CronTriggerTimetable(text, timezone=name)
        restriction = TimeRestriction(earliest=now - timedelta(days=800), latest=None, catchup=False)
        last_end = interval.schedule.prev_before(now - timedelta(days=2))
        last = DataInterval(interval.schedule.prev_before(last_end), last_end)
        options: dict[str, Any] = {"restriction": restriction, "now": now}
        found = [
            run_of(interval.next_dagrun_info(last_automated_data_interval=None, **options)),
            run_of(interval.next_dagrun_info(last_automated_data_interval=last, **options)),
            interval.infer_manual_data_interval(run_after=now),
            run_of(trigger.next_dagrun_info(last_automated_data_interval=None, **options)),
            run_of(trigger.next_dagrun_info(last_automated_data_interval=DataInterval.exact(last_end), **options)),
        ]
        spans = [[since(run.start, now), since(run.end, now)] for run in found]
        if [*spans[:3], spans[3][1], spans[4][1]] != answers:
            deviations[reason(interval, name, now)].append(number)
    assert dict(deviations) == listed("skips", name)


def test_other_timetables_answer_as_in_airflow() -> None:
    questions = GOLDEN["questions"]
    timetables = [decode_timetable(document) for document in GOLDEN["documents"]]
    deviations: dict[str, list[int]] = defaultdict(list)
    for number, (document, now_min, *case) in enumerate(GOLDEN["others"]):
        timetable, now = timetables[document], at(now_min)
        if len(case) == 1:
            interval = timetable.infer_manual_data_interval(run_after=now)
            assert [since(interval.start, EPOCH), since(interval.end, EPOCH)] == case[0], number
            continue
        (earliest, latest, catchup, last), answer = case
        ends = [iso(text) for text in questions["last"][last] or ()]
        info = timetable.next_dagrun_info(
            last_automated_data_interval=DataInterval(*ends) if ends else None,  # pyright: ignore[reportArgumentType]
            restriction=TimeRestriction(
                iso(questions["earliest"][earliest]), iso(questions["latest"][latest]), bool(catchup)
            ),
            now=now,
        )
        found = info and [since(run_of(info).start, EPOCH), since(info.run_after, EPOCH)]
        if found != answer:
            assert isinstance(timetable, MultipleCronTriggerTimetable)
            deviations["several crons"].append(number)
    assert dict(deviations) == DEVIATIONS["others"]


def test_documents_survive_the_round_trip() -> None:
    for document in GOLDEN["documents"]:
        timetable = decode_timetable(document)
        assert encode_timetable(timetable) == document
        assert decode_timetable(json.loads(json.dumps(document))) == timetable


def test_people_read_what_airflow_shows() -> None:
    for document, (summary, description) in TEXTS:
        timetable = decode_timetable(document)
        assert timetable.summary == summary
        if "cron" not in document["type"]:
            assert timetable.description == description
