"""DAGs that change, go and come back while runs are under way; timeouts and fail_fast; callbacks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tradewind.core.states import DagRunState
from tradewind.metadata.dags import FileDag, FileResult
from tradewind.metadata.runs import (
    RunFilter,
    TaskInstanceFilter,
    clear_task_instances,
    delete_run,
    list_tries,
)
from tradewind.serialization.document import encode_document, version_hash

from tests.scheduler.stage import DAY, START, Stage, dag, daily, task


def test_a_task_that_is_added_runs_in_the_run_under_way(stage: Stage) -> None:
    stage.deploy(dag(tasks="a > b"))
    stage.start()
    stage.trigger()
    stage.begin("a")
    stage.deploy(dag(tasks="a > b > c, x"))
    assert stage.states() == {"a": "running", "b": "none", "c": "none", "x": "queued"}
    assert stage.executor.kills == []
    stage.end_all()
    assert set(stage.states().values()) == {"success"}
    assert stage.state() == "success"
    stage.check_caches()


def test_a_task_that_is_removed_and_comes_back(stage: Stage) -> None:
    stage.deploy(dag(tasks="a > b > c, d > c"))
    stage.start()
    stage.trigger()
    stage.begin("a")
    stage.deploy(dag(tasks="a > c"))
    assert stage.states() == {"a": "running", "b": "removed", "c": "none", "d": "queued"}
    stage.check_caches()
    stage.end("d")
    stage.end("a")
    assert stage.states() == {"a": "success", "b": "removed", "c": "queued", "d": "success"}
    stage.deploy(dag(tasks="a > b > c, d > c"))
    assert stage.states()["b"] == "queued"
    stage.end_all()
    assert stage.state() == "success"
    assert set(stage.states().values()) == {"success"}
    stage.check_caches()


def test_a_queued_task_that_is_removed_and_lost_is_removed(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(tasks="a, b"))
    stage.start()
    stage.trigger()
    order = stage.order("b")
    stage.deploy(dag(tasks="a"))
    stage.executor.lose(order, was_started=False)
    stage.step()
    assert stage.states() == {"a": "queued", "b": "removed"}
    stage.end("a")
    assert stage.state() == "success"


def test_a_task_removed_while_nobody_schedules(stage: Stage) -> None:
    stage.deploy(dag(tasks="a, b, c"))
    stage.start()
    stage.trigger()
    stage.begin("b")
    stage.crash()
    stage.deploy(dag(tasks="a, new"))
    stage.start()
    assert stage.states() == {"a": "queued", "b": "removed", "c": "removed", "new": "queued"}
    stage.end_all()
    assert stage.state() == "success"
    stage.check_caches()


def test_new_code_of_the_same_structure_goes_to_the_next_order(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(tasks="a > b"))
    stage.start()
    stage.trigger()
    stage.deploy(dag(tasks="a > b"), fingerprint="f2")
    assert stage.events("a") == ["schedule", "enqueue"], "nothing of the run is made anew"
    stage.end("a")
    assert stage.order("b").dag_file.fingerprint == "f2"


def test_a_version_may_bring_another_pool(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(tasks=[task("a", pool="gone")]))
    stage.start()
    stage.trigger()
    assert stage.states() == {"a": "scheduled"}
    stage.deploy(dag(tasks="a"))
    assert stage.tries() == ["a"]
    stage.check_caches()


def test_a_dag_file_that_goes_and_comes_back(stage: Stage) -> None:
    stage.deploy(dag(tasks="a > b", max_active_runs=1))
    stage.start()
    stage.trigger()
    stage.trigger()
    stage.remove_file()
    assert stage.executor.kills == []
    stage.end("a")
    assert stage.states() == {"a": "success", "b": "scheduled"}
    assert stage.run_states() == ["running", "queued"]
    stage.deploy(dag(tasks="a > b", max_active_runs=1))
    stage.end("b")
    assert stage.run_states() == ["success", "running"]
    stage.check_caches()


@pytest.mark.parametrize("tasks", ["a > b", "a > b > c"], ids=["as it was", "changed"])
def test_a_run_whose_dag_file_is_gone_at_the_start(stage: Stage, tasks: str) -> None:
    stage.deploy(dag(tasks="a > b", max_active_runs=1))
    stage.start()
    stage.trigger()
    stage.trigger()
    stage.begin("a")
    stage.crash()
    stage.remove_file()
    stage.start()
    assert stage.states() == {"a": "scheduled", "b": "none"}, "nobody works on it, and nobody may begin"
    assert stage.run_states() == ["running", "queued"]
    stage.check_caches()
    stage.deploy(dag(tasks=tasks, max_active_runs=1))
    assert stage.order("a").try_number == 2
    stage.end_all()
    assert stage.run_states() == ["success", "success"]
    stage.check_caches()


def test_a_dag_whose_file_is_gone_has_no_schedule(stage: Stage) -> None:
    stage.clock.advance(DAY)
    stage.deploy(dag(**daily()))
    stage.start()
    assert stage.run_states() == ["running"]
    stage.crash()
    stage.remove_file()
    stage.start()
    stage.advance(DAY)
    assert stage.run_states() == ["running"]
    stage.deploy(dag(**daily()))
    assert stage.run_states() == ["running", "running"]
    stage.remove_file()
    stage.advance(DAY)
    assert stage.run_states() == ["running", "running"]


def test_a_run_that_a_user_ends_while_its_dag_is_gone(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(tasks="a > b"))
    stage.start()
    stage.trigger()
    stage.crash()
    stage.remove_file()
    stage.start()
    stage.mark_run(DagRunState.FAILED)
    stage.deploy(dag(tasks="a > b"))
    assert stage.state() == "failed"
    assert stage.tries() == []
    stage.check_caches()


# ---- timeouts and fail_fast ----------------------------------------------------------------------------------------------


def test_a_run_that_takes_too_long_is_killed(stage: Stage) -> None:
    stage.deploy(dag(tasks="a > b, c", dagrun_timeout_s=60, max_active_runs=1, callbacks=("on_failure_callback",)))
    stage.start()
    stage.trigger()
    stage.trigger()
    order = stage.begin("a")
    stage.end("c")
    stage.advance(59)
    assert stage.state() == "running"
    stage.start()
    order = stage.begin("a")
    stage.advance(1)
    assert stage.states() == {"a": "skipped", "b": "skipped", "c": "success"}
    assert stage.run_states() == ["failed", "running"]
    assert stage.executor.kills == [(order.ti_pk, 2)]
    (callback,) = stage.executor.callbacks.values()
    assert (callback.name, callback.reason, callback.dag_run.state) == ("on_failure_callback", "timed_out", "failed")
    stage.executor.end(order, "killed")
    stage.step()
    assert stage.states()["a"] == "skipped"
    stage.end_all()
    assert stage.run_states() == ["failed", "success"]
    stage.check_caches()


def test_the_timer_of_a_run_that_ended_does_no_harm(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(tasks=[task("a", retries=5, retry_delay_s=30)], dagrun_timeout_s=60))
    stage.start()
    stage.trigger()
    stage.end("a", "failed")
    stage.clock.advance(10)
    stage.clear_tasks("a")
    stage.end("a")
    assert stage.state() == "success"
    assert all(timer.callback is None for timer in timers_of_runs(stage)), "nothing is kept for a run that is over"
    stage.advance(100)
    assert stage.state() == "success"
    stage.clear_tasks("a")
    stage.advance(59)
    assert stage.state() == "running", "a run that begins again has its whole time"
    stage.advance(1)
    assert stage.state() == "failed"


def timers_of_runs(stage: Stage) -> list[Any]:
    """Return the entries of the timer heap, except the scheduler's own two."""
    own = {"tick"}
    return [
        timer
        for timer in stage.scheduler.reactor._timers
        if timer.callback is None or timer.callback.__name__ not in own
    ]


