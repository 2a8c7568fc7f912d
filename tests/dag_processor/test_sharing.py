"""Files that share a child: each gives what it would give alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.dag_processor.parsing.messages import FileToParse
from tradewind.dag_processor.pool import share_of
from tradewind.dag_processor.results import file_result
from tradewind.metadata.dags.records import FileResult
from tradewind.serialization.document import decode_document

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


CHANGES = {
    "environment": "import os\nos.environ['SOMETHING'] = 'else'",
    "folder": "import os\nos.chdir('/')",
    "umask": "import os\nos.umask(0o000)",
    "builtin": "import builtins\nbuiltins.odd = 1",
    "thread": "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
    "child": "import subprocess\nsubprocess.Popen(['sleep', '600'])",
    "fork": "import os\nif os.fork() == 0:\n    os._exit(0)",
    "signal": "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "stream": "import io, sys\nsys.stdout = io.StringIO()",
    "hook": "import sys\nsys.excepthook = print",
    "audit hook": "import sys\nsys.addaudithook(lambda *_: None)",
    "finder": "import sys\nsys.meta_path.append(object())",
    "logging": "import logging\nlogging.basicConfig(level=logging.DEBUG)",
    "time-out": "import socket\nsocket.setdefaulttimeout(1)",
    "stub": "import sys, types\nsys.modules['stub'] = types.ModuleType('stub')",
    "library": "import csv, sys\nsys.modules['csv'] = sys.modules['json']",
    "open DAG": "from airflow import DAG\nDAG('open', schedule=None).__enter__()",
    "patch": "from airflow.models import BaseOperator\nBaseOperator.owner_of_all = 'me'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_that_changes_its_process_keeps_it_to_itself(folder: Path, pool: Parsing, change: str) -> None:
    first = write(folder / "first.py", f"name = 'first'\n{PID}\n{CHANGES[change]}\n")
    second = write(folder / "second.py", f"name = 'second'\n{PID}")
    results = together(pool, folder, first, second)
    assert [result.errors for result in results] == [[], []]
    pids = {dag_id.partition("-")[2] for result in results for dag_id in ids(result) if dag_id != "open"}
    assert len(pids) == 2


RESTORED = {
    "entry of sys.path": ("import sys\nsys.path.insert(0, '/nowhere')", "'/nowhere' not in sys.path"),
    "sys.path": ("import sys\nsys.path = ['/nowhere', *sys.path]", "'/nowhere' not in sys.path"),
    "warnings filter": ("import warnings\nwarnings.simplefilter('error')", "not any(f[0] == 'error' for f in filters)"),
    "decimal context": ("import decimal\ndecimal.getcontext().prec = 3", "decimal.getcontext().prec == 28"),
    "file": ("import os\nos.close(1)", "os.write(1, b'seen') == 4"),
    "timer": ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 60)", "'signal'"),
}


@pytest.mark.parametrize("change", RESTORED)
def test_what_can_be_put_back_costs_no_process(folder: Path, pool: Parsing, change: str) -> None:
    code, check = RESTORED[change]
    first = write(folder / "first.py", f"name = 'first'\n{PID}\n{code}\n")
    imports = "import decimal, os, sys\nfrom warnings import filters\n"
    second = write(folder / "second.py", f"{imports}assert {check}, {check}\nname = 'second'\n{PID}")
    results = together(pool, folder, first, second)
    assert [result.errors for result in results] == [[], []]
    assert len({ids(result)[0].partition("-")[2] for result in results}) == 1


@pytest.mark.parametrize("is_outside", [False, True])
def test_packages_of_one_name_in_two_folders_are_two(
    folder: Path, pool: Parsing, tmp_path: Path, is_outside: bool
) -> None:
    paths: list[Path] = []
    for name in "ab":
        home = (tmp_path if is_outside else folder) / name
        write(home / "local/names.py", f"NAME = {name!r}\n")
        head = f"import sys\nsys.path.insert(0, {str(home)!r})\nfrom local import names\n"
        paths.append(write(folder / f"{name}_dag.py", head + DAG.replace("{dag_id!r}", "names.NAME")))
    assert [ids(result) for result in together(pool, folder, *paths)] == [["a"], ["b"]]


def test_an_error_that_another_file_brought_about_is_none(folder: Path, pool: Parsing) -> None:
    first = write(folder / "first.py", DAG.format(dag_id="first") + "import csv\ndel csv.reader\n")
    second = write(folder / "second.py", "import csv\ncsv.reader\n" + DAG.format(dag_id="second"))
    results = together(pool, folder, first, second)
    assert [(ids(result), result.errors) for result in results] == [(["first"], []), (["second"], [])]


def test_each_has_its_own_warnings_and_the_defaults_of_its_own_airflow(folder: Path, pool: Parsing) -> None:
    write(
        folder / "makers.py", "from airflow import DAG\ndef make(name):\n    return DAG(name, schedule_interval=None)\n"
    )
    old = "from makers import make\ndag = make({!r})\n"
    paths = [
        write(folder / "old.py", "# airflow\n" + old.format("old")),
        write(folder / "new.py", "# airflow\nfrom airflow.sdk import DAG\ndag = DAG('new', schedule=None)\n"),
        write(folder / "old_too.py", "# airflow\n" + old.format("old_too")),
    ]
    shared = together(pool, folder, *paths)
    alone = pool.parse(*paths, folder=folder)
    assert [len(result.warnings) for result in shared] == [2, 0, 2]
    for one, other in zip(shared, alone, strict=True):
        one.parse_duration_s = other.parse_duration_s
    assert shared == alone
    versions = [decode_document(result.dags[0].document).airflow_defaults for result in shared]
    assert versions[1] == 3
    assert versions[0] == versions[2]


def test_the_output_of_each_is_its_own(folder: Path, pool: Parsing) -> None:
    texts = ["", "print('two')\n", "import os\nos.write(2, b'three')\n", "", "print('f' * 40_000)\n"]
    paths = [write(folder / f"says{n}.py", DAG.format(dag_id=f"says{n}") + text) for n, text in enumerate(texts)]
    pool.pool.submit(*(FileToParse(path=str(path), folder=str(folder)) for path in paths))
    pool.until(lambda: len(pool.done) == len(paths) and not pool.pool.in_flight)
    said = {Path(parsed.file.path).stem: parsed.end.output for parsed in pool.done}
    pool.done.clear()
    assert [said[f"says{n}"] for n in range(4)] == ["", "two\n", "three", ""]
    assert "[...]" in said["says4"]


def test_what_waits_behind_a_slow_file_goes_to_another_child(folder: Path, pool: Parsing) -> None:
    flag = folder / "flag"
    wait = f"import os, time\nwhile not os.path.exists({str(flag)!r}):\n    time.sleep(0.01)\n"
    paths = [
        write(folder / "quick.py", DAG.format(dag_id="quick")),
        write(folder / "waits.py", wait + DAG.format(dag_id="waits")),
        write(folder / "frees.py", DAG.format(dag_id="frees") + f"open({str(flag)!r}, 'w').close()\n"),
    ]
    results = together(pool, folder, *paths)
    assert [(ids(result), result.errors) for result in results] == [(["quick"], []), (["waits"], []), (["frees"], [])]


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        ("while True:\n    pass", "took longer than 0.5 s"),
        (
            "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
            "killed",
        ),
        ("x = bytearray(2_000_000_000)", "needs more memory than the 192 MiB"),
    ],
)
def test_limits_are_those_of_each_file(folder: Path, harm: str, sentence: str) -> None:
    with parsing(folder, import_timeout_s=0.5, kill_timeout_s=0.9, max_memory_bytes=192 << 20) as strict:
        first = write(folder / "first.py", DAG.format(dag_id="first"))
        bad = write(folder / "bad.py", f"# airflow dag\n{harm}\n")
        last = write(folder / "last.py", DAG.format(dag_id="last"))
        results = together(strict, folder, first, bad, last)
    assert [(ids(result), len(result.errors)) for result in results] == [(["first"], 0), ([], 1), (["last"], 0)]
    assert sentence in results[1].errors[0].message


def test_every_file_is_answered_once_whatever_the_others_do(folder: Path, pool: Parsing) -> None:
    bad = [
        "import os\nos._exit(3)\n",
        "raise ValueError\n",
        "import os\nos.chdir('/')\n",
        "import os\nos.closerange(3, 99)\n",
    ]
    bad += [
        "import os\nfor fd in range(3, 20):\n    try:\n        os.write(fd, b'\\0\\0\\0\\1x')\n    except OSError:\n        pass\n"
    ]
    paths = [
        write(folder / f"many{n}.py", DAG.format(dag_id=f"many{n}") + (bad[n // 5] if n % 5 == 3 else ""))
        for n in range(25)
    ]
    results = together(pool, folder, *paths)
    assert pool.done == []
    assert [ids(result) for n, result in enumerate(results) if n % 5 != 3] == [
        [f"many{n}"] for n in range(25) if n % 5 != 3
    ]
    assert [bool(result.errors) for n, result in enumerate(results) if n % 5 != 3] == [False] * 20


def test_files_of_a_share_are_tried_again_when_the_forker_dies(folder: Path, pool: Parsing) -> None:
    harm = "# airflow dag\nimport os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos._exit(0)\n"
    paths = [write(folder / f"{name}.py", DAG.format(dag_id=name)) for name in ("one", "two", "three")]
    paths.insert(1, write(folder / "patricide.py", harm))
    results = together(pool, folder, *paths)
    assert [len(result.errors) for result in results] == [0, 1, 0, 0]
    assert [ids(result) for result in results] == [["one"], [], ["two"], ["three"]]


@pytest.mark.parametrize(("waiting", "share"), [(0, 1), (1, 1), (8, 1), (9, 3), (60, 15), (100, 25), (5000, 25)])
def test_the_last_shares_are_small(waiting: int, share: int) -> None:
    assert share_of(waiting, parsing_processes=2) == share


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
