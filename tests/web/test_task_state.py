"""What task instances keep, over the API."""

from __future__ import annotations

from tests.web.conftest import Client, Scheduler


def _run(client: Client, scheduler: Scheduler) -> str:
    body = {"dag_run_id": "one", "logical_date": None}
    client.post("/api/v2/dags/chain/dagRuns", body)
    scheduler.start("chain", "one")
    return "one"


def test_states_of_a_task_instance(client: Client, scheduler: Scheduler) -> None:
    run_id = _run(client, scheduler)
    base = f"/api/v2/dags/chain/dagRuns/{run_id}/taskInstances/a/state-store"
    assert client.get(base) == {"task_state_store": [], "total_entries": 0}
    assert client.call("PUT", f"{base}/job", json={"value": {"id": 1}}).status_code == 204
    assert client.call("PUT", f"{base}/end", json={"value": 1, "expires_at": None}).status_code == 204
    listed = client.get(f"{base}?limit=1")
    assert listed["total_entries"] == 2
    assert [(row["key"], row["value"], row["expires_at"]) for row in listed["task_state_store"]] == [("end", 1, None)]
    job = client.get(f"{base}/job")
    assert job["value"] == {"id": 1}
    assert job["expires_at"] is not None
    changed = client.patch(f"{base}/job", {"value": [2]})
    assert (changed["value"], changed["expires_at"]) == ([2], job["expires_at"])
    client.delete(f"{base}/job")
    client.patch(f"{base}/job", {"value": 1}, 404)
    assert client.call("DELETE", f"{base}?all_map_indices=true").status_code == 204
    assert client.get(base)["total_entries"] == 0


def test_what_cannot_be_kept(client: Client, scheduler: Scheduler) -> None:
    run_id = _run(client, scheduler)
    base = f"/api/v2/dags/chain/dagRuns/{run_id}/taskInstances"
    assert client.call("PUT", f"{base}/a/state-store/k", json={"value": None}).status_code == 422
    too_large = client.call("PUT", f"{base}/a/state-store/k", json={"value": "x" * 70_000})
    assert too_large.status_code == 422
    assert "max_value_storage_bytes" in too_large.json()["detail"]
    for wrong in ("soon", "2026-01-01T00:00:00"):
        refused = client.call("PUT", f"{base}/a/state-store/k", json={"value": 1, "expires_at": wrong})
        assert refused.status_code == 400, refused.text
    assert client.call("GET", f"{base}/nobody/state-store").status_code == 404
