"""Executors under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.executors.local_harness import Harness


@pytest.fixture(scope="module", params=["warm", "fork"])
def isolation(request: pytest.FixtureRequest) -> str:
    """Return how processes are shared; a test that asks for an executor runs once for each."""
    return request.param


@pytest.fixture(scope="module")
def _shared_harness(isolation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    made = Harness(tmp_path_factory.mktemp(isolation), isolation=isolation, parallelism=4)
    yield made
    made.close()


@pytest.fixture
def harness(_shared_harness: Harness) -> Harness:
    """Return a LocalExecutor in a loop, for tests that leave it as idle as they found it."""
    _shared_harness.loop.inbox.clear()
    return _shared_harness


@pytest.fixture
def make_harness(tmp_path: Path) -> Iterator[Callable[..., Harness]]:
    """Return a function that starts a LocalExecutor in a loop; all are stopped after the test."""
    made: list[Harness] = []

    def make(**settings: Any) -> Harness:
        made.append(Harness(tmp_path, **settings))
        return made[-1]

    yield make
    for harness in made:
        harness.close()


@pytest.fixture
def own_harness(make_harness: Callable[..., Harness], isolation: str) -> Harness:
    """Return a LocalExecutor in a loop that the test may ruin."""
    return make_harness(isolation=isolation, parallelism=4)
