"""The loop's ears and clock."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tradewind.scheduler.reactor import SelectorReactor
from tradewind.serialization.messages import StoreCall, StoreReply
from tradewind.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def reactor(clock: FakeClock) -> Iterator[SelectorReactor]:
    made = SelectorReactor(clock, lambda call: StoreReply(call_id=call.call_id, result=call.method))
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_timers_fall_due_in_order_and_once(reactor: SelectorReactor, clock: FakeClock) -> None:
    seen: list[str] = []
    reactor.call_after(2, lambda: seen.append("b"))
    reactor.call_after(1, lambda: seen.append("a"))
    reactor.call_after(2, lambda: seen.append("c"))
    reactor.turn(wait=False)
    assert seen == []
    clock.advance(5)
    reactor.turn(wait=False)
    reactor.turn(wait=False)
    assert seen == ["a", "b", "c"]


def test_a_cancelled_timer_does_nothing(reactor: SelectorReactor, clock: FakeClock) -> None:
    seen: list[str] = []
    cancel = reactor.call_after(1, lambda: seen.append("a"))
    cancel_at = reactor.call_at(clock.now() + timedelta(hours=1), lambda: seen.append("b"))
    clock.advance(61)
    cancel()
    reactor.turn(wait=False)
    cancel_at()
    clock.advance(3600)
    reactor.turn(wait=False)
    cancel()
    cancel_at()
    assert seen == []


def test_a_wall_clock_timer_follows_the_wall_clock_when_it_is_set(reactor: SelectorReactor, clock: FakeClock) -> None:
    seen: list[str] = []
    reactor.call_at(clock.now() + timedelta(hours=1), lambda: seen.append("a"))
    clock._now_at += timedelta(minutes=59)
    reactor.turn(wait=False)
    assert seen == []
    clock.advance(60)
    reactor.turn(wait=False)
    assert seen == ["a"]


def test_a_moment_in_the_past_is_due_at_once(reactor: SelectorReactor, clock: FakeClock) -> None:
    seen: list[str] = []
    reactor.call_at(clock.now() - timedelta(days=1), lambda: seen.append("a"))
    reactor.turn()
    assert seen == ["a"]


def test_what_arrives_is_called_back(reactor: SelectorReactor, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    seen: list[bytes] = []
    reactor.watch(ours.fileno(), lambda: seen.append(ours.recv(10)))
    theirs.send(b"x")
    reactor.turn()
    reactor.unwatch(ours.fileno())
    theirs.send(b"y")
    reactor.turn(wait=False)
    assert seen == [b"x"]


def test_what_is_no_longer_watched_is_not_called_even_if_it_had_news(reactor: SelectorReactor) -> None:
    """Two sockets have news in one turn, and the one that comes first closes the other, whose number goes to a third."""
    seen: list[str] = []
    pairs = {name: socket.socketpair() for name in "ab"}
    fresh: list[tuple[socket.socket, socket.socket]] = []

    def hear(own: str, other: str) -> None:
        pairs[own][0].recv(10)
        seen.append(own)
        if fresh:
            return
        number = pairs[other][0].fileno()
        reactor.unwatch(number)
        pairs[other][0].close()
        fresh.append(socket.socketpair())
        assert fresh[0][0].fileno() == number
        reactor.watch(number, lambda: seen.append("fresh"))

    reactor.watch(pairs["a"][0].fileno(), lambda: hear("a", "b"))
    reactor.watch(pairs["b"][0].fileno(), lambda: hear("b", "a"))
    for _, theirs in pairs.values():
        theirs.send(b"x")
    reactor.turn()
    assert len(seen) == 1
    for couple in (*pairs.values(), *fresh):
        for end in couple:
            end.close()


def test_a_wake_ends_the_wait(reactor: SelectorReactor) -> None:
    reactor.wake()
    reactor.wake()
    reactor.turn()
    reactor.turn(wait=False)


def test_news_in_the_inbox_are_not_waited_for(reactor: SelectorReactor) -> None:
    from tradewind.metadata.doorbell import Ring

    reactor.deliver(Ring("pool"))
    reactor.turn()
    assert reactor.take_inbox() == [Ring("pool")]
    assert reactor.take_inbox() == []


def test_workers_are_answered(reactor: SelectorReactor) -> None:
    assert reactor.answer(StoreCall(call_id=3, method="m", arguments={})) == StoreReply(call_id=3, result="m")
