"""Saying what is wrong with a DAG file: one sentence with its place, then what of the traceback is the author's."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from tradewind.sdk.exceptions import AirflowTaskTimeout
from tradewind.sdk.runtime.tracebacks import describe_error

if TYPE_CHECKING:
    from tradewind.dag_processor.parsing.messages import FileEnd, FileToParse, ForkerSetup

MAX_MESSAGE_CHARACTERS = 8192
_FAULT_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_MIB = 1 << 20


def describe(error: BaseException, file: FileToParse, setup: ForkerSetup, subject: str = "") -> str:
    """Return the message for what the import of a file raised; `subject` names the DAG where only one is wrong."""
    if isinstance(error, SyntaxError) and error.filename:
        place = _place(error.filename, error.lineno, file.folder)
    else:
        place = _author_place(error, file)
    what = _what(error, setup)
    if subject not in what:
        what = f"{subject}: {what}"
    text = f"{place}: {what}"[:MAX_MESSAGE_CHARACTERS]
    if setup.traceback_depth:
        text += _traceback(error, setup.traceback_depth)
    return _printable(text)


def describe_end(end: FileEnd, file: FileToParse, setup: ForkerSetup) -> str:
    """Return the message for a file whose import took the whole process with it."""
    place = relative_to(file.path, file.folder)
    if end.was_too_slow:
        return (
            f"{place}: the import was still busy after {setup.kill_timeout_s:g} s and was killed "
            "([dag_processor] dag_file_processor_timeout)"
        )
    if end.status >= 0:
        return (
            f"{place}: the process that imports the file was ended with status {end.status} before it was done: "
            f"a DAG file must not end its process (os._exit){_last_words(end.output)}"
        )
    name = _signal_name(-end.status)
    frames = [(frame["file"], int(frame["line"])) for frame in _FAULT_FRAME.finditer(end.output)]
    inside = [frame for frame in frames if _is_of_author(frame[0], file)] or frames
    if inside:
        place = _place(*inside[0], file.folder)
    reasons = {"SIGKILL": "most likely the machine ran out of memory", "SIGXCPU": "it used up its processor time"}
    reason = reasons.get(name, "a native library crashed")
    return f"{place}: the process that imports the file died of {name}: {reason}{_last_words(end.output)}"


def relative_to(path: str, folder: str) -> str:
    """Return `path` as messages show it: relative to the DAG folder where it lies in it."""
    return path[len(folder) + 1 :] if path.startswith(f"{folder}/") else path


def _what(error: BaseException, setup: ForkerSetup) -> str:
    if isinstance(error, AirflowTaskTimeout):
        return f"the import took longer than {setup.import_timeout_s:g} s ([core] dagbag_import_timeout)"
    if isinstance(error, MemoryError):
        return (
            f"the import needs more memory than the {setup.max_memory_bytes // _MIB} MiB it may take "
            "([dag_processor] max_memory_mib)"
        )
    if isinstance(error, SystemExit):
        return f"a DAG file must not end its process: it calls sys.exit({error.code!r})"
    try:
        detail = str(error).strip()
    except Exception:  # noqa: BLE001 - an author's exception class
        detail = "(its text cannot be had)"
    if isinstance(error, SyntaxError):
        detail = error.msg
    return f"{type(error).__name__}: {detail}" if detail else type(error).__name__


def _author_place(error: BaseException, file: FileToParse) -> str:
    """Return file and line of the innermost frame that lies in the DAG folder or is the file itself."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if _is_of_author(path, file):
            found = _place(path, trace.tb_lineno, file.folder)
        trace = trace.tb_next
    return found or relative_to(file.path, file.folder)


def _is_of_author(path: str, file: FileToParse) -> bool:
    return path == file.path or path.startswith((f"{file.folder}/", f"{file.path}/"))


def _place(path: str, line: int | None, folder: str) -> str:
    return f"{relative_to(path, folder)}:{line}" if line else relative_to(path, folder)


def _traceback(error: BaseException, depth: int) -> str:
    """Return the author's last frames below a line break."""
    try:
        text = describe_error(error, depth)
    except Exception:  # noqa: BLE001 - formatting calls the author's __str__
        return ""
    if len(text) > MAX_MESSAGE_CHARACTERS:
        half = MAX_MESSAGE_CHARACTERS // 2
        text = f"{text[:half]}\n[...]\n{text[-half:]}"
    return f"\n{text}" if text else ""


def _printable(text: str) -> str:
    """Return the text without what databases refuse: lone surrogates and NUL."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


def _last_words(output: str) -> str:
    """Return the end of what the process wrote, below the sentence."""
    words = output.strip()[-1000:]
    return _printable(f"\n{words}") if words else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
