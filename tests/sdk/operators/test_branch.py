from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from tradewind import (
    DAG,
    BaseBranchOperator,
    BranchPythonOperator,
    EmptyOperator,
    LatestOnlyOperator,
    ShortCircuitOperator,
    TaskGroup,
    task,
)
from tradewind.core.timetables.interval import CronDataIntervalTimetable
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.branch import SkipMixin
from tradewind.sdk.runtime.current import set_current_context

from tests.sdk.operators.fakes import FakeInstance, run


def branching(chosen: Any) -> BranchPythonOperator:
    """Branch to `a`, `b`, the group `g` (g.x >> g.y) and `join`, which follows `a` and `b` too."""
    with DAG("d"):
        branch = BranchPythonOperator(task_id="branch", python_callable=lambda: chosen)
        a, b, join = (EmptyOperator(task_id=name) for name in ("a", "b", "join"))
        with TaskGroup("g") as group:
            EmptyOperator(task_id="x") >> EmptyOperator(task_id="y")
        branch >> [a, b, group, join]
        [a, b] >> join
        EmptyOperator(task_id="elsewhere")
    return branch


@pytest.mark.parametrize(
    ("chosen", "skipped"),
    [
        ("a", ["b", "g.x"]),
        (["a", "b"], ["g.x"]),
        ("g", ["a", "b", "join"]),
        (["g", "a"], ["b"]),
        ("join", ["a", "b", "g.x"]),
        (("a",), ["b", "g.x"]),
        ({"a"}, ["b", "g.x"]),
        (None, ["a", "b", "g.x", "join"]),
        ([], ["a", "b", "g.x", "join"]),
        ("elsewhere", ["a", "b", "g.x", "join"]),
        ("g.y", ["a", "b", "g.x", "join"]),
    ],
)
def test_what_is_not_followed_is_skipped(chosen: Any, skipped: list[str]) -> None:
    result, instance = run(branching(chosen))
    assert instance.skipped == skipped
    followed = sorted({"a", "b", "g.x", "join"} - set(skipped))
    assert instance.pushed["skipmixin_key"] == {"followed": followed}
    assert result == chosen


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ("nowhere", r"Invalid tasks found: \['nowhere'\]"),
        (["a", "nowhere"], "Invalid tasks found"),
        (5, r"invalid 'branch_task_ids': 5 \(int\)"),
        (["a", 5], r"5 \(int\)"),
        ([None], r"None \(NoneType\)"),
    ],
)
def test_what_is_no_branch_is_refused(chosen: Any, says: str) -> None:
    with pytest.raises(AirflowException, match=says):
        run(branching(chosen))


def test_skip_all_except_wants_ids() -> None:
    branch = branching("a")
    with pytest.raises(AirflowException, match="but got 'int'"):
        branch.skip_all_except(FakeInstance(branch), 5)


def test_a_branch_without_anything_below_pushes_nothing() -> None:
    with DAG("d"):
        branch = BranchPythonOperator(task_id="branch", python_callable=lambda: None)
    assert run(branch)[1].pushed == {}


def test_own_branch_operators_choose() -> None:
    class Mine(BaseBranchOperator):
        def choose_branch(self, context: Any) -> str:
            return context["ds"]

    with DAG("d"):
        mine = Mine(task_id="mine")
        mine >> [EmptyOperator(task_id="2024-01-01"), EmptyOperator(task_id="other")]
    assert run(mine)[1].skipped == ["other"]
    with DAG("d"), pytest.raises(NotImplementedError, match="has no choose_branch"):
        run(BaseBranchOperator(task_id="t"))


def test_the_branch_decorator() -> None:
    @task.branch
    def choose(ds: Any = None) -> str:
        return "a" if ds else "b"

    with DAG("d"):
        choose() >> [EmptyOperator(task_id="a"), EmptyOperator(task_id="b")]
        made = choose.override(task_id="again")() >> EmptyOperator(task_id="c")
    branch = made.dag.get_task("choose")
    result, instance = run(branch)
    assert (result, instance.skipped) == ("a", ["b"])
    assert branch.inherits_from_skipmixin


@pytest.mark.parametrize(
    ("ignore", "skipped"), [(True, ["b", "c", "d"]), (False, ["b"])], ids=["everything below", "directly below"]
)
def test_a_short_circuit_skips(ignore: bool, skipped: list[str]) -> None:
    with DAG("d"):
        stop = ShortCircuitOperator(
            task_id="stop", python_callable=lambda: False, ignore_downstream_trigger_rules=ignore
        )
        b, c, d, clean = (EmptyOperator(task_id=name) for name in ("b", "c", "d", "clean"))
        stop >> b >> c >> d >> clean.as_teardown()
        stop >> clean
    result, instance = run(stop)
    assert (result, instance.skipped) == (False, skipped)
    assert instance.pushed["skipmixin_key"] == {"skipped": skipped}


def test_a_short_circuit_goes_on_when_true() -> None:
    @task.short_circuit
    def decide() -> str:
        return "yes"

    with DAG("d"):
        made = decide()
        made >> EmptyOperator(task_id="b")
    result, instance = run(made.operator)
    assert (result, instance.skipped, instance.pushed) == ("yes", [], {})


def test_a_short_circuit_at_the_end_has_nothing_to_skip() -> None:
    with DAG("d"):
        stop = ShortCircuitOperator(task_id="stop", python_callable=lambda: None)
    assert run(stop)[1].pushed == {}


def test_own_operators_skip_through_the_running_instance() -> None:
    class Skipper(EmptyOperator, SkipMixin):
        def execute(self, context: Any) -> None:
            self.skip(tasks=self.downstream_list, dag_run=context.get("dag_run"), execution_date=None)

    with DAG("d"):
        skipper = Skipper(task_id="s")
        skipper >> EmptyOperator(task_id="t")
    instance = FakeInstance(skipper)
    context: Any = {"ti": instance}
    with set_current_context(context):
        skipper.execute(context)
    assert instance.skipped == ["t"]


START = datetime(2024, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("run_type", "now", "skipped"),
    [
        ("scheduled", START + DAY * 1.5, []),
        ("scheduled", START + DAY * 3, ["t"]),
        ("scheduled", START - DAY, ["t"]),
        ("manual", START + DAY * 30, []),
    ],
    ids=["newest", "overtaken", "not due", "by hand"],
)
def test_only_the_latest_run_goes_on(run_type: str, now: datetime, skipped: list[str]) -> None:
    with DAG("d", schedule=CronDataIntervalTimetable("@daily", "UTC"), start_date=START):
        latest = LatestOnlyOperator(task_id="latest")
        latest >> EmptyOperator(task_id="t")
    dag_run = SimpleNamespace(
        run_type=run_type, logical_date=START, run_after=START, data_interval_start=START, data_interval_end=START + DAY
    )
    with time_machine.travel(now, tick=False):
        assert run(latest, dag_run=dag_run)[1].skipped == skipped


def test_a_run_after_which_none_comes_is_the_latest() -> None:
    with DAG("d", schedule="@once", start_date=START):
        latest = LatestOnlyOperator(task_id="latest")
        latest >> EmptyOperator(task_id="t")
    dag_run = SimpleNamespace(
        run_type="scheduled", logical_date=START, run_after=START, data_interval_start=None, data_interval_end=None
    )
    assert run(latest, dag_run=dag_run)[1].skipped == []
