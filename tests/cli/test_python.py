"""`tradewind python`, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine

SCRIPT = """\
import sys
from airflow.models import Variable
from airflow.sdk import DAG, task

with DAG("mine") as dag:
    @task
    def one():
        Variable.set("seen", "yes")
        return 7

    one()

if __name__ == "__main__":
    run = dag.test()
    print(run.state, run.get_task_instance("one").xcom_pull("one"), Variable.get("seen"), sys.argv[1:])
    if "fail" in sys.argv:
        1 / 0
    sys.exit(3)
"""


def python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from tradewind.cli.main import main; main()", "python", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


@pytest.fixture
def script(home: Path) -> Path:
    """Return a script that tests its own DAG."""
    file = home / "mine.py"
    file.write_text(SCRIPT)
    return file


def test_a_script_tests_its_dag_and_decides_over_the_exit_code(script: Path) -> None:
    ran = python("mine.py", "--help", "-v", folder=script.parent)
    assert ran.returncode == 3
    assert ran.stdout == "success 7 yes ['--help', '-v']\n"
    assert "DAG run manual__" in ran.stderr


def test_a_traceback_shows_the_authors_frames_only(script: Path) -> None:
    ran = python("mine.py", "fail", folder=script.parent)
    assert ran.returncode == 1
    tail = ran.stderr[ran.stderr.index("Traceback") :]
    assert tail.splitlines()[1] == '  File "mine.py", line 17, in <module>'
    assert tail.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "runpy" not in tail


def test_a_module_runs_with_the_current_folder_on_its_path(script: Path) -> None:
    ran = python("-m", "mine", "more", folder=script.parent)
    assert (ran.returncode, ran.stdout) == (3, "success 7 yes ['more']\n")


def test_code_runs_too(home: Path) -> None:
    ran = python("-c", "import sys, airflow; print(__name__, sys.argv, airflow.__version__[:2])", "x", folder=home)
    assert (ran.returncode, ran.stdout) == (0, "__main__ ['-c', 'x'] 3.\n")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [(["no.py"], "no file 'no.py'"), (["-m"], "needs a module"), (["-c"], "needs code"), (["-x"], "option '-x'")],
)
def test_a_mistake_is_one_line(tradewind: CommandLine, home: Path, arguments: list[str], part: str) -> None:
    assert part in tradewind.refused("python", *arguments, code=2)


def test_nothing_at_all_shows_the_help(tradewind: CommandLine) -> None:
    answer = tradewind("python")
    assert answer.code == 2
    assert answer.out.startswith("Usage: tradewind python {FILE | -m MODULE | -c CODE}")
