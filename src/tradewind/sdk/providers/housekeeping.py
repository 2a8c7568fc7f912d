"""Set-up steps of Airflow's own processes that code written for it calls: here they have nothing to do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def configure_logging(*_args: Any, **_options: Any) -> None:
    """Do nothing: the worker has set its logging up before author code runs."""


def reset_logging() -> None:
    """Do nothing: see `configure_logging`."""


def clear_secrets_backends_cache() -> None:
    """Do nothing: secrets backends are made once for a process, from its settings."""


def get_policy_plugin_manager() -> Any:
    """Return None: cluster policies are applied where DAG files are read, without a manager of plugins."""


def get_plugins() -> tuple[list[Any], dict[str, str]]:
    """Return no plugin and no import error: plugins are loaded by the processes themselves."""
    return [], {}
