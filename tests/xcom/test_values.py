"""XCom values come back as they were pushed, and what cannot be written says what and where it is."""
# ruff: noqa: D101, D102 - author code

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import subprocess
import sys
import threading
import uuid
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.xcom import revival
from tradewind.xcom.errors import ClassNotAllowedError
from tradewind.xcom.values import XComValueError, allow_class, allow_classes, decode_value, encode_value

UTC = dt.timezone.utc
NOON = dt.datetime(2024, 3, 5, 12, 30, 1, 999_999, tzinfo=UTC)
Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - an author's own


@dataclasses.dataclass
class Inner:
    when: dt.date


@dataclasses.dataclass
class Outer:
    inner: Inner
    names: tuple[str, ...] = ()
    computed: int = dataclasses.field(init=False, default=1)


class Model(pydantic.BaseModel):
    name: str
    when: dt.date


class Colour(enum.Enum):
    RED = ("r", 1)


class Level(str, enum.Enum):
    HIGH = "high"


class Own:
    __version__ = 3

    def __init__(self, value: Any) -> None:
        self.value = value

    def serialize(self) -> dict[str, Any]:
        return {"value": self.value}

    @staticmethod
    def deserialize(data: dict[str, Any], version: int) -> Own:
        assert version == 3
        return Own(data["value"])


@pytest.fixture(autouse=True)
def _classes_of_this_file() -> Iterator[None]:
    # Loaded by path, this module has to be found by its name like an author's.
    before = sys.modules.get(__name__)
    sys.modules.setdefault(__name__, sys.modules[Own.__module__])
    allow_classes([f"{__name__}.*"])
    yield
    allow_classes()
    revival._allowed.clear()
    if before is None:
        sys.modules.pop(__name__, None)


def back(value: Any) -> Any:
    return decode_value(encode_value(value))


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
typed = st.recursive(
    st.datetimes(
        timezones=st.just(UTC),
        min_value=dt.datetime.fromisoformat("1971-01-01"),
        max_value=dt.datetime.fromisoformat("2200-01-01"),
    )
    | st.dates()
    | st.uuids()
    | st.decimals(allow_nan=False)
    | st.binary()
    | st.timedeltas(min_value=dt.timedelta(days=-9999), max_value=dt.timedelta(days=9999))
    | st.frozensets(st.integers()),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
)


@given(plain)
def test_plain_values_come_back(value: Any) -> None:
    assert back(value) == value


@given(typed)
def test_typed_values_come_back(value: Any) -> None:
    assert back(value) == value


@pytest.mark.parametrize(
    "value",
    [
        NOON,
        NOON.astimezone(ZoneInfo("Europe/Paris")),
        NOON.astimezone(dt.timezone(dt.timedelta(hours=-3))),
        NOON.replace(tzinfo=None),
        pendulum.datetime(2024, 3, 5, 1, tz="America/New_York"),
        pendulum.datetime(2024, 3, 5, 1),
        pendulum.date(2024, 3, 5),
        dt.date(2024, 3, 5),
        dt.timedelta(seconds=1.5),
        Decimal("1.10"),
        uuid.UUID(int=7),
        {1, 2},
        frozenset({1}),
        (1, ("a", None)),
        b"\x00\xff",
        ZoneInfo("Europe/Paris"),
        2**70,
        {"a": [{"b": (1, 2)}]},
        Outer(Inner(dt.date(2024, 1, 1)), ("x",)),
        Model(name="m", when=dt.date(2024, 1, 1)),
        Colour.RED,
    ],
    ids=repr,
)
def test_each_type_comes_back_as_itself(value: Any) -> None:
    again = back(value)
    assert again == value
    assert type(again) is type(value)


def test_zones_come_back() -> None:
    paris = back(NOON.astimezone(ZoneInfo("Europe/Paris")))
    assert paris.tzinfo == ZoneInfo("Europe/Paris")
    assert back(pendulum.datetime(2024, 3, 5, tz="Europe/Paris")).timezone_name == "Europe/Paris"
    assert back(pendulum.timezone("Europe/Paris")) == pendulum.timezone("Europe/Paris")
    assert back(pendulum.FixedTimezone(3600)).offset == 3600
    assert back(pendulum.UTC) == pendulum.UTC


def test_numbers_that_json_lacks() -> None:
    assert math.isnan(back([float("nan")])[0])
    assert back({"a": float("-inf")}) == {"a": float("-inf")}


def test_relatives_of_plain_types_become_plain() -> None:
    assert back(OrderedDict(a=1)) == {"a": 1}
    assert back(defaultdict(list, a=[1])) == {"a": [1]}
    assert back({1: "a", None: "b"}) == {"1": "a", "None": "b"}
    assert back(Level.HIGH) == "high"
    assert back(Pair(1, "b")) == (1, "b")
    assert back(pendulum.duration(days=2)) == dt.timedelta(days=2)