def test_fail_fast_stops_the_rest(stage: Stage) -> None:
    stage.deploy(dag(tasks="a, b, c > d", fail_fast=True))
    stage.start()
    stage.trigger()
    b = stage.begin("b")
    stage.end("a", "failed")
    assert stage.states() == {"a": "failed", "b": "failed", "c": "skipped", "d": "skipped"}
    assert (b.ti_pk, 1) in stage.executor.kills
    assert stage.state() == "failed"
    stage.end_all()
    assert stage.states() == {"a": "failed", "b": "failed", "c": "skipped", "d": "skipped"}
    assert stage.scheduler.book.in_flight == {}


# ---- callbacks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("outcome", "name"), [("success", "on_success_callback"), ("failed", "on_failure_callback")])
def test_the_dags_callback_is_stored_first_and_called_once(stage: Stage, outcome: str, name: str) -> None:
    stage.deploy(dag(callbacks=("on_failure_callback", "on_success_callback")))
    stage.start()
    stage.trigger()
    stage.end("a", outcome)
    assert stage.stored_callbacks() == [name]
    (order,) = stage.executor.callbacks.values()
    assert (order.kind, order.name, order.task_id, order.dag_run.run_id) == ("dag", name, "a", "r1")
    assert (order.dag_run.state, order.log_path) == (stage.state(), "/logs/d/r1/callbacks/0.log")
    stage.executor.call_back(order)
    stage.step()
    assert stage.stored_callbacks() == []
    stage.start()
    assert stage.executor.orders == []


