"""What goes wrong: processes lost, schedulers killed, stopped and replaced, a database that is away, rings unheard."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from tradewind.core.engine import MAX_REQUEUES
from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.metadata.batch import LeaseLostError
from tradewind.metadata.doorbell import Ring
from tradewind.metadata.doorbell.ring import RESYNC
from tradewind.metadata.errors import DatabaseUnavailableError
from tradewind.metadata.runs import list_tries
from tradewind.metadata.scheduling import SchedulerStore
from tradewind.scheduler.leadership import take_lease
from tradewind.serialization.messages import StoreCall, StoreReply, XComValue
from tradewind.testing.executor import PID

from tests.scheduler.faults.flaky import FlakyStore
from tests.scheduler.stage import DAY, Stage, dag, daily, task

CALL = StoreCall(call_id=7, method="get_variable", arguments={"key": "k"})

# ---- processes -----------------------------------------------------------------------------------------------------------


def test_a_try_lost_before_it_began_costs_nothing(stage: Stage) -> None:
    stage.deploy(dag(tasks=[task("a", callbacks=("on_failure_callback",))]))
    stage.start()
    stage.trigger()
    for _ in range(MAX_REQUEUES):
        stage.executor.lose(stage.order("a"), "no process", was_started=False)
        stage.step()
        row = stage.row("a")
        assert (row.state.value, row.try_number, row.note) == ("queued", 1, None)
    assert stage.stored_callbacks() == []
    stage.end("a")
    assert stage.state() == "success"
    assert stage.events("a").count("requeue") == MAX_REQUEUES
    stage.check_caches()


def test_a_try_that_never_begins_is_given_up(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(tasks=[task("a", callbacks=("on_failure_callback",))]))
    stage.start()
    stage.trigger()
    for _ in range(MAX_REQUEUES + 1):
        stage.executor.lose(stage.order("a"), "no process", was_started=False)
        stage.step()
    assert (stage.state(), stage.row("a").note) == ("failed", "no process")
    assert stage.stored_callbacks() == ["on_failure_callback"]


def test_a_try_lost_after_it_began_is_judged_by_the_retry_rules(stage: Stage) -> None:
    stage.deploy(dag(tasks=[task("a", retries=1, retry_delay_s=10), task("b")]))
    stage.start()
    stage.trigger()
    for name in ("a", "b"):
        stage.executor.lose(stage.begin(name), "killed by SIGKILL")
    stage.step()
    assert stage.states() == {"a": "up_for_retry", "b": "failed"}
    assert stage.row("b").note == "killed by SIGKILL"
    stage.advance(10)
    assert stage.order("a").try_number == 2
    stage.end("a")
    assert stage.state() == "failed"
    stage.check_caches()


# ---- schedulers that come and go -----------------------------------------------------------------------------------------


def test_a_new_scheduler_rescues_what_was_queued_and_running(stage: Stage) -> None:
    stage.deploy(dag(tasks="a, b, c > d"))
    stage.start()
    stage.trigger()
    order = stage.begin("a")
    stage.executor.push(order, "k", b"1")
    stage.end("c")
    stage.start()
    assert stage.states() == {"a": "queued", "b": "queued", "c": "success", "d": "queued"}
    assert {name: stage.row(name).try_number for name in "abcd"} == {"a": 2, "b": 2, "c": 1, "d": 2}
    tries = list_tries(stage.database, stage.row("a").ti_pk)
    assert [(found.try_number, found.pid) for found in tries] == [(1, PID), (2, None)]
    assert stage.xcoms(order.ti_pk) == {}
    stage.end_all()
    assert stage.state() == "success"
    stage.check_caches()


def test_a_scheduler_that_is_stopped_leaves_what_it_interrupted_for_the_next(stage: Stage) -> None:
    stage.deploy(dag(tasks="a, b, c, d"))
    stage.start()
    stage.trigger()
    stage.begin("a")
    stage.executor.end(stage.order("c"))
    stage.begin("d")
    stage.executor.end(stage.order("d"), "killed", error="told to stop")
    stage.stop()
    assert stage.executor.is_stopped
    assert stage.states() == {"a": "running", "b": "scheduled", "c": "success", "d": "running"}
    assert stage.state() == "running"
    stage.start()
    assert {name: stage.row(name).try_number for name in "abcd"} == {"a": 2, "b": 1, "c": 1, "d": 2}
    stage.end_all()
    assert stage.state() == "success"


def test_the_loop_runs_until_it_is_stopped(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag())
    stage.start()
    stage.trigger()
    stage.crash()
    scheduler, epoch = stage.make()
    ready: list[list[str]] = []

    def on_ready() -> None:
        ready.append(stage.tries())
        stage.executor.end(stage.order("a"))
        scheduler.stop()

    scheduler.run(epoch, on_ready)
    assert ready == [["a"]]
    assert stage.executor.is_stopped
    assert stage.state() == "success"


def test_a_scheduler_that_lost_its_lease_writes_nothing(stage: Stage) -> None:
    stage.deploy(dag(tasks="a > b"))
    stage.start()
    stage.trigger()
    order = stage.begin("a")
    rival = SchedulerStore(stage.database, stage.clock)
    assert rival.acquire_lease("rival", 30, stage.clock.now(), dead_owner=rival.read_lease().owner)
    stage.executor.end(order, xcoms=(XComValue(key="k", value=b"1"),))
    with pytest.raises(LeaseLostError):
        stage.step()
    assert stage.states() == {"a": "running", "b": "none"}
    assert stage.xcoms(order.ti_pk) == {}
    assert len(stage.executor.orders) == 1


def test_the_heartbeat_notices_a_lost_lease(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.start()
    rival = SchedulerStore(stage.database, stage.clock)
    stage.advance(3)
    assert rival.acquire_lease("rival", 30, stage.clock.now()) is None, "the lease is kept"
    assert rival.acquire_lease("rival", 30, stage.clock.now(), dead_owner=rival.read_lease().owner)
    with pytest.raises(LeaseLostError):
        stage.advance(3)


def test_the_loop_ends_of_a_lost_lease_and_loses_nothing_of_the_other_scheduler(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag())
    stage.start()
    stage.trigger()
    stage.crash()
    scheduler, epoch = stage.make()
    rival = SchedulerStore(stage.database, stage.clock)
    replies: list[StoreReply] = []

    def on_ready() -> None:
        order = stage.order("a")
        stage.executor.begin(order)
        scheduler.step()
        rival.acquire_lease("rival", 30, stage.clock.now(), dead_owner=rival.read_lease().owner)
        replies.append(stage.executor.ask(CALL))
        stage.executor.push(order, "k", b"1")
        replies.append(stage.executor.ask(CALL))
        replies.append(stage.executor.ask(CALL))
        scheduler.reactor.wake()

    with pytest.raises(LeaseLostError):
        scheduler.run(epoch, on_ready)
    assert stage.executor.is_stopped
    assert [(reply.call_id, reply.error_kind) for reply in replies] == [(7, ""), (7, "unavailable"), (7, "unavailable")]
    assert stage.states() == {"a": "running"}
    assert stage.executor.grace_s == 0


def test_the_lease_waits_for_one_that_lives_and_not_for_one_that_died(sqlite_stage: Stage) -> None:
    store, stopping = sqlite_stage.store, threading.Event()
    assert store.acquire_lease("elsewhere:1", 30, sqlite_stage.clock.now()) == 1

    def take(hostname: str) -> int | None:
        return take_lease(store, hostname=hostname, ttl_s=10, clock=sqlite_stage.clock, stopping=stopping)

    sqlite_stage.clock.advance(31)
    assert take("here") == 2
    assert take("here") == 3, "the same process again: whoever had it before is not there any more"
    store.acquire_lease("here:999999999", 30, sqlite_stage.clock.now(), dead_owner=store.read_lease().owner)
    assert take("here") == 5
    store.acquire_lease("there:1", 30, sqlite_stage.clock.now(), dead_owner=store.read_lease().owner)
    stopping.set()
    assert take("here") is None


# ---- a database that is away ---------------------------------------------------------------------------------------------


@pytest.fixture
def flaky(stage: Stage) -> FlakyStore:
    stage.store = FlakyStore(stage.store)
    return stage.store


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_outage_at_any_commit_loses_and_doubles_nothing(stage: Stage, flaky: FlakyStore, moment: str) -> None:
    """Each commit of a whole life fails once: creation, start, begin, end with XComs, callback, next run."""
    stage.clock.advance(2 * DAY)
    both = ("on_failure_callback", "on_success_callback")
    tasks = [task("a", retries=1, retry_delay_s=5, downstream=("b",)), task("b"), task("e", is_empty=True)]
    stage.deploy(dag(tasks=tasks, callbacks=both, **daily(catchup=True, max_active_runs=1)))
    flaky.fail(moment, "commit")
    stage.start()
    for _ in range(2):
        run_id = stage.runs()[-1].run_id
        flaky.fail(moment, "commit")
        order = stage.begin("a")
        flaky.fail(moment, "commit")
        stage.executor.end(order, "failed", xcoms=(XComValue(key="k", value=b"0"),))
        stage.step()
        assert stage.states(run_id)["a"] == "up_for_retry"
        flaky.fail(moment, "commit")
        stage.advance(5)
        flaky.fail(moment, "commit")
        order = stage.order("a")
        stage.executor.end(order, xcoms=(XComValue(key="k", value=b"1"),), rendered_fields=b"{}")
        stage.step()
        assert stage.states(run_id) == {"a": "success", "b": "queued", "e": "success"}
        assert (stage.xcoms(order.ti_pk), stage.rendered(order.ti_pk)) == ({"k": b"1"}, b"{}")
        stage.check_caches()
        flaky.fail(moment, "commit")
        stage.end("b")
        assert stage.state(run_id) == "success"
        (callback,) = stage.executor.callbacks.values()
        flaky.fail(moment, "commit")
        stage.executor.call_back(callback)
        stage.step()
        assert stage.stored_callbacks() == []
    assert stage.run_states() == ["success", "success"]
    assert flaky.failures == 13
    assert len(stage.executor.orders) == len({key(order) for order in stage.executor.orders}), "no order twice"
    for run in stage.runs():
        for name in "ab":
            found = stage.events(name, run.run_id)
            assert found.count("succeed") == 1
            assert found.count("start") == (2 if name == "a" else 1)
    stage.check_caches()


def key(order: Any) -> object:
    return getattr(order, "callback_pk", None) or (order.ti_pk, order.try_number)


def test_an_outage_at_the_start_is_waited_for(stage: Stage, flaky: FlakyStore) -> None:
    stage.deploy(dag())
    stage.start()
    stage.trigger()
    stage.crash()
    flaky.fail("before", "load_pools", times=2)
    flaky.fail("before", "load_dags")
    flaky.fail("before", "load_unfinished_runs")
    flaky.fail("after", "commit")
    stage.start()
    assert flaky.failures == 5
    assert stage.tries() == ["a"]
    stage.end_all()
    assert stage.state() == "success"


def test_an_outage_while_others_change_things(stage: Stage, flaky: FlakyStore) -> None:
    """While the database was away the listener was too: what users did then is read all the same."""
    stage.deploy(dag("d"), dag("e"))
    stage.start()
    stage.trigger("d")
    stage.trigger("e", run_id="r1")
    order = stage.begin("a", dag_id="d")
    unheard(stage, lambda: stage.mark(TaskInstanceState.FAILED, "a"))
    unheard(stage, lambda: stage.trigger("d", run_id="r2"))
    unheard(stage, lambda: stage.pause("e"))
    flaky.fail("before", "commit")
    stage.end("a", dag_id="e")
    assert stage.run_states("d") == ["failed", "running"]
    assert stage.executor.kills == [(order.ti_pk, 1)]
    assert stage.scheduler.dags["e"].is_frozen
    stage.check_caches()


def unheard(stage: Stage, action: Any) -> None:
    """Let a user act, and the ring be lost."""
    import select

    scheduler, stage._scheduler = stage._scheduler, None
    action()
    stage._scheduler = scheduler
    assert select.select([stage.listener.fileno()], [], [], 10)[0]
    stage.listener.drain()


def test_stopping_without_a_database_ends(sqlite_stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage = sqlite_stage
    stage.deploy(dag(tasks="a, b"))
    stage.start()
    stage.trigger()
    stage.crash()
    stage.store = flaky = FlakyStore(stage.store)
    scheduler, epoch = stage.make()

    def on_ready() -> None:
        stage.executor.begin(stage.order("a"))
        stage.executor.end(stage.order("b"))
        flaky.fail("before", times=1000)
        scheduler.stop()
        assert stage.executor.ask(CALL).error_kind == "unavailable"

    scheduler.run(epoch, on_ready)
    assert stage.executor.is_stopped
    assert "no answer to a task while stopping" in caplog.text
    stage.store = SchedulerStore(stage.database, stage.clock)
    stage.start()
    stage.end_all()
    assert stage.state() == "success"


# ---- rings ---------------------------------------------------------------------------------------------------------------


def test_a_resync_reads_everything_again(stage: Stage) -> None:
    stage.deploy(dag("d", "a, b"), dag("e"), dag("gone"), dag("f", is_paused_upon_creation=True))
    stage.start()
    stage.trigger("d")
    a = stage.begin("a")
    for act in (
        lambda: stage.clear_tasks("a"),
        lambda: stage.trigger("e", run_id="r1"),
        lambda: stage.remove_file("gone"),
        lambda: stage.pools.set("new", 1),
        lambda: stage.deploy(dag("d", [task("a"), task("b"), task("c", pool="new")])),
        lambda: stage.deploy(dag("late")),
        lambda: stage.trigger("late", run_id="r1"),
        lambda: stage.pause("f", is_paused=False),
    ):
        unheard(stage, act)
    stage.step()
    assert stage.tries() == ["a", "b"]
    stage.scheduler.reactor.deliver(RESYNC)
    stage.step()
    assert stage.executor.kills == [(a.ti_pk, 1)]
    assert stage.states() == {"a": "restarting", "b": "queued", "c": "queued"}
    assert stage.run_states("e") == stage.run_states("late") == ["running"]
    assert not stage.scheduler.dags["gone"].is_present
    assert not stage.scheduler.dags["f"].is_frozen
    stage.check_caches()


def test_the_sweep_finds_a_run_that_no_bell_announced(stage: Stage) -> None:
    stage.deploy(dag(max_active_runs=1))
    stage.start()
    unheard(stage, lambda: stage.trigger(run_id="r1"))
    unheard(stage, lambda: stage.trigger(run_id="r2"))
    unheard(stage, lambda: stage.trigger(run_id="r3"))
    stage.advance(29)
    assert stage.run_states() == ["queued"] * 3
    stage.advance(1)
    assert stage.run_states() == ["running", "queued", "queued"]
    unheard(stage, lambda: stage.delete_run("r2"))
    assert stage.scheduler.creator.queue.count(("d", None)) == 2
    stage.advance(30)
    assert stage.scheduler.creator.queue.count(("d", None)) == 1
    stage.end("a")
    assert [(run.run_id, run.state.value) for run in stage.runs()] == [("r1", "success"), ("r3", "running")]


def test_a_run_with_a_lower_number_may_be_committed_later(stage: Stage) -> None:
    stage.deploy(dag(max_active_runs=1))
    stage.start()
    unheard(stage, lambda: stage.trigger(run_id="r1"))
    stage.scheduler.creator.queue.newest_pk = 5
    stage.scheduler.reactor.deliver(Ring("run", "0"))
    stage.step()
    assert stage.run_states() == ["running"]


def test_new_runs_are_found_without_reading_all_queued_ones(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(max_active_runs=1))
    stage.start()
    stage.trigger(run_id="r1")
    asked: list[int] = []
    load = stage.store.load_queued_runs
    stage.scheduler._store.__dict__["load_queued_runs"] = lambda after=0: asked.append(after) or load(after)
    stage.scheduler.creator.queue.newest_pk = 1000
    for _ in range(3):
        stage.scheduler.reactor.deliver(Ring("run", "0"))
    stage.step()
    assert asked == [900], "and the same ring is answered once a turn"


def test_a_deaf_listener_is_tried_again(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage = sqlite_stage
    stage.deploy(dag())
    stage.start()
    drain = stage.listener.drain
    fails = iter([True, False])

    def deaf() -> list[Ring]:
        rings = drain()
        if next(fails):
            raise DatabaseUnavailableError("no line")
        return [*rings, RESYNC]

    monkeypatch.setattr(stage.listener, "drain", deaf)
    stage.trigger()
    assert stage.run_states() == ["queued"]
    assert "no line" in caplog.text
    stage.advance(1)
    assert stage.run_states() == ["running"]


# ---- questions of workers ------------------------------------------------------------------------------------------------


def test_a_worker_reads_its_own_writes_and_nothing_is_handed_out_meanwhile(stage: Stage) -> None:
    stage.deploy(dag(tasks="a > b, c"))
    stage.start()
    stage.trigger()
    order = stage.begin("a")
    stage.executor.push(order, "k", b"1")
    stage.executor.end(stage.order("c"))
    seen: list[dict[str, bytes]] = []
    stage.on_call = lambda: seen.append(stage.xcoms(order.ti_pk))
    reply = stage.executor.ask(CALL)
    assert (reply.call_id, reply.result) == (7, "answer")
    assert seen == [{"k": b"1"}]
    assert stage.states() == {"a": "running", "b": "none", "c": "success"}
    stage.executor.end(order)
    orders = len(stage.executor.orders)
    stage.executor.ask(CALL)
    assert stage.states()["a"] == "success"
    assert len(stage.executor.orders) == orders, "an order follows a decision in the loop's own turn"
    stage.step()
    assert stage.tries() == ["b"]
    stage.executor.end(stage.order("b"))
    stage.executor.ask(CALL)
    stage.step()
    assert stage.state() == DagRunState.SUCCESS.value
    stage.check_caches()


def test_a_turn_without_news_writes_nothing(sqlite_stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage = sqlite_stage
    stage.deploy(dag(**daily()))
    stage.start()
    commits: list[Any] = []
    stage.scheduler._store.__dict__["commit"] = lambda batch, **_: commits.append(batch)
    with caplog.at_level(logging.WARNING):
        stage.step(5)
        stage.advance(60)
    assert commits == []
    assert caplog.text == ""
