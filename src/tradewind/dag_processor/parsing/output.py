"""What a child writes to standard output and standard error, apart for each file that it imports."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

KEPT_OUTPUT_BYTES = 16 * 1024
"""Kept of the output of a file from its beginning, and again from its end."""


@dataclass(slots=True)
class _Kept:
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)

    def keep(self, chunk: bytes) -> None:
        room = KEPT_OUTPUT_BYTES - len(self.head)
        self.head += chunk[:room]
        self.tail += chunk[room:]
        if len(self.tail) > 2 * KEPT_OUTPUT_BYTES:
            del self.tail[:-KEPT_OUTPUT_BYTES]

    def text(self) -> str:
        tail = bytes(self.tail[-KEPT_OUTPUT_BYTES:])
        gap = b"\n[...]\n" if len(self.tail) > KEPT_OUTPUT_BYTES else b""
        return (bytes(self.head) + gap + tail).decode("utf-8", "replace")


class ChildOutput:
    """Cuts one stream at the mark that the child writes into it before each file but the first."""

    def __init__(self) -> None:
        self.mark = b"\0" + os.urandom(12).hex().encode()
        self.at = 0
        """Place of the file under way, among those of the request."""
        self._kept = _Kept()
        self._texts: dict[int, str] = {}
        self._pending = b""

    def feed(self, chunk: bytes) -> bool:
        """Take what was read; return whether another file has been begun in it."""
        *ended, last = (self._pending + chunk).split(self.mark)
        for part in ended:
            self._kept.keep(part)
            self._end_file()
            self.at += 1
        # Half a mark may be at the end: only its first byte is a NUL.
        half = last.rfind(b"\0", max(0, len(last) - len(self.mark) + 1))
        whole = len(last) if half < 0 else half
        self._kept.keep(last[:whole])
        self._pending = last[whole:]
        return bool(ended)

    def take(self) -> dict[int, str]:
        """Return the output of each file that wrote some, since the last call for all but the one under way."""
        texts, self._texts = self._texts, {}
        return texts

    def end(self) -> dict[int, str]:
        """Return what `take` does, with that of the file under way: nothing follows."""
        self._kept.keep(self._pending)
        self._pending = b""
        self._end_file()
        return self.take()

    def _end_file(self) -> None:
        if self._kept.head:
            self._texts[self.at] = self._kept.text()
            self._kept = _Kept()
