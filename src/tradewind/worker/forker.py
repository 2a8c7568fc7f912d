"""The forker: a small process that has loaded what every worker needs, and forks the workers of one LocalExecutor.

It hears of its executor's death by the end of the socket, and then ends all it has forked: nothing outlives the
scheduler. It runs no author code itself.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from tradewind.airflow.finder import install
from tradewind.executors.local_orphans import kill_marked
from tradewind.executors.local_protocol import (
    EXECUTOR_MARK,
    EXITED,
    FORK,
    FORK_FAILED,
    REQUEST,
    WORKER_MARK,
    decode_options,
)
from tradewind.sdk.author_defaults import AuthorDefaults, install_author_defaults
from tradewind.sdk.plugins.loading import plugin_entry_points
from tradewind.sdk.policies.cluster import policy_entry_points
from tradewind.sdk.secrets.author_values import install_author_values
from tradewind.worker.host.environment import executor_mark, set_worker_mark
from tradewind.worker.host.processes import fork_child
from tradewind.worker.process import run_worker

if TYPE_CHECKING:
    from types import FrameType

    from tradewind.executors.local_protocol import WorkerOptions


_PRELOADED = (
    "decimal",
    "jinja2",
    "json",
    "pendulum",
    "subprocess",
    "tradewind.sdk.definitions.taskflow",
    "tradewind.sdk.operators.bash",
    "tradewind.sdk.operators.branch",
    "tradewind.sdk.operators.empty",
    "tradewind.sdk.operators.python",
    "tradewind.sdk.runtime.macros",
    "tradewind.sdk.runtime.templating",
    "tradewind.sdk.toolkit.dates",
    "tradewind.sdk.variable",
    "tradewind.xcom.values",
)
"""What nearly every DAG file or task reaches for: loaded here it is there in each worker, in shared memory."""


class _LeaveError(Exception):
    """The executor is gone, or somebody wants this process to end."""


class Forker:
    """Serves one executor's requests until it goes away."""

    def __init__(self, sock: socket.socket, options: WorkerOptions) -> None:
        """Serve the executor at the other end of `sock`."""
        self._sock = sock
        self._options = options
        self._pids: dict[int, int] = {}
        self._numbers: dict[int, int] = {}
        self._mark = executor_mark()
        self._wake_reader, self._wake_writer = socket.socketpair()

    def serve(self) -> None:
        """Fork, signal and reap as told; returns when the executor has gone and everything forked is dead."""
        self._wake_writer.setblocking(False)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._loop()
        except (_LeaveError, ConnectionError):
            pass
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._kill_all()

    def _loop(self) -> None:
        import select  # noqa: PLC0415 - children never need it

        poller = select.poll()
        poller.register(self._sock, select.POLLIN)
        poller.register(self._wake_reader, select.POLLIN)
        while True:
            for fileno, _ in poller.poll():
                if fileno == self._wake_reader.fileno():
                    self._wake_reader.recv(4096)
                    self._reap()
                else:
                    self._serve_request()

    def _serve_request(self) -> None:
        data, fds, _, _ = socket.recv_fds(self._sock, REQUEST.size, 1)
        while data and len(data) < REQUEST.size:
            data += self._sock.recv(REQUEST.size - len(data))
        if not data:
            raise _LeaveError
        what, number, signum = REQUEST.unpack(data)
        if what == FORK:
            self._fork(number, socket.socket(fileno=fds[0]))
        elif number in self._pids:
            self._signal(self._pids[number], signum)

    def _fork(self, number: int, worker_end: socket.socket) -> None:
        def run() -> int:
            os.setsid()
            self._forget_own()
            set_worker_mark(self._worker_mark(number))
            return run_worker(worker_end, self._options)

        with worker_end:
            try:
                pid = fork_child(run)
            except OSError as error:
                print(f"cannot start a worker process: {error}", file=sys.stderr, flush=True)  # noqa: T201
                self._report(number, FORK_FAILED)
                return
        self._pids[number] = pid
        self._numbers[pid] = number

    def _forget_own(self) -> None:
        """In the child: what belongs to the forker alone."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for sock in (self._sock, self._wake_reader, self._wake_writer):
            sock.close()

    def _signal(self, pid: int, signum: int) -> None:
        # The pid is this process's unreaped child: it cannot have become another process's.
        if signum == signal.SIGKILL:
            _kill_group(pid)
        os.kill(pid, signum)

    def _reap(self) -> None:
        while self._numbers:
            # The zombie stays until its group is dead, so that the group's number cannot become another's.
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            pid = ended.si_pid
            number = self._numbers.pop(pid, 0)
            if ended.si_status != 0 or ended.si_code != os.CLD_EXITED:
                _kill_group(pid)
                kill_marked(WORKER_MARK, self._worker_mark(number))
            _, status = os.waitpid(pid, 0)
            self._pids.pop(number, None)
            self._report(number, status)

    def _report(self, number: int, status: int) -> None:
        self._sock.sendall(EXITED.pack(number, status))

    def _kill_all(self) -> None:
        for pid in self._numbers:
            self._signal(pid, signal.SIGKILL)
        for pid in self._numbers:
            os.waitpid(pid, 0)
        kill_marked(EXECUTOR_MARK, self._mark)

    def _worker_mark(self, number: int) -> str:
        return f"{self._mark}.{number}"


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # it died before it led a group, or only zombies are left


def _ignore(_signum: int, _frame: FrameType | None) -> None:
    """Have a handler, so that the wakeup descriptor is written to."""


def _leave(_signum: int, _frame: FrameType | None) -> None:
    raise _LeaveError


def main(arguments: list[str]) -> int:
    """Run the forker: the arguments are the descriptor of its socket and the workers' options."""
    options = decode_options(arguments[1])
    preload(options)
    plugin_entry_points()
    policy_entry_points()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(arguments[0])) as sock:
        Forker(sock, options).serve()
    return 0


def preload(options: WorkerOptions) -> None:
    """Load what workers need, once for all of them, and set what holds for every DAG file."""
    for name in _PRELOADED:
        import_module(name)
    # A cached module is chosen by the second of its change and its size, which a quick edit need not alter: none is
    # left in the DAG folder, where the import of the edited file would find it too.
    sys.dont_write_bytecode = True
    install()
    install_author_defaults(AuthorDefaults(**options.author_defaults))
    install_author_values(**options.author_values)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
