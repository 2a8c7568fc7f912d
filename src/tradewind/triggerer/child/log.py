"""Where triggers log: each into the log of the try that waits for it, so that both are read in order."""

from __future__ import annotations

import io
import logging
import os
import sys
from contextvars import ContextVar
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tradewind.sdk.runtime.tracebacks import describe_error
from tradewind.sdk.toolkit.masking import SecretsMasker, redact

_path: ContextVar[str] = ContextVar("trigger_log_path", default="")
_STDERR = 2


def log_to(path: str) -> None:
    """Let what this task of the loop logs and prints, and every task and thread that it starts, go to the file."""
    _path.set(path)


def set_up(level: str) -> None:
    """Give the root logger its handler, and make prints lines of the log. Once a process."""
    handler = _Handler()
    handler.addFilter(SecretsMasker())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    for name in ("asyncio",):
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.stdout = sys.stderr = _Prints()  # type: ignore[assignment] - all that prints need of a stream


def format_error(error: BaseException) -> list[str]:
    """Return the lines of what of the error's traceback is the author's; without any its kind and its message."""
    return (describe_error(error) or f"{type(error).__name__}: {error}").splitlines()


class _Handler(logging.Handler):
    """Writes records as the workers do: `[2026-11-22T10:00:00.123+0000] {module.py:12} INFO - message`."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            if record.exc_info and not record.exc_text:
                error = record.exc_info[1]
                record.exc_text = "" if error is None else "\n".join(format_error(error))
            if record.exc_text and record.exc_text not in text:
                text = f"{text}\n{record.exc_text}"
            stamp = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
            stamp = stamp.replace("+00:00", "+0000")
            write(f"[{stamp}] {{{record.filename}:{record.lineno}}} {record.levelname} - {text}\n")
        except Exception:  # noqa: BLE001 - a bad format string costs its line only
            self.handleError(record)


def write(text: str) -> None:
    """Append the text to the log of whoever is at work; where that has none or fails, to the process's own output."""
    data = text.encode("utf-8", "backslashreplace")
    path = _path.get()
    if path and _append(path, data):
        return
    os.write(_STDERR, data)


def _append(path: str, data: bytes) -> bool:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        try:
            fd = os.open(path, flags, 0o664)
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, flags, 0o664)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)
    except OSError:
        return False
    return True


class _Prints(io.TextIOBase):
    """Standard output and error of triggers."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return _STDERR

    def write(self, text: Any, /) -> int:
        if text:
            write(redact(str(text)))
        return len(text)
