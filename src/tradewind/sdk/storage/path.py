"""`ObjectStoragePath`, where fsspec and universal-pathlib are installed; else a class that says so when it is used.

DAG files make paths at top level: importing the name costs nothing and never fails, nor does making a path where the
extra is there. The connection is looked up at the first use of the file system.
"""

from __future__ import annotations

from tradewind.sdk.exceptions import AirflowOptionalProviderFeatureException
from tradewind.sdk.storage.filesystems import EXTRA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class _MissingObjectStoragePath:
    """Stands for the class where its libraries are not installed."""

    def __new__(cls, *_args: object, **_kwargs: object) -> NoReturn:
        """Refuse."""
        raise AirflowOptionalProviderFeatureException(f"ObjectStoragePath needs an extra: {EXTRA}")


def __getattr__(name: str) -> Any:
    """Return the class."""
    if name != "ObjectStoragePath":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from tradewind.sdk.storage.object_path import ObjectStoragePath  # noqa: PLC0415 - an extra, and heavy
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"fsspec", "upath", "pathlib_abc"}:
            raise
        return _MissingObjectStoragePath
    return ObjectStoragePath
