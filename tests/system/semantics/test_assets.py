"""Assets in the real family: who makes them, who waits for them, and a scheduler that dies between event and run."""

from __future__ import annotations

import os
import signal
import textwrap
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from benchmarks.system import until
from tests.system.families import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.families import FamilyUnderTest

DAGS = """
    from datetime import datetime

    from airflow.providers.standard.triggers.file import FileDeleteTrigger
    from airflow.sdk import (
        DAG, Asset, AssetAlias, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable, Metadata, task,
    )

    orders = Asset("orders", uri="s3://shop/orders.csv")
    daily = AssetAlias("daily")
    flag = Asset("flag", watchers=[
        AssetWatcher(name="file", trigger=FileDeleteTrigger(filepath="FLAG", poke_interval=0.1)),
    ])

    with DAG("produce", schedule=None):

        @task(outlets=[orders, daily])
        def make(outlet_events):
            outlet_events[daily].add(Asset("of_today"), extra={"day": 1})
            yield Metadata(orders, {"rows": 42})

        make()


    def consumer(dag_id, schedule):
        with DAG(dag_id, schedule=schedule, start_date=datetime(2024, 1, 1), catchup=False):

            @task
            def heard(dag_run, triggering_asset_events):
                return [
                    [asset.name, event.extra, event.source_task_instance.task_id if event.source_dag_id else None]
                    for asset, events in triggering_asset_events.items() if hasattr(asset, "uri") for event in events
                ]

            heard()


    consumer("by_asset", orders)
    consumer("by_alias", daily)
    consumer("by_watcher", flag)
    consumer("or_time", AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 0 1 1 *", timezone="UTC"), assets=orders))
"""


def runs(family: FamilyUnderTest, dag_id: str, count: int) -> list[dict[str, Any]]:
    """Return the DAG's runs once so many have succeeded."""
    path = f"/api/v2/dags/{dag_id}/dagRuns?order_by=id&state=success"

    def find() -> Any:
        found = family.get(path)["dag_runs"]
        return found if len(found) >= count else None

    return until(find, DEADLINE_S, f"{count} runs of {dag_id}")


def heard(family: FamilyUnderTest, run: dict[str, Any]) -> Any:
    return family.xcom(run["dag_id"], run["dag_run_id"], "heard")


def scheduler_pid(family: FamilyUnderTest) -> int:
    return next(pid for pid in family.living() if Path(f"/proc/{pid}/comm").read_text().strip() == "tw-scheduler")


def test_events_lead_to_runs(own_family: Callable[..., FamilyUnderTest], database_url: str, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    family = own_family(database__sql_alchemy_conn=database_url)
    family.start()
    family.write("assets.py", DAGS.replace("FLAG", str(flag)))
    family.wait_for_dag("or_time")
    flag.touch()

    made = family.run("produce")
    event = ["orders", {"rows": 42}, "make"]
    (by_asset,) = runs(family, "by_asset", 1)
    assert (by_asset["run_type"], by_asset["logical_date"]) == ("asset_triggered", None)
    assert heard(family, by_asset) == [event]
    assert heard(family, runs(family, "by_alias", 1)[0]) == [["of_today", {"day": 1}, "make"]]
    assert Counter(run["run_type"] for run in runs(family, "or_time", 2)) == {"scheduled": 1, "asset_triggered": 1}
    assert heard(family, runs(family, "by_watcher", 1)[0]) == [["flag", {"from_trigger": True, "payload": True}, None]]
    until(lambda: not flag.exists(), DEADLINE_S, "the watcher to take the file away")
    events = family.get(f"/api/v2/assets/events?source_run_id={quote(made)}")["asset_events"]
    assert sorted(one["name"] for one in events) == ["of_today", "orders"]

    # Stopped, the scheduler cannot act on the event; killed, it never will.
    orders = next(one["id"] for one in family.get("/api/v2/assets")["assets"] if one["name"] == "orders")
    pid = scheduler_pid(family)
    os.kill(pid, signal.SIGSTOP)
    answer = family.http.post("/api/v2/assets/events", json={"asset_id": orders, "extra": {"rows": 1}})
    assert answer.status_code == 200, answer.text
    assert len(family.get("/api/v2/dags/by_asset/dagRuns")["dag_runs"]) == 1
    os.kill(pid, signal.SIGKILL)
    assert heard(family, runs(family, "by_asset", 2)[1]) == [["orders", {"rows": 1, "from_rest_api": True}, None]]
    runs(family, "or_time", 3)
    assert len(family.get("/api/v2/dags/by_asset/dagRuns")["dag_runs"]) == 2


QUEUE = """
    import asyncio
    from pathlib import Path

    from airflow.providers_manager import ProvidersManager
    from airflow.triggers.base import BaseEventTrigger, TriggerEvent


    def get_provider_info():
        return {"package-name": "house-queue", "name": "House", "queues": ["house_queue.HouseQueue"]}


    class MessageTrigger(BaseEventTrigger):
        def __init__(self, *, scheme, **kwargs):
            super().__init__()
            (name,) = ProvidersManager().queue_class_names
            assert name == "house_queue.HouseQueue" and scheme == HouseQueue.scheme
            self.trigger = HouseQueue().trigger_class()(**kwargs)

        def serialize(self):
            return self.trigger.serialize()

        async def run(self):
            async for event in self.trigger.run():
                yield event


    class HouseTrigger(BaseEventTrigger):
        def __init__(self, folder):
            super().__init__()
            self.folder = folder

        def serialize(self):
            return "house_queue.HouseTrigger", {"folder": self.folder}

        async def run(self):
            while not (found := sorted(Path(self.folder).glob("*.message"))):
                await asyncio.sleep(0.05)
            text = found[0].read_text()
            found[0].unlink()
            yield TriggerEvent({"message": text})


    class HouseQueue:
        scheme = "house"

        def trigger_class(self):
            return HouseTrigger
"""
WATCHING = """
    from airflow.sdk import DAG, Asset, AssetWatcher, task
    from house_queue import MessageTrigger

    trigger = MessageTrigger(scheme="house", folder="FOLDER")

    with DAG("by_queue", schedule=Asset("messages", watchers=[AssetWatcher(name="queue", trigger=trigger)])):

        @task
        def heard(triggering_asset_events):
            return [event.extra["payload"]["message"] for events in triggering_asset_events.values() for event in events]

        heard()
"""


def test_a_message_of_a_queue_is_an_event_of_the_asset(
    own_family: Callable[..., FamilyUnderTest], tmp_path: Path
) -> None:
    """As the provider common.messaging does it: its trigger gives itself away as the one of the installed queue."""
    installed, folder = tmp_path / "installed", tmp_path / "messages"
    told = installed / "house_queue-1.0.dist-info"
    for made in (folder, told):
        made.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: house-queue\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text("[apache_airflow_provider]\nprovider_info = house_queue:get_provider_info\n")
    (installed / "house_queue.py").write_text(textwrap.dedent(QUEUE))
    family = own_family()
    family.environment["PYTHONPATH"] = str(installed)
    family.start()
    family.write("watching.py", WATCHING.replace("FOLDER", str(folder)))
    family.wait_for_dag("by_queue")
    # A trigger that ends with its message, as that of redis does, begins again for the next.
    for number, text in enumerate(("one", "two"), 1):
        (folder / "part").write_text(text)
        (folder / "part").rename(folder / f"{number}.message")
        assert heard(family, runs(family, "by_queue", number)[-1]) == [text]
