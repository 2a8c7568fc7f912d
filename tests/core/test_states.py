from __future__ import annotations

from tradewind.core.states import FINISHED, HOLDING_SLOT, LIVE, PARKED, WAITING, DagRunState, RunType, TaskInstanceState


def test_states_print_as_the_database_holds_them() -> None:
    assert [f"{state}" for state in (TaskInstanceState.UP_FOR_RETRY, DagRunState.QUEUED, RunType.MANUAL)] == [
        "up_for_retry",
        "queued",
        "manual",
    ]


def test_every_live_state_is_of_one_kind() -> None:
    kinds = (WAITING, PARKED, HOLDING_SLOT, frozenset({TaskInstanceState.SCHEDULED}))
    assert sorted(state for kind in kinds for state in kind) == sorted(LIVE)
    assert set(TaskInstanceState) == LIVE | FINISHED
