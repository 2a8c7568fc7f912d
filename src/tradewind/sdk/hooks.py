"""`BaseHook`: the base of the classes that talk to outside systems, and the way from a conn_id to its connection."""

from __future__ import annotations

from tradewind.sdk.toolkit.log import LoggingMixin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tradewind.sdk.connection import Connection


_LOGGER_NAME = "airflow.sdk.bases.hook.BaseHook"


class BaseHook(LoggingMixin):
    """Base of hooks. `logger_name` names the logger instead of the class, below `airflow.task.hooks`."""

    _log_config_logger_name = "airflow.task.hooks"

    def __init__(self, logger_name: str | None = None) -> None:
        super().__init__()
        # Where handlers and levels are set for this one, they name it as Airflow does.
        self._logger_name = _LOGGER_NAME if type(self) is BaseHook and logger_name is None else logger_name

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """Return the connection. Raises AirflowNotFoundException when there is none."""
        from tradewind.sdk.connection import Connection  # noqa: PLC0415 - hooks are imported where none is used

        return Connection.get(conn_id)

    @classmethod
    def get_connections(cls, conn_id: str) -> list[Connection]:
        """Return the connection in a list: Airflow 1.10 could have several under one conn_id."""
        return [cls.get_connection(conn_id)]

    @classmethod
    async def aget_connection(cls, conn_id: str) -> Connection:
        """Return the connection, without holding up the event loop."""
        from tradewind.sdk.connection import Connection  # noqa: PLC0415 - as in get_connection

        return await Connection.async_get(conn_id)

    @classmethod
    def get_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """Return the hook that serves the connection's type. Raises AirflowException when no provider has one."""
        return cls.get_connection(conn_id).get_hook(hook_params=hook_params)

    @classmethod
    async def aget_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """Return what `get_hook` returns, without holding up the event loop."""
        connection = await cls.aget_connection(conn_id)
        return connection.get_hook(hook_params=hook_params)

    def get_conn(self) -> Any:
        """Return the outside system's own client: each hook says which."""
        raise NotImplementedError(f"{type(self).__name__} has no get_conn()")

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields of the form in which such a connection is edited."""
        return {}

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how that form names and hides its fields."""
        return {}


def hook_class_name(conn_type: str | None) -> str | None:
    """Return the dotted name of the hook class for a type of connection, None when no installed provider has one."""
    from tradewind.sdk.providers.installed import installed_providers  # noqa: PLC0415 - asked for by few tasks

    for info in installed_providers().values():
        for kind in info.data.get("connection-types", []):
            if kind["connection-type"] == conn_type:
                return kind["hook-class-name"]
    return _OF_THE_STANDARD_PROVIDER.get(conn_type or "")


_OF_THE_STANDARD_PROVIDER = {
    "fs": "tradewind.sdk.sensors.filesystem.FSHook",
    "package_index": "tradewind.sdk.virtualenvs.package_index.PackageIndexHook",
}
"""Types that every Airflow knows."""
