"""The operations of the API about assets."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.core.clock import SystemClock
from tradewind.metadata.dags.records import FileDag, FileResult
from tradewind.metadata.dags.store import DagStore
from tradewind.metadata.database import Database
from tradewind.serialization.document import DagDocument, TaskDocument, encode_document, version_hash

from tests.web.conftest import Client

A = {"asset": {"name": "a", "uri": "s3://a", "group": "asset", "extra": {"password": "sesame", "k": 1}}}
B = {"asset": {"name": "b", "uri": "s3://b", "group": "asset"}}


def deploy(database: Database, *documents: DagDocument) -> None:
    for document in documents:
        encoded = encode_document(document)
        path = f"/dags/{document.dag_id}.py"
        dags = [FileDag(document.dag_id, encoded, version_hash(encoded))]
        result = FileResult(path=path, relative_path=path, folder="/dags", fingerprint="f", dags=dags)
        DagStore(database, SystemClock()).store_file(result, is_paused_by_default=False)


@pytest.fixture
def assets(database: Database, client: Client) -> Client:
    make = TaskDocument(task_id="make", task_type="Op", outlets=(A,))
    read = TaskDocument(task_id="read", task_type="Op", inlets=({"asset_ref": {"name": "a"}},))
    alias = {"alias": {"name": "some", "group": "asset"}}
    deploy(
        database,
        DagDocument(dag_id="maker", tasks=(make,)),
        DagDocument(dag_id="waiter", tasks=(read,), timetable={"type": "asset", "condition": {"all": [A, B]}}),
        DagDocument(dag_id="through", tasks=(), timetable={"type": "asset", "condition": alias}),
    )
    return client


def pk_of(client: Client, name: str) -> int:
    found = client.call("GET", f"/api/v2/assets?name_pattern={name}").json()["assets"]
    return next(one["id"] for one in found if one["name"] == name)


def test_assets_with_those_who_use_them(assets: Client) -> None:
    listed = assets.call("GET", "/api/v2/assets?order_by=-name").json()
    assert ([one["name"] for one in listed["assets"]], listed["total_entries"]) == (["b", "a"], 2)
    shown: dict[str, Any] = assets.call("GET", f"/api/v2/assets/{pk_of(assets, 'a')}").json()
    assert (shown["uri"], shown["group"], shown["extra"]) == ("s3://a", "asset", {"password": "***", "k": 1})
    assert [use["dag_id"] for use in shown["scheduled_dags"]] == ["waiter"]
    assert [(use["dag_id"], use["task_id"]) for use in shown["producing_tasks"]] == [("maker", "make")]
    assert [(use["dag_id"], use["task_id"]) for use in shown["consuming_tasks"]] == [("waiter", "read")]
    assert shown["last_asset_event"] == {"id": None, "timestamp": None}
    assert assets.call("GET", "/api/v2/assets?dag_ids=maker").json()["total_entries"] == 1
    assert assets.call("GET", "/api/v2/assets/77").status_code == 404
    (alias,) = assets.call("GET", "/api/v2/assets/aliases").json()["asset_aliases"]
    assert assets.call("GET", f"/api/v2/assets/aliases/{alias['id']}").json() == alias
    details = assets.call("GET", "/api/v2/dags/waiter/details").json()
    outline = {"name": "a", "uri": "s3://a", "group": "asset"}
    assert details["asset_expression"] == {"all": [{"asset": outline}, B]}, "nothing secret is shown"


def test_a_dag_says_what_its_next_run_waits_for(assets: Client) -> None:
    def awaited(dag_id: str) -> list[str]:
        return assets.call("GET", f"/api/v2/dags/{dag_id}/details").json()["awaited_assets"]

    assert awaited("maker") == []
    assert awaited("waiter") == ["asset 'a'", "asset 'b'"]
    assets.call("POST", "/api/v2/assets/events", json={"asset_id": pk_of(assets, "a")})
    assert awaited("waiter") == ["asset 'b'"]


def test_an_asset_has_its_watchers(assets: Client, database: Database) -> None:
    watcher = {"name": "w", "classpath": "some.Trigger", "kwargs": {"password": "sesame"}}
    watched = {"asset": {**B["asset"], "watchers": [watcher]}}
    for dag_id in ("one", "two"):
        deploy(database, DagDocument(dag_id=dag_id, tasks=(), timetable={"type": "asset", "condition": watched}))
    (found,) = assets.call("GET", f"/api/v2/assets/{pk_of(assets, 'b')}").json()["watchers"]
    assert (found["name"], found.keys()) == ("w", {"name", "trigger_id", "created_date"})
    assert assets.call("GET", f"/api/v2/assets/{pk_of(assets, 'a')}").json()["watchers"] == []


def test_an_event_by_hand_waits_and_can_be_taken_back(assets: Client) -> None:
    pk = pk_of(assets, "a")
    made = assets.call("POST", "/api/v2/assets/events", json={"asset_id": pk, "extra": {"k": 1}}).json()
    assert (made["name"], made["extra"], made["source_dag_id"]) == ("a", {"k": 1, "from_rest_api": True}, None)
    assert made["created_dagruns"] == []
    listed = assets.call("GET", f"/api/v2/assets/events?asset_id={pk}").json()
    assert (listed["total_entries"], listed["asset_events"]) == (1, [made])
    queue = f"/api/v2/dags/waiter/assets/{pk}/queuedEvents"
    assert assets.call("GET", queue).json()["dag_display_name"] == "waiter"
    for path in ("/api/v2/dags/waiter/assets/queuedEvents", f"/api/v2/assets/{pk}/queuedEvents"):
        assert assets.call("GET", path).json()["total_entries"] == 1
    assert assets.call("DELETE", queue).status_code == 204
    assert assets.call("DELETE", queue).status_code == 404
    assert assets.call("GET", queue).status_code == 404
    assert assets.call("POST", "/api/v2/assets/events", json={"asset_id": 77}).status_code == 404


def test_an_asset_is_made_by_the_one_dag_that_makes_it(assets: Client, database: Database) -> None:
    pk = pk_of(assets, "a")
    run = assets.call("POST", f"/api/v2/assets/{pk}/materialize", json={"partition_key": "k"}).json()
    assert (run["dag_id"], run["state"], run["partition_key"]) == ("maker", "queued", "k")
    assert run["run_type"] == "asset_materialization"
    assert run["dag_run_id"].startswith("asset_materialization__")
    upstream = f"/api/v2/dags/maker/dagRuns/{run['dag_run_id']}/upstreamAssetEvents"
    assert assets.call("GET", upstream).json() == {"asset_events": [], "total_entries": 0}
    assert assets.call("POST", f"/api/v2/assets/{pk_of(assets, 'b')}/materialize", json={}).status_code == 404
    deploy(database, DagDocument(dag_id="other", tasks=(TaskDocument(task_id="t", task_type="Op", outlets=(A,)),)))
    assert assets.call("POST", f"/api/v2/assets/{pk}/materialize", json={}).status_code == 409
