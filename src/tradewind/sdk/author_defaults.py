"""What an argument is worth that an author left out: Airflow's defaults, as far as the installation changes them.

The composition root installs them from the settings before a DAG file is imported. Where Airflow 2 and Airflow 3
differ, an unset value (None here) follows the file: see `airflow_of`.
"""

from __future__ import annotations

from tradewind.sdk.deprecations import declared_airflow, is_written_for_airflow_2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class AuthorDefaults:
    """One value per configurable default. Durations are seconds."""

    airflow: int | None = None
    """2 or 3: whose defaults every file gets. None: each file those of the Airflow that it was written for."""
    owner: str = "airflow"
    queue: str = "default"
    pool: str = "default_pool"
    retries: int = 0
    retry_delay_s: float = 300.0
    max_retry_delay_s: float = 86400.0
    """No backoff gets longer, whatever a task asks for."""
    execution_timeout_s: float | None = None
    weight_rule: str = "downstream"
    email_on_failure: bool = True
    email_on_retry: bool = True
    max_active_tasks: int = 16
    max_active_runs: int = 16
    max_consecutive_failed_dag_runs: int = 0
    timezone: str = "UTC"
    catchup: bool | None = None
    """None: True for Airflow 2, False for Airflow 3."""
    create_cron_data_intervals: bool | None = None
    """Whether a cron string has data intervals. None: True for Airflow 2, False for Airflow 3."""
    create_delta_data_intervals: bool | None = None
    """Whether a timedelta has data intervals. None: True for Airflow 2, False for Airflow 3."""
    ignore_first_depends_on_past: bool | None = None
    """None: True for Airflow 2, False for Airflow 3."""
    dag_run_conf_overrides_params: bool = True

    def __init__(self, **values: Any) -> None:
        known = type(self).__annotations__
        for name, value in values.items():
            if name not in known:
                raise TypeError(f"there is no author default {name!r}; there are: {', '.join(sorted(known))}")
            setattr(self, name, value)


_defaults = AuthorDefaults()


def author_defaults() -> AuthorDefaults:
    """Return the defaults of this process."""
    return _defaults


def install_author_defaults(defaults: AuthorDefaults) -> AuthorDefaults:
    """Make `defaults` those of this process; return the ones before, so that a caller can put them back."""
    global _defaults
    before, _defaults = _defaults, defaults
    return before


def airflow_of(file: str, *, uses_airflow_2_argument: bool = False) -> int:
    """Return whose defaults apply to code of `file`: 2 or 3.

    The installation's choice where it made one, then what the file declares; else 2 when the file has used a spelling
    that Airflow 3 has dropped.
    """
    if _defaults.airflow is not None:
        return _defaults.airflow
    declared = declared_airflow(file)
    if declared is not None:
        return declared[1]
    return 2 if uses_airflow_2_argument or is_written_for_airflow_2(file) else 3


def by_airflow(value: bool | None, airflow: int) -> bool:
    """Return `value` where the installation set it, else what Airflow 2 (True) or Airflow 3 (False) has."""
    return airflow < 3 if value is None else value
