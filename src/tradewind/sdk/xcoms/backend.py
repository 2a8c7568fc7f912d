"""The installation's XCom backend: the class that makes pushed values into what is stored, and back.

Only processes that run author code load it.
"""

from __future__ import annotations

from tradewind.sdk.xcoms.storing import XComBackendError, one_line
from tradewind.sdk.xcoms.xcom import XCOM_RETURN_KEY, BaseXCom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["XCOM_RETURN_KEY", "BaseXCom", "install_xcom_backend", "xcom_backend"]

AIRFLOWS_OWN = frozenset(
    {
        "airflow.models.xcom.BaseXCom",
        "airflow.sdk.bases.xcom.BaseXCom",
        "airflow.sdk.execution_time.xcom.BaseXCom",
    }
)
"""Names of Airflow's class, which keeps values in the database: the same as none."""

_path = ""
_backend: type[BaseXCom] | None = None


def install_xcom_backend(dotted_path: str) -> None:
    """Make the class with this name the process's backend; it is imported when the first XCom is pushed or pulled."""
    global _path, _backend  # noqa: PLW0603 - one backend a process, installed by the root
    _path = "" if dotted_path in AIRFLOWS_OWN else dotted_path
    _backend = None if _path else BaseXCom


def xcom_backend() -> type[BaseXCom]:
    """Return the process's backend. Raises `XComBackendError` when it cannot be had."""
    global _backend  # noqa: PLW0603 - as above
    if _backend is None:
        # What the backend's own module imports as XCom while it is loaded.
        _backend = BaseXCom
        try:
            _backend = _load(_path) if _path else BaseXCom
        except XComBackendError:
            _backend = None
            raise
    return _backend


def _load(path: str) -> type[BaseXCom]:
    from tradewind.sdk.toolkit.loading import import_string  # noqa: PLC0415 - only where there is one

    try:
        backend = import_string(path)
    except Exception as error:
        raise XComBackendError(
            f"the XCom backend {path} (option core.xcom_backend) cannot be imported: {one_line(error)}"
        ) from error
    if not isinstance(backend, type) or not issubclass(backend, BaseXCom):
        raise XComBackendError(
            f"the XCom backend {path} (option core.xcom_backend) is no subclass of airflow.sdk.bases.xcom.BaseXCom"
        )
    return backend


def __getattr__(name: str) -> Any:
    """Return the installation's backend for `XCom`."""
    if name == "XCom":
        return xcom_backend()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
