"""Values of NumPy and pandas.

Neither library is imported here before a value of its own comes by: whoever has such a value has the library.
"""

from __future__ import annotations

import base64
import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tradewind.xcom.errors import XComValueError

if TYPE_CHECKING:
    from collections.abc import Callable

    Envelope = tuple[str, int, Any]

_NUMPY_SCALARS = (
    *("bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", "str_", "bytes_", "datetime64", "timedelta64"),
)


def library_envelope(value: Any) -> Envelope | None:
    """Return class name, version and data of a value that belongs to one of the libraries, None for any other.

    Raises `XComValueError` for what of theirs cannot be written.
    """
    write = _WRITERS.get(type(value).__module__.partition(".")[0])
    return None if write is None else write(value)


def _numpy(value: Any) -> Envelope | None:
    numpy = import_module("numpy")
    if isinstance(value, numpy.ndarray):
        return _array(numpy, value)
    if isinstance(value, numpy.generic):
        return _numpy_scalar(value)
    return None


def _numpy_scalar(value: Any) -> Envelope:
    """Return a number as Python has it; of the kinds that Airflow writes, in the same form."""
    kind = value.dtype.kind
    name = f"numpy.{type(value).__name__}"
    if kind == "c":
        return name, 1, [float(value.real), float(value.imag)]
    if kind in "mM":
        return f"numpy.{value.dtype.type.__name__}", 1, {"value": int(value.astype("int64")), "dtype": value.dtype.str}
    return name, 1, value.item()


def _array(numpy: Any, value: Any) -> Envelope:
    """Return an array in NumPy's own file format, which keeps type and shape; Python objects are none of it."""
    if value.dtype.hasobject:
        raise XComValueError("is a NumPy array of Python objects, which cannot be written: make it a list (.tolist())")
    buffer = io.BytesIO()
    numpy.save(buffer, value, allow_pickle=False)
    return "numpy.ndarray", 1, base64.b64encode(buffer.getvalue()).decode("ascii")


def _read_array(text: str) -> Any:
    return import_module("numpy").load(io.BytesIO(base64.b64decode(text)), allow_pickle=False)


def _numpy_reader(name: str) -> Callable[[Any], Any]:
    def read(data: Any) -> Any:
        numpy = import_module("numpy")
        if isinstance(data, dict):
            return numpy.int64(data["value"]).astype(data["dtype"])
        kind = getattr(numpy, name)
        return kind(complex(*data)) if isinstance(data, list) else kind(data)

    return read


def _pandas(value: Any) -> Envelope | None:
    """Return a frame as Parquet, in Airflow's form: that keeps the types of columns and the index."""
    pandas = import_module("pandas")
    if isinstance(value, pandas.DataFrame):
        return "pandas.DataFrame", 1, _parquet(value)
    if isinstance(value, pandas.Series):
        return "pandas.Series", 1, {"name": value.name, "frame": _parquet(value.to_frame("values"))}
    if isinstance(value, pandas.Timestamp):
        return "pandas.Timestamp", 1, value.isoformat()
    return None


def _parquet(frame: Any) -> str:
    try:
        return frame.to_parquet(engine="pyarrow", compression="snappy").hex()
    except ImportError:
        raise XComValueError("is a pandas object, which needs the package pyarrow to be written") from None
    except Exception as error:
        raise XComValueError(f"is a pandas object that cannot be written as Parquet: {error}") from error


def _read_frame(text: str) -> Any:
    return import_module("pandas").read_parquet(io.BytesIO(bytes.fromhex(text)), engine="pyarrow")


def _read_series(data: dict[str, Any]) -> Any:
    return _read_frame(data["frame"])["values"].rename(data["name"])


_WRITERS: dict[str, Callable[[Any], Envelope | None]] = {
    "numpy": _numpy,
    "pandas": _pandas,
}
"""By the package that a value's class lies in."""

LIBRARY_READERS: dict[str, Callable[[Any], Any]] = {
    **{f"numpy.{name}": _numpy_reader(name) for name in _NUMPY_SCALARS},
    "numpy.ndarray": _read_array,
    "pandas.DataFrame": _read_frame,
    "pandas.core.frame.DataFrame": _read_frame,
    "pandas.Series": _read_series,
    "pandas.Timestamp": lambda text: import_module("pandas").Timestamp(text),
}
"""Classes that are always allowed, as the libraries that make them hold no code of an author."""
