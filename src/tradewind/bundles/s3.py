"""Bundles from S3: a copy of the objects below a prefix. Without versions, as in Airflow."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tradewind.bundles.bundle import BundleError
from tradewind.bundles.layout import CURRENT

if TYPE_CHECKING:
    from tradewind.bundles.bundle import ReadConnection

_MANIFEST = "manifest.json"


class S3Bundle:
    """The objects of a bucket below a prefix."""

    has_versions = False

    def __init__(
        self,
        name: str,
        storage: str,
        arguments: dict[str, Any],
        refresh_interval_s: float,
        read_connection: ReadConnection,
    ) -> None:
        """Take the kwargs of Airflow's class; `storage` is where bundles lie."""
        self.name = name
        self.refresh_interval_s = refresh_interval_s
        self._home = Path(storage) / name
        self._bucket: str = arguments["bucket_name"]
        self._prefix: str = arguments.get("prefix", "")
        self._conn_id: str = arguments.get("aws_conn_id", "")
        self._read_connection = read_connection

    @property
    def folder(self) -> str:
        """The folder with its DAG files, as they were at the last refresh."""
        return str(self._home / CURRENT)

    def refresh(self) -> str | None:
        """Fetch what has changed and remove what is gone; return None. Raises `BundleError`."""
        try:
            self._synchronize(self._client())
        except BundleError:
            raise
        except Exception as error:  # boto3's errors have no common base
            raise BundleError(f"s3://{self._bucket}/{self._prefix}: {' '.join(str(error).split())}") from error
        return None

    def _synchronize(self, client: Any) -> None:
        folder = self._home / CURRENT
        folder.mkdir(parents=True, exist_ok=True)
        manifest = self._home / _MANIFEST
        known: dict[str, str] = json.loads(manifest.read_text()) if manifest.exists() else {}
        found: dict[str, str] = {}
        prefix = f"{self._prefix.rstrip('/')}/" if self._prefix else ""
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                relative = entry["Key"][len(prefix) :]
                if relative and not relative.endswith("/") and _is_inside(relative):
                    found[relative] = str(entry["ETag"])
        for relative, tag in found.items():
            target = folder / relative
            if known.get(relative) != tag or not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f".{target.name}.{os.getpid()}.part")
                client.download_file(self._bucket, prefix + relative, str(part))
                part.replace(target)
        for path in [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]:
            if path.relative_to(folder).as_posix() not in found:
                path.unlink(missing_ok=True)
        manifest.write_text(json.dumps(found))

    def _client(self) -> Any:
        try:
            library = import_module("boto3")  # brings a tenth of a second and is an extra
        except ModuleNotFoundError:
            raise BundleError("S3 bundles need boto3: pip install 'tradewind[aws]'") from None
        connection = self._read_connection(self._conn_id) if self._conn_id else None
        if self._conn_id and connection is None and self._conn_id != "aws_default":
            raise BundleError(f"there is no connection {self._conn_id!r}")
        options: dict[str, Any] = {}
        if connection is not None:
            extra = json.loads(connection.extra) if connection.extra else {}
            options = {
                "aws_access_key_id": connection.login or extra.get("aws_access_key_id"),
                "aws_secret_access_key": connection.password or extra.get("aws_secret_access_key"),
                "aws_session_token": extra.get("aws_session_token"),
                "region_name": extra.get("region_name"),
                "endpoint_url": extra.get("endpoint_url") or connection.host or None,
            }
        return library.client("s3", **{key: value for key, value in options.items() if value})


def _is_inside(relative: str) -> bool:
    """Return whether a key stays below the folder that it is written to."""
    return ".." not in PurePosixPath(relative).parts and not relative.startswith("/")
