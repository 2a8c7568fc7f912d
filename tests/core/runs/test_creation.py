from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tradewind.core.runs import NoProgressError, has_room_for_new_run, make_run_id, next_run, run_type_of
from tradewind.core.states import RunType
from tradewind.core.timetables.protocol import DagRunInfo, DataInterval, TimeRestriction, Timetable

DAY = timedelta(days=1)
FIRST = datetime(2025, 1, 1, tzinfo=timezone.utc)


class Scripted(Timetable):
    """Gives the run it was made with and remembers what it was asked."""

    def __init__(self, answer: DagRunInfo | None) -> None:
        self.answer = answer
        self.asked: dict[str, Any] = {}

    def next_dagrun_info(self, **asked: Any) -> DagRunInfo | None:
        """Answer as scripted."""
        self.asked = asked
        return self.answer

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the moment itself."""
        return DataInterval.exact(run_after)


def asked_for_next(timetable: Timetable, last: DagRunInfo | None) -> DagRunInfo | None:
    return next_run(
        timetable,
        last_interval=last.data_interval if last else None,
        last_run_after=last.run_after if last else None,
        start_date=FIRST,
        end_date=FIRST + 9 * DAY,
        catchup=True,
        now=FIRST + 5 * DAY,
    )


def test_the_timetable_is_asked_with_the_bounds_of_the_dag() -> None:
    info = DagRunInfo.interval(FIRST + DAY, FIRST + 2 * DAY)
    timetable = Scripted(info)
    assert asked_for_next(timetable, DagRunInfo.interval(FIRST, FIRST + DAY)) == info
    assert timetable.asked == {
        "last_automated_data_interval": DataInterval(FIRST, FIRST + DAY),
        "restriction": TimeRestriction(FIRST, FIRST + 9 * DAY, catchup=True),
        "now": FIRST + 5 * DAY,
    }


def test_a_timetable_may_have_no_next_run() -> None:
    assert asked_for_next(Scripted(None), DagRunInfo.exact(FIRST)) is None


def test_the_first_run_may_have_any_date() -> None:
    assert asked_for_next(Scripted(DagRunInfo.exact(FIRST)), None) == DagRunInfo.exact(FIRST)


@pytest.mark.parametrize(
    "answer",
    [
        DagRunInfo.interval(FIRST, FIRST + DAY),
        DagRunInfo.interval(FIRST - DAY, FIRST),
        DagRunInfo(FIRST, None),
    ],
)
def test_a_timetable_that_stands_still_is_an_error(answer: DagRunInfo) -> None:
    with pytest.raises(NoProgressError, match=r"'Scripted' gave a run after .* has to come later than the one before"):
        asked_for_next(Scripted(answer), DagRunInfo.interval(FIRST, FIRST + DAY))


@pytest.mark.parametrize(
    "answer",
    [
        # A shorter interval after a longer one may be due at the same moment, or sooner.
        DagRunInfo.interval(FIRST + DAY / 2, FIRST + DAY),
        DagRunInfo.interval(FIRST, FIRST + 2 * DAY),
    ],
)
def test_a_later_date_of_either_kind_is_progress(answer: DagRunInfo) -> None:
    assert asked_for_next(Scripted(answer), DagRunInfo.interval(FIRST, FIRST + DAY)) == answer


def test_runs_without_dates_have_to_run_later() -> None:
    with pytest.raises(NoProgressError):
        asked_for_next(Scripted(DagRunInfo.exact(FIRST)), DagRunInfo(FIRST, None))


@pytest.mark.parametrize(
    ("run_type", "logical_date", "unique", "expected"),
    [
        (RunType.SCHEDULED, FIRST, "", "scheduled__2025-01-02T00:00:00+00:00"),
        (RunType.MANUAL, FIRST, "x1", "manual__2025-01-02T00:00:00+00:00"),
        (RunType.MANUAL, None, "x1", "manual__2025-01-02T00:00:00+00:00_x1"),
        (RunType.ASSET_TRIGGERED, None, "", "asset_triggered__2025-01-02T00:00:00+00:00"),
    ],
)
def test_run_ids(run_type: RunType, logical_date: datetime | None, unique: str, expected: str) -> None:
    run_after = datetime(2025, 1, 2, 3, tzinfo=timezone(timedelta(hours=3)))
    run_id = make_run_id(run_type, run_after=run_after, logical_date=logical_date, unique=unique)
    assert run_id == expected
    assert run_type_of(run_id) is run_type


@pytest.mark.parametrize("run_id", ["mine", "scheduled", "nightly__1", ""])
def test_a_run_id_that_somebody_chose_means_a_manual_run(run_id: str) -> None:
    assert run_type_of(run_id) is RunType.MANUAL


def test_no_run_is_created_beyond_max_active_runs() -> None:
    assert [has_room_for_new_run(unfinished, 2) for unfinished in (0, 1, 2, 3)] == [True, True, False, False]
