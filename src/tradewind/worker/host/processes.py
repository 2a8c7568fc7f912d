"""What the operating system is asked for by the forker and the workers: to die with the parent, signals, groups."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_IS_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _IS_LINUX else None
"""Looked up once, before the forks: a child needs one system call then."""


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends. Only Linux can; there it holds from this moment on."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def fork_child(run: Callable[[], int], note_pid: Callable[[int], None] | None = None) -> int:
    """Fork; the child runs `run`, which returns its exit code, and never comes back. Return the child's pid.

    SIGTERM is held back in the parent until `note_pid` has heard of the child, in the child until `run` has set its
    handler and calls `accept_signals`. Raises OSError.
    """
    parent = os.getpid()
    held = {signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        pid = os.fork()
        if pid:
            if note_pid is not None:
                note_pid(pid)
            return pid
    finally:
        if os.getpid() == parent:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
    code = 1
    try:
        die_with_parent(parent)
        code = run()
    except BaseException as error:  # noqa: BLE001 - the child must not run on in its parent's frames
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        flush_streams()
        os._exit(code)


def accept_signals() -> None:
    """Let SIGTERM through again: its handler is in place."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def flush_streams() -> None:
    """Write out what Python holds for standard output and error; a stream that is broken keeps it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue


def end_like(status: int) -> None:
    """End this process as another one ended, by its wait status: whoever waits learns the true reason."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code > 0 else 1)
