"""Macros: functions and modules that templates reach as `macros.<name>`."""
# `json`, `time`, `uuid`, ... are here for templates.
# ruff: noqa: F401
# pyright: reportUnusedImport=false

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime, timedelta
from random import random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LAZY_MODULES = ("dateutil", "yaml", "pendulum")


def __getattr__(name: str) -> Any:
    """Import the modules that cost more when a template names them."""
    if name in _LAZY_MODULES:
        from importlib import import_module  # noqa: PLC0415 - as its docstring says

        if name == "dateutil":
            import_module("dateutil.parser")
            import_module("dateutil.relativedelta")
        globals()[name] = module = import_module(name)
        return module
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def ds_add(ds: str, days: int) -> str:
    """Return the date `days` after (or, if negative, before) one in the form YYYY-MM-DD."""
    if not days:
        return str(ds)
    return (_parse(ds, "%Y-%m-%d") + timedelta(days=days)).strftime("%Y-%m-%d")


def ds_format(ds: str, input_format: str, output_format: str) -> str:
    """Read a date with one strftime format and write it with another."""
    return _parse(ds, input_format).strftime(output_format)


def ds_format_locale(ds: str, input_format: str, output_format: str, locale: Any = None) -> str:
    """Read a date with a strftime format and write it with a Babel pattern, in a language. Needs the package babel."""
    from importlib import import_module  # noqa: PLC0415 - for an optional package

    babel: Any = import_module("babel.dates")
    return babel.format_datetime(
        _parse(ds, input_format), format=output_format, locale=locale or babel.LC_TIME or "en_US"
    )


def datetime_diff_for_humans(dt: Any, since: Any = None) -> str:
    """Return the time from `since` (default: now) to `dt` in words, as "2 days ago"."""
    import pendulum

    return str(pendulum.DateTime.instance(dt).diff_for_humans(since))


def _parse(text: Any, form: str) -> datetime:
    return datetime.strptime(str(text), form)  # noqa: DTZ007 - calendar dates have no zone
