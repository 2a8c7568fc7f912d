"""Files that share a child: each gives what it would give alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.dag_processor.parsing.leftovers import Leftovers
from tradewind.dag_processor.parsing.messages import FileToParse
from tradewind.dag_processor.results import file_result
from tradewind.metadata.dags.records import FileResult

from tests.dag_processor.parsing import DAG, Parsing, parsing, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dags")


@pytest.fixture(scope="module")
def pool(folder: Path) -> Iterator[Parsing]:
    with parsing(folder, import_timeout_s=5.0) as opened:
        yield opened


def together(pool: Parsing, folder: Path, *paths: Path) -> list[FileResult]:
    """Import the files in one child and return their results in order."""
    pool.pool.submit(*(FileToParse(path=str(path), folder=str(folder)) for path in paths))
    pool.until(lambda: len(pool.done) == len(paths) and not pool.pool.in_flight)
    found = {parsed.file.path: file_result(parsed, pool.pool.setup) for parsed in pool.done}
    pool.done.clear()
    return [found[str(path)] for path in paths]


def ids(result: FileResult) -> list[str]:
    return [dag.dag_id for dag in result.dags]


PID = "import os\n" + DAG.replace("{dag_id!r}", "f'{name}-{os.getpid()}'")


def test_files_that_go_well_share_a_process(folder: Path, pool: Parsing) -> None:
    paths = [write(folder / f"{name}.py", f"name = {name!r}\n{PID}") for name in "abc"]
    pids = {ids(result)[0].partition("-")[2] for result in together(pool, folder, *paths)}
    assert len(pids) == 1


@pytest.mark.parametrize(
    "harm",
    [
        "raise ValueError('boom')",
        "import sys\nsys.exit(1)",
        "import os\nos._exit(1)",
        "import ctypes\nctypes.string_at(0)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_one_that_fails_does_so_alone(folder: Path, pool: Parsing, harm: str) -> None:
    first = write(folder / "first.py", DAG.format(dag_id="first"))
    bad = write(folder / "bad.py", f"# airflow dag\n{harm}\n")
    last = write(folder / "last.py", DAG.format(dag_id="last"))
    results = together(pool, folder, first, bad, last)
    assert [(ids(result), len(result.errors)) for result in results] == [(["first"], 0), ([], 1), (["last"], 0)]


@pytest.mark.parametrize(
    "change",
    [
        "import sys\nsys.path.insert(0, '/nowhere')",
        "import os\nos.environ['SOMETHING'] = 'else'",
        "import os\nos.chdir('/')",
        "import builtins\nbuiltins.odd = 1",
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
    ],
)
def test_one_that_changes_its_process_keeps_it_to_itself(folder: Path, pool: Parsing, change: str) -> None:
    first = write(folder / "first.py", f"name = 'first'\n{change}\n{PID}")
    second = write(folder / "second.py", f"name = 'second'\n{PID}")
    results = together(pool, folder, first, second)
    assert [result.errors for result in results] == [[], []]
    pids = {ids(result)[0].partition("-")[2] for result in results}
    assert len(pids) == 2


def test_each_imports_its_own_modules_and_depends_on_them(folder: Path, pool: Parsing) -> None:
    write(folder / "shared.py", "import itertools\nCOUNTER = itertools.count()\n")
    text = "from shared import COUNTER\n" + DAG.replace("{dag_id!r}", "f'{name}-{next(COUNTER)}'")
    paths = [write(folder / f"{name}.py", f"name = {name!r}\n{text}") for name in "ab"]
    pool.pool.submit(*(FileToParse(path=str(path), folder=str(folder)) for path in paths))
    pool.until(lambda: len(pool.done) == 2 and not pool.pool.in_flight)
    outcomes = [parsed.outcome for parsed in pool.done]
    pool.done.clear()
    assert [[dag.dag_id for dag in outcome.dags] for outcome in outcomes if outcome] == [["a-0"], ["b-0"]]
    assert [{Path(read.path).name for read in outcome.files} for outcome in outcomes if outcome] == [
        {"a.py", "shared.py"},
        {"b.py", "shared.py"},
    ]


def test_a_document_is_the_same_alone_and_in_company(folder: Path, pool: Parsing) -> None:
    examples = sorted(Path(__file__).parents[2].glob("src/tradewind/example_dags/example_*.py"))
    alone = {result.path: [dag.hash for dag in result.dags] for result in pool.parse(*examples)}
    shared = together(pool, examples[0].parent, *examples)
    assert {result.path: [dag.hash for dag in result.dags] for result in shared} == alone


def test_what_is_left_behind_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leftovers = Leftovers([str(tmp_path)])
    assert leftovers.are_harmless()
    monkeypatch.setenv("LEFT_BEHIND", "1")
    assert not leftovers.are_harmless()
    monkeypatch.delenv("LEFT_BEHIND")
    assert leftovers.are_harmless()
