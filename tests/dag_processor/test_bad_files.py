"""Each kind of broken DAG file gives one clear error on itself, and the file beside it is not harmed."""

from __future__ import annotations

import os
import select
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.dag_processor.parsing.messages import FileToParse
from tradewind.dag_processor.pool import MAX_FAILED_STARTS, ForkerError

from tests.dag_processor.parsing import DAG, Parsing, parsing, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dags")


@pytest.fixture(scope="module")
def strict(folder: Path) -> Iterator[Parsing]:
    """Return a pool with little patience and little memory."""
    with parsing(folder, import_timeout_s=1.0, kill_timeout_s=2.0, max_memory_bytes=192 << 20) as pool:
        yield pool


HEAD = "# airflow DAG\n"

BAD = {
    "syntax": ("def broken(:\n    pass\n", "bad.py:2: SyntaxError: invalid syntax"),
    "exception": ("x = 1\nraise ValueError('boom')\n", "bad.py:3: ValueError: boom"),
    "deep": ("def f():\n    return 1 / 0\n\n\nf()\n", "bad.py:3: ZeroDivisionError: division by zero"),
    "missing module": ("import no_such_library\n", "bad.py:2: ModuleNotFoundError: No module named 'no_such_library'"),
    "endless": ("while True:\n    pass\n", "the import took longer than 1 s ([core] dagbag_import_timeout)"),
    "stubborn": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass\n",
        "bad.py: the import was still busy after 2 s and was killed ([dag_processor] dag_file_processor_timeout)",
    ),
    "sys.exit": ("import sys\nsys.exit(3)\n", "bad.py:3: a DAG file must not end its process: it calls sys.exit(3)"),
    "os._exit": ("import os\nos._exit(0)\n", "was ended with status 0 before it was done"),
    "os._exit 7": ("import os\nos._exit(7)\n", "was ended with status 7 before it was done"),
    "memory": ("x = bytearray(2_000_000_000)\n", "bad.py:2: the import needs more memory than the 192 MiB"),
    "memory bit by bit": (
        "x = []\nwhile True:\n    x.append(bytearray(10_000_000))\n",
        "the import needs more memory than the 192 MiB",
    ),
    "crash": (
        "import ctypes\n\nctypes.string_at(0)\n",
        "bad.py:4: the process that imports the file died of SIGSEGV: a native library crashed",
    ),
    "abort": ("import os\nos.abort()\n", "bad.py:3: the process that imports the file died of SIGABRT"),
    "killed": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
        "died of SIGKILL: most likely the machine ran out of memory",
    ),
    "interrupt": ("raise KeyboardInterrupt\n", "bad.py:2: KeyboardInterrupt"),
    "recursion": ("def f():\n    f()\n\n\nf()\n", "RecursionError: maximum recursion depth exceeded"),
    "unprintable": (
        "class E(Exception):\n    def __str__(self):\n        raise TypeError\n\n\nraise E\n",
        "bad.py:7: E: (its text cannot be had)",
    ),
    "long message": ("raise ValueError('x' * 50_000_000)\n", "bad.py:2: ValueError: xxxx"),
    "odd text": ("raise ValueError('\\ud800 \\0')\n", "ValueError: \\ud800 \\0"),
    "cycle": (
        (
            "from airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\n"
            "with DAG('c', schedule=None):\n    a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n"
            "    a >> b >> a\n"
        ),
        "Cycle detected in DAG: c",
    ),
    "duplicate task": (
        (
            "from airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\n"
            "with DAG('c', schedule=None):\n    EmptyOperator(task_id='a')\n    EmptyOperator(task_id='a')\n"
        ),
        "bad.py:6: DuplicateTaskIdFound",
    ),
    "trigger rule": (
        (
            "from airflow import DAG\nfrom airflow.operators.empty import EmptyOperator\n"
            "with DAG('c', schedule=None):\n    EmptyOperator(task_id='a', trigger_rule='never_ever')\n"
        ),
        "never_ever",
    ),
    "cron": ("from airflow import DAG\nDAG('c', schedule='61 * * * *')\n", "61"),
    "time zone": ("import pendulum\npendulum.datetime(2024, 1, 1, tz='Mars/Base')\n", "Mars/Base"),
    "closes everything": ("import os\nos.closerange(0, 1000)\n", "before it was done"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_gives_one_error_and_harms_nothing(folder: Path, strict: Parsing, kind: str) -> None:
    text, expected = BAD[kind]
    bad = write(folder / "bad.py", HEAD + text)
    good = write(folder / "good.py", DAG.format(dag_id="good"))
    bad_result, good_result = strict.parse(bad, good)
    (error,) = bad_result.errors
    first_line = error.message.splitlines()[0]
    assert expected in first_line
    assert first_line.startswith("bad.py")
    assert len(error.message) < 20_000
    assert bad_result.dags == []
    assert ([dag.dag_id for dag in good_result.dags], good_result.errors) == (["good"], [])


def test_much_output_is_cut_and_harmless(folder: Path, strict: Parsing) -> None:
    text = DAG.format(dag_id="loud") + "for _ in range(1000):\n    print('x' * 100_000)\nprint('the end')\n"
    path = write(folder / "loud.py", text)
    strict.pool.submit(FileToParse(path=str(path), folder=str(folder)))
    strict.until(lambda: bool(strict.done))
    (parsed,) = strict.done
    strict.done.clear()
    assert parsed.outcome is not None
    assert [dag.dag_id for dag in parsed.outcome.dags] == ["loud"]
    assert len(parsed.end.output) < 40_000
    assert parsed.end.output.endswith("the end\n")


def test_what_a_file_started_dies_with_its_process(folder: Path, strict: Parsing) -> None:
    number = folder / "pid"
    text = f"""
        import subprocess
        process = subprocess.Popen(["sleep", "600"])
        open({str(number)!r}, "w").write(str(process.pid))
    """
    path = write(folder / "spawns.py", HEAD + textwrap.dedent(text))
    strict.parse(path)
    assert has_ended(int(number.read_text()))


def has_ended(pid: int) -> bool:
    """Wait for the end of a process that is nobody's child here."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


def test_a_copy_that_author_code_forks_reports_nothing(folder: Path, strict: Parsing) -> None:
    path = write(folder / "forks.py", DAG.format(dag_id="forks") + "import os\nos.fork()\n")
    (result,) = strict.parse(path)
    assert ([dag.dag_id for dag in result.dags], result.errors) == (["forks"], [])


def test_files_are_tried_again_when_the_forker_dies(folder: Path, strict: Parsing) -> None:
    path = write(
        folder / "patricide.py", HEAD + "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos._exit(0)\n"
    )
    good = write(folder / "good.py", DAG.format(dag_id="good"))
    bad_result, good_result = strict.parse(path, good)
    assert len(bad_result.errors) == 1
    assert [dag.dag_id for dag in good_result.dags] == ["good"]


def test_an_unreadable_file_says_so(folder: Path, strict: Parsing) -> None:
    (result,) = strict.parse(folder / "gone.py")
    (error,) = result.errors
    assert error.message.startswith("gone.py: FileNotFoundError")
    assert result.source is None


def test_the_forker_ends_with_the_one_who_started_it(folder: Path) -> None:
    with parsing(folder) as pool:
        pool.parse(write(folder / "good.py", DAG.format(dag_id="good")))
        assert pool.pool._forker is not None
        pid = pool.pool._forker.process.pid
        pool.pool.rest()
        assert pool.pool._forker is None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        (result,) = pool.parse(folder / "good.py")
        assert [dag.dag_id for dag in result.dags] == ["good"]


def broken_starts(monkeypatch: pytest.MonkeyPatch, folder: Path, count: int) -> None:
    """Let the next forkers fail before they have loaded what they need."""
    left = folder / "left"
    left.write_text("x" * count)
    text = f"""
        import os, sys
        size = os.path.getsize({str(left)!r})
        if size and any("forker" in word for word in sys.orig_argv):
            os.truncate({str(left)!r}, size - 1)
            sys.stderr.write("no such library\\n")
            os._exit(1)
    """
    write(folder / "site/sitecustomize.py", textwrap.dedent(text))
    monkeypatch.setenv("PYTHONPATH", str(folder / "site"))


def test_no_file_is_blamed_for_a_forker_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write(tmp_path / f"{name}.py", DAG.format(dag_id=name)) for name in "abc"]
    broken_starts(monkeypatch, tmp_path, MAX_FAILED_STARTS - 1)
    with parsing(tmp_path) as pool:
        results = pool.parse(*paths)
    assert [([dag.dag_id for dag in result.dags], result.errors) for result in results] == [
        (["a"], []),
        (["b"], []),
        (["c"], []),
    ]


def test_a_forker_that_never_starts_is_an_error_of_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.py", DAG.format(dag_id="a"))
    broken_starts(monkeypatch, tmp_path, MAX_FAILED_STARTS)
    with parsing(tmp_path) as pool, pytest.raises(ForkerError, match="status 1 before it was ready, 3 times"):
        pool.parse(path)
