"""Assets in the real family: who makes them, who waits for them, and a scheduler that dies between event and run."""

from __future__ import annotations

import os
import signal
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
