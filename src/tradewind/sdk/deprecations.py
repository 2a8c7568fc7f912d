"""Deprecated spellings in DAG files: each works, and is noted with its modern form where the author wrote it.

The parser drains the notes of a file into its DAG warnings. They also say whose defaults a file expects: one that uses
a spelling which Airflow 3 has dropped was written for Airflow 2.
"""

from __future__ import annotations

import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_PACKAGE = __name__.partition(".")[0]
_OWN_FILES = __file__[: __file__.rindex("sdk")]
_EXAMPLES = f"{_OWN_FILES}example_dags"
"""Author code that lies in the package."""
_NOT_AUTHORS = ("<frozen ", "<string>", "<attrs ")


class DeprecationNote:
    """One deprecated spelling at one place of author code."""

    __slots__ = ("file", "line", "modern", "old", "removed_in", "since")

    def __init__(self, *, file: str, line: int, old: str, modern: str, since: str, removed_in: str) -> None:
        self.file = file
        self.line = line
        self.old = old
        self.modern = modern
        self.since = since
        self.removed_in = removed_in

    def __repr__(self) -> str:
        return f"<DeprecationNote {self.file}:{self.line}: {self.message}>"

    @property
    def message(self) -> str:
        """One sentence for lists and warnings."""
        use = f"use {self.modern}" if self.modern else "it has no effect: leave it out"
        return f"{self.old} is deprecated since Airflow {self.since} and gone in {self.removed_in}: {use}"


DECLARATION = b"# airflow-defaults:"
"""A comment line that begins so says whose defaults its file wants: 2 or 3."""
_TOP_BYTES = 4096
_AIRFLOW_3 = 3
_declared: dict[str, tuple[int, int] | None] = {}
_notes: dict[tuple[str, int, str], DeprecationNote] = {}
_airflow_2_files: dict[str, tuple[int, str]] = {}
"""By file, the line and the first spelling seen in it that Airflow 3 does not have."""


def author_frame() -> FrameType | None:
    """Return the innermost frame that is not Tradewind's own, nor the import system's; None when there is none."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the only way to the caller without importing inspect
    while frame is not None:
        name = frame.f_code.co_filename
        is_own = name.startswith(_OWN_FILES) and not name.startswith(_EXAMPLES)
        if not is_own and not name.startswith(_NOT_AUTHORS):
            return frame
        frame = frame.f_back
    return None


def author_file() -> str:
    """Return the file of the author's code that is running, an empty string when there is none."""
    frame = author_frame()
    return frame.f_code.co_filename if frame is not None else ""


def note_deprecated(old: str, modern: str = "", since: str = "2.0", removed_in: str = "3.0") -> None:
    """Note that the author's code uses `old`, whose modern form is `modern` (empty: it has none and does nothing).

    Emits `RemovedInAirflow3Warning` or `RemovedInAirflow4Warning` at the author's line, so that a linter or
    `python -W error` finds it too.
    """
    import warnings  # noqa: PLC0415 - files without old spellings do not pay for it

    from tradewind.sdk.exceptions import (  # noqa: PLC0415 - as above
        RemovedInAirflow3Warning,
        RemovedInAirflow4Warning,
    )

    frame = author_frame()
    file = frame.f_code.co_filename if frame is not None else ""
    line = frame.f_lineno if frame is not None else 0
    note = DeprecationNote(file=file, line=line, old=old, modern=modern, since=since, removed_in=removed_in)
    gone_in_3 = removed_in.startswith(("1", "2", "3"))
    if gone_in_3:
        _airflow_2_files.setdefault(file, (line, old))
    if _notes.setdefault((file, line, old), note) is not note:
        return
    module_globals = frame.f_globals if frame is not None else {}
    warnings.warn_explicit(
        note.message,
        RemovedInAirflow3Warning if gone_in_3 else RemovedInAirflow4Warning,
        file or _PACKAGE,
        line,
        module=str(module_globals.get("__name__", _PACKAGE)),
        registry=module_globals.setdefault("__warningregistry__", {}),
    )


def drain_deprecations() -> list[DeprecationNote]:
    """Return the notes made since the last call, by file and line, and forget them."""
    drained = [_notes[key] for key in sorted(_notes)]
    _notes.clear()
    return drained


def is_written_for_airflow_2(file: str) -> bool:
    """Return whether code of `file`, or author code that it imported, uses a spelling that Airflow 3 does not have."""
    return spelling_of_airflow_2(file) is not None


def declared_airflow(file: str) -> tuple[int, int] | None:
    """Return the line and the Airflow, 2 or 3, of a comment `# airflow-defaults: 2` at the top of `file`; None without."""
    if file not in _declared:
        try:
            with open(file, "rb") as opened:  # noqa: PTH123 - pathlib is not on the way to a DAG
                top = opened.read(_TOP_BYTES)
        except OSError:  # in an archive, or typed in
            top = b""
        found = next(
            ((n, line) for n, line in enumerate(top.splitlines(), 1) if line.startswith(DECLARATION)), (0, b"")
        )
        said = found[1][len(DECLARATION) :].strip()
        _declared[file] = (found[0], int(said)) if said in {b"2", b"3"} else None
    return _declared[file]


def spelling_of_airflow_2(file: str) -> tuple[str, int, str] | None:
    """Return file, line and spelling by which `file` was found to be written for Airflow 2, None when it was not.

    A file whose helper modules use such a spelling could not be imported by Airflow 3 either; they are looked for from
    the file's own code, while it runs. What the file itself declares stands above all of it.
    """
    declared = declared_airflow(file)
    if declared is not None:
        line, airflow = declared
        return (file, line, f"{DECLARATION.decode()} 2") if airflow < _AIRFLOW_3 else None
    if not _airflow_2_files:
        return None
    frame = author_frame()
    behind = _files_behind(frame.f_globals) if frame is not None and frame.f_code.co_filename == file else ()
    for place in (file, *behind):
        if place in _airflow_2_files:
            return (place, *_airflow_2_files[place])
    return None


def _files_behind(namespace: dict[str, object]) -> Iterator[str]:
    """Give the files of author code that the names of a module lead to, at any distance."""
    pending, seen = [namespace], {id(namespace)}
    while pending:
        for value in list(pending.pop().values()):
            name = (
                getattr(value, "__name__", None)
                if isinstance(value, ModuleType)
                else getattr(value, "__module__", None)
            )
            module = sys.modules.get(name) if isinstance(name, str) else None
            file = getattr(module, "__file__", None)
            if module is None or not file or id(vars(module)) in seen or _is_installed(file):
                continue
            seen.add(id(vars(module)))
            pending.append(vars(module))
            yield file


def _is_installed(file: str) -> bool:
    return file.startswith((_OWN_FILES, sys.prefix, sys.base_prefix)) or "site-packages" in file


def forget_file(file: str) -> None:
    """Forget what was seen in `file`: called before it is imported again."""
    _airflow_2_files.pop(file, None)
    _declared.pop(file, None)
    for key in [key for key in _notes if key[0] == file]:
        del _notes[key]