def test_no_callback_that_nobody_wrote(sqlite_stage: Stage) -> None:
    sqlite_stage.deploy(dag(callbacks=("on_failure_callback",)))
    sqlite_stage.start()
    sqlite_stage.trigger()
    sqlite_stage.end("a")
    assert sqlite_stage.stored_callbacks() == []


def test_a_callback_is_found_again_after_a_restart(stage: Stage) -> None:
    stage.deploy(dag(callbacks=("on_success_callback",)))
    stage.start()
    stage.trigger()
    stage.end("a")
    for end in (stage.crash, stage.stop):
        stage.start()
        (order,) = stage.executor.callbacks.values()
        assert order.name == "on_success_callback"
        end()
    stage.start()
    stage.executor.call_back(next(iter(stage.executor.callbacks.values())), error="ValueError: no")
    stage.step()
    assert stage.stored_callbacks() == []


def test_a_callback_whose_process_is_lost_is_called_again_a_few_times(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(callbacks=("on_success_callback",)))
    stage.start()
    stage.trigger()
    stage.end("a")
    for _ in range(3):
        assert stage.stored_callbacks() == ["on_success_callback"]
        (order,) = stage.executor.callbacks.values()
        stage.executor.lose(order)
        stage.step()
    assert stage.executor.callbacks == {}
    assert stage.stored_callbacks() == []


def test_a_callback_whose_run_is_gone_is_dropped(stage: Stage) -> None:
    stage.deploy(dag(callbacks=("on_success_callback",)))
    stage.start()
    stage.trigger()
    stage.end("a")
    (order,) = stage.executor.callbacks.values()
    stage.delete_run()
    stage.executor.lose(order)
    stage.step()
    assert stage.executor.callbacks == {}
    assert stage.stored_callbacks() == []


def test_a_callback_waits_for_its_dag_file(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(callbacks=("on_success_callback",)))
    stage.start()
    stage.trigger()
    stage.end("a")
    stage.crash()
    stage.remove_file()
    stage.start()
    assert stage.executor.callbacks == {}
    stage.deploy(dag(callbacks=("on_success_callback",)))
    (order,) = stage.executor.callbacks.values()
    stage.executor.call_back(order)
    stage.step()
    assert stage.stored_callbacks() == []


@pytest.mark.parametrize(("retries", "name"), [(0, "on_failure_callback"), (1, "on_retry_callback")])
def test_the_callback_of_a_lost_task_is_called_elsewhere(stage: Stage, retries: int, name: str) -> None:
    both = ("on_failure_callback", "on_retry_callback")
    stage.deploy(dag(tasks=[task("a", retries=retries, callbacks=both), task("b")]))
    stage.start()
    stage.trigger()
    stage.executor.lose(stage.begin("a"), "killed by SIGKILL")
    stage.step()
    assert stage.stored_callbacks() == [name]
    (order,) = stage.executor.callbacks.values()
    assert (order.name, order.task_id, order.try_number) == (name, "a", 1)
    assert (order.reason, order.log_path) == ("killed by SIGKILL", "/logs/d/r1/a/1.log")
    row = stage.row("a")
    assert (row.state.value, row.note) == ("up_for_retry" if retries else "failed", "killed by SIGKILL")


