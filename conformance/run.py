"""Load and run real Airflow DAG files; print the score, write `results/latest.json`. See README.md."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from conformance.corpora import HERE, collect
from conformance.execution import run_all
from conformance.facts.comparison import RELEASES, compare_runs
from conformance.linting import lint_all
from conformance.loading import load_all
from conformance.sdk_suite import run_suite
from conformance.timetables.replay import compare_timetables


def main() -> None:
    """Read the command line, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mirror", type=Path, help="folder of git clones, each in owner+name/repo")
    parser.add_argument("--only", choices=("load", "exec", "facts", "timetables", "lint", "sdk"), help="one part")
    parser.add_argument("--match", default="", help="only files or DAGs whose key contains this text")
    arguments = parser.parse_args()
    work = HERE / "work"
    work.mkdir(exist_ok=True)
    report: dict[str, Any] = {"failures": [], "not_available": []}
    parts = {
        "load": _load,
        "exec": _execute,
        "facts": _hold_against_facts,
        "timetables": _ask_timetables,
        "lint": _lint,
        "sdk": _test_sdk,
    }
    for part, measure in parts.items():
        if arguments.only in {None, part}:
            measure(report, work, arguments)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    results.joinpath("latest.json").write_text(json.dumps(report, indent=1) + "\n")
    _print(report)


def _load(report: dict[str, Any], work: Path, arguments: argparse.Namespace) -> None:
    files, absent = collect(work, arguments.mirror)
    outcome = load_all([file for file in files if arguments.match in file.key], work)
    report["load"] = outcome["counts"]
    report["failures"] += outcome["failures"]
    report["not_available"] += absent


def _execute(report: dict[str, Any], work: Path, arguments: argparse.Namespace) -> None:
    outcome = run_all(work, arguments.match)
    report["exec"] = outcome["counts"]
    report["failures"] += outcome["failures"]
    report["not_available"] += outcome["absent"]


def _hold_against_facts(report: dict[str, Any], work: Path, arguments: argparse.Namespace) -> None:
    del work  # the facts lie in the repository
    report["facts"] = {}
    for release in RELEASES:
        outcome = compare_runs(release, arguments.match)
        counts = list(outcome["counts"].values())
        report["facts"][release] = {key: sum(count[key] for count in counts) for key in ("rows", "same", "decided")}
        report["failures"] += [{"part": "facts", **failure} for failure in outcome["failures"]]


def _test_sdk(report: dict[str, Any], work: Path, arguments: argparse.Namespace) -> None:
    outcome = run_suite(work, arguments.match)
    report["sdk"] = outcome["folders"]
    report["failures"] += outcome["failures"]
    report["not_available"] += outcome["absent"]


def _ask_timetables(report: dict[str, Any], work: Path, arguments: argparse.Namespace) -> None:
    del work  # the answers lie in the repository
    report["timetables"] = {}
    for release in RELEASES:
        outcome = compare_timetables(release, arguments.match)
        report["timetables"][release] = outcome["counts"]
        report["failures"] += [{"part": "timetables", **failure} for failure in outcome["failures"]]


def _lint(report: dict[str, Any], work: Path, arguments: argparse.Namespace) -> None:
    outcome = lint_all(work, arguments.match)
    report["lint"] = outcome["counts"]
    report["failures"] += outcome["failures"]


def _print(report: dict[str, Any]) -> None:
    for failure in report["failures"]:
        print(f"{failure['part']:<5} {failure['what']}\n      {failure['why']}")
    for absent in report["not_available"]:
        print(f"left out: {absent}")
    if "load" in report:
        load = report["load"]
        print(
            f"load: {load['loaded']} of {load['files']} files, {load['dags']} DAGs; "
            f"{load['same_structure']} files with Airflow's structure"
        )
    if "exec" in report:
        print(f"exec: {report['exec']['same_states']} of {report['exec']['dags']} DAGs end in Airflow's states")
    for release, counts in report.get("timetables", {}).items():
        print(
            f"timetables: {counts['same']} of {counts['rows']} answers around changes of clocks are those of Airflow {release}, "
            f"{counts['decided']} are others by a recorded decision"
        )
    if "lint" in report:
        print(
            f"lint: {report['lint']['same_structure']} of {report['lint']['files']} files mean the same when rewritten"
        )
    for release, counts in report.get("facts", {}).items():
        print(
            f"facts: {counts['same']} of {counts['rows']} generated DAGs end as under Airflow {release}, "
            f"{counts['decided']} otherwise by a recorded decision"
        )
    for folder, counts in report.get("sdk", {}).items():
        failed = counts["failure"] + counts["error"]
        print(
            f"sdk: {folder:<15} {counts['passed']} pass (under Airflow {counts.get('airflow', 0)}), {failed} fail, "
            f"{counts['explained']} of them explained"
        )


if __name__ == "__main__":
    main()
