"""A git bundle in the real family: runs keep the commit they started with, and a remote that vanishes harms nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.system import until
from tests.system.families import FamilyUnderTest

DAG = """
import time
from pathlib import Path

from airflow.sdk import DAG, task
from lib_of_bundle import VERSION

with DAG("bundled", schedule=None):

    @task
    def first(params=None, dag_run=None):
        while not Path(dag_run.conf["gate"]).exists():
            time.sleep(0.02)
        return VERSION

    @task
    def second(value):
        from late_lib import LATE

        return [value, VERSION, LATE]

    second(first())
"""


def commit(remote: Path, version: int) -> str:
    dags = remote / "dags"
    dags.mkdir(parents=True, exist_ok=True)
    text = DAG if version == 1 else DAG + "    task(task_id='third')(lambda: 3)()\n"
    (dags / "bundled.py").write_text(text)
    (dags / "lib_of_bundle.py").write_text(f"VERSION = {version}\n")
    (dags / "late_lib.py").write_text(f"LATE = {version}\n")
    for arguments in (("add", "--all"), ("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", str(version))):
        subprocess.run(["git", *arguments], cwd=remote, check=True)
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=remote, check=True, capture_output=True, text=True
    ).stdout.strip()


def result(family: FamilyUnderTest, run_id: str) -> object:
    return family.get(f"/api/v2/dags/bundled/dagRuns/{run_id}/taskInstances/second/xcomEntries/return_value")["value"]


@pytest.mark.parametrize("isolation", ["warm", "fork"])
def test_runs_are_pinned_to_the_commit_they_started_with(tmp_path: Path, isolation: str) -> None:
    remote = tmp_path / "remote"
    remote.mkdir()
    subprocess.run(["git", "init", "-q", "--initial-branch=main"], cwd=remote, check=True)
    old = commit(remote, 1)
    bundles = [
        {
            "name": "code",
            "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
            "kwargs": {"repo_url": str(remote), "tracking_ref": "main", "subdir": "dags", "refresh_interval": 0.3},
        },
        {"name": "plain", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}},
    ]
    family = FamilyUnderTest(
        tmp_path / "home", dag_processor__dag_bundle_config_list=json.dumps(bundles), core__isolation=isolation
    )
    try:
        family.start()
        family.write("beside.py", "from airflow.sdk import DAG\nbeside = DAG('beside', schedule=None)\n")
        assert family.wait_for_dag("beside")["bundle_name"] == "plain"
        dag = family.wait_for_dag("bundled")
        assert (dag["bundle_name"], dag["bundle_version"]) == ("code", old)

        gate = tmp_path / "gate"
        run_id = family.trigger("bundled", conf={"gate": str(gate)})
        family.wait_for_run("bundled", run_id, "running")
        new = commit(remote, 2)
        until(lambda: family.get("/api/v2/dags/bundled")["bundle_version"] == new, 40, "the new commit")
        gate.touch()
        run = family.wait_for_run("bundled", run_id)
        assert (run["state"], run["bundle_version"]) == ("success", old)
        assert result(family, run_id) == [1, 1, 1]
        assert [version["version_number"] for version in run["dag_versions"]] == [1]

        later = family.run("bundled", conf={"gate": str(gate)})
        assert result(family, later) == [2, 2, 2]

        # Cleared, it keeps its version; with the newest by choice.
        clear = {"dry_run": False, "only_failed": False}
        shutil.rmtree(tmp_path / "home" / "bundles" / "code" / "versions" / old)
        family.http.post(f"/api/v2/dags/bundled/dagRuns/{run_id}/clear", json=clear)
        assert family.wait_for_run("bundled", run_id)["bundle_version"] == old
        assert result(family, run_id) == [1, 1, 1]
        family.http.post(f"/api/v2/dags/bundled/dagRuns/{run_id}/clear", json=clear | {"run_on_latest_version": True})
        run = family.wait_for_run("bundled", run_id)
        assert (run["state"], run["bundle_version"]) == ("success", new)
        assert result(family, run_id) == [2, 2, 2]
        versions = family.get("/api/v2/dags/bundled/dagVersions")["dag_versions"]
        assert [(one["version_number"], one["bundle_version"]) for one in versions] == [(2, new), (1, old)]

        shutil.rmtree(remote)
        message = until(
            lambda: next((text for text in family.import_errors().values() if "cannot be brought up" in text), None),
            40,
            "the complaint",
        )
        assert message.startswith("bundle 'code' cannot be brought up to date: git fetch failed: fatal:")
        again = family.run("bundled", conf={"gate": str(gate)})
        assert result(family, again) == [2, 2, 2]
        assert family.written().count("cannot be brought up to date") == 1
    finally:
        family.close()
