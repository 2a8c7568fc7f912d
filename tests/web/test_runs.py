"""Triggering, reading, marking, clearing and deleting runs, and their task instances, logs and XComs."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tradewind.core.states import TaskInstanceState as S
from tradewind.logs.layout import LogLayout, TryLogId
from tradewind.metadata.batch import Batch, XComWrite

from tests.web.conftest import Client, Scheduler

RUNS = "/api/v2/dags/chain/dagRuns"
RUN = f"{RUNS}/one"
TASKS = f"{RUN}/taskInstances"


def trigger(client: Client, run_id: str = "one", **body: Any) -> dict[str, Any]:
    return client.post(RUNS, {"dag_run_id": run_id, "logical_date": None} | body)


def states(client: Client, run_id: str = "one") -> dict[str, str | None]:
    found = client.get(f"{RUNS}/{run_id}/taskInstances")["task_instances"]
    return {instance["task_id"]: instance["state"] for instance in found}


def test_a_run_is_triggered(client: Client) -> None:
    run = trigger(client, conf={"a": 1}, note="by hand")
    assert (run["dag_run_id"], run["state"], run["run_type"], run["conf"]) == ("one", "queued", "manual", {"a": 1})
    assert (run["triggered_by"], run["triggering_user_name"], run["note"]) == ("rest_api", "admin", "by hand")
    assert (run["logical_date"], run["data_interval_start"], run["dag_display_name"]) == (None, None, "A chain")
    assert client.get(RUN) == run
    assert client.get(RUNS)["total_entries"] == 1
    assert client.get("/api/v2/dags/~/dagRuns")["dag_runs"] == [run]
    assert client.get("/api/v2/dags/params/dagRuns")["dag_runs"] == []


def test_a_logical_date_gets_the_interval_of_the_timetable(client: Client) -> None:
    body = {"logical_date": "2024-03-02T05:00:00+01:00", "conf": {"name": "x"}}
    run = client.post("/api/v2/dags/params/dagRuns", body)
    assert run["logical_date"] == "2024-03-02T04:00:00Z"
    assert (run["data_interval_start"], run["data_interval_end"]) == ("2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z")
    body |= {"logical_date": "2024-03-03T00:00:00Z", "data_interval_start": "2024-01-01T00:00:00Z"}
    assert "given both" in client.post("/api/v2/dags/params/dagRuns", body, 400)["detail"]
    body["data_interval_end"] = "2024-01-02T00:00:00Z"
    assert client.post("/api/v2/dags/params/dagRuns", body)["data_interval_end"] == "2024-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"dag_run_id": "a b"}, 400, "the run_id 'a b' does not match"),
        ({"dag_run_id": "one"}, 409, "has a run 'one' already"),
        ({"logical_date": "2024-03-02T05:00:00"}, 400, "needs a time zone"),
        ({"logical_date": "tomorrow"}, 422, "RFC3339"),
        ({"conf": [1]}, 422, "object"),
    ],
)
def test_a_wrong_trigger_says_what_is_wrong(client: Client, body: dict[str, Any], status: int, message: str) -> None:
    trigger(client)
    assert message in str(client.post(RUNS, {"logical_date": None} | body, status)["detail"])


def test_a_body_that_is_no_json_says_so(client: Client) -> None:
    answer = client.call("POST", RUNS, content=b"{nonsense")
    assert (answer.status_code, "no JSON" in answer.json()["detail"]) == (422, True)


def test_an_unknown_dag_cannot_be_triggered(client: Client) -> None:
    assert (
        client.post("/api/v2/dags/nothing/dagRuns", {"logical_date": None}, 404)["detail"]
        == "there is no DAG 'nothing'"
    )


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"name": "x"}, None),
        ({"name": "x", "count": 5, "more": True}, None),
        ({}, "'name': it has no default, so the conf must have it"),
        ({"name": 5}, "'name': 5 is not of type 'string'"),
        ({"name": "x", "count": 0}, "'count': 0 is less than the minimum of 1"),
    ],
)
def test_conf_is_checked_against_the_params(client: Client, conf: dict[str, Any], message: str | None) -> None:
    answer = client.call("POST", "/api/v2/dags/params/dagRuns", json={"logical_date": None, "conf": conf})
    if message is None:
        assert (answer.status_code, answer.json()["conf"]) == (200, conf)
    else:
        assert (answer.status_code, answer.json()) == (
            400,
            {"detail": f"the conf does not fit the params of DAG 'params': {message}"},
        )


def test_runs_are_filtered_and_sorted(client: Client) -> None:
    for day in (3, 1, 2):
        trigger(client, f"day{day}", logical_date=f"2024-01-0{day}T00:00:00Z")

    def found(query: str) -> list[str]:
        return [run["dag_run_id"] for run in client.get(f"{RUNS}?{query}")["dag_runs"]]

    assert found("order_by=logical_date") == ["day1", "day2", "day3"]
    assert found("order_by=-dag_run_id&limit=2") == ["day3", "day2"]
    assert found("logical_date_gt=2024-01-02T00:00:00Z") == ["day3"]
    assert found("logical_date_gte=2024-01-02T00:00:00Z&order_by=logical_date") == ["day2", "day3"]
    assert found("logical_date_lt=2024-01-02T00:00:00Z") == ["day1"]
    assert found("state=running") == []
    assert found("run_id_pattern=DAY2") == ["day2"]
    assert client.call("GET", "/api/v2/dags/nothing/dagRuns").status_code == 404


def test_task_instances_are_read(client: Client, scheduler: Scheduler) -> None:
    trigger(client)
    assert client.get(TASKS)["task_instances"] == []
    scheduler.start("chain", "one", S.SUCCESS, S.RUNNING)
    assert states(client) == {"a": "success", "b": "running", "c": None}
    instance = client.get(f"{TASKS}/b")
    assert (instance["try_number"], instance["hostname"], instance["pid"]) == (1, "host", 7)
    assert instance["dag_version"]["version_number"] == 1
    assert client.get(f"{TASKS}/b/-1")["id"] == instance["id"]
    assert [one["task_id"] for one in client.get(f"{TASKS}?state=running")["task_instances"]] == ["b"]
    assert [one["task_id"] for one in client.get(f"{TASKS}?state=no_status")["task_instances"]] == ["c"]
    every = client.get("/api/v2/dags/~/dagRuns/~/taskInstances?order_by=-task_id")
    assert [one["task_id"] for one in every["task_instances"]] == ["c", "b", "a"]
    assert client.call("GET", f"{TASKS}/z").status_code == 404
    assert client.call("GET", f"{RUNS}/none/taskInstances").status_code == 404


def test_tries_are_kept_and_a_clear_starts_over(client: Client, scheduler: Scheduler) -> None:
    trigger(client)
    scheduler.start("chain", "one", S.SUCCESS, S.FAILED, S.NONE)
    body = {"dag_run_id": "one", "task_ids": ["b"], "include_downstream": True, "only_failed": False}
    preview = client.post("/api/v2/dags/chain/clearTaskInstances", body)
    assert [one["task_id"] for one in preview["task_instances"]] == ["b", "c"]
    assert states(client)["b"] == "failed"
    client.post("/api/v2/dags/chain/clearTaskInstances", body | {"dry_run": False})
    assert states(client) == {"a": "success", "b": None, "c": None}
    tries = client.get(f"{TASKS}/b/tries")["task_instances"]
    assert (tries[0]["try_number"], tries[0]["state"]) == (1, "failed")
    assert client.get(f"{TASKS}/b/tries/1")["state"] == "failed"
    assert client.call("GET", f"{TASKS}/b/tries/9").status_code == 404


def test_a_clear_of_failed_ones_leaves_the_rest(client: Client, scheduler: Scheduler) -> None:
    trigger(client)
    scheduler.start("chain", "one", S.SUCCESS, S.FAILED, S.NONE)
    cleared = client.post("/api/v2/dags/chain/clearTaskInstances", {"dag_run_id": "one", "dry_run": False})
    assert [one["task_id"] for one in cleared["task_instances"]] == ["b"]
    assert client.post("/api/v2/dags/chain/clearTaskInstances", {"task_ids": ["z"]}, 404)
    pairs = {"dag_run_id": "one", "task_ids": [["a", -1]], "only_failed": False}
    found = client.post("/api/v2/dags/chain/clearTaskInstances", pairs)
    assert [one["task_id"] for one in found["task_instances"]] == ["a"]


def test_a_running_one_can_be_kept_from_being_cleared(client: Client, scheduler: Scheduler) -> None:
    trigger(client)
    scheduler.start("chain", "one", S.RUNNING)
    body = {"dag_run_id": "one", "only_failed": False, "prevent_running_task": True}
    assert "running" in client.post("/api/v2/dags/chain/clearTaskInstances", body, 409)["detail"]


def test_a_whole_run_is_cleared(client: Client, scheduler: Scheduler) -> None:
    trigger(client)
    scheduler.start("chain", "one", S.SUCCESS, S.SUCCESS, S.SUCCESS)
    preview = client.post(f"{RUN}/clear", {})
    assert preview["total_entries"] == 3
    assert client.post(f"{RUN}/clear", {"dry_run": False})["state"] in {"queued", "running"}
    assert set(states(client).values()) == {None}


def test_task_instances_are_marked(client: Client, scheduler: Scheduler) -> None:
    trigger(client)
    scheduler.start("chain", "one", S.FAILED)
    preview = client.patch(f"{TASKS}/a/dry_run", {"new_state": "success"})
    assert [one["task_id"] for one in preview["task_instances"]] == ["a"]
    assert states(client)["a"] == "failed"
    marked = client.patch(f"{TASKS}/a", {"new_state": "success", "include_downstream": True})
    assert {one["task_id"]: one["state"] for one in marked["task_instances"]} == dict.fromkeys("abc", "success")
    assert client.patch(f"{TASKS}/a", {"new_state": "odd"}, 400)
    assert client.patch(f"{TASKS}/a", {"new_state": "running"}, 400)
    noted = client.patch(f"{TASKS}/a", {"note": "why"})["task_instances"]
    assert [(one["task_id"], one["note"], one["state"]) for one in noted] == [("a", "why", "success")]


def test_a_run_is_marked_and_deleted(client: Client, scheduler: Scheduler) -> None:
    trigger(client)
    scheduler.start("chain", "one", S.RUNNING)
    client.delete(RUN, 400)
    assert client.patch(RUN, {"state": "failed"})["state"] == "failed"
    assert states(client) == {"a": "failed", "b": "skipped", "c": "skipped"}
    assert client.patch(RUN, {"state": "odd"}, 400)
    assert client.patch(RUN, {})["state"] == "failed"
    assert client.patch(RUN, {"note": "x"})["note"] == "x"
    assert client.patch(RUN, {"note": None})["note"] is None
    assert "at most 1000" in client.patch(RUN, {"note": "x" * 1001}, 400)["detail"]
    client.delete(RUN)
    client.delete(RUN, 404)


def test_a_task_instance_explains_itself(client: Client, scheduler: Scheduler) -> None:
    trigger(client)
    scheduler.start("chain", "one", S.RUNNING)
    assert client.get(f"{TASKS}/a/explain")["summary"] == "Try 1 is running."
    waiting = client.get(f"{TASKS}/b/explain")
    assert waiting["state"] is None
    assert {"kind": "upstream", "subject": "a"}.items() <= waiting["blockers"][-1].items()
    assert client.call("GET", f"{TASKS}/z/explain").status_code == 404


def test_logs_as_records_and_as_text(client: Client, scheduler: Scheduler, logs: LogLayout) -> None:
    trigger(client)
    scheduler.start("chain", "one", S.RUNNING)
    path = logs.path(TryLogId("chain", "one", "a", -1, 1))
    assert client.get(f"{TASKS}/a/logs/1")["continuation_token"]
    path.parent.mkdir(parents=True)
    path.write_text("[2024-01-01T00:00:00.000000+00:00] {task.py:3} INFO - hello\nprinted\n", encoding="utf-8")
    log = client.get(f"{TASKS}/a/logs/1")
    assert log["content"][0]["sources"] == [str(path)]
    assert log["content"][2] == {
        "timestamp": "2024-01-01T00:00:00Z",
        "event": "hello",
        "level": "info",
        "logger": "task.py:3",
    }
    assert log["content"][3]["event"] == "printed"
    with path.open("a", encoding="utf-8") as file:
        file.write("more\n")
    rest = client.get(f"{TASKS}/a/logs/1?token={log['continuation_token']}")
    assert [record["event"] for record in rest["content"]] == ["more"]
    text = client.call("GET", f"{TASKS}/a/logs/1", headers={"Accept": "text/plain"})
    assert text.text.endswith("printed\nmore\n")
    assert client.call("GET", f"{TASKS}/a/logs/2").status_code == 404
    assert client.call("GET", f"{TASKS}/a/logs/1?token=odd").status_code == 400
    assert client.call("GET", f"{TASKS}/a/logs/1?token={base64.b64encode(b'[]').decode()}").status_code == 400


def test_the_log_of_a_try_that_is_over_has_an_end(client: Client, scheduler: Scheduler) -> None:
    trigger(client)
    scheduler.start("chain", "one", S.SUCCESS)
    assert client.get(f"{TASKS}/a/logs/1")["continuation_token"] is None


def test_xcoms(client: Client, scheduler: Scheduler) -> None:
    trigger(client)
    numbers = scheduler.start("chain", "one", S.SUCCESS)
    scheduler.world.commit(Batch(xcoms=[XComWrite(numbers[0], "return_value", b'{"x": [1, 2]}')]))
    entries = f"{TASKS}/a/xcomEntries"
    (entry,) = client.get(entries)["xcom_entries"]
    assert (entry["key"], entry["task_id"], "value" in entry) == ("return_value", "a", False)
    assert client.get(f"{TASKS}/~/xcomEntries")["total_entries"] == 1
    assert client.get(f"{entries}/return_value")["value"] == {"x": [1, 2]}
    assert client.get(f"{entries}/return_value?stringify=true")["value"] == '{"x": [1, 2]}'
    assert client.call("GET", f"{entries}/other").status_code == 404
    assert client.post(entries, {"key": "with/slash", "value": None}, 201)["value"] is None
    assert client.post(entries, {"key": "with/slash", "value": 1}, 409)
    assert client.patch(f"{entries}/with/slash", {"value": 2})["value"] == 2
    assert client.patch(f"{entries}/gone", {"value": 2}, 404)
    client.delete(f"{entries}/with/slash")
    client.delete(f"{entries}/with/slash", 404)
