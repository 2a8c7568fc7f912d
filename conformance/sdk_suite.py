"""The SDK score: how many of the tests inside the apache-airflow-task-sdk source distribution pass on our namespace.

They run in an environment of their own, for they need packages that nothing else here does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections import Counter
from typing import TYPE_CHECKING, Any

from conformance.corpora import EXPECTED, HERE, download
from conformance.surroundings import child_environment

if TYPE_CHECKING:
    from pathlib import Path

SDIST = "apache-airflow-task-sdk==1.3.2"
_NEEDED = (
    *("pytest", "pytest-asyncio", "pytest-mock", "time-machine", "kgb", "requests-mock", "structlog", "httpx", "uuid6"),
    *(
        "attrs",
        "pydantic",
        "tenacity",
        "numpy",
        "pandas",
        "fsspec",
        "universal-pathlib",
        "asgiref",
        "lazy-object-proxy",
    ),
)
_TIMEOUT_S = 1500
_OUTCOMES = ("passed", "failure", "error", "skipped")


def run_suite(work: Path, match: str = "") -> dict[str, Any]:
    """Run the tests whose file contains `match`; return counts by folder and what fails without an explanation.

    `expected/sdk_explained.json` maps the beginning of a test's name to why it fails here: `internals` of Airflow that
    Tradewind does not carry, or a decision.
    """
    root = _unpacked(work)
    if root is None:
        return {"folders": {}, "failures": [], "absent": [f"{SDIST}: pip could not download it"]}
    cases = _outcomes(root, work, match)
    explained: dict[str, str] = json.loads((EXPECTED / "sdk_explained.json").read_text())
    reference: dict[str, Any] = json.loads((EXPECTED / "sdk_tests_reference.json").read_text())["files"]
    folders: dict[str, Counter[str]] = {}
    failures: list[dict[str, str]] = []
    for name, outcome in cases.items():
        counts = folders.setdefault(_folder_of(name), Counter(dict.fromkeys((*_OUTCOMES, "explained"), 0)))
        counts[outcome] += 1
        if outcome in {"failure", "error"}:
            reason = next((why for prefix, why in explained.items() if name.startswith(prefix)), None)
            counts["explained"] += reason is not None
            if reason is None:
                failures.append({"part": "sdk", "what": name, "why": outcome})
    for file, wanted in reference.items():
        if match in file and (folder := folders.get(_folder_of(file))) is not None:
            folder["airflow"] += wanted.get("passed", 0)
    return {
        "folders": {name: dict(counts) for name, counts in sorted(folders.items())},
        "failures": failures,
        "absent": [],
    }


def _folder_of(name: str) -> str:
    return name.removeprefix("tests/task_sdk/").partition("/")[0] if name.count("/") > 2 else "."


def _unpacked(work: Path) -> Path | None:
    root = work / "task-sdk-tests"
    if root.is_dir():
        return root
    archive = download(SDIST, work / "pypi" / "archives", is_source=True)
    if archive is None:
        return None
    with tarfile.open(archive) as source:
        for member in source.getmembers():
            inside = member.name.partition("/")[2]
            if (
                member.isfile()
                and ".." not in inside.split("/")
                and (inside.startswith("tests/") or inside == "pyproject.toml")
            ):
                path = root / inside
                path.parent.mkdir(parents=True, exist_ok=True)
                taken = source.extractfile(member)
                path.write_bytes(taken.read() if taken is not None else b"")
    return root


def _environment(work: Path) -> Path:
    """Return the interpreter of the environment that the tests run in, made when it is not there."""
    folder = work / "sdk-venv"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *_NEEDED, "-e", str(HERE.parent)], check=True)
    return python


def _outcomes(root: Path, work: Path, match: str) -> dict[str, str]:
    report = work / "sdk-report.xml"
    report.unlink(missing_ok=True)
    python = _environment(work)
    files = sorted(str(path.relative_to(root)) for path in (root / "tests" / "task_sdk").rglob("test_*.py"))
    command = [
        *(
            str(python.parent / "tradewind"),
            "python",
            "-m",
            "pytest",
            "-q",
            "-p",
            "conformance.sdk_plugin",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:tradewind",
        ),
        *("--tb=no", "--no-header", "-o", "junit_family=xunit1", "--continue-on-collection-errors"),
        *("--junitxml", str(report), *(file for file in files if match in file)),
    ]
    home = work / "sdk-home"
    environment = child_environment(work, PYTHONPATH=os.pathsep.join([str(HERE.parent)]), AIRFLOW_HOME=str(home))
    subprocess.run(command, cwd=root, env=environment, timeout=_TIMEOUT_S, stdout=subprocess.DEVNULL, check=False)
    return dict(_read(case) for case in ET.parse(report).getroot().iter("testcase"))


def _read(case: ET.Element) -> tuple[str, str]:
    kinds = {child.tag for child in case}
    outcome = next((kind for kind in ("error", "failure", "skipped") if kind in kinds), "passed")
    file = case.get("file") or f"{(case.get('classname') or case.get('name') or '?').replace('.', '/')}.py"
    inside = (case.get("classname") or "").replace(".", "/").removeprefix(file.removesuffix(".py")).strip("/")
    return "::".join(part for part in (file, inside, case.get("name") or "") if part), outcome
