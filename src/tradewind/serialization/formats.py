"""The `format` of a param's JSON schema: those that jsonschema checks with what is installed, and two more.

jsonschema looks at `date-time` and `duration` only where two further packages are installed. Forms offer both, so a value
that is none has to be refused everywhere.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any

_DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")
"""RFC 3339, section 5.6; a leap second aside."""
_COUNT = r"\d+(?:[.,]\d+)?"
_TIME = rf"T(?=\d)(?:{_COUNT}H)?(?:{_COUNT}M)?(?:{_COUNT}S)?"
_DURATION = re.compile(rf"P(?=[\dT])(?:{_COUNT}W|(?:{_COUNT}Y)?(?:{_COUNT}M)?(?:{_COUNT}D)?(?:{_TIME})?)")
"""RFC 3339, appendix A; fractions as in ISO 8601."""


@cache
def format_checker() -> Any:
    """Return jsonschema's checker of formats, with the two added."""
    checker = import_module("jsonschema").FormatChecker()
    checker.checks("date-time")(is_date_time)
    checker.checks("duration")(is_duration)
    return checker


def is_date_time(value: object) -> bool:
    """Say whether a text is a date with time and offset, such as `2024-01-01T00:00:00Z`; what is no text is fine."""
    if not isinstance(value, str):
        return True
    found = _DATE_TIME.fullmatch(value)
    if found is None:
        return False
    try:
        datetime.fromisoformat(f"{found[1]}T{found[2]}")
    except ValueError:
        return False
    return True


def is_duration(value: object) -> bool:
    """Say whether a text is a duration such as `P1DT12H`; what is no text is fine."""
    return not isinstance(value, str) or _DURATION.fullmatch(value) is not None
