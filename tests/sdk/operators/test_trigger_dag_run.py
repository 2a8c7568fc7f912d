"""Starting runs of other DAGs, and waiting for their end."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import time_machine

from tradewind.sdk.exceptions import AirflowException, DagRunAlreadyExists, RemovedInAirflow3Warning
from tradewind.sdk.operators.trigger_dag_run import DagIsPaused, TriggerDagRunLink, TriggerDagRunOperator
from tradewind.sdk.runtime.task_instance import TaskInstanceKey
from tradewind.serialization.messages import Resumption
from tradewind.serialization.records import DagRecord, DagRunRecord
from tradewind.xcom.values import decode_value, encode_value

from tests.sdk.stage import DAY, Stage

NOON = datetime(2024, 3, 5, 12, tzinfo=timezone.utc)


class Scheduler:
    """Stands for the scheduler: takes runs as the worker store does, and lets them end."""

    def __init__(self, stage: Stage) -> None:
        self.asked: list[dict[str, Any]] = []
        self.ends: list[str] = []
        self.stage = stage
        stage.store.dags["other"] = DagRecord(dag_id="other")
        stage.store.trigger_dag_run = self.trigger  # type: ignore[method-assign] - the double of one method
        stage.store.get_dag_runs = self.runs  # type: ignore[method-assign] - as above

    def trigger(self, **arguments: Any) -> DagRunRecord:
        """Take a run."""
        self.asked.append(arguments)
        key = arguments["dag_id"], arguments["run_id"]
        found = self.stage.store.runs.get(key)
        if found is not None and not arguments["reset"]:
            raise DagRunAlreadyExists(found)
        fields = {name: arguments[name] for name in ("dag_id", "run_id", "logical_date", "conf")}
        run = DagRunRecord(**fields, run_type="manual", state="queued", run_after=arguments["run_after"] or DAY)
        self.stage.store.runs[key] = run
        return run

    def runs(self, *, dag_id: str, run_ids: list[str]) -> list[DagRunRecord]:
        """Return the run, in the next of the states that the test has planned."""
        run = self.stage.store.runs.get((dag_id, run_ids[0]))
        if run is None:
            return []
        state = self.ends.pop(0) if self.ends else run.state
        return [DagRunRecord(dag_id=dag_id, run_id=run.run_id, run_type="manual", state=state, run_after=DAY)]


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def scheduler(stage: Stage) -> Scheduler:
    return Scheduler(stage)


def trigger(stage: Stage, **arguments: Any) -> TriggerDagRunOperator:
    return TriggerDagRunOperator(task_id="t", dag=stage.dag, trigger_dag_id="other", **arguments)


def pushed(stage: Stage) -> Any:
    found = stage.store.get_xcom(dag_id="d", run_id="r", task_id="t", key="trigger_run_id")
    return None if found is None else found.value.decode().strip('"')


@pytest.mark.parametrize(
    ("arguments", "run_id", "logical_date", "run_after"),
    [
        ({}, "manual__2024-03-05T12:00:00+00:00", NOON, None),
        ({"logical_date": "{{ ds }}"}, "manual__2024-03-05T00:00:00+00:00", DAY, None),
        (
            {"logical_date": NOON - timedelta(days=9)},
            "manual__2024-02-25T12:00:00+00:00",
            NOON - timedelta(days=9),
            None,
        ),
        ({"trigger_run_id": "own {{ ds }}"}, "own 2024-03-05", NOON, None),
        ({"trigger_run_id": "own", "logical_date": None}, "own", None, None),
        ({"trigger_run_id": "own", "run_after": "2024-03-09"}, "own", None, datetime(2024, 3, 9, tzinfo=timezone.utc)),
    ],
    ids=repr,
)
def test_a_run_is_started(
    stage: Stage, scheduler: Scheduler, arguments: Any, run_id: str, logical_date: Any, run_after: Any
) -> None:
    with time_machine.travel(NOON, tick=False):
        finished = stage.run(trigger(stage, conf={"a": ["{{ ds }}"]}, note="why", **arguments))
    assert finished.error is None
    assert scheduler.asked == [
        {
            "dag_id": "other",
            "run_id": run_id,
            "logical_date": logical_date,
            "run_after": run_after,
            "conf": {"a": ["2024-03-05"]},
            "note": "why",
            "reset": False,
        }
    ]
    assert pushed(stage) == run_id


def test_runs_without_a_date_have_ids_of_their_own(stage: Stage, scheduler: Scheduler) -> None:
    task = trigger(stage, logical_date=None)
    with time_machine.travel(NOON, tick=False):
        assert stage.run(task).outcome == stage.run(task).outcome == "success"
    first, second = (asked["run_id"] for asked in scheduler.asked)
    assert first != second
    assert first.startswith("manual__2024-03-05T12:00:00+00:00_")


@pytest.mark.parametrize(
    ("arguments", "outcome"),
    [({}, "failed"), ({"skip_when_already_exists": True}, "skipped"), ({"reset_dag_run": True}, "success")],
)
def test_a_run_that_is_there(stage: Stage, scheduler: Scheduler, arguments: Any, outcome: str) -> None:
    task = trigger(stage, trigger_run_id="own", **arguments)
    assert stage.run(task).outcome == "success"
    finished = stage.run(task)
    assert finished.outcome == outcome
    assert outcome != "failed" or finished.error == "DagRunAlreadyExists: DAG 'other' has a run 'own' already"
    assert scheduler.asked[1]["reset"] is (outcome == "success")


@pytest.mark.parametrize(
    ("states", "arguments", "outcome"),
    [
        (["running", "success"], {}, "success"),
        (["running", "failed"], {}, "failed"),
        (["failed"], {"allowed_states": ["failed"], "failed_states": []}, "success"),
        (["success", "failed"], {"allowed_states": ["failed"], "failed_states": []}, "success"),
        (["success"], {"failed_states": ["success"]}, "failed"),
    ],
)
def test_waiting_for_the_end(
    stage: Stage,
    scheduler: Scheduler,
    monkeypatch: pytest.MonkeyPatch,
    states: list[str],
    arguments: Any,
    outcome: str,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("tradewind.sdk.operators.trigger_dag_run.time.sleep", pauses.append)
    scheduler.ends = list(states)
    finished = stage.run(trigger(stage, wait_for_completion=True, poke_interval=7, **arguments))
    assert (finished.outcome, pauses) == (outcome, [7] * len(states))
    assert outcome == "success" or str(finished.error).startswith("AirflowException: other failed with failed state")


def test_a_run_that_vanishes_is_not_waited_for(
    stage: Stage, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewind.sdk.operators.trigger_dag_run.time.sleep", lambda _seconds: stage.store.runs.clear())
    finished = stage.run(trigger(stage, trigger_run_id="own", wait_for_completion=True))
    assert finished.error == "DagRunNotFound: run 'own' of DAG 'other' is gone"
    assert len(scheduler.asked) == 1


@pytest.mark.parametrize(("state", "outcome"), [("success", "success"), ("failed", "failed")])
def test_a_deferred_wait_leaves_the_worker(stage: Stage, scheduler: Scheduler, state: str, outcome: str) -> None:
    task = trigger(stage, trigger_run_id="own", wait_for_completion=True, deferrable=True, poke_interval=30)
    first = stage.run(task)
    assert (first.outcome, len(scheduler.asked)) == ("deferred", 1)
    assert first.deferral is not None
    assert first.deferral.classpath == "airflow.providers.standard.triggers.external_task.DagStateTrigger"
    kwargs = decode_value(first.deferral.kwargs)
    assert (kwargs["run_ids"], kwargs["states"], kwargs["poll_interval"]) == (["own"], ["success", "failed"], 30)
    event = encode_value((first.deferral.classpath, {**kwargs, "own": state}))
    assert stage.run(task, resumption=Resumption(next_method="execute_complete", event=event)).outcome == outcome
    assert len(scheduler.asked) == 1


def test_a_paused_dag(stage: Stage, scheduler: Scheduler) -> None:
    task = trigger(stage, fail_when_dag_is_paused=True)
    assert stage.run(task).outcome == "success"
    stage.store.dags["other"] = DagRecord(dag_id="other", is_paused=True)
    assert stage.run(task).error == "DagIsPaused: Dag other is paused"
    del stage.store.dags["other"]
    assert stage.run(task).error == "DagNotFound: Dag other is not found"
    assert len(scheduler.asked) == 1
    assert DagIsPaused("x").dag_id == "x"


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"a": object()}, "conf parameter should be JSON Serializable"),
        ("{broken", "conf parameter should be JSON Serializable"),
        ("[1]", "conf has to be a dict, got list"),
    ],
)
def test_a_conf_that_is_none(stage: Stage, scheduler: Scheduler, conf: Any, message: str) -> None:
    finished = stage.run(trigger(stage, conf=conf))
    assert message in str(finished.error)
    assert scheduler.asked == []


def test_a_conf_as_text(stage: Stage, scheduler: Scheduler) -> None:
    assert stage.run(trigger(stage, conf='{"a": {{ 1 + 1 }}}')).outcome == "success"
    assert scheduler.asked[0]["conf"] == {"a": 2}


@pytest.mark.parametrize("name", ["logical_date", "run_after"])
def test_dates_that_are_none(name: str) -> None:
    with pytest.raises(TypeError, match=f"for parameter '{name}'. Got int"):
        TriggerDagRunOperator(task_id="t", trigger_dag_id="o", **{name: 5})  # type: ignore[arg-type] - as authors may


def test_the_words_of_airflow_2() -> None:
    with pytest.warns(DeprecationWarning, match="logical_date"):
        task = TriggerDagRunOperator(task_id="t", trigger_dag_id="o", execution_date="{{ ds }}")
    assert task.logical_date == "{{ ds }}"
    with pytest.raises(ValueError, match="gone"):
        TriggerDagRunOperator(task_id="u", trigger_dag_id="o", allowed_states=["gone"])
    assert issubclass(DagIsPaused, AirflowException)


def test_the_link_leads_to_the_run(stage: Stage, scheduler: Scheduler) -> None:
    from tradewind.sdk.ports import install_worker_store

    task = trigger(stage, trigger_run_id="own run")
    assert stage.run(task).outcome == "success"
    before = install_worker_store(stage.store)
    try:
        link = TriggerDagRunLink().get_link(task, ti_key=TaskInstanceKey("d", "t", "r"))
    finally:
        install_worker_store(before)
    assert link == "/dags/other/runs/own%20run"
    assert scheduler.asked


@pytest.mark.parametrize(("place", "confs"), [(0, []), (7, [{"place": 7}])])
def test_airflow_1_10s_function_decides_over_the_run(
    stage: Stage, scheduler: Scheduler, place: int, confs: list[dict[str, int]]
) -> None:
    def decide(context: Any, order: Any) -> Any:
        order.payload = {"place": context["params"]["place"]}
        return order if context["params"]["place"] else None

    with pytest.warns(RemovedInAirflow3Warning, match="use conf="):
        operator = trigger(stage, python_callable=decide, params={"place": place})
    stage.run(operator)
    assert [asked["conf"] for asked in scheduler.asked] == confs
