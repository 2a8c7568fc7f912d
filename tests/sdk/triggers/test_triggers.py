"""The triggers of the standard provider: what fires them, and that they are made again of what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tradewind.airflow.finder import install
from tradewind.core.clock import SystemClock
from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.triggers.external_task import DagStateTrigger, WorkflowTrigger
from tradewind.sdk.triggers.filesystem import (
    DirectoryFileDeleteTrigger,
    FileDeleteTrigger,
    FileTrigger,
)
from tradewind.sdk.triggers.trigger import BaseTrigger
from tradewind.serialization.records import DagRecord, DagRunRecord, TaskInstanceRecord
from tradewind.standalone.memory_store import MemoryStore
from tradewind.xcom.values import decode_value, encode_value

from tests.sdk.stage import DAY

LOOK_S = 0.005


def first_event(trigger: BaseTrigger, once: Callable[[], object] | None = None) -> Any:
    """Return the payload of the trigger's first event; `once` is called when it has looked at least once in vain."""

    async def work() -> Any:
        events = aiter_of(trigger)
        waiting = asyncio.ensure_future(events.__anext__())
        if once is not None:
            done, _ = await asyncio.wait([waiting], timeout=10 * LOOK_S)
            assert not done, "it fired too early"
            once()
        return (await asyncio.wait_for(waiting, 10)).payload

    return asyncio.run(work())


def aiter_of(trigger: BaseTrigger) -> Any:
    return trigger.run().__aiter__()


def made_again(trigger: BaseTrigger) -> Any:
    """Return what the triggerer makes of what is stored."""
    classpath, kwargs = trigger.serialize()
    module, _, name = classpath.rpartition(".")
    install()
    again = getattr(import_module(module), name)(**decode_value(encode_value(kwargs)))
    assert again.serialize() == (classpath, kwargs)
    return again


# ---- files -----------------------------------------------------------------------------------------------------------


def test_a_file_fires(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    trigger = made_again(FileTrigger(str(tmp_path / "*.csv"), poke_interval=LOOK_S))
    assert first_event(trigger, file.touch) is True


def test_a_folder_fires_when_a_file_is_in_it_at_any_depth(tmp_path: Path) -> None:
    deep = tmp_path / "f" / "g"
    deep.mkdir(parents=True)
    trigger = made_again(FileTrigger(str(tmp_path / "f"), poke_interval=LOOK_S))
    assert first_event(trigger, (deep / "x").touch) is True


def test_two_stars_need_recursive(tmp_path: Path) -> None:
    deep = tmp_path / "f" / "g"
    deep.mkdir(parents=True)
    (deep / "x.csv").touch()
    pattern = str(tmp_path / "**" / "x.csv")
    assert first_event(FileTrigger(pattern, recursive=True, poke_interval=LOOK_S)) is True
    assert first_event(FileTrigger(pattern, poke_interval=LOOK_S), (tmp_path / "f" / "x.csv").touch) is True


@pytest.mark.parametrize("by_folder", [True, False])
def test_a_file_is_taken_away_when_it_fires(tmp_path: Path, by_folder: bool) -> None:
    file = tmp_path / "flag"
    trigger = (
        DirectoryFileDeleteTrigger(directory=str(tmp_path), filename="flag", poke_interval=LOOK_S)
        if by_folder
        else FileDeleteTrigger(str(file), poke_interval=LOOK_S)
    )
    assert first_event(made_again(trigger), file.touch) is True
    assert not file.exists()


# ---- other DAGs ------------------------------------------------------------------------------------------------------


class Others:
    """The runs and tasks of DAG `other`, as the database would have them."""

    def __init__(self) -> None:
        self.store = MemoryStore(SystemClock())
        self.instances: list[TaskInstanceRecord] = []
        self.store.task_instances = lambda: self.instances
        self.store.dags["other"] = DagRecord(
            dag_id="other", task_ids=["a", "g.b", "g.c"], task_groups={"g": ["g.b", "g.c"]}
        )

    def set(self, run_state: str, run_id: str = "r", **tasks: str | None) -> None:
        """Put a run and its tasks into these states."""
        self.store.runs["other", run_id] = DagRunRecord(
            dag_id="other", run_id=run_id, run_type="manual", state=run_state, logical_date=DAY, run_after=DAY
        )
        self.instances[:] = [one for one in self.instances if one.run_id != run_id]
        self.instances += [
            TaskInstanceRecord(
                dag_id="other", run_id=run_id, task_id=name.replace("g_", "g."), state=state, logical_date=DAY
            )
            for name, state in tasks.items()
        ]


@pytest.fixture
def others() -> Iterator[Others]:
    made = Others()
    before = install_worker_store(made.store)
    yield made
    install_worker_store(before)


def waits(**fields: Any) -> WorkflowTrigger:
    values: dict[str, Any] = {"logical_dates": [DAY], "allowed_states": ["success"], "poke_interval": LOOK_S} | fields
    return made_again(WorkflowTrigger("other", **values))


@pytest.mark.parametrize(
    ("fields", "states", "status"),
    [
        ({}, {"run": "running"}, None),
        ({}, {"run": "success"}, "success"),
        ({}, {"run": "failed"}, None),
        ({"failed_states": ["failed"]}, {"run": "failed"}, "failed"),
        ({"external_task_ids": ["a"]}, {"run": "running", "a": "success"}, "success"),
        ({"external_task_ids": ["a"]}, {"run": "success"}, None),
        ({"external_task_ids": ["a", "g.b"]}, {"run": "running", "a": "success", "g_b": None}, None),
        ({"external_task_ids": ["a", "g.b"]}, {"run": "running", "a": "success", "g_b": "success"}, "success"),
        (
            {"external_task_ids": ["a", "g.b"], "failed_states": ["failed"]},
            {"run": "running", "a": "success", "g_b": "failed"},
            "failed",
        ),
        ({"external_task_ids": ["a"], "skipped_states": ["skipped"]}, {"run": "running", "a": "skipped"}, "skipped"),
        ({"external_task_group_id": "g"}, {"run": "running", "g_b": "success", "g_c": "running"}, None),
        ({"external_task_group_id": "g"}, {"run": "running", "g_b": "success", "g_c": "success"}, "success"),
        ({"run_ids": ["r"], "logical_dates": None}, {"run": "success"}, "success"),
        ({"run_ids": ["r", "s"], "logical_dates": None}, {"run": "success"}, None),
    ],
)
def test_how_it_stands_with_another_dag(
    others: Others, fields: dict[str, Any], states: dict[str, str | None], status: str | None
) -> None:
    others_of: dict[str, Any] = {name: state for name, state in states.items() if name != "run"}
    others.set(str(states["run"]), **others_of)
    assert waits(**fields).status() == status


def test_it_fires_when_the_other_dag_has_ended(others: Others) -> None:
    others.set("running", a="running")
    assert first_event(waits(external_task_ids=["a"]), lambda: others.set("running", a="success")) == {
        "status": "success"
    }


def test_runs_that_a_task_has_triggered_tell_how_they_ended(others: Others) -> None:
    trigger = made_again(DagStateTrigger("other", ["success", "failed"], run_ids=["r"], poll_interval=LOOK_S))
    others.set("running")
    path, told = first_event(trigger, lambda: others.set("failed"))
    assert path.endswith(".DagStateTrigger")
    assert (told["r"], told["run_ids"]) == ("failed", ["r"])
