"""One family that most tests share, and families of their own for tests that end or break theirs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.families import FamilyUnderTest

STRICT = {
    "core__dagbag_import_timeout": 3,
    "core__killed_task_cleanup_time": 5,
    "dag_processor__dag_file_processor_timeout": 8,
    "dag_processor__max_memory_mib": 512,
    "xcom__max_value_mib": 8,
    "core__default_task_retry_delay": 0.1,
}
"""Limits that a test reaches in little time."""
WANTED = re.compile(
    r"tradewind\.dag_processor\.processor: (import error|.* wrote while)|tradewind\.scheduler\.(reports|calling\.(deadlines|desk)): "
)
"""Warnings that tests bring about on purpose."""


@pytest.fixture(scope="session")
def _shared_family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FamilyUnderTest]:
    family = FamilyUnderTest(tmp_path_factory.mktemp("shared"), **STRICT)
    try:
        family.start()
        yield family
        family.stop()
        assert unwanted(family.written()) == []
    finally:
        family.close()


@pytest.fixture
def family(_shared_family: FamilyUnderTest) -> FamilyUnderTest:
    """Return the family that tests share: each uses files and dag_ids of its own and takes its bad files away again."""
    return _shared_family


@pytest.fixture
def own_family(tmp_path: Path) -> Iterator[Callable[..., FamilyUnderTest]]:
    """Return a function that makes families of the test's own, not started yet."""
    made: list[FamilyUnderTest] = []

    def make(name: str = "home", **settings: object) -> FamilyUnderTest:
        made.append(FamilyUnderTest(tmp_path / name, **{**STRICT, **settings}))
        return made[-1]

    yield make
    for family in made:
        family.close()


def unwanted(output: str) -> list[str]:
    """Return the warnings and errors of a family's output that no test asked for, and its tracebacks."""
    records = re.split(r"^(?=\d{4}-\d\d-\d\d \d)", output, flags=re.MULTILINE)
    bad = re.compile(r"\S+ \S+ (WARNING|ERROR|CRITICAL) |[\s\S]*^Traceback ", re.MULTILINE)
    return [record for record in records if bad.match(record) and not WANTED.search(record)]
