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


def expand_alias_to_assets(alias: Any, **_session: Any) -> list[Any]:
    """Return no asset: what an alias stands for is the scheduler's to know. Lineage of providers asks for it."""
    del alias
    return []


def clear_task_instances(*_args: Any, **_options: Any) -> None:
    """Raise AirflowException: pages of provider packages clear through Airflow's database, which is not there."""
    from tradewind.sdk.exceptions import AirflowException  # noqa: PLC0415 - only when it is called

    raise AirflowException(
        "clear_task_instances() needs Airflow's database: clear by the REST API or `tradewind tasks clear`"
    )


def get_plugins() -> tuple[list[Any], dict[str, str]]:
    """Return no plugin and no import error: plugins are loaded by the processes themselves."""
    return [], {}
