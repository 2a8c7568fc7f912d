"""`tradewind simulate` over the DAGs of a database and of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tradewind.core.timetables.codec import encode_timetable
from tradewind.core.timetables.trigger import CronTriggerTimetable
from tradewind.serialization.document import DeadlineDocument, TaskDocument

from tests.cli.conftest import CommandLine
from tests.metadata.conftest import World

HOURLY = encode_timetable(CronTriggerTimetable("0 * * * *", timezone="UTC"))
PERIOD = ("--from", "2026-01-01", "--to", "2026-01-01T05:30:00+00:00")


def report(tradewind: CommandLine, *arguments: str) -> dict[str, Any]:
    return json.loads(tradewind.ok("simulate", *arguments, "--output", "json"))


@pytest.fixture
def played(world: World) -> World:
    """Return a database with an hourly DAG that has a deadline."""
    deadline = DeadlineDocument(name="soon", reference_type="DagRunLogicalDateDeadline", interval_s=90.0)
    tasks = (TaskDocument(task_id="a", task_type="X"), TaskDocument(task_id="b", task_type="X"))
    world.add_dag("hourly", tasks, timetable=HOURLY, deadlines=(deadline,))
    return world


def test_the_dags_of_the_database_are_played(tradewind: CommandLine, played: World, tmp_path: Path) -> None:
    found = report(tradewind, *PERIOD)
    assert [(row["dag_id"], row["runs"], row["ended"]) for row in found["runs"]] == [("hourly", 6, 6)]
    assert found["tries"] == 12
    assert found["late"] == []
    durations = tmp_path / "durations.json"
    durations.write_text(json.dumps({"hourly": {"a": 100, "b": [10, 20]}}))
    found = report(tradewind, *PERIOD, "--durations", str(durations), "-d", "hourly")
    assert {(row["what"], row["by_s"]) for row in found["late"]} == {("deadline soon", 10.0)}
    assert found["runs"][0]["missed_deadlines"] == 6
    table = tradewind("simulate", *PERIOD)
    assert "hourly" in table.out
    assert "1 DAGs, 6 runs, 12 tries" in table.err


def test_the_files_of_a_folder_are_played_without_a_database(
    tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / "played"
    folder.mkdir()
    text = "from tradewind import DAG, EmptyOperator, BashOperator\nwith DAG('local', schedule='0 * * * *') as dag:\n"
    (folder / "local.py").write_text(
        text + "    EmptyOperator(task_id='e') >> BashOperator(task_id='b', bash_command='')\n"
    )
    monkeypatch.setenv("TRADEWIND__CORE__DAGS_FOLDER", str(folder))
    monkeypatch.setenv("TRADEWIND__CORE__LOAD_EXAMPLES", "False")
    found = report(tradewind, "--local", "--from", "2026-01-01", "--days", "0.25", "--default-duration", "30")
    assert [(row["dag_id"], row["runs"], row["longest_run_s"]) for row in found["runs"]] == [("local", 7, 30.0)]


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (("--to", "2026-01-02", "--days", "1"), "give one of them", 2),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "ends before it begins", 2),
        (("-d", "no"), "there is no DAG 'no'", 1),
    ],
)
def test_what_makes_no_sense_is_refused(
    tradewind: CommandLine, played: World, arguments: tuple[str, ...], sentence: str, code: int
) -> None:
    assert sentence in tradewind.refused("simulate", *arguments, code=code)


def test_durations_have_to_be_durations(tradewind: CommandLine, played: World, tmp_path: Path) -> None:
    file = tmp_path / "durations.json"
    for text in ("no json", "[1]", '{"hourly": {"a": "long"}}', '{"hourly": {"a": [1, 2, 3]}}'):
        file.write_text(text)
        assert "has no durations" in tradewind.refused("simulate", "--durations", str(file))
