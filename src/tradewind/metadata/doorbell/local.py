"""The doorbell beside an SQLite file: one datagram socket for each listener, in a folder all processes know.

A full socket is never waited for: a note is left beside it, and the listener answers it with a `RESYNC`.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.metadata.doorbell.ring import RESYNC, Ring

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

PREFIX = "doorbell-"
SUFFIX = ".sock"
MISSED = ".missed"
MAX_DATAGRAM_BYTES = 65536
MAX_ADDRESS_BYTES = 100
"""A socket's path is at most 107 bytes long on Linux, fewer elsewhere."""

_numbers = itertools.count()


def send(folder: Path, rings: Sequence[Ring]) -> None:
    """Ring at every listener of `folder`; a socket nobody listens to any more is removed."""
    try:
        names = [name for name in os.listdir(folder) if name.startswith(PREFIX) and name.endswith(SUFFIX)]  # noqa: PTH208 - names are all it takes
    except FileNotFoundError:
        return
    if not names:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, _short(folder) as prefix:
        sender.setblocking(False)
        for name in names:
            _send_to(sender, f"{prefix}/{name}", folder / name, rings)


def _send_to(sender: socket.socket, address: str, path: Path, rings: Sequence[Ring]) -> None:
    try:
        for ring in rings:
            sender.sendto(f"{ring.topic}:{ring.payload}".encode(), address)
    except BlockingIOError:
        _leave_note(sender, address, path)
    except OSError as error:
        if error.errno == errno.ENOBUFS:
            _leave_note(sender, address, path)
        elif error.errno == errno.ECONNREFUSED:
            path.unlink(missing_ok=True)
        elif error.errno != errno.ENOENT:
            raise


def _leave_note(sender: socket.socket, address: str, path: Path) -> None:
    path.with_suffix(MISSED).touch()
    # The listener may have emptied its socket before the note lay there; then this wakes it to look again.
    with contextlib.suppress(OSError):
        sender.sendto(f"{RESYNC.topic}:".encode(), address)


class LocalListener:
    """One listener in `folder`; the folder is made when it is not there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{PREFIX}{os.getpid()}-{next(_numbers)}{SUFFIX}"
        self._note = self._path.with_suffix(MISSED)
        for leftover in (self._path, self._note):  # of a process that had this number before
            leftover.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        with _short(folder) as prefix:
            self._socket.bind(f"{prefix}/{self._path.name}")

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._socket.fileno()

    def drain(self) -> list[Ring]:
        """Return what has been heard, in order, without waiting."""
        heard: list[Ring] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                topic, _, payload = self._socket.recv(MAX_DATAGRAM_BYTES).decode().partition(":")
                heard.append(Ring(topic, payload))
        if self._note.exists():
            self._note.unlink(missing_ok=True)
            heard.append(RESYNC)
        return heard

    def close(self) -> None:
        """Stop hearing and remove the socket."""
        self._socket.close()
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


@contextlib.contextmanager
def _short(folder: Path) -> Generator[str]:
    """Yield a name of `folder` that fits into a socket's address together with a file name."""
    longest = len(os.fsencode(folder)) + 40
    if longest <= MAX_ADDRESS_BYTES or not Path("/proc/self/fd").is_dir():
        yield str(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
