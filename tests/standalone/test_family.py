"""The supervisor: who starts, who is started again, and how the family ends. Each family runs in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

HEAD = """
import logging, os, signal, sys
from tradewind.core.clock import SystemClock
from tradewind.standalone.family import EX_CONFIG, Family, Member

logging.basicConfig(format="%(message)s", stream=sys.stdout)

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def steady(name):
    def body(ready):
        say(name, os.getpid())
        ready()
        signal.pause()
        return 0
    return body

def run(grace_s=10.0, **bodies):
    members = [Member(name, body) for name, body in bodies.items()]
    sys.exit(Family(members, clock=SystemClock(), grace_s=grace_s, on_ready=lambda: say("all ready")).run())
"""


class Started:
    """A family in a process; what its members say comes line by line."""

    def __init__(self, body: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HEAD + body], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def line(self) -> str:
        """Wait for the next line; an empty one is the end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip()

    def until(self, beginning: str) -> str:
        """Wait for the next line that begins so."""
        while not (line := self.line()).startswith(beginning):
            assert line or self.process.poll() is None, f"ended before {beginning!r}"
        return line

    def end(self) -> int:
        """Ask it to end; return its exit code when every process of it has closed its output."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate()
        return self.process.returncode


@pytest.fixture
def start() -> Iterator[Callable[[str], Started]]:
    """Return a function that starts a family from the end of a script."""
    made: list[Started] = []

    def make(body: str) -> Started:
        made.append(Started(body))
        return made[-1]

    yield make
    for started in made:
        if started.process.poll() is None:
            started.process.kill()
            started.process.communicate()


def test_all_members_start_and_a_dead_one_is_started_again(start: Callable[[str], Started]) -> None:
    family = start("run(a=steady('a'), b=steady('b'))")
    said = sorted(family.line() for _ in range(2))
    assert [line.split()[0] for line in said] == ["a", "b"]
    assert family.until("all ready") == "all ready"

    first = int(said[0].split()[1])
    os.kill(first, signal.SIGKILL)
    assert family.line() == "a ended (signal 9), starting it again in 0.1 s"
    again = family.line()
    assert again.startswith("a ")
    assert again != f"a {first}"
    assert family.end() == 0


def test_one_that_dies_at_once_is_started_again_ever_later(start: Callable[[str], Started]) -> None:
    family = start("run(a=steady('a'), b=lambda ready: 3)")
    delays = [family.until("b ended").removeprefix("b ended (exit code 3), starting it again in ") for _ in range(3)]
    assert delays == ["0.1 s", "0.2 s", "0.4 s"]
    assert family.end() == 0


def test_an_error_of_a_member_is_told_and_does_not_reach_the_supervisor(start: Callable[[str], Started]) -> None:
    family = start("run(a=steady('a'), b=lambda ready: 1 / 0)")
    family.until("b ended with an error")
    family.until("ZeroDivisionError")
    assert family.until("b ended (") == "b ended (exit code 1), starting it again in 0.1 s"
    assert family.end() == 0


def test_settings_that_cannot_work_end_the_family(start: Callable[[str], Started]) -> None:
    # However early it is, the other member hears that it is to end.
    family = start("run(b=lambda ready: EX_CONFIG, a=steady('a'))")
    said, _ = family.process.communicate()
    assert family.process.returncode == 78
    assert "did not end" not in said


def test_one_that_does_not_end_is_killed_after_the_grace_time(start: Callable[[str], Started]) -> None:
    family = start(
        "def deaf(ready):\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    ready()\n"
        "    while True:\n"
        "        signal.pause()\n"
        "run(grace_s=0.2, a=steady('a'), b=deaf)"
    )
    family.until("all ready")
    family.process.send_signal(signal.SIGTERM)
    assert family.until("b did not end").startswith("b did not end within 0.2 s: killed")
    family.process.communicate()
    assert family.process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere members outlive a killed supervisor")
def test_members_end_with_a_killed_supervisor(start: Callable[[str], Started]) -> None:
    family = start("run(a=steady('a'), b=steady('b'))")
    family.until("all ready")
    family.process.kill()
    # The end of the output is the end of every process that could write to it.
    family.process.communicate()
