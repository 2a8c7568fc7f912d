"""Large XComs lie in a folder or bucket, small ones in the database."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.config.airflow_names import forget_settings
from tradewind.core.clock import SystemClock
from tradewind.sdk.exceptions import AirflowConfigException
from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.xcoms.backend import install_xcom_backend, xcom_backend
from tradewind.sdk.xcoms.object_storage import XComObjectStorageBackend
from tradewind.sdk.xcoms.storing import XComBackendError, from_stored, to_stored
from tradewind.standalone.memory_store import MemoryStore

PLACE: dict[str, Any] = {"key": "k", "dag_id": "d", "task_id": "t", "run_id": "manual__2024-01-01T00:00:00+00:00"}
NAME = "AIRFLOW__COMMON.IO__XCOM_OBJECTSTORAGE_"


@pytest.fixture(autouse=True)
def _backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(f"{NAME}PATH", tmp_path.as_uri())
    monkeypatch.setenv(f"{NAME}THRESHOLD", "20")
    forget_settings()
    install_xcom_backend("tradewind.sdk.xcoms.object_storage.XComObjectStorageBackend")
    yield
    install_xcom_backend("")
    forget_settings()


def stored(value: Any, map_index: int = -1) -> Any:
    """Push a value; return what is in the database, and what is pulled."""
    store = MemoryStore(SystemClock())
    place = {**PLACE, "map_index": map_index}
    encoded = to_stored(xcom_backend(), value, **place)
    store.set_xcom(**place, value=encoded)
    record = store.get_xcom(**place)
    assert record is not None
    return json.loads(encoded), from_stored(xcom_backend(), record)


def test_a_small_value_stays_in_the_database(tmp_path: Path) -> None:
    assert stored([1, 2]) == ([1, 2], [1, 2])
    assert list(tmp_path.iterdir()) == []


def test_a_large_value_is_a_file_and_its_address(tmp_path: Path) -> None:
    value = {"rows": [(1, "a")] * 10}
    address, pulled = stored(value)
    assert address == f"{tmp_path.as_uri()}/d/manual__2024-01-01T00%3A00%3A00%2B00%3A00/t/k.json"
    assert pulled == value
    file = tmp_path / "d" / "manual__2024-01-01T00:00:00+00:00" / "t" / "k.json"
    assert json.loads(file.read_bytes())["rows"][0]["__classname__"] == "builtins.tuple"


def test_each_map_index_has_its_own(tmp_path: Path) -> None:
    assert stored("x" * 30, 0)[0] != stored("y" * 30, 1)[0]
    assert len(list(tmp_path.rglob("*.json"))) == 2


def test_another_try_overwrites_what_the_first_left(tmp_path: Path) -> None:
    stored("x" * 30)
    assert stored("y" * 30)[1] == "y" * 30
    assert len(list(tmp_path.rglob("*.json"))) == 1


@pytest.mark.parametrize(("name", "suffix"), [("gzip", ".gz"), ("bz2", ".bz2"), ("lzma", ".xz"), ("xz", ".xz")])
def test_compression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, suffix: str) -> None:
    monkeypatch.setenv(f"{NAME}COMPRESSION", name)
    address, pulled = stored("x" * 1000)
    assert address.endswith(f".json{suffix}")
    assert pulled == "x" * 1000
    (file,) = tmp_path.rglob(f"*{suffix}")
    assert file.stat().st_size < 200
    if name == "gzip":
        assert json.loads(gzip.decompress(file.read_bytes())) == "x" * 1000


def test_an_unknown_compression_names_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{NAME}COMPRESSION", "zoo")
    with pytest.raises(XComBackendError, match="is 'zoo', allowed is one of bz2, gzip, lzma, xz"):
        stored("x" * 30)


def test_a_deleted_xcom_takes_its_file_along(tmp_path: Path) -> None:
    store = MemoryStore(SystemClock())
    store.set_xcom(**PLACE, value=to_stored(xcom_backend(), "x" * 30, **PLACE, map_index=-1))
    before = install_worker_store(store)
    try:
        XComObjectStorageBackend.clear(dag_id="d", task_id="t", run_id=PLACE["run_id"])
    finally:
        install_worker_store(before)
    assert list(tmp_path.rglob("*.json")) == []


def test_an_address_elsewhere_is_a_text_like_others() -> None:
    assert stored("file:///etc/passwd")[1] == "file:///etc/passwd"


def test_without_a_path_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"{NAME}PATH")
    forget_settings()
    with pytest.raises((XComBackendError, AirflowConfigException), match="xcom_objectstorage_path"):
        stored("x" * 30)
