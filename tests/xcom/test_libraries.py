"""Values of NumPy and pandas come back as themselves, in Airflow's form where Airflow has one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tradewind.xcom.values import XComValueError, decode_value, encode_value


def back(value: Any) -> Any:
    return decode_value(encode_value(value))


@pytest.mark.parametrize(
    "value",
    [
        np.int64(-3),
        np.uint8(200),
        np.float64(1.25),
        np.float32(0.5),
        np.bool_(True),
        np.complex128(1 + 2j),
        np.str_("a"),
        np.datetime64("2024-03-05T12:00:01", "s"),
        np.timedelta64(90, "m"),
    ],
    ids=repr,
)
def test_numbers_of_numpy(value: Any) -> None:
    again = back([value])[0]
    assert again == value
    assert type(again) is type(value)


def test_their_form_is_airflows() -> None:
    assert json.loads(encode_value(np.int64(7))) == {"__classname__": "numpy.int64", "__version__": 1, "__data__": 7}
    written = b'{"__classname__": "numpy.bool_", "__version__": 1, "__data__": true}'
    assert decode_value(written) == np.bool_(True)


@pytest.mark.parametrize("array", [np.arange(6).reshape(2, 3), np.array(["a", "bb"]), np.array([], dtype="f4")])
def test_arrays(array: Any) -> None:
    again = back({"a": array})["a"]
    assert again.dtype == array.dtype
    assert np.array_equal(again, array)


def test_an_array_of_objects_says_what_to_do() -> None:
    with pytest.raises(XComValueError, match=r"'k' is a NumPy array of Python objects, .*\.tolist\(\)"):
        encode_value(np.array([object()]), key="k")


def test_a_frame_is_parquet_in_hexadecimal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Airflow writes it; pandas itself is too large to be here, so something that looks like it stands in."""
    pandas = ModuleType("pandas")

    class Frame:
        __module__ = "pandas.core.frame"

        def __init__(self, data: bytes) -> None:
            self.data = data

        def to_parquet(self, *, engine: str, compression: str) -> bytes:
            assert (engine, compression) == ("pyarrow", "snappy")
            return self.data

    others = {name: type(name, (), {}) for name in ("Series", "Timestamp")}
    vars(pandas).update(others, DataFrame=Frame, read_parquet=lambda file, engine: Frame(file.read()))  # noqa: ARG005
    monkeypatch.setitem(sys.modules, "pandas", pandas)

    encoded = encode_value(Frame(b"PAR1"))

    assert json.loads(encoded) == {"__classname__": "pandas.DataFrame", "__version__": 1, "__data__": "50415231"}
    assert decode_value(encoded).data == b"PAR1"
    monkeypatch.setattr(Frame, "to_parquet", lambda *_args, **_kwargs: (_ for _ in ()).throw(ImportError("pyarrow")))
    with pytest.raises(XComValueError, match="needs the package pyarrow"):
        encode_value(Frame(b""))


def test_no_library_is_loaded_for_values_of_others() -> None:
    script = """
import sys
from pathlib import Path
from tradewind.xcom.values import decode_value, encode_value
assert decode_value(encode_value([Path("a"), {1}, 1.5])) == [Path("a"), {1}, 1.5]
assert not {"numpy", "pandas", "pydantic", "pyarrow", "fsspec"} & set(sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_paths() -> None:
    assert back(Path("/a/b")) == Path("/a/b")
    assert back(PurePosixPath("c")) == PurePosixPath("c")
    assert type(back(PurePosixPath("c"))) is PurePosixPath
