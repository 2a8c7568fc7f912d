"""Take the pictures of docs/images/: starts a family with the example DAGs, runs them, and photographs its pages.

python scripts/screenshots.py        (needs Debian's chromium, see scripts/ensure_chromium.sh)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.system import System, until  # noqa: E402 - the repository is no installed package

IMAGES = REPOSITORY / "docs" / "images"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}


def populate(system: System) -> None:
    """Run each example a few times."""
    dag_ids = [dag["dag_id"] for dag in system.api("GET", "/dags?limit=100")[1]["dags"]]
    for dag_id in dag_ids:
        system.api("PATCH", f"/dags/{dag_id}", {"is_paused": False})
    for number in range(6):
        for dag_id in dag_ids:
            system.api("POST", f"/dags/{dag_id}/dagRuns", {"dag_run_id": f"picture_{number}", "logical_date": None})
    until(
        lambda: system.api("GET", "/dags/~/dagRuns?state=running&limit=1")[1]["total_entries"] == 0, 120, "runs to end"
    )


def sign_in(page: Page, system: System) -> None:
    """Sign in as the first user."""
    passwords = json.loads((system.home / "simple_auth_manager_passwords.json").read_text())
    page.goto(f"http://127.0.0.1:{system.port}/")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(passwords["admin"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("example_branching").first.wait_for()


def main() -> None:
    """Take them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    system = System(core__load_examples="True", core__simple_auth_manager_all_admins="True")
    with system.running(), sync_playwright() as playwright:
        system.wait_for_dags(8)
        populate(system)
        system.end()
        system.environment["TRADEWIND__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] = "False"
        system.start()
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        for scheme in ("light", "dark"):
            for size, (width, height) in SIZES.items():
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                sign_in(page, system)
                page.wait_for_timeout(1500)
                page.screenshot(path=IMAGES / f"dags-{scheme}-{size}.png")
                page.get_by_role("link", name="example_branching", exact=True).first.click()
                page.wait_for_timeout(1500)
                page.screenshot(path=IMAGES / f"dag-{scheme}-{size}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
