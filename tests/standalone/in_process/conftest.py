"""A home without a database, and a process that is left as it was found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tradewind.sdk.ports import install_worker_store


@dataclass
class Pauses:
    """What was slept, in seconds."""

    seconds: list[float] = field(default_factory=list)


@pytest.fixture(autouse=True)
def _no_store(home: Path) -> Iterator[None]:
    """Start and end without a worker store, in an empty home."""
    before = install_worker_store(None)
    yield
    install_worker_store(before)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """Return what the code under test would have slept; it does not sleep."""
    noted = Pauses()
    monkeypatch.setattr(time, "sleep", noted.seconds.append)
    return noted
