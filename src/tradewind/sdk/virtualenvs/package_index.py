"""`PackageIndexHook`: an index of Python packages that a connection names."""

from __future__ import annotations

from urllib.parse import quote, urlparse

from tradewind.sdk.hooks import BaseHook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class PackageIndexHook(BaseHook):
    """An index of Python packages: the connection's host is its URL, login and password go into it."""

    conn_name_attr = "pi_conn_id"
    default_conn_name = "package_index_default"
    conn_type = "package_index"
    hook_name = "Package Index (Python)"

    def __init__(self, pi_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pi_conn_id = pi_conn_id

    def get_conn(self) -> str:
        """Return the URL."""
        return self.get_connection_url()

    def get_connection_url(self) -> str:
        """Return the URL with who logs in. Raises ValueError for a connection without one."""
        connection = self.get_connection(self.pi_conn_id)
        if not connection.host:
            raise ValueError(f"connection {self.pi_conn_id!r}: give the URL of the package index as its host")
        url = urlparse(connection.host)
        host = url.netloc.rpartition("@")[2]
        if connection.login:
            password = f":{quote(connection.password, safe='')}" if connection.password else ""
            host = f"{quote(connection.login, safe='')}{password}@{host}"
        return url._replace(netloc=host).geturl()
