"""Reading a task's log, whole or from where a reader left off, also while it grows."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 1 << 20
"""So much of a log is in memory at most."""


@dataclass(frozen=True, slots=True)
class LogChunk:
    """A part of a log: its text, where the next part begins, and whether more is there already."""

    text: str
    next_offset: int
    has_more: bool


def read_chunk(path: str | Path, offset: int = 0, limit_bytes: int = CHUNK_BYTES) -> LogChunk:
    """Return what the log has from byte `offset` on, at most so much; an empty chunk when there is no file yet.

    A character that is only half there is left for the next chunk; bytes that are no text are replaced. Raises OSError
    for a file that cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            file.seek(max(0, offset))
            data = file.read(limit_bytes)
            has_more = bool(file.read(1))
    except FileNotFoundError:
        return LogChunk("", offset, has_more=False)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    kept, _ = decoder.getstate()
    if kept and len(kept) == len(data):
        # Nothing but the start of a character, and no room for its rest: what it is will not become clear.
        text, kept = data.decode("utf-8", "replace"), b""
    return LogChunk(text, max(0, offset) + len(data) - len(kept), has_more)


def read_tail(path: str | Path, limit_bytes: int = CHUNK_BYTES) -> LogChunk:
    """Return the last part of the log, from the start of a line on where it has lines of bearable length."""
    try:
        size = Path(path).stat().st_size
    except FileNotFoundError:
        return LogChunk("", 0, has_more=False)
    offset = max(0, size - limit_bytes)
    chunk = read_chunk(path, offset, limit_bytes)
    if offset == 0:
        return chunk
    _, newline, rest = chunk.text.partition("\n")
    return LogChunk(rest if newline else chunk.text, chunk.next_offset, chunk.has_more)


def follow(
    path: str | Path,
    is_ended: Callable[[], bool],
    pause: Callable[[], None],
    offset: int = 0,
) -> Iterator[LogChunk]:
    """Yield the log's parts as they are written, until `is_ended()` and all is read.

    `pause` waits for a moment before the next look.
    """
    while True:
        # Asked before reading: what was written before the end is read after it.
        ended = is_ended()
        chunk = read_chunk(path, offset)
        offset = chunk.next_offset
        if chunk.text:
            yield chunk
        elif ended:
            return
        else:
            pause()
