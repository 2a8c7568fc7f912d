"""What is known of a stored object, under the names of `os.stat_result`."""

from __future__ import annotations

from stat import S_IFDIR, S_IFLNK, S_IFREG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class stat_result(dict[str, "Any"]):  # noqa: N801 - Airflow's name
    """A dict of what the file system says, with the attributes of `os.stat_result` that object stores can answer."""

    st_dev = 0

    @property
    def st_size(self) -> int:
        """Size in bytes."""
        return self.get("size") or 0

    @property
    def st_uid(self) -> int:
        """Number of the owner."""
        return self.get("uid", 0)

    @property
    def st_gid(self) -> int:
        """Number of the owner's group."""
        return self.get("gid", 0)

    @property
    def st_ino(self) -> int:
        """Number in its file system."""
        return self.get("ino", 0)

    @property
    def st_nlink(self) -> int:
        """How many hard links there are."""
        return self.get("nlink", 0)

    @property
    def st_mtime(self) -> float:
        """When it was changed, in seconds since 1970; 0 when that is not known."""
        for name in ("mtime", "LastModified", "last_modified", "updated", "created"):
            found: Any = self.get(name)
            if found is not None:
                return found.timestamp() if hasattr(found, "timestamp") else found
        return 0

    @property
    def st_mode(self) -> int:
        """Kind and permissions, as far as they are known."""
        if "mode" in self:
            return self["mode"]
        if self.get("isLink"):
            return S_IFLNK
        return {"file": S_IFREG, "directory": S_IFDIR}.get(self.get("type", ""), 0)
