"""From settings to what author code is told, in workers and in processes that run it without one.

Apart from `values`, for `dags test` and `tradewind python` start without scheduler, database and web server.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.airflow.finder import install
from tradewind.config.secrets import backend_argument_in_environment
from tradewind.config.values import ConfigurationError
from tradewind.executors.local_protocol import WorkerOptions
from tradewind.sdk.lookups.chain import make_backend

if TYPE_CHECKING:
    from tradewind.config.settings import Settings

_MIB = 1 << 20


def author_defaults(settings: Settings) -> dict[str, Any]:
    """Return what the installation gives an author who says nothing: arguments of `AuthorDefaults`."""
    followed = settings.string("airflow", "defaults")
    values: dict[str, Any] = {
        "airflow": None if followed == "auto" else int(followed),
        "owner": settings.string("operators", "default_owner"),
        "queue": settings.string("operators", "default_queue"),
        "retries": settings.integer("core", "default_task_retries"),
        "retry_delay_s": settings.number("core", "default_task_retry_delay"),
        "max_retry_delay_s": settings.number("core", "max_task_retry_delay"),
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


def author_values(settings: Settings, *, is_parsing: bool = False) -> dict[str, Any]:
    """Return what the installation says about XComs and secrets: arguments of `install_author_values`.

    Raises `ConfigurationError` for a wrong regular expression and for arguments that are no JSON object.
    """
    regexps = settings.string("core", "allowed_deserialization_classes_regexp").split()
    for regexp in regexps:
        try:
            re.compile(regexp)
        except re.error as error:
            raise ConfigurationError(
                f"[core] allowed_deserialization_classes_regexp: {regexp!r} is no regular expression: {error}"
            ) from None
    is_remembering = is_parsing and settings.boolean("secrets", "use_cache")
    return {
        "xcom_backend": settings.string("core", "xcom_backend"),
        "allowed_classes": settings.string("core", "allowed_deserialization_classes").replace(",", " ").split(),
        "allowed_class_regexps": regexps,
        "secrets_backends": secrets_backends(settings),
        "cached_s": float(settings.integer("secrets", "cache_ttl_seconds")) if is_remembering else None,
        "sensitive_names": settings.names("core", "sensitive_var_conn_names"),
        "clears_state_on_success": settings.boolean("state_store", "clear_on_success"),
    }


def secrets_backends(settings: Settings) -> list[tuple[str, dict[str, Any]]]:
    """Return the installation's secrets backends in the order they are asked: class name and arguments.

    Raises `ConfigurationError` for arguments that are no JSON object.
    """
    found: list[tuple[str, dict[str, Any]]] = []
    for section, key in (("workers", "secrets_backend"), ("secrets", "backend")):
        path = settings.string(section, key)
        if path:
            found.append((path, _backend_arguments(settings, section, key)))
    return found


def config_secret(settings: Settings, name: str) -> str | None:
    """Return what the installation's secrets backends have under a name that an option's `_SECRET` form gives.

    Raises `ConfigurationError` when there is no backend, and when one fails: an installation does not start on a guess.
    """
    found = secrets_backends(settings)
    if not found:
        raise ConfigurationError(
            f"an option is to come from a secrets backend (under {name!r}), and none is configured: "
            "set [secrets] backend"
        )
    install()  # backends import airflow's names
    for path, arguments in found:
        try:
            text = make_backend(path, arguments).get_config(name)
        except Exception as error:
            raise ConfigurationError(f"the secrets backend {path} failed for {name!r}: {error}") from error
        if text is not None:
            return text
    return None


def _backend_arguments(settings: Settings, section: str, key: str) -> dict[str, Any]:
    text = settings.string(section, f"{key}_kwargs")
    try:
        arguments = json.loads(text) if text else {}
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise ConfigurationError(f"[{section}] {key}_kwargs has to be a JSON object of arguments")
    return {**arguments, **backend_argument_in_environment(section, f"{key}_kwarg")}


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
        max_map_length=settings.integer("core", "max_map_length"),
        log_level=settings.string("logging", "logging_level"),
        base_url=base_url(settings),
        author_defaults=author_defaults(settings),
        author_values=author_values(settings),
    )


def example_dags_folder() -> str:
    """Return where the example DAGs of this installation lie."""
    return str(Path(__file__).resolve().parent.parent / "example_dags")
