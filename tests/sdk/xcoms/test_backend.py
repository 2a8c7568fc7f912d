"""The installation's XCom backend: what it is given, what it may return, and what happens when it fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tradewind.core.clock import SystemClock
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.xcoms import backend as backends
from tradewind.sdk.xcoms.backend import install_xcom_backend, xcom_backend
from tradewind.sdk.xcoms.storing import XComBackendError, from_stored, to_stored
from tradewind.sdk.xcoms.xcom import BaseXCom
from tradewind.standalone.memory_store import MemoryStore

from tests.worker.conftest import dag, reports, run, store

__all__ = ["dag", "reports", "run", "store"]

PLACE: dict[str, Any] = {"key": "k", "dag_id": "d", "task_id": "t", "run_id": "r", "map_index": -1}


class FileBackend(BaseXCom):
    """Keeps texts in files, as backends out there keep them in buckets."""

    folder = Path()

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        if isinstance(value, str):
            name = f"{dag_id}.{run_id}.{task_id}.{map_index}.{key}"
            (FileBackend.folder / name).write_text(value)
            value = f"file!{name}"
        return BaseXCom.serialize_value(value)

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        value = BaseXCom.deserialize_value(result)
        if isinstance(value, str) and value.startswith("file!"):
            return (FileBackend.folder / value[5:]).read_text()
        return value

    @classmethod
    def purge(cls, xcom: Any, *_session: Any) -> None:
        (FileBackend.folder / xcom.value[5:]).unlink()


class OldBackend(BaseXCom):
    """Of Airflow 2: bytes in, bytes out, and the value alone for an argument."""

    @staticmethod
    def serialize_value(value: Any) -> bytes:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return json.dumps({"old": value}).encode()

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        return json.loads(result.value)["old"]


class BrokenBackend(BaseXCom):
    __module__ = "shop_xcom"

    @staticmethod
    def serialize_value(value: Any, **_place: Any) -> Any:
        raise ConnectionError(f"bucket is gone\nfor {value}")

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        raise KeyError(result.key)


class NoBackend:
    pass


@pytest.fixture(autouse=True)
def _module() -> Iterator[None]:
    module = ModuleType("shop_xcom")
    vars(module).update({kind.__name__: kind for kind in (FileBackend, OldBackend, BrokenBackend, NoBackend)})
    sys.modules["shop_xcom"] = module
    yield
    install_xcom_backend("")
    del sys.modules["shop_xcom"]


def test_airflows_own_class_is_no_backend() -> None:
    install_xcom_backend("airflow.sdk.bases.xcom.BaseXCom")
    assert xcom_backend() is BaseXCom
    assert to_stored(xcom_backend(), [1], **PLACE) == b"[1]"


def test_a_task_pushes_and_pulls_through_the_backend(
    dag: Any, run: Callable[..., Any], store: MemoryStore, tmp_path: Path
) -> None:
    install_xcom_backend("shop_xcom.FileBackend")
    FileBackend.folder = tmp_path
    with dag:

        def work(ti: Any) -> str:
            ti.xcom_push("own", "first")
            assert ti.xcom_pull(task_ids="work", key="own") == "first"
            assert backends.XCom is FileBackend
            return "result"

        PythonOperator(task_id="work", python_callable=work)

    finished = run("work")

    assert finished.outcome == "success"
    assert [json.loads(value.value) for value in finished.xcoms] == ["file!d.r.work.-1.return_value"]
    assert (tmp_path / "d.r.work.-1.return_value").read_text() == "result"
    before = install_worker_store(store)
    try:
        FileBackend.delete("own", task_id="work", dag_id="d", run_id="r")
    finally:
        install_worker_store(before)
    assert not (tmp_path / "d.r.work.-1.own").exists()
    assert store.get_xcoms(dag_id="d", run_id="r") == []


def test_a_backend_of_airflow_2_gets_its_bytes_back() -> None:
    install_xcom_backend("shop_xcom.OldBackend")
    store = MemoryStore(SystemClock())
    store.set_xcom(dag_id="d", run_id="r", task_id="t", key="k", value=to_stored(xcom_backend(), [1, 2], **PLACE))
    record = store.get_xcom(dag_id="d", run_id="r", task_id="t", key="k")
    assert record is not None
    assert from_stored(xcom_backend(), record) == [1, 2]


def test_a_backend_that_raises_fails_the_try_with_one_sentence(dag: Any, run: Callable[..., Any]) -> None:
    install_xcom_backend("shop_xcom.BrokenBackend")
    with dag:
        PythonOperator(task_id="work", python_callable=lambda: 1)
    finished = run("work")
    assert finished.outcome == "failed"
    assert finished.error == (
        "XComBackendError: the XCom backend shop_xcom.BrokenBackend cannot store XCom 'return_value' of task 'work': "
        "ConnectionError: bucket is gone"
    )


def test_one_that_cannot_read_says_so() -> None:
    install_xcom_backend("shop_xcom.BrokenBackend")
    store = MemoryStore(SystemClock())
    store.set_xcom(dag_id="d", run_id="r", task_id="t", key="k", value=b"1")
    record = store.get_xcom(dag_id="d", run_id="r", task_id="t", key="k")
    assert record is not None
    with pytest.raises(XComBackendError, match="cannot read XCom 'k' of task 't': KeyError"):
        from_stored(xcom_backend(), record)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("shop_xcom.Missing", "cannot be imported: ImportError"),
        ("no_such_module.Backend", "cannot be imported: ModuleNotFoundError"),
        ("shop_xcom.NoBackend", "is no subclass of"),
    ],
)
def test_a_backend_that_cannot_be_had(path: str, message: str) -> None:
    install_xcom_backend(path)
    for _ in range(2):  # the second time as the first
        with pytest.raises(XComBackendError, match=rf"the XCom backend {path} \(option core\.xcom_backend\) {message}"):
            to_stored(xcom_backend(), 1, **PLACE)
