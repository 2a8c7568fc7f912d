"""`BaseSecretsBackend`, which the backends of provider packages and of authors derive from, and the two built-in ones."""

from __future__ import annotations

from tradewind.config.secrets import connection_in_environment, variable_in_environment
from tradewind.sdk.ports import worker_store
from tradewind.sdk.toolkit.log import LoggingMixin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tradewind.sdk.connection import Connection


class BaseSecretsBackend(LoggingMixin):
    """A place outside the installation where variables, connections and configuration values are kept.

    A subclass overrides `get_conn_value` (or `get_connection`), `get_variable` and `get_config`, each returning None
    for what it does not have.
    """

    @staticmethod
    def build_path(path_prefix: str, secret_id: str, sep: str = "/") -> str:
        """Return the name of a secret below a prefix."""
        return f"{path_prefix}{sep}{secret_id}"

    def get_conn_value(self, conn_id: str, **_unused: Any) -> str | None:
        """Return the connection as a URI or as JSON, None when there is none."""
        raise NotImplementedError

    def get_conn_uri(self, conn_id: str) -> str | None:
        """Return the connection as a URI: Airflow 2's former name of `get_conn_value`."""
        raise NotImplementedError

    def deserialize_connection(self, conn_id: str, value: str) -> Connection:
        """Return the connection that a URI or a JSON text describes. Raises AirflowException, ValueError for none."""
        from tradewind.sdk.connection import Connection  # noqa: PLC0415 - it needs this module

        text = value.strip()
        return Connection.from_json(text, conn_id) if text.startswith("{") else Connection(conn_id, uri=text)

    def get_connection(self, conn_id: str, **_unused: Any) -> Connection | None:
        """Return the connection, None when there is none."""
        try:
            value = self.get_conn_value(conn_id=conn_id)
        except NotImplementedError:
            value = self.get_conn_uri(conn_id=conn_id)
        return self.deserialize_connection(conn_id=conn_id, value=value) if value else None

    def get_variable(self, key: str, **_unused: Any) -> str | None:
        """Return the variable's text, None when there is none."""
        raise NotImplementedError

    def get_config(self, key: str) -> str | None:
        """Return a configuration value, which an option named by its `_SECRET` form."""
        del key
        return None

    def _set_connection_class(self, conn_class: type) -> None:
        """Take the class of connections, which Airflow hands to its backends: there is one here."""
        self._connection_class = conn_class

    def _get_connection_class(self) -> type:
        from tradewind.sdk.connection import Connection  # noqa: PLC0415 - it needs this module

        return Connection


class EnvironmentVariablesBackend(BaseSecretsBackend):
    """Variables and connections of the environment: `AIRFLOW_VAR_<KEY>`, `AIRFLOW_CONN_<CONN_ID>`."""

    def get_conn_value(self, conn_id: str, **_unused: Any) -> str | None:
        """Return the connection as the environment has it."""
        return connection_in_environment(conn_id)

    def get_variable(self, key: str, **_unused: Any) -> str | None:
        """Return the variable's text."""
        return variable_in_environment(key)


class MetastoreBackend(BaseSecretsBackend):
    """Variables and connections of the metadata database."""

    def get_connection(self, conn_id: str, **_unused: Any) -> Connection | None:
        """Return the stored connection."""
        from tradewind.sdk.connection import Connection  # noqa: PLC0415 - it needs this module

        record = worker_store().get_connection(conn_id)
        return None if record is None else Connection.from_record(record)

    def get_variable(self, key: str, **_unused: Any) -> str | None:
        """Return the stored variable's text."""
        return worker_store().get_variable(key)
