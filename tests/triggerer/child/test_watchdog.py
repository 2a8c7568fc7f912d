"""The watch over the loop: whose doing it is when it stands still, and no alarm where the process itself was stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tradewind.triggerer.child.watchdog import LOOKS, Watchdog

SCRIPT = """
import asyncio, sys, time
from tradewind.triggerer.child.watchdog import Watchdog

def tell(name, where, for_s):
    print("blocked", name, flush=True)

async def spin():
    # Always at work, and never for long: the process is stopped amid it.
    while True:
        time.sleep(0.001)
        await asyncio.sleep(0)

async def work():
    watchdog = Watchdog(asyncio.get_running_loop(), tell, 0.12)
    watchdog.start()
    watchdog.want(is_wanted=True)
    spinning = asyncio.create_task(spin(), name="spinning")
    print("ready", flush=True)
    while (word := (await asyncio.to_thread(sys.stdin.readline)).strip()) != "end":
        if word == "block":
            time.sleep(0.6)
        print("heard", word, flush=True)
    watchdog.stop()
    spinning.cancel()

asyncio.run(work())
"""


@pytest.fixture
def looping() -> subprocess.Popen[str]:
    """Return a process with a watched loop that does what it is told."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def say(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_process_that_is_stopped_is_not_blocked_and_one_that_sleeps_is(looping: subprocess.Popen[str]) -> None:
    with looping:
        assert hear(looping) == "ready"
        for _ in range(2):
            os.kill(looping.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, looping.pid, os.WSTOPPED)
            # Longer than the loop may stand still; how much longer does not matter.
            threading.Event().wait(0.3)
            os.kill(looping.pid, signal.SIGCONT)
            say(looping, "word")
            assert hear(looping) == "heard word"
        say(looping, "block")
        assert hear(looping).startswith("blocked Task-1")
        assert hear(looping) == "heard block"
        say(looping, "end")


class Leaps:
    """A clock on which every look takes long, as in a process that gets no processor."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.looks = 0
        self.has_looked = threading.Event()

    def monotonic(self) -> float:
        """Return a time far later than the last one."""
        self.now_s += 100.0
        self.looks += 1
        if self.looks > 4 * LOOKS:
            self.has_looked.set()
        return self.now_s


def test_looks_that_come_late_do_not_count() -> None:
    clock, told = Leaps(), []

    async def work() -> None:
        watchdog = Watchdog(
            asyncio.get_running_loop(),
            lambda *report: told.append(report),
            0.004,
            clock,  # type: ignore[arg-type] - it asks for nothing else
        )
        watchdog.start()
        watchdog.want(is_wanted=True)
        # The loop stands still, and nobody can tell whether the machine does.
        assert clock.has_looked.wait(10)
        watchdog.stop()

    asyncio.run(work())
    assert told == []
