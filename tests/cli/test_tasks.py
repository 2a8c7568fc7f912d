"""`tradewind tasks` on the runs of the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tradewind.core.states import TaskInstanceState as S
from tradewind.core.transitions import Event
from tradewind.metadata.batch import Batch
from tradewind.metadata.runs import list_task_instances
from tradewind.serialization.document import TaskDocument, TaskGroupDocument

from tests.cli.conftest import CommandLine
from tests.metadata.conftest import World

RUN = "scheduled__2026-03-01T00:00:00+00:00"
CHAIN = (
    TaskDocument(task_id="a", task_type="X", downstream=("b",), retries=2),
    TaskDocument(task_id="b", task_type="X", downstream=("c",)),
    TaskDocument(task_id="c", task_type="X", pool="narrow"),
)


@pytest.fixture
def chain(world: World) -> World:
    """Return a world with a DAG a > b > c, and a run of it that has started."""
    world.add_dag("etl", CHAIN)
    world.start(world.new_run("etl"))
    return world


def instance_pks(world: World) -> list[Any]:
    return [instance.ti_pk for instance in list_task_instances(world.database)[0]]


def rows(tradewind: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    return json.loads(tradewind.ok(*arguments, "--output", "json"))


def test_list_gives_task_ids(tradewind: CommandLine, chain: World) -> None:
    assert tradewind.ok("tasks", "list", "etl").split() == ["a", "b", "c"]
    assert tradewind.ok("tasks", "list", "etl", "--tree").splitlines() == ["a", "    b", "        c"]


def test_state_of_an_instance(tradewind: CommandLine, chain: World) -> None:
    assert tradewind.ok("tasks", "state", "etl", "a", RUN) == "None\n"
    chain.bring(instance_pks(chain)[0], S.SUCCESS)
    assert tradewind.ok("tasks", "state", "etl", "a", RUN) == "success\n"
    assert tradewind.ok("tasks", "state", "etl", "a", "2026-03-01") == "success\n"


def test_state_names_what_is_not_there(tradewind: CommandLine, chain: World) -> None:
    assert "no task instance 'z'" in tradewind.refused("tasks", "state", "etl", "z", RUN)
    assert "no run with the run_id or logical date 'x'" in tradewind.refused("tasks", "state", "etl", "a", "x")
    assert "there is no DAG 'no'" in tradewind.refused("tasks", "state", "no", "a", RUN)
    assert "with map index 3" in tradewind.refused("tasks", "state", "etl", "a", RUN, "--map-index", "3")


def test_state_before_the_run_starts_is_none(tradewind: CommandLine, world: World) -> None:
    world.add_dag("etl", CHAIN)
    world.new_run("etl")
    assert tradewind.ok("tasks", "state", "etl", "a", RUN) == "None\n"
    assert "no task instance 'z'" in tradewind.refused("tasks", "state", "etl", "z", RUN)


def test_states_for_dag_run(tradewind: CommandLine, chain: World) -> None:
    chain.bring(instance_pks(chain)[0], S.RUNNING)
    found = rows(tradewind, "tasks", "states-for-dag-run", "etl", RUN)
    assert [(row["task_id"], row["state"]) for row in found] == [("a", "running"), ("b", ""), ("c", "")]
    assert set(found[0]) == {"dag_id", "logical_date", "task_id", "state", "start_date", "end_date"}


# ---- explain ---------------------------------------------------------------------------------------------------------


def test_explain_names_the_upstream(tradewind: CommandLine, chain: World) -> None:
    lines = tradewind.ok("tasks", "explain", "etl", "b", RUN).splitlines()
    assert lines[0] == "b is not scheduled yet."
    assert "- Upstream task 'a' is not scheduled yet." in lines
    found = rows(tradewind, "tasks", "explain", "etl", "b", RUN)
    assert [row["kind"] for row in found] == ["trigger_rule", "upstream"]


def test_explain_names_the_pool_that_is_missing(tradewind: CommandLine, chain: World) -> None:
    move = chain.move(instance_pks(chain)[2], S.SCHEDULED, Event.SCHEDULE, try_number=1, is_new_try=True)
    chain.commit(Batch(transitions=[move]))
    assert "Pool 'narrow' does not exist" in tradewind.ok("tasks", "explain", "etl", "c", RUN)
    tradewind.ok("pools", "set", "narrow", "0", "closed")
    assert "wants 1 slots of pool 'narrow', which has 0" in tradewind.ok("tasks", "explain", "etl", "c", RUN)


def test_explain_says_how_it_ended(tradewind: CommandLine, chain: World) -> None:
    chain.bring(instance_pks(chain)[0], S.FAILED)
    assert tradewind.ok("tasks", "explain", "etl", "a", RUN).splitlines()[0] == "a is failed."


def test_failed_deps_answers_in_airflows_form(tradewind: CommandLine, chain: World) -> None:
    met = "Task instance dependencies are all met.\n"
    assert tradewind.ok("tasks", "failed-deps", "etl", "a", RUN) == met
    lines = tradewind.ok("tasks", "failed-deps", "etl", "b", RUN).splitlines()
    assert lines[0] == "Task instance dependencies not met:"
    assert lines[1].startswith("Trigger Rule: ")


# ---- clear -----------------------------------------------------------------------------------------------------------


def cleared(tradewind: CommandLine, *options: str) -> list[str]:
    return [row["task_id"] for row in rows(tradewind, "tasks", "clear", "etl", "-y", *options)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["a", "b", "c"]),
        (["-t", "^b$"], ["b"]),
        (["-t", "^b$", "-d"], ["b", "c"]),
        (["-t", "^b$", "-u"], ["a", "b"]),
        (["-t", "^b$", "-u", "-d"], ["a", "b", "c"]),
        (["-t", "nothing"], []),
        (["--only-failed"], ["b"]),
        (["--only-running"], []),
        (["-s", "2026-03-02"], []),
        (["-s", "2026-03-01", "-e", "2026-03-01"], ["a", "b", "c"]),
        (["--run", RUN, "-t", "c"], ["c"]),
        (["--run", "2026-03-01", "-t", "c"], ["c"]),
    ],
)
def test_clear_chooses(tradewind: CommandLine, chain: World, options: list[str], expected: list[str]) -> None:
    ti_pks = instance_pks(chain)
    for ti_pk, state in zip(ti_pks, (S.SUCCESS, S.FAILED, S.SKIPPED), strict=True):
        chain.bring(ti_pk, state)
    assert cleared(tradewind, *options) == expected
    for ti_pk, task_id in zip(ti_pks, "abc", strict=True):
        if task_id in expected:
            assert chain.instance(ti_pk).state is S.NONE


def test_clear_asks_and_can_only_look(tradewind: CommandLine, chain: World) -> None:
    first = instance_pks(chain)[0]
    chain.bring(first, S.SUCCESS)
    [row] = rows(tradewind, "tasks", "clear", "etl", "-t", "a", "--dry-run")
    assert row == {"dag_id": "etl", "run_id": RUN, "task_id": "a", "map_index": "-1", "state": "success"}
    answer = tradewind("tasks", "clear", "etl", "-t", "a", stdin="n\n")
    assert answer.code == 1
    assert "Clear 1 task instances?" in answer.err
    assert chain.instance(first).state is S.SUCCESS


def test_clear_reaches_several_dags_by_expression(tradewind: CommandLine, chain: World) -> None:
    assert [row["dag_id"] for row in rows(tradewind, "tasks", "clear", "^et", "-R", "-y", "-t", "a")] == ["etl"]
    assert "no regular expression" in tradewind.refused("tasks", "clear", "(", "-R", "-y", code=2)
    assert "no regular expression" in tradewind.refused("tasks", "clear", "etl", "-t", "(", "-y", code=2)


# ---- logs ------------------------------------------------------------------------------------------------------------


def write_log(home: Path, try_number: int, text: str) -> Path:
    path = home / f"logs/dag_id=etl/run_id={RUN}/task_id=a/attempt={try_number}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_logs_show_the_last_try_or_the_one_asked_for(tradewind: CommandLine, chain: World, migrated_home: Path) -> None:
    chain.bring(instance_pks(chain)[0], S.SUCCESS)
    tried = chain.instance(instance_pks(chain)[0]).try_number
    write_log(migrated_home, max(tried, 1), "last\n")
    write_log(migrated_home, max(tried, 1) + 7, "other\n")
    assert tradewind.ok("tasks", "logs", "etl", "a", RUN) == "last\n"
    assert tradewind.ok("tasks", "logs", "etl", "a", RUN, "--try", str(max(tried, 1) + 7)) == "other\n"


def test_logs_follow_to_the_end_of_the_try(tradewind: CommandLine, chain: World, migrated_home: Path) -> None:
    chain.bring(instance_pks(chain)[0], S.SUCCESS)
    write_log(migrated_home, max(chain.instance(instance_pks(chain)[0]).try_number, 1), "all of it\n")
    assert tradewind.ok("tasks", "logs", "etl", "a", RUN, "--follow") == "all of it\n"


def test_logs_say_which_tries_have_one(tradewind: CommandLine, chain: World, migrated_home: Path) -> None:
    assert "it has begun 0 tries" in tradewind.refused("tasks", "logs", "etl", "a", RUN)
    write_log(migrated_home, 3, "x")
    line = tradewind.refused("tasks", "logs", "etl", "a", RUN, "--try", "2")
    assert "there are logs of the tries 3" in line


# ---- clear, by group, index and run ----------------------------------------------------------------------------------


def test_clear_takes_setups_groups_and_notes(tradewind: CommandLine, world: World) -> None:
    tasks = (
        TaskDocument(task_id="prepare", task_type="X", is_setup=True, downstream=("clean", "g.work")),
        TaskDocument(task_id="g.work", task_type="X", group_id="g", downstream=("clean",)),
        TaskDocument(task_id="clean", task_type="X", is_teardown=True),
        TaskDocument(task_id="late", task_type="X"),
    )
    world.add_dag("etl", tasks, groups=(TaskGroupDocument(group_id="g"),))
    for day in (1, 2, 3):
        run = world.new_run("etl", day)
        for number in world.start(run, ("prepare", "g.work", "clean", "late")):
            world.bring(number, S.SUCCESS)
        world.end_run(run)
    dry = ("tasks", "clear", "etl", "--run", RUN, "--dry-run")
    assert [row["task_id"] for row in rows(tradewind, *dry, "-t", "work")] == ["prepare", "g.work", "clean"]
    assert [row["task_id"] for row in rows(tradewind, *dry, "--task-group", "g")] == ["prepare", "g.work", "clean"]
    assert rows(tradewind, *dry, "-t", "late", "--map-index", "4") == []
    assert len(rows(tradewind, *dry, "-t", "late", "--future", "-x", "-S", "there")) == 3
    assert len(rows(tradewind, *dry, "-t", "late", "--past")) == 1
    assert "no task group" in tradewind.refused(*dry, "--task-group", "h")
    assert "--run" in tradewind.refused("tasks", "clear", "etl", "--past", code=2)
    tradewind.ok("tasks", "clear", "etl", "--run", RUN, "-t", "late", "--note", "again", "-y")
    (late,) = [row for row in list_task_instances(world.database)[0] if row.user_note]
    assert (late.task_id, late.user_note, late.state) == ("late", "again", S.NONE)


def test_dags_clear(tradewind: CommandLine, chain: World) -> None:
    for number in instance_pks(chain):
        chain.bring(number, S.SUCCESS)
    assert tradewind("dags", "clear", "etl", "--run-id", RUN, "--only-failed", "-y").err.startswith("0 task")
    assert tradewind("dags", "clear", "etl", "--run-id", RUN, "--only-new", "-y").code == 0
    assert tradewind("dags", "clear", "etl", "--run-id", RUN, "-y").err.startswith("3 task instances cleared")
    assert "no run" in tradewind.refused("dags", "clear", "etl", "--run-id", "no", "-y")
    tradewind.refused("dags", "clear", "etl", "--run-id", RUN, "--only-new", "--only-failed", "-y", code=2)
