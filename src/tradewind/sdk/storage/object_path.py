"""The path itself: universal-pathlib's, with an Airflow connection in its address. Import it from `path`."""
# universal-pathlib's types are not checked here: an extra need not be installed where types are.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUntypedBaseClass=false, reportMissingImports=false, reportUnknownParameterType=false
# pyright: reportIncompatibleMethodOverride=false, reportMissingTypeStubs=false, reportIncompatibleVariableOverride=false
# pyright: reportUntypedFunctionDecorator=false, reportAttributeAccessIssue=false

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fsspec.utils import stringify_path
from upath import UPath
from upath.extensions import ProxyUPath, classmethod_or_method

from tradewind.sdk.providers.lineage import get_hook_lineage_collector
from tradewind.sdk.runtime.lazy import LazyValue
from tradewind.sdk.storage.stat import stat_result
from tradewind.sdk.storage.store import attach

if TYPE_CHECKING:
    from collections.abc import Iterator


class ObjectStoragePath(ProxyUPath):
    """A path such as `s3://conn_id@bucket/key` or `file:///folder/file`: everything that `pathlib.Path` has, and more.

    The connection may also be given as `conn_id`. The file system is that of `attach(protocol, conn_id)`, made when it
    is first used. Paths can be XComs.
    """

    __version__ = 1
    __slots__ = ("_conn_id",)

    sep = "/"
    root_marker = "/"

    def __init__(
        self, *args: Any, protocol: str | None = None, conn_id: str | None = None, **storage_options: Any
    ) -> None:
        found = None
        if args and isinstance(args[0], ObjectStoragePath):
            found = args[0].conn_id
        elif args:
            url = urlsplit(stringify_path(args[0]))
            user, separator, place = url.netloc.rpartition("@")
            if separator:
                found = user or None
                args = (url._replace(netloc=place).geturl(), *args[1:])
            protocol = protocol or url.scheme
        self._conn_id = conn_id if conn_id is not None else found
        super().__init__(*args, protocol=protocol, **storage_options)
        self._use_attached(self.__wrapped__)

    @classmethod_or_method
    def _from_upath(cls_or_self: Any, upath: Any, /) -> Any:  # noqa: N805 - called on both
        """Return the path around one of universal-pathlib's; one that a path made has its connection."""
        is_instance = isinstance(cls_or_self, ObjectStoragePath)
        cls = type(cls_or_self) if is_instance else cls_or_self
        if isinstance(upath, cls):
            return upath
        path = object.__new__(cls)
        path.__wrapped__ = upath
        path._conn_id = cls_or_self.conn_id if is_instance else None
        path._use_attached(upath)
        return path

    def _use_attached(self, wrapped: Any) -> None:
        """Let what universal-pathlib does itself go through the attached file system, which is made at first use."""
        protocol, conn_id = wrapped.protocol or "file", self._conn_id
        if conn_id is not None or not wrapped.storage_options:
            wrapped._fs_cached = LazyValue(lambda: attach(protocol, conn_id).fs)  # noqa: SLF001 - where it keeps it

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def conn_id(self) -> str | None:
        """The connection, None without one."""
        return getattr(self, "_conn_id", None)

    @property
    def fs(self) -> Any:
        """The file system. Raises as `get_fs` does."""
        if self.conn_id is None and self.storage_options:
            return self.__wrapped__.fs
        return attach(self.protocol or "file", self.conn_id).fs

    @property
    def bucket(self) -> str:
        """The bucket, or what else the address has for a host."""
        return urlsplit(super().__str__()).netloc if self.protocol else ""

    @property
    def container(self) -> str:
        """The bucket, by another name."""
        return self.bucket

    @property
    def key(self) -> str:
        """The name in the bucket, without a leading slash."""
        return urlsplit(super().__str__()).path.lstrip(self.sep) if self.protocol else ""

    @property
    def namespace(self) -> str:
        """Protocol and bucket."""
        return f"{self.protocol}://{self.bucket}" if self.bucket else self.protocol

    def __str__(self) -> str:
        text = super().__str__()
        if not self.conn_id or "://" not in text:
            return text
        protocol, _, rest = text.partition("://")
        return f"{protocol}://{self.conn_id}@{rest}"

    def __hash__(self) -> int:
        return hash(str(self))

    def __eq__(self, other: object) -> bool:
        return self.samestore(other) and str(self) == str(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def samestore(self, other: Any) -> bool:
        """Say whether another path is of the same protocol and connection."""
        return isinstance(other, ObjectStoragePath) and (self.protocol, self.conn_id) == (other.protocol, other.conn_id)

    def samefile(self, other_path: Any) -> bool:
        """Say whether another path leads to the same object."""
        if not isinstance(other_path, ObjectStoragePath) or not self.samestore(other_path):
            return False
        own, other = self.stat(), other_path.stat()
        return own["ino"] == other["ino"] if "ino" in own and "ino" in other else self.path == other_path.path

    def stat(self, **_unused: Any) -> stat_result:
        """Return what the file system knows of the object."""
        return stat_result(self.fs.stat(self.path), protocol=self.protocol, conn_id=self.conn_id)

    def ukey(self) -> str:
        """Return a text that changes when the object does."""
        return self.fs.ukey(self.path)

    def checksum(self) -> int:
        """Return a number that changes when the object does."""
        return self.fs.checksum(self.path)

    def size(self) -> int:
        """Return the size in bytes."""
        return self.fs.size(self.path)

    def sign(self, expiration: int = 100, **kwargs: Any) -> str:
        """Return an address that is valid for `expiration` seconds. Raises NotImplementedError for stores without."""
        return self.fs.sign(self.path, expiration=expiration, **kwargs)

    # ---- reading and writing -----------------------------------------------------------------------------------------

    def open(self, mode: str = "r", **kwargs: Any) -> Any:
        """Return the opened object."""
        kwargs.setdefault("block_size", kwargs.pop("buffering", None))
        self._tell(self if set(mode) & set("wax+") else None, is_read="r" in mode)
        return self.fs.open(self.path, mode=mode, **kwargs)

    def read_block(self, offset: int, length: int | None, delimiter: bytes | None = None) -> bytes:
        """Return bytes from `offset` on, to the next delimiter where one is given."""
        return self.fs.read_block(self.path, offset=offset, length=length, delimiter=delimiter)

    def replace(self, target: Any) -> Any:
        """Rename to the target, which is overwritten; return the new path."""
        return self.rename(target)

    @classmethod
    def cwd(cls) -> Any:
        """Return the current folder."""
        return cls._from_upath(UPath.cwd())

    @classmethod
    def home(cls) -> Any:
        """Return the user's folder."""
        return cls._from_upath(UPath.home())

    # ---- copying -----------------------------------------------------------------------------------------------------

    def copy(self, dst: Any, recursive: bool = False, **kwargs: Any) -> None:
        """Copy to another path, in the same store or another. Raises FileNotFoundError, ValueError for a folder onto a file."""
        target = dst if isinstance(dst, ObjectStoragePath) else ObjectStoragePath(dst)
        self._tell(target, is_read=True)
        if self.samestore(target):
            self.fs.copy(self.path, target.path, recursive=recursive, **kwargs)
        elif self.protocol == "file":
            target.fs.put(self.path, target.path, recursive=recursive, **kwargs)
        elif target.protocol == "file":
            self.fs.get(self.path, target.path, recursive=recursive, **kwargs)
        elif not self.exists():
            raise FileNotFoundError(f"{self} does not exist")
        elif not self.is_dir():
            _stream(self, target)
        elif target.is_file():
            raise ValueError(f"{self} is a folder and cannot be copied onto the file {target}")
        else:
            for path in self._files():
                _stream(path, target / path.path[len(self.path) :].lstrip("/"))

    def copy_into(self, target_dir: Any, recursive: bool = False, **kwargs: Any) -> None:
        """Copy into a folder. Raises NotADirectoryError for another target."""
        self.copy(self._place_in(target_dir), recursive=recursive, **kwargs)

    def move(self, path: Any, recursive: bool = False, **kwargs: Any) -> None:
        """Move to another path, in the same store or another."""
        target = path if isinstance(path, ObjectStoragePath) else ObjectStoragePath(path)
        if self.samestore(target):
            self._tell(target, is_read=True)
            self.fs.move(self.path, target.path, recursive=recursive, **kwargs)
            return
        self.copy(target, recursive=recursive, **kwargs)
        self.fs.rm(self.path, recursive=recursive)

    def move_into(self, target_dir: Any, recursive: bool = False, **kwargs: Any) -> None:
        """Move into a folder. Raises NotADirectoryError for another target."""
        self.move(self._place_in(target_dir), recursive=recursive, **kwargs)

    # ---- as an XCom --------------------------------------------------------------------------------------------------

    def serialize(self) -> dict[str, Any]:
        """Return what another process needs to make the same path."""
        return {"path": str(self), "conn_id": self.conn_id, "kwargs": dict(self.storage_options)}

    @classmethod
    def deserialize(cls, data: dict[str, Any], version: int) -> ObjectStoragePath:
        """Return the path. Raises ValueError for one of a newer class."""
        if version > cls.__version__:
            raise ValueError(f"an ObjectStoragePath of version {version} is newer than the class that is installed")
        return cls(data["path"], conn_id=data.get("conn_id"), **data.get("kwargs", {}))

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _place_in(self, folder: Any) -> ObjectStoragePath:
        target = folder if isinstance(folder, ObjectStoragePath) else ObjectStoragePath(folder)
        if not target.is_dir():
            raise NotADirectoryError(f"{target} is no folder")
        return target / self.name

    def _files(self) -> Iterator[ObjectStoragePath]:
        for found in self.fs.find(self.path):
            yield ObjectStoragePath(found, protocol=self.protocol, conn_id=self.conn_id)

    def _tell(self, written: ObjectStoragePath | None, *, is_read: bool) -> None:
        """Tell lineage collectors what is read and written."""
        collector = get_hook_lineage_collector()
        if is_read:
            collector.add_input_asset(self, uri=str(self))
        if written is not None:
            collector.add_output_asset(written, uri=str(written))


def _stream(path: ObjectStoragePath, target: ObjectStoragePath) -> None:
    """Copy one object to another store; into a folder under its own name."""
    place = target / path.name if target.is_dir() else target
    place.parent.mkdir(parents=True, exist_ok=True)
    with path.fs.open(path.path, "rb") as source, place.fs.open(place.path, "wb") as sink:
        shutil.copyfileobj(source, sink)
