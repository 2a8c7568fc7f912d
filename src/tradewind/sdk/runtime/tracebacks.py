"""Tracebacks as authors want to read them: their own frames, and a plain sentence where none of them is at fault."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

_OWN = f"{Path(__file__).parents[2]}/"
_EXAMPLES = f"{_OWN}example_dags/"
_STANDARD_LIBRARY = f"{Path(os.__file__).parent}/"
_INSTALLED = ("site-packages/", "dist-packages/")
_TEMPLATE_ENGINE = "-packages/jinja2/"
"""Tradewind's choice too: of a template that fails its own lines count."""


def describe_error(error: BaseException, depth: int | None = None) -> str:
    """Return the traceback of an error and of what led to it, empty where the kind and the message say it all.

    Frames of Tradewind are left out, and of what remains all but the last `depth`. Where an error has no frame of its
    author (nor of a library that the author chose) it is a sentence to him, and its message tells what to do; only one
    that Tradewind did not raise itself keeps the place where it came up. A cause without such a frame whose message the
    error repeats is left out whole.

    Raises what the author's `__str__` raises.
    """
    whole = traceback.TracebackException.from_exception(error)
    has_frames = _shorten(whole, error, depth)
    return "".join(whole.format()).rstrip() if has_frames else ""


def _shorten(part: traceback.TracebackException, error: BaseException, depth: int | None) -> bool:
    """Shorten one error of a chain and those before it; return whether there is more to it than its last line."""
    kept = _frames_to_show(part.stack, error)[-depth if depth else 0 :]
    # Without a stack the line `Traceback (most recent call last):` is not written either.
    part.stack = traceback.StackSummary.from_list(kept) if kept else None  # pyright: ignore[reportAttributeAccessIssue]
    has_more = bool(kept)
    if part.__cause__ is not None and error.__cause__ is not None:
        if _shorten(part.__cause__, error.__cause__, depth) or not _repeats(error, error.__cause__):
            has_more = True
        else:
            part.__cause__ = None
            part.__suppress_context__ = True
    elif part.__context__ is not None and error.__context__ is not None and not error.__suppress_context__:
        if _shorten(part.__context__, error.__context__, depth) or not _repeats(error, error.__context__):
            has_more = True
        else:
            part.__context__ = None
    return has_more


def _frames_to_show(stack: traceback.StackSummary, error: BaseException) -> list[traceback.FrameSummary]:
    others = [frame for frame in stack if not _is_own(frame.filename)]
    if any(not _is_of_python(frame.filename) for frame in others):
        return others
    last = [frame for frame in stack if not frame.filename.startswith("<frozen ")][-1:]
    return [] if _says_it_all(error, last) else last


def _says_it_all(error: BaseException, last: list[traceback.FrameSummary]) -> bool:
    if isinstance(error, SyntaxError) or type(error).__module__.partition(".")[0] == "tradewind":
        return True
    return bool(last) and _is_own(last[0].filename) and (last[0].line or "").startswith("raise")


def _is_own(path: str) -> bool:
    return (path.startswith((_OWN, "<frozen ")) and not path.startswith(_EXAMPLES)) or _TEMPLATE_ENGINE in path


def _is_of_python(path: str) -> bool:
    return path.startswith(_STANDARD_LIBRARY) and not path[len(_STANDARD_LIBRARY) :].startswith(_INSTALLED)


def _repeats(error: BaseException, cause: BaseException) -> bool:
    return str(cause) in str(error)
