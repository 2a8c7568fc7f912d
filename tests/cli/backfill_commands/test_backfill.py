"""`tradewind backfill`, and Airflow 2's `dags backfill`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tradewind.cli.backfill_commands import airflow_2
from tradewind.core.states import DagRunState
from tradewind.metadata.backfills import BackfillStore, list_backfills
from tradewind.metadata.batch import Batch, RunEnd
from tradewind.serialization.document import ParamDocument

from tests.cli.conftest import CommandLine
from tests.metadata.conftest import World

DAILY: dict[str, Any] = {"timetable": {"type": "cron_data_interval", "expression": "0 0 * * *", "timezone": "UTC"}}
SPAN = ("--from-date", "2026-01-01", "--to-date", "2026-01-03")
CREATE = ("backfill", "create", "--dag-id", "etl", *SPAN)


@pytest.fixture
def daily(world: World) -> World:
    """Return a world with a DAG that runs every day."""
    world.add_dag("etl", **DAILY, params={"x": ParamDocument(value=1, schema={"type": "integer"})})
    return world


def rows(tradewind: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    return json.loads(tradewind.ok(*arguments, "--output", "json"))


def test_create_list_pause_cancel(tradewind: CommandLine, daily: World) -> None:
    (created,) = rows(tradewind, *CREATE, "--max-active-runs", "3", "--run-backwards", "--dag-run-conf", '{"x": 2}')
    (stored,), _ = list_backfills(daily.database)
    assert (stored.pk, stored.max_active_runs, stored.is_backwards) == (int(created["id"]), 3, True)
    assert (stored.dag_run_conf, stored.is_on_latest_version) == ({"x": 2}, True)
    assert rows(tradewind, "backfill", "list", "--active")[0]["reprocess_behavior"] == "none"
    assert rows(tradewind, "backfill", "pause", created["id"])[0]["is_paused"] == "True"
    assert rows(tradewind, "backfill", "unpause", created["id"])[0]["is_paused"] == "False"
    assert "another backfill" in tradewind.refused(*CREATE)
    assert rows(tradewind, "backfill", "cancel", created["id"], "--yes")[0]["completed_at"]
    assert "already completed" in tradewind.refused("backfill", "cancel", created["id"], "--yes")
    assert rows(tradewind, "backfill", "list", "--active") == []


def test_a_dry_run_creates_nothing(tradewind: CommandLine, daily: World) -> None:
    found = rows(tradewind, *CREATE, "--dry-run", "--run-backwards")
    assert [row["logical_date"][:10] for row in found] == ["2026-01-03", "2026-01-02", "2026-01-01"]
    assert {row["action"] for row in found} == {"create"}
    assert list_backfills(daily.database)[1] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("backfill", "create", "--dag-id", "nope", *SPAN), 1, "there is no DAG 'nope'"),
        ((*CREATE, "--dag-run-conf", '{"x": "two"}'), 1, "does not fit the params"),
        ((*CREATE, "--max-active-runs", "0"), 2, "max-active-runs"),
        (("backfill", "pause", "7"), 1, "there is no backfill 7"),
        (("dags", "backfill", "etl"), 2, "give a --start-date"),
        (("dags", "backfill", "etl", "-s", "2026-01-01", "-t", "a"), 2, "--task-regex is not possible"),
        (("dags", "backfill", "e(", "-s", "2026-01-01", "--treat-dag-as-regex"), 2, "no regular expression"),
        (("dags", "backfill", "x+", "-s", "2026-01-01", "--treat-dag-as-regex"), 1, "no DAG matches"),
    ],
)
@pytest.mark.usefixtures("daily")
def test_mistakes(tradewind: CommandLine, arguments: tuple[str, ...], code: int, message: str) -> None:
    assert message in tradewind.refused(*arguments, code=code)


def test_airflow_2_spelling(tradewind: CommandLine, daily: World) -> None:
    arguments = ("dags", "backfill", "etl", "-s", "2026-01-01", "-e", "2026-01-02", "--rerun-failed-tasks", "-l")
    tradewind.ok(*arguments, "--no-wait", "-c", '{"x": 3}')
    (stored,), _ = list_backfills(daily.database)
    assert (stored.reprocess_behavior.value, stored.dag_run_conf, stored.max_active_runs) == ("failed", {"x": 3}, 16)


@pytest.mark.parametrize(("state", "code"), [(DagRunState.SUCCESS, 0), (DagRunState.FAILED, 1)])
def test_airflow_2_waits_for_the_end(
    tradewind: CommandLine, daily: World, monkeypatch: pytest.MonkeyPatch, state: DagRunState, code: int
) -> None:
    store = BackfillStore(daily.database, daily.clock)

    def run_it(_seconds: float) -> None:
        (found,) = store.load_backfills()
        from tradewind.metadata.backfills import Place

        date = found.from_date
        store.lay_out(found.pk, [Place(date, date, date, date)], size=0, is_last=True, epoch=daily.epoch)
        (run,) = store.take_places(found.pk, 5, epoch=daily.epoch).runs
        daily.start(run, ("a",))
        daily.commit(Batch(run_ends=[RunEnd(run.run_pk, state, daily.clock.now())]))
        store.complete_backfill(found.pk, epoch=daily.epoch)

    monkeypatch.setattr(airflow_2.time, "sleep", run_it)
    answer = tradewind("dags", "backfill", "etl", "-s", "2026-01-01")
    assert answer.code == code, answer
    assert f"1 {state.value}" in answer.err
