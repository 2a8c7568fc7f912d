"""Trying a connection through its provider's hook, in a process of its own with a time limit.

Hooks are code of provider packages, which may hang, print or bring the process down: neither the web server nor the
command line runs it itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec

from tradewind.config.settings import load_settings
from tradewind.sdk.connection import Connection
from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.toolkit.masking import redact
from tradewind.serialization.records import ConnectionRecord
from tradewind.standalone.in_process.author_process import memory_store, prepare_author_process

if TYPE_CHECKING:
    from collections.abc import Callable

_UNDER_TEST = "connection_under_test"
"""The conn_id that the hook is given: one that no backend and no environment has another connection for."""


def check_connection(record: ConnectionRecord, *, limit_s: float) -> tuple[bool, str]:
    """Return whether the connection works, and what was found; after `limit_s` seconds it does not."""
    child = subprocess.Popen(
        [sys.executable, "-m", __spec__.name if __spec__ else __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        answer, complaint = child.communicate(msgspec.json.encode(record), timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return False, f"no answer after {limit_s:g} s (option core.test_connection_timeout)"
    if child.returncode != 0 or not answer:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        return False, f"the process that tried it ended with status {child.returncode}: {last}"
    works, message = json.loads(answer)
    return works, message


def checker(limit_s: float) -> Callable[[ConnectionRecord], tuple[bool, str]]:
    """Return `check_connection` with this time limit."""
    return lambda record: check_connection(record, limit_s=limit_s)


def main() -> int:
    """Try the connection on standard input; write what was found to standard output."""
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)  # what the hook prints is not the answer
        record = msgspec.json.decode(sys.stdin.buffer.read(), type=ConnectionRecord)
        settings = load_settings()
        prepare_author_process(settings)
        store = memory_store(settings)
        store.connections[_UNDER_TEST] = msgspec.structs.replace(record, conn_id=_UNDER_TEST)
        install_worker_store(store)
        works, message = Connection.get(_UNDER_TEST).test_connection()
        text = str(redact(str(message))).replace(_UNDER_TEST, record.conn_id)
        json.dump([bool(works), text], answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
