"""The operations on DAGs, in Airflow's shapes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import CHAIN, Client


def dag_ids(answer: dict[str, Any]) -> list[str]:
    return [dag["dag_id"] for dag in answer["dags"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["chain", "params"]),
        ("?order_by=-dag_id", ["params", "chain"]),
        ("?limit=1", ["chain"]),
        ("?limit=1&offset=1", ["params"]),
        ("?limit=100000", ["chain", "params"]),
        ("?dag_id_pattern=PAR", ["params"]),
        ("?tags=two", ["chain"]),
        ("?tags=one&tags=two", ["chain", "params"]),
        ("?tags=one&tags=two&tags_match_mode=all", ["chain"]),
        ("?paused=false", []),
        ("?paused=true", ["chain", "params"]),
        ("?something_unknown=1", ["chain", "params"]),
    ],
)
def test_dags_are_listed(client: Client, query: str, found: list[str]) -> None:
    assert dag_ids(client.get(f"/api/v2/dags{query}")) == found


def test_total_entries_counts_all_pages(client: Client) -> None:
    assert client.get("/api/v2/dags?limit=1")["total_entries"] == 2


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        ("?limit=many", 422, "int"),
        ("?limit=-1", 400, "0 or more"),
        ("?order_by=colour", 400, "cannot order by 'colour'"),
        ("?paused=perhaps", 422, "bool"),
    ],
)
def test_a_wrong_query_says_what_is_wrong(client: Client, query: str, status: int, word: str) -> None:
    answer = client.call("GET", f"/api/v2/dags{query}")
    assert answer.status_code == status
    assert word in str(answer.json()["detail"])


def test_one_dag(client: Client) -> None:
    dag = client.get("/api/v2/dags/chain")
    assert dag["dag_display_name"] == "A chain"
    assert dag["tags"][0] == {"name": "one", "dag_id": "chain", "dag_display_name": "A chain"}
    assert (dag["is_paused"], dag["is_stale"], dag["owners"]) == (True, False, ["airflow"])
    assert dag["fileloc"] == "/dags/chain.py"
    assert client.call("GET", "/api/v2/dags/nothing").json() == {"detail": "there is no DAG 'nothing'"}


def test_details_come_from_the_document(client: Client) -> None:
    details = client.get("/api/v2/dags/params/details")
    assert details["timezone"] == "UTC"
    assert (details["airflow_defaults"], details["airflow_defaults_decided_by"]) == (3, None)
    assert details["params"]["count"] == {
        "value": 3,
        "description": None,
        "schema": {"type": "integer", "minimum": 1},
        "source": None,
    }
    assert details["timetable_description"]
    assert details["latest_dag_version"]["version_number"] == 1
    assert details["active_runs_count"] == 0
    chain = client.get("/api/v2/dags/chain/details")
    assert (chain["start_date"], chain["doc_md"]) == ("2024-01-01T00:00:00Z", "# Chain")


def test_pausing(client: Client) -> None:
    assert client.patch("/api/v2/dags/chain", {"is_paused": False})["is_paused"] is False
    assert dag_ids(client.get("/api/v2/dags?paused=false")) == ["chain"]
    assert client.patch("/api/v2/dags/chain", {}, 422)["detail"][0]["loc"] == ["body"]
    assert client.patch("/api/v2/dags/chain", {"is_paused": "so"}, 422)["detail"][0]["loc"] == ["body", "is_paused"]
    assert client.patch("/api/v2/dags/nothing", {"is_paused": True}, 404)
    several = client.patch("/api/v2/dags?dag_id_pattern=a", {"is_paused": False})
    assert [dag["is_paused"] for dag in several["dags"]] == [False, False]


def test_deleting(client: Client) -> None:
    client.delete("/api/v2/dags/chain", 200)
    assert dag_ids(client.get("/api/v2/dags")) == ["params"]
    client.delete("/api/v2/dags/chain", 404)


def test_tasks(client: Client) -> None:
    tasks = client.get("/api/v2/dags/chain/tasks?order_by=-task_id")
    assert [task["task_id"] for task in tasks["tasks"]] == ["c", "b", "a"]
    task = client.get("/api/v2/dags/chain/tasks/b")
    assert task["execution_timeout"] == {"__type": "TimeDelta", "days": 1, "seconds": 3661, "microseconds": 500000}
    assert task["retry_delay"] == {"__type": "TimeDelta", "days": 0, "seconds": 300, "microseconds": 0}
    assert (task["operator_name"], task["downstream_task_ids"]) == ("BashOperator", ["c"])
    assert client.call("GET", "/api/v2/dags/chain/tasks/z").status_code == 404


def test_tags_versions_and_source(client: Client) -> None:
    assert client.get("/api/v2/dagTags")["tags"] == ["one", "two"]
    versions = client.get("/api/v2/dags/chain/dagVersions")
    assert [version["version_number"] for version in versions["dag_versions"]] == [1]
    assert client.get("/api/v2/dagSources/chain")["content"] == "# chain\n"
    text = client.call("GET", "/api/v2/dagSources/chain", headers={"Accept": "text/plain"})
    assert (text.text, text.headers["content-type"]) == ("# chain\n", "text/plain; charset=utf-8")
    assert client.call("GET", "/api/v2/dagSources/chain?version_number=7").status_code == 404


def test_import_errors_and_warnings(client: Client) -> None:
    (error,) = client.get("/api/v2/importErrors")["import_errors"]
    assert (error["filename"], error["stack_trace"]) == ("x.py", "x.py:1: SyntaxError: invalid syntax")
    assert client.get(f"/api/v2/importErrors/{error['import_error_id']}") == error
    assert client.call("GET", "/api/v2/importErrors/999").status_code == 404
    (warning,) = client.get("/api/v2/dagWarnings?dag_id=chain")["dag_warnings"]
    assert (warning["warning_type"], warning["dag_display_name"]) == ("deprecated", "A chain")
    assert client.get("/api/v2/dagWarnings?warning_type=other")["total_entries"] == 0


def test_the_overview_has_the_last_runs(client: Client) -> None:
    client.post("/api/v2/dags/chain/dagRuns", {"dag_run_id": "one", "logical_date": None})
    answer = client.get("/ui/dags?dag_runs_limit=5")
    assert [[run["dag_run_id"] for run in dag["latest_dag_runs"]] for dag in answer["dags"]] == [["one"], []]


def test_a_document_is_decoded_once_for_a_version(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from tradewind.web import backend

    decoded: list[bytes] = []
    real = backend.decode_document
    monkeypatch.setattr(backend, "decode_document", lambda data: decoded.append(data) or real(data))
    for _ in range(3):
        assert len(client.get("/api/v2/dags/chain/tasks")["tasks"]) == len(CHAIN.tasks)
    assert len(decoded) == 1
