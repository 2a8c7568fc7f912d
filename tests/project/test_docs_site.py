"""The documentation builds without a warning, and every page is in its navigation."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.sources import REPOSITORY, text_of


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a copy of what the site is built from."""
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    shutil.copy(REPOSITORY / "zensical.toml", tmp_path)
    return tmp_path


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_site_builds(site: Path) -> None:
    built = build(site)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "Tradewind" in (site / "site" / "index.html").read_text(encoding="utf-8")


def test_a_broken_link_stops_the_build(site: Path) -> None:
    with (site / "docs" / "quickstart.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    assert build(site).returncode != 0


def test_every_page_is_in_the_navigation() -> None:
    navigation = text_of(REPOSITORY / "zensical.toml")
    pages = [path.relative_to(REPOSITORY / "docs").as_posix() for path in (REPOSITORY / "docs").rglob("*.md")]
    assert [page for page in pages if f'"{page}"' not in navigation] == []
