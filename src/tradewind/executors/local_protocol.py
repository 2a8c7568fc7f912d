"""What a LocalExecutor, its forker and its workers agree on: requests, exits, and the options of a worker."""

from __future__ import annotations

import os
import signal
import struct
from typing import Any

import msgspec

FORKER_MODULE = "tradewind.worker.forker"
"""By name: the worker room lies on a floor above."""

EXECUTOR_MARK = "TRADEWIND_LOCAL_EXECUTOR"
"""Environment variable that every process of an executor carries, whatever session or group it moves to."""

WORKER_MARK = "TRADEWIND_LOCAL_WORKER"
"""Environment variable that every program started by a worker's tasks carries."""

REQUEST = struct.Struct(">cIi")
"""Executor to forker: what, the worker's number, the signal. A fork request brings the worker's socket along."""
FORK = b"f"
SIGNAL = b"s"

EXITED = struct.Struct(">Ii")
"""Forker to executor: the worker's number and its wait status."""

FORK_FAILED = -1
"""In place of a wait status: the operating system refused another process."""


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What workers are told when they start."""

    isolation: str = "warm"
    """`warm`: one process runs many tries; `fork`: each try has a process of its own."""
    max_tasks_per_child: int = 1000
    """A process leaves after so many tries; 0: never."""
    max_rss_mib: int = 1024
    """A process that has grown beyond leaves after its try."""
    import_timeout_s: float = 30.0
    """A DAG file that takes longer to import fails the try."""
    callback_timeout_s: float = 300.0
    """An author's callback that takes longer is ended."""
    plugins_folder: str | None = None
    config_folder: str | None = None
    xcom_max_bytes: int = 16 << 20
    max_map_length: int = 1024
    """A task that returns more items for others to be expanded over fails."""
    log_level: str = "INFO"
    base_url: str = "http://localhost:8080"
    """Where the web server answers: the start of `ti.log_url`."""
    author_defaults: dict[str, Any] = {}
    """Values for `tradewind.sdk.author_defaults.AuthorDefaults`."""
    author_values: dict[str, Any] = {}
    """Arguments of `tradewind.sdk.secrets.author_values.install_author_values`."""


def encode_options(options: WorkerOptions) -> str:
    """Return the options as a command line argument."""
    return msgspec.json.encode(options).decode()


def decode_options(text: str) -> WorkerOptions:
    """Return the options in a command line argument."""
    return msgspec.json.decode(text, type=WorkerOptions)


def describe_exit(status: int) -> str:
    """Return in words how a process with this wait status ended."""
    if status == FORK_FAILED:
        return "the operating system refused to start its process"
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"its process exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name} (out of memory?)" if name == "SIGKILL" else f"killed by {name}"
