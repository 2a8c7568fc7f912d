"""pytest plugin for authors' tests: `import airflow` works in them as it does in DAG files.

It installs the compatibility namespace before test modules are collected. `tradewind_airflow = false` in pytest's
configuration file, or `-p no:tradewind`, leaves `airflow` alone, for tests that run against an installed Airflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.standalone.memory_store import MemoryStore


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `tradewind_airflow` to the configuration file."""
    parser.addini("tradewind_airflow", "make `airflow` Tradewind's names in tests", type="bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    """Install the namespace, before anything of the tests is imported."""
    if config.getini("tradewind_airflow"):
        from tradewind.airflow.finder import install

        install()


@pytest.fixture
def tradewind_store() -> Iterator[MemoryStore]:
    """Return a store in memory, for the test, in which author code finds variables, connections and XComs.

    A test fills `variables` (key to text) and `connections` (conn_id to record) before it calls author code.
    """
    from tradewind.core.clock import SystemClock
    from tradewind.sdk.ports import install_worker_store
    from tradewind.standalone.memory_store import MemoryStore

    store = MemoryStore(SystemClock())
    before = install_worker_store(store)
    yield store
    install_worker_store(before)
