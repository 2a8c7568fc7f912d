"""From settings to what author code is told, in workers and in processes that run it without one.

Apart from `values`, for `dags test` and `tradewind python` start without scheduler, database and web server.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.executors.local_protocol import WorkerOptions

if TYPE_CHECKING:
    from tradewind.config.settings import Settings

_MIB = 1 << 20


def author_defaults(settings: Settings) -> dict[str, Any]:
    """Return what the installation gives an author who says nothing: arguments of `AuthorDefaults`."""
    followed = settings.string("core", "airflow_defaults")
    values: dict[str, Any] = {
        "airflow": None if followed == "auto" else int(followed),
        "owner": settings.string("operators", "default_owner"),
        "queue": settings.string("operators", "default_queue"),
        "retries": settings.integer("core", "default_task_retries"),
        "retry_delay_s": settings.number("core", "default_task_retry_delay"),
        "weight_rule": settings.string("core", "default_task_weight_rule"),
        "email_on_failure": settings.boolean("email", "default_email_on_failure"),
        "email_on_retry": settings.boolean("email", "default_email_on_retry"),
        "max_active_tasks": settings.integer("core", "max_active_tasks_per_dag"),
        "max_active_runs": settings.integer("core", "max_active_runs_per_dag"),
        "max_consecutive_failed_dag_runs": settings.integer("core", "max_consecutive_failed_dag_runs_per_dag"),
        "timezone": settings.string("core", "default_timezone"),
        "dag_run_conf_overrides_params": settings.boolean("core", "dag_run_conf_overrides_params"),
    }
    timeout = settings.string("core", "default_task_execution_timeout")
    if timeout:
        values["execution_timeout_s"] = float(timeout)
    # Left alone, these follow the Airflow that a file was written for.
    for name, key in (
        ("catchup", "catchup_by_default"),
        ("create_cron_data_intervals", "create_cron_data_intervals"),
        ("create_delta_data_intervals", "create_delta_data_intervals"),
        ("ignore_first_depends_on_past", "ignore_first_depends_on_past_by_default"),
    ):
        if settings.is_set("scheduler", key):
            values[name] = settings.boolean("scheduler", key)
    return values


def base_url(settings: Settings) -> str:
    """Return where the web server answers."""
    configured = settings.string("api", "base_url")
    return configured or f"http://localhost:{settings.integer('api', 'port')}"


def worker_options(settings: Settings) -> WorkerOptions:
    """Return what workers are told."""
    return WorkerOptions(
        isolation=settings.string("core", "isolation"),
        max_tasks_per_child=settings.integer("core", "worker_max_tasks_per_child"),
        import_timeout_s=settings.number("core", "dagbag_import_timeout"),
        callback_timeout_s=settings.number("core", "callback_timeout"),
        plugins_folder=settings.string("core", "plugins_folder"),
        config_folder=str(Path(settings.home) / "config"),
        xcom_max_bytes=settings.integer("xcom", "max_value_mib") * _MIB,
        log_level=settings.string("logging", "logging_level"),
        base_url=base_url(settings),
        author_defaults=author_defaults(settings),
    )


def example_dags_folder() -> str:
    """Return where the example DAGs of this installation lie."""
    return str(Path(__file__).resolve().parent.parent / "example_dags")
