"""Backfills over the REST API, in the shapes of Airflow's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Client

BACKFILLS = "/api/v2/backfills"
BODY = {"dag_id": "params", "from_date": "2024-01-01T00:00:00Z", "to_date": "2024-01-03T00:00:00Z"}


def create(client: Client, **body: Any) -> dict[str, Any]:
    return client.post(BACKFILLS, BODY | body)


def test_create_get_and_list(client: Client) -> None:
    made = create(client, dag_run_conf={"name": "n"}, max_active_runs=3, reprocess_behavior="failed")
    assert made == client.get(f"{BACKFILLS}/{made['id']}")
    assert (made["dag_id"], made["dag_display_name"], made["is_paused"]) == ("params", "params", False)
    assert (made["from_date"], made["to_date"]) == (BODY["from_date"], BODY["to_date"])
    assert (made["dag_run_conf"], made["max_active_runs"], made["reprocess_behavior"]) == ({"name": "n"}, 3, "failed")
    assert made["completed_at"] is None
    assert client.get(f"{BACKFILLS}?dag_id=params") == {"backfills": [made], "total_entries": 1}
    assert client.get(f"{BACKFILLS}?dag_id=chain")["total_entries"] == 0
    assert "another backfill" in client.post(BACKFILLS, BODY, 409)["detail"]


def test_pause_unpause_cancel(client: Client) -> None:
    one = f"{BACKFILLS}/{create(client)['id']}"
    assert client.call("PUT", f"{one}/pause").json()["is_paused"] is True
    assert client.call("PUT", f"{one}/unpause").json()["is_paused"] is False
    cancelled = client.call("PUT", f"{one}/cancel").json()
    assert cancelled["is_paused"] is True
    assert cancelled["completed_at"] == cancelled["updated_at"]
    for verb in ("pause", "unpause", "cancel"):
        assert client.call("PUT", f"{one}/{verb}").status_code == 409
        assert client.call("PUT", f"{BACKFILLS}/99/{verb}").status_code == 404


def test_trying_out_creates_nothing(client: Client) -> None:
    run = {"logical_date": "2024-01-02T00:00:00Z", "conf": {"name": "x"}}
    client.post("/api/v2/dags/params/dagRuns", run)
    found = client.post(f"{BACKFILLS}/dry_run", BODY | {"run_backwards": True})
    assert [each["logical_date"] for each in found["backfills"]] == ["2024-01-03T00:00:00Z", "2024-01-01T00:00:00Z"]
    assert found["total_entries"] == 2
    assert client.get(f"{BACKFILLS}?dag_id=params")["total_entries"] == 0


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"dag_id": "nope"}, 404, "there is no DAG 'nope'"),
        ({"dag_id": "chain"}, 422, "non-periodic"),
        ({"to_date": "2023-01-01T00:00:00Z"}, 422, "must not be after"),
        ({"dag_run_conf": {"name": 1}}, 422, "does not fit the params"),
        ({"max_active_runs": 0}, 422, "at least 1"),
        ({"reprocess_behavior": "some"}, 422, "Invalid enum value"),
        ({"from_date": "2024-01-01T00:00:00"}, 422, "needs a time zone"),
        ({"what": 1}, 422, "unknown field"),
    ],
)
def test_mistakes(client: Client, body: dict[str, Any], status: int, message: str) -> None:
    assert message in str(client.post(BACKFILLS, BODY | body, status)["detail"])
    assert message in str(client.post(f"{BACKFILLS}/dry_run", BODY | body, status)["detail"])


def test_a_reader_creates_none(client: Client) -> None:
    client.sign_in("reader")
    client.post(BACKFILLS, BODY, 403)
    assert client.get(BACKFILLS)["total_entries"] == 0
