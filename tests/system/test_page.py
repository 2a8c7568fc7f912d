"""The page in a real browser: what a person does on a first day, on a desk and on a phone, by day and by night."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.system.families import DEADLINE_S, FamilyUnderTest

REPOSITORY = Path(__file__).resolve().parents[2]
WIDTHS = {"wide": (1440, 900), "narrow": (390, 844)}
"""Sizes of a window: a desk and a phone."""
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DEADLINE_MS = 1000 * DEADLINE_S
expect.set_options(timeout=DEADLINE_MS)
PAGED = """
    from airflow.sdk import DAG, task

    with DAG({dag_id!r}, schedule=None, tags=["page"]):
        @task
        def speaks():
            print("words for the page")

        speaks()
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser; without a Chromium and without the right to install one there is nothing to test with."""
    found = subprocess.run([REPOSITORY / "scripts" / "ensure_chromium.sh"], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(found.stderr.strip().splitlines()[-1])
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found.stdout.strip(), args=list(ARGUMENTS))
        yield opened
        opened.close()


@contextlib.contextmanager
def session(opened: Browser, address: str, size: tuple[int, int], scheme: str) -> Iterator[tuple[Page, list[str]]]:
    """Give a page in a session of its own, with all that it complains about on its console."""
    width, height = size
    context = opened.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        base_url=address,
        locale="en-GB",
        timezone_id="UTC",
    )
    complaints: list[str] = []
    made = context.new_page()
    made.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    made.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield made, complaints
    finally:
        context.close()


def sign_in(made: Page, password: str) -> None:
    """Open the page and sign in as admin."""
    made.goto("/")
    made.get_by_label("Name").fill("admin")
    made.get_by_label("Password").fill(password)
    made.get_by_role("button", name="Sign in").click()
    made.get_by_role("heading", name="DAGs").wait_for()


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_a_run_from_sign_in_to_its_log(family: FamilyUnderTest, browser: Browser, size: str, scheme: str) -> None:
    dag_id = f"paged_{size}_{scheme}"
    family.write(f"{dag_id}.py", PAGED.format(dag_id=dag_id))
    family.wait_for_dag(dag_id)
    address = f"http://127.0.0.1:{family.port}"
    with session(browser, address, WIDTHS[size], scheme) as (page, complaints):
        page.set_default_timeout(DEADLINE_MS)
        sign_in(page, family.password)
        page.get_by_label("Search DAGs").fill(dag_id)
        expect(page.get_by_role("button", name="Trigger")).to_have_count(1)
        expect(page.get_by_role("switch", name=f"{dag_id} is active")).to_be_visible()
        assert overflow(page) == 0

        page.get_by_role("button", name=f"Trigger {dag_id}").click()
        page.get_by_role("link", name=dag_id, exact=True).click()
        expect(page.get_by_role("heading", name=dag_id)).to_be_visible()
        expect(page.get_by_text("Defaults of Airflow 3", exact=True)).to_be_visible()
        expect(page.locator("main .state")).to_have_text("success", timeout=DEADLINE_MS)
        assert overflow(page) == 0

        page.locator("main table a").first.click()
        page.get_by_role("link", name="speaks").click()
        expect(page.locator("main pre")).to_contain_text("words for the page", timeout=DEADLINE_MS)
        assert overflow(page) == 0

        page.go_back()
        page.go_back()
        switch = page.get_by_role("switch", name=f"{dag_id} is active")
        expect(switch).to_be_checked()
        switch.click()
        expect(switch).not_to_be_checked()
        assert family.get(f"/api/v2/dags/{dag_id}")["is_paused"]

        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        channels = [int(part) for part in background.strip("rgba()").split(",")[:3]]
        assert (sum(channels) < 3 * 128) == (scheme == "dark"), background
        assert complaints == []


def test_a_wrong_password_is_told_and_import_errors_are_shown(family: FamilyUnderTest, browser: Browser) -> None:
    path = family.write("page_breaks.py", "# airflow DAG\nraise ValueError('<b>seen</b> on the page')\n")
    family.wait_for_import_error("page_breaks.py")
    with session(browser, f"http://127.0.0.1:{family.port}", WIDTHS["wide"], "light") as (page, _):
        page.set_default_timeout(DEADLINE_MS)
        page.goto("/")
        page.get_by_label("Name").fill("admin")
        page.get_by_label("Password").fill("guessed")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("Name or password is wrong")
        page.get_by_label("Password").fill(family.password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Import errors").click()
        expect(page.get_by_text("ValueError: <b>seen</b> on the page").first).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    path.unlink()