def test_a_class_may_bring_its_own_way() -> None:
    assert back([Own({1, 2})])[0].value == {1, 2}


def test_the_shape_is_airflows() -> None:
    assert json.loads(encode_value({"id": uuid.UUID(int=1), "t": (1,), "when": NOON})) == {
        "id": {"__classname__": "uuid.UUID", "__version__": 1, "__data__": str(uuid.UUID(int=1))},
        "t": {"__classname__": "builtins.tuple", "__version__": 1, "__data__": [1]},
        "when": {
            "__classname__": "datetime.datetime",
            "__version__": 2,
            "__data__": {
                "timestamp": NOON.timestamp(),
                "tz": ["UTC", "pendulum.tz.timezone.FixedTimezone", 1, True],
            },
        },
    }


def test_what_airflow_wrote_can_be_read() -> None:
    written = {
        "__classname__": "datetime.datetime",
        "__version__": 2,
        "__data__": {
            "timestamp": 1709641800.0,
            "tz": {
                "__classname__": "builtins.tuple",
                "__version__": 1,
                "__data__": ["UTC", "pendulum.tz.timezone.Timezone", 1, True],
            },
        },
    }
    assert decode_value(json.dumps(written).encode()) == dt.datetime(2024, 3, 5, 12, 30, tzinfo=UTC)
    old = {"__type": "dict", "__var": {"a": {"__type": "set", "__var": [1]}, "t": {"__type": "datetime", "__var": 0.0}}}
    assert decode_value(json.dumps(old).encode()) == {"a": {1}, "t": dt.datetime(1970, 1, 1, tzinfo=UTC)}
    decimal = {"__classname__": "decimal.Decimal", "__version__": 1, "__data__": 1.5}
    assert decode_value(json.dumps(decimal).encode()) == Decimal("1.5")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, 2, 3, threading.Lock()]}, r"XCom value 'k' at \$\.a\[3\] is of type _thread\.lock, .*return plain"),
        (object(), r"XCom value 'k' at \$ is of type builtins\.object"),
        ({"x": {"__classname__": "a"}}, r"at \$\.x has the key '__classname__'"),
        (["\ud800"], "no Unicode"),
        (lambda: None, "is of type builtins.function"),
        (Outer, "is of type builtins.type"),
    ],
    ids=range(6),
)
def test_what_cannot_be_written_says_what_and_where(value: Any, message: str) -> None:
    with pytest.raises(XComValueError, match=message):
        encode_value(value, key="k")


def test_a_value_that_contains_itself() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(XComValueError, match="'k' is nested too deeply"):
        encode_value(circle, key="k")


def test_only_allowed_classes_are_made() -> None:
    data = encode_value(Outer(Inner(dt.date(2024, 1, 1))))
    allow_classes()
    with pytest.raises(ClassNotAllowedError, match=r"Outer, which is not allowed: add it to the option"):
        decode_value(data)
    allow_class(Outer)
    allow_class(Inner)
    assert decode_value(data).inner.when == dt.date(2024, 1, 1)
    revival._allowed.clear()
    allow_classes(regexps=[r".*\.(Outer|Inner)"])
    assert decode_value(data).names == ()


def test_a_local_class_cannot_be_allowed() -> None:
    class Local:
        pass

    with pytest.raises(ValueError, match="top level of a module"):
        allow_class(Local)


def test_a_class_that_is_not_allowed_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("evil_module.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    data = b'{"__classname__": "evil_module.Thing", "__version__": 0, "__data__": {}}'
    with pytest.raises(ImportError, match="not allowed"):
        decode_value(data)
    assert "evil_module" not in sys.modules


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "is no JSON"),
        (b'{"__classname__": 1, "__version__": 0}', "names no class"),
        (b'{"__classname__": "uuid.UUID", "__version__": 1, "__data__": "x"}', "holds a uuid.UUID that cannot be made"),
        (b'{"__classname__": "airflow.gone.Thing", "__version__": 1}', "cannot be imported here"),
        (b'{"__classname__": "tradewind.xcom.errors.Nothing", "__version__": 1}', "cannot be imported here"),
    ],
)
def test_what_cannot_be_read(data: bytes, message: str) -> None:
    with pytest.raises(XComValueError, match=message):
        decode_value(data)


def test_a_newer_version_than_the_class_is_refused() -> None:
    name = f"{__name__}.Inner"
    data = json.dumps({"__classname__": name, "__version__": 9, "__data__": {"when": None}}).encode()
    with pytest.raises(XComValueError, match="of version 9, newer"):
        decode_value(data)


def test_plain_values_do_not_load_pendulum() -> None:
    code = (
        "import sys, datetime as d\n"
        "from tradewind.xcom.values import encode_value, decode_value\n"
        "decode_value(encode_value({'a': d.datetime.now(d.timezone.utc)}))\n"
        "sys.exit('pendulum' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
