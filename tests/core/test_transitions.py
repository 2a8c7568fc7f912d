from __future__ import annotations

import pytest

from tradewind.core.lifecycle import IllegalTransitionError, apply, transition_of
from tradewind.core.states import FINISHED, HOLDING_SLOT, LIVE
from tradewind.core.states import TaskInstanceState as S
from tradewind.core.transitions import TRANSITIONS, Actor, Effect, Event

WITHOUT_USERS = [row for row in TRANSITIONS if row.actors != {Actor.USER}]


def reachable(start: S, rows: list[tuple[frozenset[S], S]]) -> set[S]:
    found = {start}
    line = [start]
    for state in line:
        for sources, target in rows:
            if state in sources and target not in found:
                found.add(target)
                line.append(target)
    return found


def test_every_event_has_one_row() -> None:
    assert [row.event for row in TRANSITIONS] == list(Event)


def test_every_row_has_sources_and_actors() -> None:
    assert all(row.sources and row.actors for row in TRANSITIONS)


def test_every_state_is_reached_from_a_new_instance() -> None:
    assert reachable(S.NONE, [(row.sources, row.target) for row in TRANSITIONS]) == set(S)


@pytest.mark.parametrize("state", sorted(LIVE))
def test_every_live_state_can_end_without_a_user(state: S) -> None:
    ways = [(row.sources, row.target) for row in WITHOUT_USERS]
    assert reachable(state, ways) & (FINISHED - {S.REMOVED})


def test_only_these_events_leave_a_finished_state() -> None:
    leaving = {row.event for row in TRANSITIONS if row.sources & FINISHED}
    by_users = {Event.CLEAR, Event.MARK_SUCCESS, Event.MARK_FAILED, Event.MARK_SKIPPED}
    assert leaving == by_users | {Event.REMOVE, Event.RESTORE, Event.SKIP_DOWNSTREAM}


def test_a_finished_state_is_left_by_a_worker_only_where_a_branch_skips_what_failed_upstream() -> None:
    left = {row.event: row.sources & FINISHED for row in TRANSITIONS if Actor.WORKER in row.actors}
    assert {event: states for event, states in left.items() if states} == {
        Event.SKIP_DOWNSTREAM: frozenset({S.UPSTREAM_FAILED})
    }


def test_slots_are_given_back_wherever_a_holder_leaves() -> None:
    for row in TRANSITIONS:
        if row.sources & HOLDING_SLOT and row.target not in HOLDING_SLOT:
            assert Effect.RELEASE_SLOT in row.effects, row.event
        if row.target is S.QUEUED:
            assert Effect.TAKE_SLOT in row.effects


def test_downstream_hears_of_every_end() -> None:
    for row in TRANSITIONS:
        if row.target in FINISHED - {S.REMOVED}:
            assert Effect.WAKE_DOWNSTREAM in row.effects, row.event


@pytest.mark.parametrize("actor", list(Actor))
def test_apply_follows_the_table_and_nothing_else(actor: Actor) -> None:
    for row in TRANSITIONS:
        assert transition_of(row.event) is row
        for state in S:
            if state in row.sources and actor in row.actors:
                assert apply(state, row.event, actor) is row.target
            else:
                with pytest.raises(IllegalTransitionError):
                    apply(state, row.event, actor)


def test_the_error_says_what_would_be_allowed() -> None:
    with pytest.raises(
        IllegalTransitionError,
        match=r"^worker cannot start a task instance that is success; allowed from queued, restarting, by worker$",
    ) as caught:
        apply(S.SUCCESS, Event.START, Actor.WORKER)
    assert (caught.value.event, caught.value.found, caught.value.actor) == (Event.START, S.SUCCESS, Actor.WORKER)
