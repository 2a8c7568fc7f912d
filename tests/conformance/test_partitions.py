"""Partition mappers, windows and wait policies as real Airflow answered, held against Tradewind's."""

from __future__ import annotations

import json
from typing import Any

from conformance.partitions.questions import questions
from conformance.partitions.replay import answered, recorded


def test_parts_of_partitions_answer_as_airflows() -> None:
    expected = recorded()
    found: dict[str, Any] = json.loads(json.dumps(answered()))
    assert found.keys() == expected.keys()
    wrong = {name: (found[name], wanted) for name, wanted in expected.items() if found[name] != wanted}
    assert wrong == {}


def test_every_class_was_asked_and_days_of_every_length() -> None:
    text = json.dumps([part for _, part, _ in questions()])
    for period in ("Hour", "Day", "Week", "Month", "Quarter", "Year"):
        assert f"StartOf{period}Mapper" in text
        assert f'"{period}Window"' in text
    expected = recorded()
    day = "Rollup StartOfDayMapper DayWindow forward Europe/Amsterdam"
    assert {len_of for *_, (_, _, len_of, _) in expected[day]} == {23, 24}
    assert sum(map(len, expected.values())) > 5000
