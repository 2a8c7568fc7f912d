"""The floors are declared in full, and the check of them notices a wrong import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tomli

from tests.project.sources import REPOSITORY, text_of

PACKAGE = REPOSITORY / "src" / "tradewind"
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def contracts() -> list[dict[str, list[str]]]:
    return tomli.loads(text_of(REPOSITORY / "pyproject.toml"))["tool"]["importlinter"]["contracts"]


def test_a_room_that_exists_is_named_in_full() -> None:
    named = {
        name
        for contract in contracts()
        for key in ("source_modules", "forbidden_modules")
        for name in contract.get(key, [])
        if name.startswith("tradewind.") and name.endswith(".**")
    }
    assert {name for name in named if (PACKAGE / name.split(".")[1] / "__init__.py").exists()} == set()


def test_every_room_of_the_floors_is_in_the_contributors_page() -> None:
    rooms = [
        room.strip("() ") for layer in contracts()[0]["layers"] for room in layer.split("|")
    ]  # the first contract has the layers
    page = text_of(REPOSITORY / "CONTRIBUTING.md")
    assert "core" in rooms
    assert [room for room in rooms if f"`{room}`" not in page] == []


def test_an_import_that_points_up_is_refused(tmp_path: Path) -> None:
    rooms = tmp_path / "tradewind"
    for room in ("core", "scheduler", "web", "metadata", "executors", "sdk", "airflow", "worker"):
        (rooms / room).mkdir(parents=True)
        (rooms / room / "__init__.py").write_text("", encoding="utf-8")
    (rooms / "__init__.py").write_text("", encoding="utf-8")
    (rooms / "metadata" / "tables.py").write_text("", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(text_of(REPOSITORY / "pyproject.toml"), encoding="utf-8")

    assert lint(tmp_path).returncode == 0
    (rooms / "core" / "clock.py").write_text("import tradewind.scheduler\n", encoding="utf-8")
    refused = lint(tmp_path)
    assert refused.returncode != 0
    assert "tradewind.core.clock -> tradewind.scheduler" in refused.stdout


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the package in the folder."""
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
