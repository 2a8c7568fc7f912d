"""What every test of a sensor needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tradewind.sdk import deprecations

from tests.sdk.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Return a DAG to put sensors into, and run them."""
    yield Stage()
    deprecations.drain_deprecations()
    deprecations._airflow_2_files.clear()
