"""Instances of mapped tasks: each with its map index, told apart in addresses and lists."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.core.clock import SystemClock
from tradewind.core.ids import TaskInstancePk
from tradewind.core.states import TaskInstanceState as S
from tradewind.metadata.batch import Batch, Expansion, MappingWrite
from tradewind.metadata.dags.records import FileResult
from tradewind.metadata.dags.store import DagStore
from tradewind.metadata.database import Database
from tradewind.serialization.document import DagDocument, TaskDocument, TaskGroupDocument

from tests.metadata.conftest import new_instance
from tests.web.conftest import Client, Scheduler, file_dag

TASKS = "/api/v2/dags/mapped/dagRuns/one/taskInstances"
DOCUMENT = DagDocument(
    dag_id="mapped",
    relative_fileloc="mapped.py",
    tasks=(
        TaskDocument(task_id="a", task_type="X", downstream=("b", "g.t")),
        TaskDocument(task_id="b", task_type="X", is_mapped=True, expansion={"xcom": "a"}),
        TaskDocument(task_id="g.t", task_type="X", group_id="g"),
    ),
    groups=(TaskGroupDocument(group_id="g", is_mapped=True, expansion={"xcom": "a"}),),
)


@pytest.fixture
def run(client: Client, database: Database, scheduler: Scheduler) -> dict[int, TaskInstancePk]:
    """Let a run have instances 0 to 10 of `b`; return their numbers by map index."""
    result = FileResult(
        path="/dags/mapped.py",
        relative_path="mapped.py",
        folder="/dags",
        fingerprint="f",
        dags=[file_dag(DOCUMENT)],
        source="",
    )
    DagStore(database, SystemClock()).store_files([result], is_paused_by_default=False)
    client.post("/api/v2/dags/mapped/dagRuns", {"dag_run_id": "one", "logical_date": None})
    world = scheduler.world
    (queued,) = [row for row in world.store.load_queued_runs() if row.dag_id == "mapped"]
    _, placeholder, _ = world.start(queued, ("a", "b", "g.t"))
    born = [new_instance(queued.run_pk, 2 + index, "b", 0) for index in range(1, 11)]
    for index, row in enumerate(born, 1):
        row.map_index = index
    world.commit(Batch(expansions=[Expansion(queued.run_pk, placeholder, born)]))
    return {0: placeholder} | {row.map_index: row.ti_pk for row in born}


def indexes(answer: dict[str, Any]) -> list[int]:
    return [one["map_index"] for one in answer["task_instances"]]


def test_instances_are_listed_by_map_index(client: Client, run: dict[int, TaskInstancePk]) -> None:
    assert indexes(client.get(f"{TASKS}/b/listMapped")) == list(range(11))
    page = client.get(f"{TASKS}/b/listMapped?order_by=-map_index&limit=2")
    assert (indexes(page), page["total_entries"]) == ([10, 9], 11)
    assert indexes(client.get(f"{TASKS}/b/listMapped?map_index=3")) == [3]
    assert client.get(f"{TASKS}/b/listMapped?state=running")["task_instances"] == []
    assert indexes(client.get(f"{TASKS}?task_id=b&map_index=4&map_index=5")) == [4, 5]


def test_what_is_not_expanded_has_an_empty_list_and_what_is_not_mapped_none(
    client: Client, run: dict[int, TaskInstancePk]
) -> None:
    assert client.get(f"{TASKS}/g.t/listMapped")["task_instances"] == []
    for task_id, message in (("a", "Task id a is not mapped"), ("z", "Task id z not found")):
        answer = client.call("GET", f"{TASKS}/{task_id}/listMapped")
        assert (answer.status_code, answer.json()["detail"]) == (404, message)


def test_one_instance_is_addressed_by_its_map_index(
    client: Client, scheduler: Scheduler, run: dict[int, TaskInstancePk]
) -> None:
    world = scheduler.world
    world.bring(run[7], S.RUNNING)
    world.commit(Batch(mappings=[MappingWrite(run[7], 1, "the eighth")]))
    instance = client.get(f"{TASKS}/b/7")
    assert (instance["state"], instance["map_index"], instance["rendered_map_index"]) == ("running", 7, "the eighth")
    assert client.get(f"{TASKS}/b/8")["rendered_map_index"] == "8"
    assert client.get(f"{TASKS}/a")["rendered_map_index"] is None
    assert client.get(f"{TASKS}/b/7/tries/1")["map_index"] == 7
    assert indexes(client.get(f"{TASKS}/b/listMapped?state=running")) == [7]


def test_a_mapped_task_without_a_map_index_says_what_there_is(client: Client, run: dict[int, TaskInstancePk]) -> None:
    answer = client.call("GET", f"{TASKS}/b")
    assert answer.status_code == 404
    assert "the task is mapped and has 11, give a map index from 0 to 10" in answer.text
    assert client.call("GET", f"{TASKS}/b/11").status_code == 404


def test_one_instance_is_cleared(client: Client, scheduler: Scheduler, run: dict[int, TaskInstancePk]) -> None:
    for index in (1, 2):
        scheduler.world.bring(run[index], S.FAILED)
    body = {"dag_run_id": "one", "task_ids": [["b", 2]], "only_failed": False, "dry_run": False}
    assert indexes(client.post("/api/v2/dags/mapped/clearTaskInstances", body)) == [2]
    assert client.get(f"{TASKS}/b/1")["state"] == "failed"
    assert client.get(f"{TASKS}/b/2")["state"] is None
