"""The store that author code finds in these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tradewind.sdk.deprecations import drain_deprecations
from tradewind.sdk.ports import install_worker_store

from tests.sdk.runtime.fakes import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    """Return an empty store, installed for the test."""
    memory = MemoryStore()
    before = install_worker_store(memory)  # type: ignore[arg-type] - as far as the tests go
    yield memory
    install_worker_store(before)


@pytest.fixture(autouse=True)
def _no_notes_left() -> Iterator[None]:
    yield
    drain_deprecations()
