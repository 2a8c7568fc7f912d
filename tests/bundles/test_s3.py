"""S3 bundles against moto's server: what changed is fetched, what is gone goes, mistakes are one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.bundles import BundleError
from tradewind.bundles.s3 import S3Bundle
from tradewind.serialization.records import ConnectionRecord

from benchmarks.system import free_port

boto3 = pytest.importorskip("boto3", reason="the extra `aws` is not installed")
moto_server = pytest.importorskip("moto.server", reason="moto is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a client of a server with an empty bucket."""
    port = free_port()
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
                        aws_access_key_id="a", aws_secret_access_key="s")  # fmt: skip
    made.create_bucket(Bucket="dags")
    yield made
    made.close()
    server.stop()


def bundle(tmp_path: Path, client: Any, **arguments: Any) -> S3Bundle:
    extra = json.dumps({"endpoint_url": client.meta.endpoint_url, "region_name": "us-east-1"})
    record = ConnectionRecord(conn_id="c", login="a", password="s", extra=extra)
    wanted = {"bucket_name": "dags", "aws_conn_id": "c"} | arguments
    return S3Bundle("bucket", str(tmp_path), wanted, 60.0, lambda conn_id: record if conn_id == "c" else None)


def files(found: S3Bundle) -> dict[str, str]:
    folder = Path(found.folder)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_follows_the_prefix(tmp_path: Path, client: Any) -> None:
    for key, body in (("a/x.py", b"1"), ("a/lib/y.py", b"2"), ("ab.py", b"3"), ("a/", b"")):
        client.put_object(Bucket="dags", Key=key, Body=body)
    found = bundle(tmp_path, client, prefix="a")
    assert found.refresh() is None
    assert files(found) == {"x.py": "1", "lib/y.py": "2"}
    stamp = Path(found.folder, "x.py").stat().st_mtime_ns
    client.put_object(Bucket="dags", Key="a/z.py", Body=b"z")
    client.delete_object(Bucket="dags", Key="a/lib/y.py")
    found.refresh()
    assert files(found) == {"x.py": "1", "z.py": "z"}
    assert Path(found.folder, "x.py").stat().st_mtime_ns == stamp
    client.put_object(Bucket="dags", Key="a/x.py", Body=b"new")
    found.refresh()
    assert files(found)["x.py"] == "new"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"bucket_name": "nope"}, "s3://nope/.*NoSuchBucket"), ({"aws_conn_id": "no"}, "no connection 'no'")],
)
def test_mistakes(tmp_path: Path, client: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        bundle(tmp_path, client, **arguments).refresh()
    assert "\n" not in str(caught.value)


def test_keys_stay_inside_the_folder(tmp_path: Path, client: Any) -> None:
    client.put_object(Bucket="dags", Key="b/../../evil.py", Body=b"1")
    found = bundle(tmp_path, client, prefix="b")
    found.refresh()
    assert files(found) == {}
