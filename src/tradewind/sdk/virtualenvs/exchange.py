"""What a function in another Python is given, and what it gives back.

The text of this module is put beside the script that the other Python runs, which may be older or newer and has nothing
of this package: it uses the standard library only, in the grammar of Python 3.7. Dates of pendulum cross as what they
mean, so that both sides may have other releases of it, or none.
"""

from __future__ import annotations

import datetime as dt
import importlib
import pickle
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MARK = "pendulum"


def _classes(serializer: str) -> tuple[Any, Any]:
    library: Any = importlib.import_module(serializer)
    return getattr(library, "Pickler", pickle.Pickler), getattr(library, "Unpickler", pickle.Unpickler)


def dump(value: Any, path: str, serializer: str) -> None:
    """Write a value to a file. Raises what the serializer raises for a value that it cannot write."""
    pickler, _ = _classes(serializer)

    class Writer(pickler):
        def persistent_id(self, obj: Any) -> Any:
            if not isinstance(obj, dt.datetime) or type(obj).__module__.partition(".")[0] != _MARK:
                return None
            date: Any = obj
            zone = date.timezone_name
            if not zone or zone[0] in "+-":
                zone = date.utcoffset().total_seconds()
            return _MARK, date.astimezone(dt.timezone.utc).isoformat(), zone

    with open(path, "wb") as file:  # noqa: PTH123 - the other Python's script passes text
        Writer(file, protocol=4).dump(value)


def load(path: str, serializer: str) -> Any:
    """Read a value from a file; a date becomes pendulum's where there is a pendulum."""
    _, unpickler = _classes(serializer)

    class Reader(unpickler):
        def persistent_load(self, pid: Any) -> Any:
            _, moment, zone = pid
            return _date(dt.datetime.fromisoformat(moment), zone)

    with open(path, "rb") as file:  # noqa: PTH123 - as above
        return Reader(file).load()


def _date(utc: dt.datetime, zone: Any) -> dt.datetime:
    try:
        pendulum: Any = importlib.import_module("pendulum")
    except ImportError:
        if zone == "UTC":
            return utc
        if isinstance(zone, str):
            return utc.astimezone(importlib.import_module("zoneinfo").ZoneInfo(zone))
        return utc.astimezone(dt.timezone(dt.timedelta(seconds=zone)))
    zone = pendulum.timezone(zone if isinstance(zone, str) else int(zone))
    return pendulum.instance(utc).in_timezone(zone)


def offer_airflow() -> None:
    """Make `airflow` importable where this package is installed."""
    try:
        finder: Any = importlib.import_module("tradewind.airflow.finder")
    except ImportError:
        return
    finder.install()


def run(function: Any, module: str) -> None:
    """Call the function with what lies in the input file, and write what it returns to the output file.

    The command line of the script names the files: input, output, arguments as text, last words, and the serializer.
    `module` is the name under which values know the file of the DAG.
    """
    source, target, texts, last_words, serializer = sys.argv[1:6]
    stand_in = types.ModuleType(module)
    setattr(stand_in, function.__name__, function)
    sys.modules.setdefault(module, stand_in)
    with open(texts, encoding="utf-8") as file:  # noqa: PTH123 - as above
        function.__globals__["virtualenv_string_args"] = [line.strip() for line in file]
    try:
        given = load(source, serializer)
        result = function(*given["args"], **given["kwargs"])
        if isinstance(result, types.CoroutineType):
            result = importlib.import_module("asyncio").run(result)
    except Exception as error:
        with open(last_words, "w", encoding="utf-8") as file:  # noqa: PTH123 - as above
            file.write(str(error))
        raise
    if result is not None:
        dump(result, target, serializer)
