"""Telling listeners: each is called by itself, and what goes wrong in one is a line in the log."""

from __future__ import annotations

import logging

from tradewind.sdk.plugins.hookimpl import HookimplMarker, call_with_known, implementation
from tradewind.sdk.plugins.installed import listeners

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from tradewind.sdk.plugins.loading import Limit

PROJECT = "airflow"
hookimpl = HookimplMarker(PROJECT)

RUN_HOOKS = ("on_dag_run_running", "on_dag_run_success", "on_dag_run_failed")
TASK_HOOKS = (
    "on_task_instance_running",
    "on_task_instance_success",
    "on_task_instance_failed",
    "on_task_instance_skipped",
)
ASSET_HOOKS = ("on_asset_created", "on_asset_alias_created", "on_asset_changed", "on_asset_event_emitted")
ERROR_HOOKS = ("on_new_dag_import_error", "on_existing_dag_import_error")
LIFE_HOOKS = ("on_starting", "before_stopping")
HOOKS = (*RUN_HOOKS, *TASK_HOOKS, *ASSET_HOOKS, *ERROR_HOOKS, *LIFE_HOOKS)

_log = logging.getLogger("tradewind.task")


def listened_hooks(found: Collection[Any]) -> list[str]:
    """Return the hooks that some of the listeners implement."""
    return [hook for hook in HOOKS if any(implementation(listener, hook, PROJECT) for listener in found)]


def is_listened(hook: str) -> bool:
    """Say whether some listener implements the hook."""
    return any(implementation(listener, hook, PROJECT) for listener in listeners())


def tell(hook: str, limit: Limit, **arguments: Any) -> str | None:
    """Call every listener that implements the hook; return one line about the last that failed, None if none.

    Airflow 2's listeners take a database session too: theirs is None.
    """
    failure = None
    for listener in listeners():
        function = implementation(listener, hook, PROJECT)
        if function is None:
            continue
        name = f"listener {getattr(listener, '__name__', type(listener).__name__)}.{hook}"
        try:
            with limit(name):
                call_with_known(function, arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - author code: it must harm nothing else
            failure = f"{name} failed: {type(error).__name__}: {error}"
            _log.error("%s", failure)
    return failure
