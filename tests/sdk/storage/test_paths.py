"""Object storage paths: folders, memory and a bucket behind a connection."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tradewind.config.airflow_names import forget_settings
from tradewind.sdk.exceptions import AirflowOptionalProviderFeatureException
from tradewind.sdk.providers.installed import ProvidersManager
from tradewind.sdk.storage import filesystems
from tradewind.sdk.storage.filesystems import get_fs, has_fs
from tradewind.sdk.storage.object_path import ObjectStoragePath
from tradewind.sdk.storage.store import ObjectStore, _stores, attach
from tradewind.xcom.values import decode_value, encode_value


class Bucket(MemoryFileSystem):
    """A store with files of its own."""

    protocol = ("bucket",)
    store: dict[str, Any] = {}  # noqa: RUF012 - fsspec's way
    pseudo_dirs = [""]  # noqa: RUF012 - as above
    cachable = False


@pytest.fixture(autouse=True)
def _attached() -> Iterator[None]:
    MemoryFileSystem.store.clear()
    Bucket.store.clear()
    yield
    _stores.clear()
    filesystems._of_providers.cache_clear()


def test_a_folder_is_used_like_a_path(tmp_path: Path) -> None:
    base = ObjectStoragePath(tmp_path.as_uri())
    file = base / "in" / "a.txt"
    file.parent.mkdir(parents=True)
    file.write_text("hello")
    with (base / "in" / "b.bin").open("wb") as opened:
        opened.write(b"12")
    assert (tmp_path / "in" / "a.txt").read_text() == "hello"
    assert sorted(path.name for path in (base / "in").iterdir()) == ["a.txt", "b.bin"]
    assert file.exists()
    assert (file.stat().st_size, file.size(), file.stat().st_mode & 0o170000) == (5, 5, 0o100000)
    assert file.read_block(1, 3) == b"ell"
    assert ObjectStoragePath(str(tmp_path)).is_dir()
    assert file.samefile(ObjectStoragePath(str(tmp_path / "in" / "a.txt"), protocol="file"))


def test_the_parts_of_an_address() -> None:
    path = ObjectStoragePath("s3://aws_default@bucket/some/key.csv")
    assert (path.conn_id, path.bucket, path.container, path.key) == ("aws_default", "bucket", "bucket", "some/key.csv")
    assert (path.protocol, path.namespace, path.name, path.suffix) == ("s3", "s3://bucket", "key.csv", ".csv")
    assert str(path) == "s3://aws_default@bucket/some/key.csv"
    assert str(path.parent / "other") == "s3://aws_default@bucket/some/other"
    assert path == ObjectStoragePath("s3://bucket/some/key.csv", conn_id="aws_default")
    assert path != ObjectStoragePath("s3://bucket/some/key.csv")
    assert ObjectStoragePath(path).conn_id == "aws_default"
    assert len({path, ObjectStoragePath(path)}) == 1


def test_no_connection_is_looked_up_before_the_file_system_is_used() -> None:
    path = ObjectStoragePath("s3://nobody_has_it@bucket") / "a" / "b"
    with pytest.raises(ValueError, match=r"No filesystem registered for scheme s3: .*connection 'nobody_has_it'"):
        path.exists()


def test_an_attached_store_serves_its_paths() -> None:
    store = attach("bucket", "my_conn", fs=Bucket())
    assert attach("bucket", "my_conn") is store
    memory = ObjectStoragePath("memory://box/a.txt")
    memory.write_text("in memory")
    assert (memory.read_text(), memory.bucket, memory.key) == ("in memory", "box", "a.txt")
    assert has_fs("memory")
    assert has_fs("file")
    assert attach(alias="mine", protocol="memory").fs == get_fs("memory")
    assert attach(alias="mine").protocol == "memory"
    with pytest.raises(ValueError, match="no store is attached as 'other'"):
        attach(alias="other")


def test_a_provider_brings_a_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str | None, Any]] = []

    def get_bucket(conn_id: str | None, storage_options: Any) -> Bucket:
        asked.append((conn_id, storage_options))
        return Bucket()

    module = ModuleType("shop_fs")
    vars(module).update(schemes=["memory"], get_fs=get_bucket)
    monkeypatch.setitem(sys.modules, "shop_fs", module)
    monkeypatch.setattr(ProvidersManager, "filesystem_module_names", ["shop_fs"])
    filesystems._of_providers.cache_clear()

    path = ObjectStoragePath("memory://my_conn@box/dir/a.txt")
    path.parent.mkdir(parents=True)
    path.write_text("through the provider")
    assert path.exists()
    assert [each.name for each in path.parent.iterdir()] == ["a.txt"]
    assert asked == [("my_conn", {})]
    assert "/box/dir/a.txt" in Bucket.store
    assert MemoryFileSystem.store == {}


def test_copy_and_move_between_stores(tmp_path: Path) -> None:
    here, there = ObjectStoragePath(tmp_path.as_uri()), ObjectStoragePath("memory://box")
    (here / "d").mkdir()
    (here / "d" / "a.txt").write_text("a")
    there.mkdir(parents=True, exist_ok=True)
    (here / "d" / "a.txt").copy(there / "a.txt")
    assert (there / "a.txt").read_text() == "a"
    (there / "a.txt").copy(here / "back.txt")
    assert (here / "back.txt").read_text() == "a"
    (here / "back.txt").move("memory://box/moved.txt")
    assert not (here / "back.txt").exists()
    assert (there / "moved.txt").read_text() == "a"
    (here / "d" / "a.txt").copy_into(here)
    assert (here / "a.txt").read_text() == "a"
    with pytest.raises(NotADirectoryError):
        (here / "a.txt").copy_into(here / "nowhere")
    attach("bucket", fs=Bucket())
    (there / "moved.txt").replace(there / "renamed.txt")
    assert (there / "renamed.txt").exists()


def test_a_path_is_an_xcom() -> None:
    path = ObjectStoragePath("s3://aws@bucket/key")
    again = decode_value(encode_value({"p": path}))["p"]
    assert again == path
    assert type(again) is ObjectStoragePath
    store = ObjectStore.deserialize(attach("memory").serialize(), 1)
    assert store.protocol == "memory"
    with pytest.raises(ValueError, match="newer"):
        ObjectStoragePath.deserialize({}, 2)


def test_large_xcoms_go_to_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    from tradewind.sdk.xcoms.object_storage import XComObjectStorageBackend

    name = "AIRFLOW__COMMON.IO__XCOM_OBJECTSTORAGE_"
    monkeypatch.setenv(f"{name}PATH", "memory://box/xcoms")
    monkeypatch.setenv(f"{name}THRESHOLD", "0")
    forget_settings()
    stored = XComObjectStorageBackend.serialize_value([1, 2], key="k", dag_id="d", task_id="t", run_id="r")
    row = XComObjectStorageBackend(key="k", value=stored)
    assert stored == "memory://box/xcoms/d/r/t/k.json"
    assert XComObjectStorageBackend.deserialize_value(row) == [1, 2]
    XComObjectStorageBackend.purge(row)
    assert not ObjectStoragePath(stored).exists()
    forget_settings()


def test_without_the_extra_the_name_is_there_and_its_use_says_what_to_install() -> None:
    script = """
import sys
sys.modules["upath"] = None
sys.modules["fsspec"] = None
from tradewind.airflow.finder import install
install()
from airflow.sdk import ObjectStoragePath
try:
    ObjectStoragePath("s3://conn@bucket/")
except Exception as error:
    print(type(error).__name__, error)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(AirflowOptionalProviderFeatureException.__name__)
    assert "pip install 'tradewind[storage]'" in ended.stdout
