"""An XCom backend that keeps large values in object storage, small ones in the database.

It reads the options of Airflow's common.io provider, and stands in for that provider's class where it is not installed.
A folder (`file:///...`) needs no further package; other addresses are those of `ObjectStoragePath`.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from tradewind.sdk.exceptions import AirflowConfigException
from tradewind.sdk.ports import xcom_codec
from tradewind.sdk.toolkit.configuration import conf
from tradewind.sdk.toolkit.loading import import_string
from tradewind.sdk.xcoms.xcom import BaseXCom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SECTION = "common.io"
_OBJECT_PATH = "tradewind.sdk.storage.path.ObjectStoragePath"
"""By name, for few installations have the libraries it needs."""
_COMPRESSIONS: dict[str, tuple[str, Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "bz2": (".bz2", bz2.compress, bz2.decompress),
    "gzip": (".gz", gzip.compress, gzip.decompress),
    "lzma": (".xz", lzma.compress, lzma.decompress),
    "xz": (".xz", lzma.compress, lzma.decompress),
}


class XComObjectStorageBackend(BaseXCom):
    """Keeps a value of `xcom_objectstorage_threshold` bytes of JSON or more below `xcom_objectstorage_path`.

    In the database is then its address. A negative threshold keeps everything in the database. One XCom has one
    address, so that another try of its task overwrites it.
    """

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
        """Return the value, or its address once it is written there. Raises what the storage raises."""
        codec = xcom_codec()
        data = codec.encode_value(value, key=key or BaseXCom.XCOM_RETURN_KEY)
        threshold = conf.getint(_SECTION, "xcom_objectstorage_threshold", fallback=-1)
        if threshold < 0 or len(data) < threshold:
            return codec.decode_plain(data)
        suffix, compress, _ = _compression(conf.get(_SECTION, "xcom_objectstorage_compression", fallback=""))
        index = "" if map_index is None or map_index < 0 else f"[{map_index}]"
        parts = (dag_id or "NO_DAG_ID", run_id or "NO_RUN_ID", task_id or "NO_TASK_ID")
        path = _base().joinpath(*(_safe(part) for part in parts), f"{_safe(key or 'value')}{index}.json{suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(compress(data))
        return _address(path)

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """Return the value, read from where its address says. Raises what the storage raises."""
        value = BaseXCom.deserialize_value(result)
        path = _path_of(value)
        if path is None:
            return value
        suffix = path.suffix
        _, _, decompress = next((each for each in _COMPRESSIONS.values() if each[0] == suffix), _compression(""))
        return xcom_codec().decode_value(decompress(path.read_bytes()))

    @classmethod
    def purge(cls, xcom: Any, *args: Any) -> None:  # noqa: ARG003 - Airflow 2 passes a session
        """Delete what lies at the XCom's address."""
        path = _path_of(BaseXCom.deserialize_value(xcom))
        if path is not None:
            path.unlink(missing_ok=True)


def _base() -> Any:
    """Return the folder of all values. Raises AirflowConfigException when the option says nothing."""
    address = conf.get(_SECTION, "xcom_objectstorage_path")
    if not address:
        raise AirflowConfigException(
            f"[{_SECTION}] xcom_objectstorage_path is not set: say where large XComs are kept, such as file:///folder"
        )
    return _path(address)


def _path(address: str) -> Any:
    url = urlsplit(address)
    if url.scheme in {"", "file"}:
        return Path(unquote(url.path) if url.scheme else address)
    return import_string(_OBJECT_PATH)(address)


def _address(path: Any) -> str:
    return path.as_uri() if isinstance(path, Path) else str(path)


def _path_of(value: Any) -> Any:
    """Return the path that a stored value is the address of, None for a value that is none of ours."""
    if not isinstance(value, str) or "://" not in value:
        return None
    base = _address(_base())
    return _path(value) if value.startswith(f"{base.rstrip('/')}/") else None


def _safe(part: str) -> str:
    return quote(part, safe=":+@=")


def _compression(name: str | None) -> tuple[str, Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    if not name:
        return "", bytes, bytes
    found = _COMPRESSIONS.get(name.lower())
    if found is None:
        raise ValueError(
            f"[{_SECTION}] xcom_objectstorage_compression is {name!r}, allowed is one of {', '.join(_COMPRESSIONS)}"
        )
    return found
