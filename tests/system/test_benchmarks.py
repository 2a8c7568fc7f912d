"""The benchmarks run: each gives the figures under the names that are published. Whether they are good is not asked here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.system import System
from benchmarks.workloads import backfilling, running, standing


def test_the_command_writes_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "results" / "latest.json"
    monkeypatch.setattr(run, "RESULTS", results)
    monkeypatch.setattr(
        run, "own_workloads", lambda _databases, _runs: {"import": lambda: standing.imports(System(), 1)}
    )
    monkeypatch.setattr(sys, "argv", ["run", "--only", "import", "--runs", "1"])
    assert run.main() == 0
    written = json.loads(results.read_text())
    assert {"import.root_ms", "import.dag_ms", "cli.version_ms", "environment"} == written.keys()


def test_a_workload_that_does_not_exist_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "RESULTS", tmp_path / "latest.json")
    monkeypatch.setattr(sys, "argv", ["run", "--only", "chain41"])
    with pytest.raises(SystemExit):
        run.main()
    assert "unknown workload chain41" in capsys.readouterr().err


def test_a_chain_gives_its_figures() -> None:
    figures = running.chain40(System, "sqlite", None, 1)
    assert figures.keys() == {"chain40.sqlite.run_s", "chain40.sqlite.gap_ms"}
    assert all(value > 0 for value in figures.values())


def test_a_start_gives_its_figures() -> None:
    figures = standing.start(System, [None])
    assert figures.keys() == {"start.healthy_s", "start.first_run_s"}
    assert 0 < figures["start.healthy_s"] < figures["start.first_run_s"]


def test_a_small_parse_gives_its_figures() -> None:
    figures = standing.parse1000(System, None, count=7)
    assert figures.keys() == {"parse1000.visible_s", "parse1000.edit_visible_s"}


def test_ratios_compare_with_the_same_question() -> None:
    results = {
        "chain40.sqlite.run_s": 0.5,
        "airflow.chain40.postgres.run_s": 10.0,
        "fanout500.fork.tasks_per_s": 200.0,
        "airflow.fanout500.postgres.tasks_per_s": 2.5,
    }
    assert run.ratios(results) == {"ratio.chain40.sqlite.run_s": 20.0, "ratio.fanout500.fork.tasks_per_s": 80.0}


def test_a_backfill_gives_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfilling, "_WARM_UP", 3)
    figures = backfilling.backfill(System, "sqlite", None, runs=12)
    assert figures.keys() == {"backfill12.sqlite.tasks_per_s", "backfill12.sqlite.scheduler_mib_growth"}