def test_a_deleted_run_and_its_callback_between_commit_and_call(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(callbacks=("on_success_callback",)))
    stage.start()
    stage.trigger()
    stage.end("a")
    stage.crash()
    delete_run(stage.database, "d", "r1")
    stage.start()
    assert stage.executor.orders == []
    assert stage.clock.now() - START == timedelta(0)


# ---- bundles with versions -------------------------------------------------------------------------------------------


def deploy_version(stage: Stage, version: str, tasks: str, **fields: Any) -> None:
    """Store the DAG as the git bundle `code` has it at a version."""
    document = dag(tasks=tasks, relative_fileloc="sub/d.py", **fields)
    encoded = encode_document(document)
    folder = "/store/code/current"
    with stage.heard():
        result = FileResult(
            path=f"{folder}/sub/d.py",
            relative_path="sub/d.py",
            folder=folder,
            fingerprint=version,
            dags=[FileDag("d", encoded, version_hash(encoded))],
            bundle_name="code",
            bundle_version=version,
        )
        stage.dag_store.store_file(result, is_paused_by_default=False)


def test_a_run_of_a_versioned_bundle_keeps_its_version(stage: Stage) -> None:
    stage.start()
    deploy_version(stage, "v1", "a > b")
    stage.trigger()
    assert stage.order("a").dag_file.path == "/store/code/versions/v1/sub/d.py"
    assert stage.order("a").dag_file.folder == "/store/code/versions/v1"
    deploy_version(stage, "v2", "a > c")
    stage.end("a")
    assert stage.states() == {"a": "success", "b": "queued"}
    assert stage.order("b").dag_file.path == "/store/code/versions/v1/sub/d.py"
    stage.start()  # another scheduler finds it so, too
    stage.step()
    stage.end("b")
    run = stage.run()
    assert (run.state.value, run.bundle_version) == ("success", "v1")
    stage.trigger()
    assert stage.order("a", "r2").dag_file.path == "/store/code/versions/v2/sub/d.py"
    # Cleared, it keeps its version; with the newest by choice.
    stage.clear_tasks("b")
    assert stage.order("b", "r1").dag_file.path == "/store/code/versions/v1/sub/d.py"
    stage.end("b", run_id="r1")
    assert stage.state() == "success"
    clear_task_instances(
        stage.database, stage.clock, TaskInstanceFilter(runs=RunFilter(run_ids=("r1",))), run_on_latest_version=True
    )
    stage.hear_all()
    stage.end("a", run_id="r1")
    assert stage.order("c", "r1").dag_file.path == "/store/code/versions/v2/sub/d.py"
    assert stage.run().bundle_version == "v2"
    stage.check_caches()


def test_a_dag_may_follow_the_newest_version(stage: Stage) -> None:
    stage.start()
    deploy_version(stage, "v1", "a > b", disable_bundle_versioning=True)
    stage.trigger()
    assert stage.order("a").dag_file.path == "/store/code/current/sub/d.py"
    deploy_version(stage, "v2", "a > c", disable_bundle_versioning=True)
    stage.end("a")
    assert stage.states() == {"a": "success", "b": "removed", "c": "queued"}
    assert stage.run().bundle_version is None


def test_what_ended_before_a_change_keeps_its_version(stage: Stage) -> None:
    stage.start()
    stage.deploy(dag(tasks="a > b"))
    stage.trigger()
    stage.end("a")
    stage.deploy(dag(tasks="a > b > c"))
    stage.end_all()
    versions = {row.task_id: row.dag_version_pk for row in stage.rows()}
    first, second = sorted(version.version_pk for version in stage.dag_store.list_versions("d"))
    assert versions == {"a": first, "b": second, "c": second}
    assert stage.run().dag_version_pk == second
    stage.clear_tasks("a")
    stage.end_all()
    assert {row.dag_version_pk for row in stage.rows()} == {second}
    (tried, again) = list_tries(stage.database, stage.row("a").ti_pk)
    assert (tried.dag_version_pk, again.dag_version_pk) == (first, second)
