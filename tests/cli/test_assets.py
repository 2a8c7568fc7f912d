"""`tradewind assets`, and runs of partitions from the command line."""

from __future__ import annotations

import json

from tradewind.core.timetables.codec import encode_timetable
from tradewind.core.timetables.partitioned import CronPartitionTimetable
from tradewind.metadata.runs import RunFilter, list_runs
from tradewind.serialization.document import TaskDocument

from tests.cli.conftest import CommandLine
from tests.metadata.conftest import World

A = {"asset": {"name": "a", "uri": "a", "group": "asset"}}


def test_to_materialize_an_asset_is_a_run_of_that_type(tradewind: CommandLine, world: World) -> None:
    world.add_dag("maker", tasks=(TaskDocument(task_id="t", task_type="X", outlets=(A,)),))
    (made,) = json.loads(tradewind.ok("assets", "materialize", "--name", "a", "--output", "json"))
    ((run,), _) = list_runs(world.database, RunFilter(dag_ids=("maker",)))
    assert (run.run_type.value, run.run_id, run.triggered_by) == ("asset_materialization", made["dag_run_id"], "cli")
    assert run.run_id.startswith("asset_materialization__")
    assert "no asset" in tradewind.refused("assets", "materialize", "--name", "b")


def test_a_run_is_triggered_for_a_partition(tradewind: CommandLine, world: World) -> None:
    timetable = encode_timetable(
        CronPartitionTimetable("0 0 * * *", timezone="Europe/Amsterdam", key_format="%Y-%m-%d")
    )
    world.add_dag("parts", tasks=(TaskDocument(task_id="t", task_type="X"),), timetable=timetable)
    trigger = ("dags", "trigger", "parts", "--partition-key")
    tradewind.ok(*trigger, "2026-07-01")
    ((run,), _) = list_runs(world.database, RunFilter(dag_ids=("parts",)))
    assert run.partition_date is not None
    assert (run.partition_key, run.partition_date.isoformat()) == ("2026-07-01", "2026-06-30T22:00:00+00:00")
    assert "'soon' does not match the key_format" in tradewind.refused(*trigger, "soon")
