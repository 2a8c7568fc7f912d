"""Variables and connections that the environment gives to author code: read at each call, for a task may set them.

Both spellings work, the product's own before Airflow's: `TRADEWIND_VAR_<KEY>` and `AIRFLOW_VAR_<KEY>` hold a
variable's text, `TRADEWIND_CONN_<CONN_ID>` and `AIRFLOW_CONN_<CONN_ID>` a connection as URI or as JSON.
"""

from __future__ import annotations

import os

_PREFIXES = ("TRADEWIND_", "AIRFLOW_")


def variable_in_environment(key: str) -> str | None:
    """Return the text of the variable `key`, or None when the environment has none."""
    return _first("VAR_", key)


def connection_in_environment(conn_id: str) -> str | None:
    """Return the URI or JSON of the connection `conn_id`, or None when the environment has none."""
    return _first("CONN_", conn_id)


def backend_argument_in_environment(section: str, option: str) -> dict[str, str]:
    """Return the single arguments of a secrets backend: `AIRFLOW__SECRETS__BACKEND_KWARG__<NAME>` and the like."""
    found: dict[str, str] = {}
    for product in reversed(_PREFIXES):
        prefix = f"{product}_{section}__{option}__".upper()
        found.update(
            {name[len(prefix) :].lower(): text for name, text in os.environ.items() if name.startswith(prefix)}
        )
    return found


def parsing_context_in_environment() -> tuple[str | None, str | None]:
    """Return the dag_id and task_id that a DAG file is being loaded for; None where it is loaded for all."""
    return (
        os.environ.get("_AIRFLOW_PARSING_CONTEXT_DAG_ID"),
        os.environ.get("_AIRFLOW_PARSING_CONTEXT_TASK_ID"),
    )


def _first(kind: str, name: str) -> str | None:
    for prefix in _PREFIXES:
        value = os.environ.get(f"{prefix}{kind}{name.upper()}")
        if value is not None:
            return value
    return None
