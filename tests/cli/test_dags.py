"""`tradewind dags` on the DAGs of the database."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from tradewind.core.timetables.codec import encode_timetable
from tradewind.core.timetables.interval import CronDataIntervalTimetable
from tradewind.core.timetables.partitioned import CronPartitionTimetable
from tradewind.metadata.dags import FileError, FileResult, FileWarning
from tradewind.metadata.runs import RunFilter, list_runs
from tradewind.serialization.document import (
    DEFAULTS_WARNING,
    DagDocument,
    EdgeLabel,
    ParamDocument,
    TaskDocument,
    TaskGroupDocument,
)

from tests.cli.conftest import CommandLine
from tests.metadata.conftest import World

DAILY = encode_timetable(CronDataIntervalTimetable("@daily", "UTC"))


def add_etl(world: World, **options: Any) -> None:
    """Store a DAG with a group, a label, a param and a daily schedule."""
    values: dict[str, Any] = {
        "tasks": (
            TaskDocument(task_id="get", task_type="X", downstream=("load.write",)),
            TaskDocument(task_id="load.write", task_type="X", group_id="load", max_active_tis_per_dag=1),
        ),
        "groups": (TaskGroupDocument(group_id="load", label="load"),),
        "edge_labels": (EdgeLabel(upstream="get", downstream="load.write", label='a "b"'),),
        "params": {"n": ParamDocument(value=1, schema={"type": "integer"})},
        "owners": ("ann", "bob"),
        "tags": ("x",),
        "timetable": DAILY,
        "schedule_summary": "0 0 * * *",
        "start_date": datetime(2024, 1, 1, tzinfo=timezone.utc),
        "end_date": datetime(2024, 1, 2, tzinfo=timezone.utc),
        "catchup": True,
    }
    world.add_dag("etl", **(values | options))


def rows(tradewind: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    return json.loads(tradewind.ok(*arguments, "--output", "json"))


def runs_of(world: World) -> list[Any]:
    return list_runs(world.database, RunFilter(dag_ids=("etl",)))[0]


# ---- list, details ---------------------------------------------------------------------------------------------------


def test_list_has_airflows_columns(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    assert rows(tradewind, "dags", "list") == [
        {
            "dag_id": "etl",
            "fileloc": "/dags/etl.py",
            "owners": ["ann", "bob"],
            "is_paused": "False",
            "bundle_name": "dags-folder",
            "bundle_version": None,
        }
    ]


def test_columns_are_chosen_by_either_name(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    [row] = rows(tradewind, "dags", "list", "--columns", "dag_id,paused,filepath,has_task_concurrency_limits")
    assert row == {
        "dag_id": "etl",
        "paused": "False",
        "filepath": "/dags/etl.py",
        "has_task_concurrency_limits": "True",
    }
    line = tradewind.refused("dags", "list", "--columns", "dag_id,ownerss", code=2)
    assert "no column 'ownerss'; the nearest is 'owners'" in line


def test_list_of_nothing_is_empty(tradewind: CommandLine, migrated_home: Path) -> None:
    assert rows(tradewind, "dags", "list") == []
    assert tradewind("dags", "list").err == "No data found\n"


def test_list_warns_of_files_that_cannot_be_imported(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    broken = FileResult(
        path="/dags/b.py", relative_path="b.py", folder="/dags", fingerprint="", errors=[FileError("no")]
    )
    world.dags.store_file(broken, is_paused_by_default=False)
    answer = tradewind("dags", "list", "-o", "plain")
    assert answer.code == 0
    assert "1 DAG file(s) cannot be imported" in answer.err
    answer = tradewind("dags", "list-import-errors", "-o", "json")
    assert answer.code == 1
    assert json.loads(answer.out) == [{"bundle_name": "dags-folder", "filepath": "/dags/b.py", "error": "no"}]


def test_no_import_errors_is_a_success(tradewind: CommandLine, migrated_home: Path) -> None:
    assert rows(tradewind, "dags", "list-import-errors") == []


def test_details_show_everything(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    [row] = rows(tradewind, "dags", "details", "etl")
    assert row["timetable_summary"] == "0 0 * * *"
    assert row["timetable_periodic"] == "True"
    assert row["tags"] == [{"name": "x", "dag_id": "etl", "dag_display_name": "etl"}]
    assert yaml.safe_load(tradewind.ok("dags", "details", "etl", "-o", "yaml")) == [row]
    table = tradewind.ok("dags", "details", "etl")
    assert table.startswith("property_name")
    assert "is_stale" in table


def test_details_show_whose_defaults_a_dag_has_and_why(tradewind: CommandLine, world: World) -> None:
    add_etl(world, airflow_defaults=2)
    [row] = rows(tradewind, "dags", "details", "etl")
    assert (row["airflow_defaults"], row["airflow_defaults_decided_by"]) == ("2", None)
    warning = FileWarning(DEFAULTS_WARNING, "etl.py:3: DAG(schedule_interval=...)", "etl")
    world.dags.store_file(world.file(DagDocument(dag_id="etl"), warnings=[warning]), is_paused_by_default=False)
    [row] = rows(tradewind, "dags", "details", "etl")
    assert row["airflow_defaults_decided_by"] == "etl.py:3: DAG(schedule_interval=...)"
    columns = ("--columns", "dag_id,airflow_defaults,airflow_defaults_decided_by")
    [listed] = rows(tradewind, "dags", "list", *columns)
    assert listed["airflow_defaults_decided_by"] == "etl.py:3: DAG(schedule_interval=...)"


@pytest.mark.parametrize(
    "arguments",
    [
        ["details", "no"],
        ["show", "no"],
        ["trigger", "no"],
        ["state", "no", "2024-01-01"],
        ["list-runs", "no"],
        ["next-execution", "no"],
        ["pause", "no"],
        ["unpause", "no"],
        ["delete", "no", "-y"],
    ],
)
def test_an_unknown_dag_is_named(tradewind: CommandLine, migrated_home: Path, arguments: list[str]) -> None:
    assert tradewind.refused("dags", *arguments) == "Error: there is no DAG 'no'"


# ---- show, next-execution --------------------------------------------------------------------------------------------


def test_show_draws_dot_with_groups_and_labels(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    assert tradewind.ok("dags", "show", "etl").splitlines() == [
        'digraph "etl" {',
        '\tgraph [label="etl" labelloc=t rankdir=LR]',
        '\t"get" [label="get" shape=rectangle style="rounded"]',
        '\tsubgraph "cluster_load" {',
        '\t\tlabel="load"',
        '\t\t"load.write" [label="write" shape=rectangle style="rounded"]',
        "\t}",
        '\t"get" -> "load.write" [label="a \\"b\\""]',
        "}",
    ]


def test_show_draws_mermaid_and_trees(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    mermaid = tradewind.ok("dags", "show", "etl", "--format", "mermaid").splitlines()
    assert mermaid[0] == "flowchart LR"
    assert mermaid[-1] == '    t0 -->|"a #quot;b#quot;"| t1'
    assert '    subgraph g0 ["load"]' in mermaid
    assert tradewind.ok("dags", "show", "etl", "--format", "tree") == "get\n    load.write\n"


def test_a_tree_names_again_what_it_has_drawn(tradewind: CommandLine, world: World) -> None:
    add_etl(
        world,
        tasks=(
            TaskDocument(task_id="a", task_type="X", downstream=("c",)),
            TaskDocument(task_id="b", task_type="X", downstream=("c",)),
            TaskDocument(task_id="c", task_type="X", downstream=("d",)),
            TaskDocument(task_id="d", task_type="X"),
        ),
        groups=(),
        edge_labels=(),
    )
    assert tradewind.ok("dags", "show", "etl", "--format", "tree").splitlines() == [
        "a",
        "    c",
        "        d",
        "b",
        "    c (see above)",
    ]


def test_show_saves_by_suffix(
    tradewind: CommandLine, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_etl(world)
    for name, start in (("g.dot", "digraph"), ("g.mmd", "flowchart"), ("g.txt", "get")):
        assert tradewind.ok("dags", "show", "etl", "--save", str(tmp_path / name)) == ""
        assert (tmp_path / name).read_text().startswith(start)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert "needs Graphviz" in tradewind.refused("dags", "show", "etl", "-s", str(tmp_path / "g.png"))
    assert "cannot be written" in tradewind.refused("dags", "show", "etl", "-s", str(tmp_path / "no" / "g.dot"))


def test_show_hands_pictures_to_graphviz(
    tradewind: CommandLine, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_etl(world)
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\necho "$1" > "$3"\ncat >> "$3"\n')
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(program))
    tradewind.ok("dags", "show", "etl", "-s", str(tmp_path / "g.svg"))
    assert (tmp_path / "g.svg").read_text().startswith("-Tsvg\ndigraph")


def test_next_execution_gives_logical_dates(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    answer = tradewind("dags", "next-execution", "etl", "-n", "3")
    assert answer.out.splitlines() == ["2024-01-01T00:00:00+00:00", "2024-01-02T00:00:00+00:00", "None"]
    assert "no further runs" in answer.err


def test_next_execution_gives_other_fields_and_a_table(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    one = tradewind.ok("dags", "next-execution", "etl", "--field", "data_interval.end")
    assert one == "2024-01-02T00:00:00+00:00\n"
    table = tradewind.ok("dags", "next-execution", "etl", "--table").splitlines()
    assert table[0].split(" | ")[0].strip() == "logical_date"
    assert table[2].startswith("2024-01-01 00:00:00+00:00 | 2024-01-01")
    tradewind.refused("dags", "next-execution", "etl", "--table", "--field", "run_after", code=2)


def test_next_execution_goes_on_after_the_last_run(tradewind: CommandLine, world: World) -> None:
    add_etl(world, end_date=None)
    world.new_run("etl", day=1)
    assert tradewind.ok("dags", "next-execution", "etl") == "2026-03-02T00:00:00+00:00\n"


def test_next_execution_follows_the_clocks_of_the_zone(tradewind: CommandLine, world: World) -> None:
    zone = CronDataIntervalTimetable("0 9 * * *", "Europe/Berlin")
    add_etl(
        world,
        timetable=encode_timetable(zone),
        start_date=datetime(2024, 3, 30, tzinfo=timezone.utc),
        end_date=None,
    )
    assert tradewind.ok("dags", "next-execution", "etl", "-n", "2", "--field", "run_after").splitlines() == [
        "2024-03-31T07:00:00+00:00",
        "2024-04-01T07:00:00+00:00",
    ]


def test_next_execution_of_an_authors_timetable_needs_its_file(tradewind: CommandLine, world: World) -> None:
    custom = {"type": "custom", "class": "mine:Table", "data": {}, "summary": "mine", "description": ""}
    add_etl(world, timetable=custom)
    assert "timetable of its own (mine:Table)" in tradewind.refused("dags", "next-execution", "etl")


# ---- trigger, state, list-runs ---------------------------------------------------------------------------------------


def test_trigger_creates_a_run_in_airflows_shape(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    [row] = rows(tradewind, "dags", "trigger", "etl")
    assert set(row) == {
        *("conf", "dag_id", "dag_run_id", "data_interval_start", "data_interval_end", "end_date"),
        *("last_scheduling_decision", "logical_date", "run_type", "start_date", "state", "triggering_user_name"),
    }
    assert (row["dag_id"], row["run_type"], row["state"]) == ("etl", "manual", "queued")
    assert row["logical_date"] is None
    [run] = runs_of(world)
    assert (run.run_id, run.triggered_by) == (row["dag_run_id"], "cli")


def test_trigger_takes_conf_date_id_and_note(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    options = ["--conf", '{"n": 4, "more": true}', "-r", "mine", "-l", "2024-05-02T00:00:00.123+02:00", "--note", "why"]
    [row] = rows(tradewind, "dags", "trigger", "etl", *options)
    [run] = runs_of(world)
    assert (run.run_id, run.note, run.conf) == ("mine", "why", {"n": 4, "more": True})
    assert run.logical_date == datetime(2024, 5, 1, 22, tzinfo=timezone.utc)
    assert row["data_interval_end"] == "2024-05-01 00:00:00+00:00"
    assert "has a run 'mine' already" in tradewind.refused("dags", "trigger", "etl", "-r", "mine")


def test_trigger_keeps_microseconds_when_told(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    tradewind.ok("dags", "trigger", "etl", "-e", "2024-05-02T00:00:00.5", "--no-replace-microseconds")
    assert runs_of(world)[0].logical_date.microsecond == 500_000


def test_dates_without_offset_are_in_the_default_zone(
    tradewind: CommandLine, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_etl(world)
    monkeypatch.setenv("TRADEWIND__CORE__DEFAULT_TIMEZONE", "Asia/Tokyo")
    tradewind.ok("dags", "trigger", "etl", "-l", "2024-05-02")
    assert runs_of(world)[0].logical_date == datetime(2024, 5, 1, 15, tzinfo=timezone.utc)


def test_a_dag_for_airflow_2_gets_a_logical_date(tradewind: CommandLine, world: World) -> None:
    add_etl(world, airflow_defaults=2)
    tradewind.ok("dags", "trigger", "etl")
    assert runs_of(world)[0].logical_date is not None


def test_a_conf_that_breaks_the_schema_creates_nothing(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    line = tradewind.refused("dags", "trigger", "etl", "-c", '{"n": "four"}')
    assert "'n': 'four' is not of type 'integer'" in line
    assert runs_of(world) == []


def test_a_run_id_must_match_the_pattern(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    assert "allowed_run_id_pattern" in tradewind.refused("dags", "trigger", "etl", "--run-id", "a b")


def test_state_is_found_by_run_id_and_by_date(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    tradewind.ok("dags", "trigger", "etl", "-r", "mine", "-l", "2024-05-02", "-c", '{"n": 2}')
    assert tradewind.ok("dags", "state", "etl", "mine") == 'queued, {"n": 2}\n'
    assert tradewind.ok("dags", "state", "etl", "2024-05-02") == 'queued, {"n": 2}\n'
    assert tradewind.ok("dags", "state", "etl", "2020-01-01") == "None\n"
    assert tradewind.ok("dags", "state", "etl", "no-run") == "None\n"


def test_list_runs_filters(tradewind: CommandLine, world: World) -> None:
    run, _ = world.started_run(day=1)
    world.new_run(day=2)
    found = rows(tradewind, "dags", "list-runs", "etl")
    assert [row["state"] for row in found] == ["queued", "running"]
    assert found[1]["run_id"] == run.run_id
    assert set(found[0]) == {"dag_id", "run_id", "state", "run_after", "logical_date", "start_date", "end_date"}
    assert len(rows(tradewind, "dags", "list-runs", "-d", "etl", "--state", "queued")) == 1
    assert len(rows(tradewind, "dags", "list-runs", "etl", "-s", "2026-03-02")) == 1
    assert len(rows(tradewind, "dags", "list-runs", "etl", "-e", "2026-03-01", "--no-backfill")) == 1
    assert "name the DAG" in tradewind.refused("dags", "list-runs", code=2)


# ---- pause, unpause, delete ------------------------------------------------------------------------------------------


def test_pause_and_unpause_print_what_was(tradewind: CommandLine, world: World) -> None:
    add_etl(world)
    assert rows(tradewind, "dags", "pause", "etl") == [{"dag_id": "etl", "is_paused": "False"}]
    assert world.dags.get_dag("etl").is_paused
    assert rows(tradewind, "dags", "pause", "etl") == []
    assert "etl is so already" in tradewind("dags", "pause", "etl").err
    assert rows(tradewind, "dags", "unpause", "etl") == [{"dag_id": "etl", "is_paused": "True"}]
    assert not world.dags.get_dag("etl").is_paused


def test_several_dags_are_paused_by_expression(tradewind: CommandLine, world: World) -> None:
    for name in ("a_1", "a_2", "b"):
        world.add_dag(name)
    refused = tradewind("dags", "pause", "^a_", "--treat-dag-id-as-regex", stdin="n\n")
    assert refused.code == 1
    assert "Pause 2 DAGs: a_1, a_2?" in refused.err
    found = rows(tradewind, "dags", "pause", "^a_", "--treat-dag-id-as-regex", "-y")
    assert [row["dag_id"] for row in found] == ["a_1", "a_2"]
    assert rows(tradewind, "dags", "pause", "^z", "--treat-dag-id-as-regex") == []
    assert "no regular expression" in tradewind.refused("dags", "pause", "(", "--treat-dag-id-as-regex", code=2)


def test_delete_asks_and_takes_the_runs_along(tradewind: CommandLine, world: World) -> None:
    run, _ = world.started_run()
    assert "are running" in tradewind.refused("dags", "delete", "etl", "--yes")
    world.end_run(run)
    assert tradewind("dags", "delete", "etl", stdin="n\n").code == 1
    tradewind.ok("dags", "delete", "etl", stdin="y\n")
    assert rows(tradewind, "dags", "list") == []
    assert runs_of(world) == []


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
