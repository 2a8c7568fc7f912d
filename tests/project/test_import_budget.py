"""What an import costs, counted in modules: a fresh process tells what it has loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.project.sources import REPOSITORY

MAX_MODULES = 120
HEAVY = frozenset(
    {
        "alembic",
        "asyncio",
        "attrs",
        "boto3",
        "celery",
        "click",
        "cryptography",
        "fastapi",
        "httpx",
        "jinja2",
        "jsonschema",
        "msgspec",
        "multiprocessing",
        "pendulum",
        "psycopg",
        "pydantic",
        "rich",
        "sqlalchemy",
        "starlette",
        "uvicorn",
        "watchfiles",
        "yaml",
    },
)
# Cheaper, and still not needed to write a DAG down.
HEAVY_FOR_AUTHORS = HEAVY | {"dataclasses", "inspect", "json", "logging", "typing"}
# The command line is built with click, and shows tables with rich once a command runs.
HEAVY_FOR_HELP = HEAVY - {"click"}

PROBE = """
import sys
before = set(sys.modules)
{statement}
loaded = sorted(set(sys.modules) - before)
import json
print(json.dumps(loaded))
"""
SHOW_HELP = """
import contextlib, io
from tradewind.cli.main import main
sys.argv = ["tradewind", {argument!r}]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
"""


def loaded_by(statement: str) -> list[str]:
    """Return the modules that a fresh interpreter loads for the statement."""
    ran = subprocess.run(
        [sys.executable, "-c", PROBE.format(statement=statement)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def assert_light(loaded: list[str], heavy: frozenset[str]) -> None:
    assert heavy & {name.partition(".")[0] for name in loaded} == set()


def test_the_root_loads_itself_only() -> None:
    loaded = loaded_by("import tradewind")
    assert_light(loaded, HEAVY_FOR_AUTHORS)
    assert "tradewind" in loaded


@pytest.mark.skipif(
    not (REPOSITORY / "src/tradewind/sdk/definitions/dag.py").exists(),
    reason="the DAG class is not there yet",
)
def test_a_dag_file_pays_for_the_standard_library_only() -> None:
    loaded = loaded_by("from tradewind import DAG")
    assert_light(loaded, HEAVY_FOR_AUTHORS)
    assert len(loaded) <= MAX_MODULES, loaded


@pytest.mark.skipif(not (REPOSITORY / "src/tradewind/cli/main.py").exists(), reason="the command line is not there yet")
@pytest.mark.parametrize("argument", ["--help", "version"])
def test_the_command_line_answers_without_heavy_libraries(argument: str) -> None:
    assert_light(loaded_by(SHOW_HELP.format(argument=argument)), HEAVY_FOR_HELP)


def test_a_heavy_import_is_noticed() -> None:
    with pytest.raises(AssertionError, match="sqlalchemy"):
        assert_light(loaded_by("import sqlalchemy"), HEAVY)
