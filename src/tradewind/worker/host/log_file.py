"""A try's log: log records, prints and what programs write all go to one file, readable while the task runs.

A log that cannot be written costs its lines, never the task: a full disk is no reason to fail.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from tradewind.sdk.runtime.tracebacks import describe_error
from tradewind.sdk.toolkit.masking import SecretsMasker, redact

_STDOUT = 1
_STDERR = 2


class TaskLog:
    """The standard streams and the root logger of a worker process, pointed at one file after the other."""

    def __init__(self, level: str = "INFO") -> None:
        """Replace the process's standard streams, and give the root logger a handler. Once a process."""
        self.error: OSError | None = None
        """What kept (a part of) the last log from being written."""
        self._handler = _Handler(self)
        self._handler.addFilter(SecretsMasker())
        self._outside = (os.dup(_STDOUT), os.dup(_STDERR))
        self._level = logging.getLevelName(level)
        self._streams = (_text_stream(self, _STDOUT), _text_stream(self, _STDERR))
        self._use_streams()
        logging.captureWarnings(capture=True)

    def open(self, path: str) -> None:
        """Send everything to the file from here on; its folders are made. Where that fails, nowhere."""
        self.error = None
        try:
            fd = _open_for_append(path)
        except OSError as error:
            self.error = error
            fd = _open_nowhere()
        _point_streams_at(fd)
        root = logging.getLogger()
        if self._handler not in root.handlers:
            root.addHandler(self._handler)
        if root.level != self._level:
            root.setLevel(self._level)

    def close(self) -> None:
        """Send everything outside again, where the process wrote to before its first task."""
        self._use_streams()
        self.flush()
        os.dup2(self._outside[0], _STDOUT)
        os.dup2(self._outside[1], _STDERR)

    def flush(self) -> None:
        """Write out what was printed without a newline at its end."""
        for stream in self._streams:
            stream.flush()

    def write(self, fd: int, data: bytes) -> None:
        """Write all of it to the descriptor; an error is kept, not raised.

        After an error the rest of the log goes nowhere: programs that a task starts, and native code, would take a
        write that fails for a failure of their own.
        """
        try:
            written = os.write(fd, data)
            while written < len(data):
                written += os.write(fd, data[written:])
        except OSError as error:
            self.error = error
            _point_streams_at(_open_nowhere())

    @property
    def note(self) -> str | None:
        """A sentence on what the log lacks, None when it is complete."""
        return None if self.error is None else f"the log is incomplete: {self.error.strerror or self.error}"

    def _use_streams(self) -> None:
        """Undo what a task did to `sys.stdout` and `sys.stderr`."""
        sys.stdout, sys.stderr = self._streams
        sys.__stdout__, sys.__stderr__ = self._streams  # type: ignore[misc] - for who goes back to the original


class _Stream(io.RawIOBase):
    """A standard stream's descriptor that swallows errors and secrets."""

    def __init__(self, log: TaskLog, fd: int) -> None:
        self._log = log
        self._fd = fd

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return False

    def write(self, data: Any, /) -> int:
        content = bytes(data)
        text = content.decode("utf-8", "surrogateescape")
        masked = redact(text)
        self._log.write(self._fd, content if masked is text else masked.encode("utf-8", "surrogateescape"))
        return len(content)


def _text_stream(log: TaskLog, fd: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Stream(log, fd)), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )


class _Handler(logging.Handler):
    """Writes records as `[2026-11-22T10:00:00.123+0000] {module.py:12} INFO - message`, the time in UTC."""

    def __init__(self, log: TaskLog) -> None:
        super().__init__()
        self._log = log
        self._second = -1
        self._text_of_second = ""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._line(record)
        except Exception:  # noqa: BLE001 - a bad format string costs its line only
            self.handleError(record)
            return
        # What was printed before stands before.
        self._log.flush()
        self._log.write(_STDERR, line.encode("utf-8", "backslashreplace"))

    def _line(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        if second != self._second:
            self._second = second
            self._text_of_second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        text = record.getMessage()
        if record.exc_info and not record.exc_text:
            record.exc_text = format_error(record.exc_info[1])
        if record.exc_text and record.exc_text not in text:
            text = f"{text}\n{record.exc_text}"
        if record.stack_info:
            text = f"{text}\n{record.stack_info}"
        stamp = f"{self._text_of_second}.{int(record.msecs):03d}+0000"
        return f"[{stamp}] {{{record.filename}:{record.lineno}}} {record.levelname} - {text}\n"


def format_error(error: BaseException | None) -> str:
    """Return what of the error's traceback is the author's; without any its kind and its message."""
    if error is None:
        return ""
    return describe_error(error) or f"{type(error).__name__}: {error}"


def _point_streams_at(fd: int) -> None:
    """Make the descriptor standard output and error, and close it."""
    os.dup2(fd, _STDOUT)
    os.dup2(fd, _STDERR)
    os.close(fd)


def _open_nowhere() -> int:
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def _open_for_append(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o664)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o664)
