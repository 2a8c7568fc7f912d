"""Attached stores: a file system with its connection, once for each of both in a process."""

from __future__ import annotations

from tradewind.sdk.storage.filesystems import get_fs, has_fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ObjectStore:
    """One file system with its connection; made when it is first used. Call `attach` for one."""

    __version__ = 1

    def __init__(
        self, protocol: str, conn_id: str | None, fs: Any = None, storage_options: dict[str, Any] | None = None
    ) -> None:
        self.protocol = protocol
        self.conn_id = conn_id
        self.storage_options = storage_options
        self._fs = fs

    def __str__(self) -> str:
        return f"{self.protocol}-{self.conn_id}" if self.conn_id else self.protocol

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectStore) and self.conn_id == other.conn_id and self.fs == other.fs

    def __hash__(self) -> int:
        return hash((self.conn_id, self.fsid))

    @property
    def fs(self) -> Any:
        """The file system. Raises as `get_fs` does."""
        if self._fs is None:
            self._fs = get_fs(self.protocol, self.conn_id, self.storage_options)
        return self._fs

    @property
    def fsid(self) -> str:
        """What tells the file system from others."""
        try:
            return self.fs.fsid
        except NotImplementedError:
            return f"{self.protocol}-{self.conn_id or 'env'}"

    def serialize(self) -> dict[str, Any]:
        """Return what another process needs to attach the same store."""
        kind: type[Any] = self.fs.__class__
        return {
            "protocol": self.protocol,
            "conn_id": self.conn_id,
            "filesystem": f"{kind.__module__}.{kind.__qualname__}",
            "storage_options": self.storage_options,
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any], version: int) -> ObjectStore:
        """Return the store of this process. Raises ValueError for one that nothing here serves."""
        if version > cls.__version__:
            raise ValueError(f"an ObjectStore of version {version} is newer than the class that is installed")
        protocol, conn_id = data["protocol"], data["conn_id"]
        if _alias(protocol, conn_id) not in _stores and not has_fs(protocol):
            raise ValueError(f"no file system is attached for {protocol}, which was a {data.get('filesystem')}")
        return attach(protocol, conn_id, storage_options=data.get("storage_options"))


_stores: dict[str, ObjectStore] = {}


def attach(
    protocol: str | None = None,
    conn_id: str | None = None,
    alias: str | None = None,
    encryption_type: str | None = "",
    fs: Any = None,
    **options: Any,
) -> ObjectStore:
    """Return the store for a protocol and connection, or of an alias; made when this process has none yet.

    Paths of that protocol and connection use it from then on, so `fs` gives them a file system of the author's own.
    Raises ValueError without a protocol for an alias that was never attached.
    """
    del encryption_type  # Airflow takes it and does nothing with it
    if not protocol and (alias is None or alias not in _stores):
        raise ValueError(
            f"no store is attached as {alias!r}: say its protocol" if alias else "a store needs a protocol"
        )
    name = alias or _alias(protocol or "", conn_id)
    if name not in _stores:
        _stores[name] = ObjectStore(protocol or "", conn_id, fs, **options)
    return _stores[name]


def _alias(protocol: str, conn_id: str | None) -> str:
    return f"{protocol}-{conn_id}" if conn_id else protocol
