"""Linting a file: everything found in it, and its text with the safe findings mended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tradewind.airflow.lint.arguments import find_arguments
from tradewind.airflow.lint.finding import apply_edits
from tradewind.airflow.lint.imports import find_imports
from tradewind.airflow.lint.module import Module
from tradewind.sdk.deprecations import DECLARATION

if TYPE_CHECKING:
    from tradewind.airflow.lint.finding import Finding

_MOST_ROUNDS = 10
_FIRST_LINES = re.compile(rb"(#!.*\n)?(#.*coding[:=].*\n)?")


def find(source: bytes) -> list[Finding]:
    """Return the deprecated spellings of a file, in its order; raises SyntaxError where it is no Python."""
    if b"airflow" not in source:
        return []
    module = Module(source)
    return sorted({*find_imports(module), *find_arguments(module)})


def fix(source: bytes) -> bytes:
    """Return the text of a file with every finding mended that can be mended safely; the rest is as it was.

    Whether the file still gets the defaults of Airflow 2 then is for the caller to see, and to `declare`.
    """
    for _ in range(_MOST_ROUNDS):
        edits = [edit for finding in find(source) for edit in finding.edits]
        if not edits:
            break
        source = apply_edits(source, edits)
    return source


def is_of_airflow_2(source: bytes) -> bool:
    """Say whether loading the file meets a spelling that Airflow 3 has removed."""
    return DECLARATION + b" 2" in source or any(f.removed_in < "4" and not f.is_of_tries for f in find(source))


def declare(source: bytes, airflow: int) -> bytes:
    """Return the text with a comment at its top that says whose defaults it wants."""
    found = _FIRST_LINES.match(source)
    at = found.end() if found is not None else 0
    return b"%s%s %d\n%s" % (source[:at], DECLARATION, airflow, source[at:])
