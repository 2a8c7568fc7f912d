"""Clearing and marking over the REST API: which task instances a request means, notes, several at once."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from tradewind.core.states import TaskInstanceState as S
from tradewind.metadata.dags.records import FileResult
from tradewind.serialization.document import DagDocument, TaskDocument, TaskGroupDocument

from tests.web.conftest import Client, Scheduler, file_dag

DAG = "/api/v2/dags/grouped"
RUNS = f"{DAG}/dagRuns"
# prepare >> [g.a >> g.b] >> clean, with clean the teardown of prepare; late stands alone.
GROUPED = DagDocument(
    dag_id="grouped",
    relative_fileloc="grouped.py",
    groups=(TaskGroupDocument(group_id="g"),),
    tasks=(
        TaskDocument(task_id="prepare", task_type="X", is_setup=True, downstream=("clean", "g.a")),
        TaskDocument(task_id="g.a", task_type="X", group_id="g", downstream=("g.b",)),
        TaskDocument(task_id="g.b", task_type="X", group_id="g", downstream=("clean",)),
        TaskDocument(task_id="clean", task_type="X", is_teardown=True),
        TaskDocument(task_id="late", task_type="X"),
    ),
)
NAMES = ("prepare", "g.a", "g.b", "clean", "late")
DATES = [datetime(2024, 1, day, tzinfo=timezone.utc) for day in (1, 2, 3)]


@pytest.fixture
def runs(client: Client, scheduler: Scheduler) -> list[str]:
    """Start three runs of the grouped DAG, all tasks of which have ended well; return their run_ids."""
    world = scheduler.world
    place: dict[str, Any] = {
        "path": "/dags/grouped.py",
        "relative_path": "grouped.py",
        "folder": "/dags",
        "fingerprint": "f",
    }
    world.dags.store_files([FileResult(**place, dags=[file_dag(GROUPED)])], is_paused_by_default=False)
    run_ids = []
    for date in DATES:
        run_ids.append(client.post(RUNS, {"logical_date": date.isoformat()})["dag_run_id"])
        run = next(run for run in world.store.load_queued_runs() if run.run_id == run_ids[-1])
        for number in world.start(run, NAMES):
            world.bring(number, S.SUCCESS)
        world.end_run(run)
    return run_ids


def clear(client: Client, status: int = 200, **body: Any) -> Any:
    return client.post(f"{DAG}/clearTaskInstances", {"only_failed": False, "dry_run": False} | body, status)


def cleared(client: Client, **body: Any) -> set[str]:
    return {one["task_id"] for one in clear(client, **body)["task_instances"]}


def states(client: Client, run_id: str) -> dict[str, str | None]:
    found = client.get(f"{RUNS}/{run_id}/taskInstances")["task_instances"]
    return {one["task_id"]: one["state"] for one in found}


def test_setups_in_force_are_cleared_with_what_comes_after(client: Client, runs: list[str]) -> None:
    body = {"dag_run_id": runs[0], "task_ids": ["g.b"], "dry_run": True}
    assert cleared(client, **body) == {"g.b"}
    assert cleared(client, **body, include_downstream=True) == {"prepare", "g.b", "clean"}
    assert cleared(client, **body, include_upstream=True) == {"prepare", "g.a", "g.b", "clean"}
    assert set(states(client, runs[0]).values()) == {"success"}


def test_past_and_future(client: Client, runs: list[str]) -> None:
    found = clear(client, dag_run_id=runs[1], task_ids=["late"], include_future=True, note="again")
    assert [(one["dag_run_id"], one["task_id"]) for one in found["task_instances"]] == [
        (run_id, "late") for run_id in runs[1:]
    ]
    assert [client.get(f"{RUNS}/{run_id}")["state"] for run_id in runs] == ["success", "queued", "queued"]
    assert client.get(f"{RUNS}/{runs[1]}/taskInstances/late")["note"] == "again"
    found = clear(client, dag_run_id=runs[1], task_ids=["late"], include_past=True)
    assert [one["dag_run_id"] for one in found["task_instances"]] == runs[:2]
    undated = client.post(RUNS, {"logical_date": None})["dag_run_id"]
    assert "no logical date" in clear(client, 400, dag_run_id=undated, include_past=True)["detail"]


def test_runs_can_stay_over(client: Client, runs: list[str]) -> None:
    clear(client, dag_run_id=runs[0], task_ids=["late"], reset_dag_runs=False)
    assert states(client, runs[0])["late"] is None
    assert client.get(f"{RUNS}/{runs[0]}")["state"] == "success"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"only_failed": True, "only_running": True}, "both"),
        ({"start_date": "2024-01-02T00:00:00Z", "end_date": "2024-01-01T00:00:00Z"}, "sooner"),
        ({"dag_run_id": "x", "start_date": "2024-01-02T00:00:00Z"}, "Exactly one"),
        ({"task_ids": []}, "at least 1"),
    ],
)
@pytest.mark.usefixtures("runs")
def test_contradictions(client: Client, body: dict[str, Any], message: str) -> None:
    assert message in clear(client, 422, **body)["detail"]


def test_a_task_group_is_marked(client: Client, runs: list[str]) -> None:
    group = f"{RUNS}/{runs[0]}/taskGroupInstances/g"
    preview = client.patch(f"{group}/dry_run", {"new_state": "failed"})
    assert [one["task_id"] for one in preview["task_instances"]] == ["g.a", "g.b"]
    marked = client.patch(group, {"new_state": "failed", "note": "broken"})
    assert {(one["task_id"], one["state"], one["note"]) for one in marked["task_instances"]} == {
        ("g.a", "failed", "broken"),
        ("g.b", "failed", "broken"),
    }
    assert states(client, runs[0])["late"] == "success"
    assert "no task group 'h'" in client.patch(f"{RUNS}/{runs[0]}/taskGroupInstances/h", {}, 404)["detail"]


def test_several_at_once(client: Client, runs: list[str]) -> None:
    body = {
        "actions": [
            {
                "action": "update",
                "entities": [
                    {"task_id": "late", "new_state": "failed"},
                    {"task_id": "g.a", "note": "seen"},
                    {"task_id": "nope", "new_state": "failed"},
                    {"task_id": "g.b", "new_state": "odd"},
                    {"task_id": "late", "dag_run_id": runs[1], "new_state": "skipped"},
                ],
            },
            {"action": "delete", "entities": []},
        ]
    }
    answer = client.patch(f"{RUNS}/{runs[0]}/taskInstances", body)
    assert answer["update"]["success"] == [
        f"grouped.{runs[0]}.late[-1]", f"grouped.{runs[0]}.g.a[-1]", f"grouped.{runs[1]}.late[-1]"
    ]  # fmt: skip
    assert [error["status_code"] for error in answer["update"]["errors"]] == [404, 400]
    assert answer["delete"]["errors"][0]["status_code"] == 405
    assert answer["create"] is None
    assert states(client, runs[0])["late"] == "failed"
    assert states(client, runs[1])["late"] == "skipped"


def test_the_fields_of_the_mask_count(client: Client, runs: list[str]) -> None:
    one = f"{RUNS}/{runs[0]}/taskInstances/late?update_mask=note"
    changed = client.patch(one, {"new_state": "failed", "note": "why"})["task_instances"]
    assert [(found["state"], found["note"]) for found in changed] == [("success", "why")]
    run = client.patch(f"{RUNS}/{runs[0]}?update_mask=note", {"state": "failed", "note": "what"})
    assert (run["state"], run["note"]) == ("success", "what")


def test_whole_runs_are_cleared(client: Client, runs: list[str]) -> None:
    body = {"dag_runs": [{"dag_run_id": run_id} for run_id in runs[:2]]}
    assert client.post(f"{DAG}/clearDagRuns", body)["total_entries"] == 10
    answer = client.post(f"{DAG}/clearDagRuns", body | {"dry_run": False, "note": "n"})
    assert [(run["state"], run["note"]) for run in answer["dag_runs"]] == [("queued", "n")] * 2
    assert client.get(f"{RUNS}/{runs[2]}")["state"] == "success"
    everywhere = {"dag_runs": [{"dag_run_id": runs[2], "dag_id": "grouped"}]}
    assert client.post("/api/v2/dags/~/clearDagRuns", everywhere)["total_entries"] == 5
    client.post("/api/v2/dags/~/clearDagRuns", {"dag_runs": [{"dag_run_id": runs[2]}]}, 400)
    client.post(f"{DAG}/clearDagRuns", {"dag_runs": []}, 422)
    client.post(f"{DAG}/clearDagRuns", {"dag_runs": [{"dag_run_id": "no"}]}, 404)


def test_only_new_tasks(client: Client, scheduler: Scheduler, runs: list[str]) -> None:
    more = (*GROUPED.tasks, TaskDocument(task_id="new", task_type="X"))
    place: dict[str, Any] = {
        "path": "/dags/grouped.py",
        "relative_path": "grouped.py",
        "folder": "/dags",
        "fingerprint": "g",
    }
    document = DagDocument(dag_id="grouped", relative_fileloc="grouped.py", groups=GROUPED.groups, tasks=more)
    scheduler.world.dags.store_files([FileResult(**place, dags=[file_dag(document)])], is_paused_by_default=False)
    run = f"{RUNS}/{runs[0]}"
    preview = client.post(f"{run}/clear", {"only_new": True})
    assert preview == {"task_instances": [{"task_id": "new", "task_display_name": "new"}], "total_entries": 1}
    answer = client.post(f"{run}/clear", {"only_new": True, "dry_run": False, "note": "more"})
    assert (answer["state"], answer["note"], answer["dag_versions"][0]["version_number"]) == ("queued", "more", 2)
    assert set(states(client, runs[0]).values()) == {"success"}
    client.post(f"{run}/clear", {"only_new": True, "only_failed": True, "dry_run": False}, 422)
