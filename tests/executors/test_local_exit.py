"""How ends of processes are told, and how what a dead executor left behind is found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.executors.local_orphans import executor_mark, kill_marked, kill_orphans
from tradewind.executors.local_protocol import (
    EXECUTOR_MARK,
    FORK_FAILED,
    WorkerOptions,
    decode_options,
    describe_exit,
    encode_options,
)

from tests.executors.local_harness import LIMIT_S

MARK = "TRADEWIND_TEST_MARK"

# An executor whose task has started a program of its own session; then it waits to be killed.
EXECUTOR = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.executors.local_harness import Harness

harness = Harness(Path(sys.argv[1]))
file = harness.write("dags.py", '''
import subprocess, signal
from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.operators.python import PythonOperator

def start(ti):
    program = subprocess.Popen(["sleep", "600"], start_new_session=True)
    ti.xcom_push("pids", [ti.pid, program.pid])
    signal.pause()

with DAG("d"):
    PythonOperator(task_id="start", python_callable=start)
''')
order = harness.submit(harness.order(file, "start"))
print(harness.executor._forker.pid, harness.pushed(order, "pids").decode(), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "its process exited with code 0"),
        (7 << 8, "its process exited with code 7"),
        (signal.SIGKILL, "killed by SIGKILL (out of memory?)"),
        (signal.SIGSEGV | 0x80, "killed by SIGSEGV"),
        (63, "killed by signal 63"),
        (FORK_FAILED, "the operating system refused to start its process"),
    ],
)
def test_an_exit_is_put_into_words(status: int, text: str) -> None:
    assert describe_exit(status) == text


def test_options_survive_the_command_line() -> None:
    options = WorkerOptions(isolation="fork", author_defaults={"retries": 2, "owner": "ä'\" "})
    assert decode_options(encode_options(options)) == options


def sleeper(**environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], env={**os.environ, **environment}, start_new_session=True)


def test_marked_processes_are_killed_and_others_are_not() -> None:
    with sleeper(**{MARK: "1"}) as marked, sleeper(**{MARK: "12"}) as other:
        assert kill_marked(MARK, "1") == 1
        assert marked.wait(LIMIT_S) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()


def test_processes_of_a_living_executor_are_no_orphans() -> None:
    with subprocess.Popen(["sleep", "600"]) as gone:
        mark_of_the_gone = executor_mark(gone.pid)
        gone.kill()
    with (
        sleeper(**{EXECUTOR_MARK: f"{executor_mark()}.1"}) as ours,
        sleeper(**{EXECUTOR_MARK: f"{mark_of_the_gone}.1"}) as orphan,
        sleeper(**{EXECUTOR_MARK: "1.2.3.4"}) as of_another_namespace,
    ):
        kill_orphans()
        assert orphan.wait(LIMIT_S) == -signal.SIGKILL
        assert ours.poll() is None
        assert of_another_namespace.poll() is None
        ours.kill()
        of_another_namespace.kill()


def test_nothing_outlives_a_killed_executor(tmp_path: Path) -> None:
    source = EXECUTOR.format(root=str(Path(__file__).resolve().parents[2]))
    with subprocess.Popen(
        [sys.executable, "-c", source, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as executor:
        assert executor.stdout is not None
        assert executor.stdin is not None
        forker, pids = executor.stdout.readline().split(maxsplit=1)
        worker, program = (int(pid) for pid in pids.strip("[]\n").split(","))
        watched = [os.pidfd_open(pid) for pid in (int(forker), worker, program)]
        executor.kill()
    for watch in watched:
        # A process descriptor is readable once the process has ended.
        os.set_blocking(watch, False)
        assert wait_readable(watch)
        os.close(watch)


def wait_readable(fileno: int) -> bool:
    import select

    return bool(select.select([fileno], [], [], LIMIT_S)[0])
