"""From settings to the plain values that each room takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.bundles import BundleConfigError, LocalBundle, make_bundle, read_bundles
from tradewind.config.values import ConfigurationError
from tradewind.dag_processor.processor import ProcessorSettings
from tradewind.scheduler.scheduler import SchedulerOptions
from tradewind.standalone.author_values import author_defaults, author_values, base_url, example_dags_folder
from tradewind.triggerer.messages import ChildOptions
from tradewind.triggerer.triggerer import TriggererOptions
from tradewind.web.ports import WebOptions

if TYPE_CHECKING:
    from tradewind.bundles import Bundle
    from tradewind.bundles.bundle import ReadConnection
    from tradewind.config.settings import Settings
    from tradewind.serialization.records import ConnectionRecord

_MIB = 1 << 20


def processor_settings(settings: Settings, read_connection: ReadConnection | None = None) -> ProcessorSettings:
    """Return what the DAG processor is told; bundles read their connections with `read_connection`."""
    bundles = dag_bundles(settings, read_connection)
    depth = settings.integer("core", "dagbag_import_error_traceback_depth")
    return ProcessorSettings(
        dag_folders=tuple(bundle.folder for bundle in bundles),
        bundles=tuple(bundles),
        pins_versions=not settings.boolean("dag_processor", "disable_bundle_versioning"),
        plugins_folder=settings.string("core", "plugins_folder"),
        config_folder=str(Path(settings.home) / "config"),
        ignore_syntax=settings.string("core", "dag_ignore_file_syntax"),
        safe_mode=settings.boolean("core", "dag_discovery_safe_mode"),
        is_paused_by_default=settings.boolean("core", "dags_are_paused_at_creation"),
        parsing_processes=settings.integer("dag_processor", "parsing_processes"),
        import_timeout_s=settings.number("core", "dagbag_import_timeout"),
        kill_timeout_s=settings.number("dag_processor", "dag_file_processor_timeout"),
        max_memory_bytes=settings.integer("dag_processor", "max_memory_mib") * _MIB,
        traceback_depth=depth if settings.boolean("core", "dagbag_import_error_tracebacks") else 0,
        min_process_interval_s=settings.number("dag_processor", "min_file_process_interval"),
        sweep_interval_s=settings.number("dag_processor", "refresh_interval"),
        author_defaults=author_defaults(settings),
        author_values=author_values(settings, is_parsing=True),
    )


def dag_bundles(settings: Settings, read_connection: ReadConnection | None = None) -> list[Bundle]:
    """Return the bundles that DAG files come from: the DAG folder unless others are listed, then the examples.

    Raises `ConfigurationError` for a list that makes no sense.
    """
    dags_folder = settings.string("core", "dags_folder")
    try:
        listed = read_bundles(settings.string("dag_processor", "dag_bundle_config_list"))
    except BundleConfigError as error:
        raise ConfigurationError(f"[dag_processor] dag_bundle_config_list: {error}") from None
    interval_s = settings.number("dag_processor", "refresh_interval")
    bundles: list[Bundle] = [
        make_bundle(
            one,
            storage=settings.string("dag_processor", "dag_bundle_storage_path"),
            dags_folder=dags_folder,
            refresh_interval_s=interval_s,
            read_connection=read_connection or _no_connection,
        )
        for one in listed
    ]
    if not listed:
        bundles.append(LocalBundle("dags-folder", dags_folder, interval_s))
    if settings.boolean("core", "load_examples"):
        bundles.append(LocalBundle("example_dags", example_dags_folder(), interval_s))
    return bundles


def _no_connection(conn_id: str) -> ConnectionRecord | None:
    """Know none: only the DAG processor fetches bundles."""
    del conn_id
    return None


def scheduler_options(settings: Settings) -> SchedulerOptions:
    """Return what the scheduler is told."""
    heartbeat_s = settings.number("scheduler", "scheduler_heartbeat_sec")
    return SchedulerOptions(
        parallelism=settings.integer("core", "parallelism"),
        lease_ttl_s=max(10.0, 3 * heartbeat_s),
        heartbeat_interval_s=heartbeat_s,
        sweep_interval_s=settings.number("scheduler", "sweep_interval"),
        shutdown_grace_s=shutdown_grace_s(settings),
        skips_missed=settings.boolean("scheduler", "skip_missed_run_on_unpause"),
        checks_slas=settings.boolean("core", "check_slas"),
    )


def triggerer_options(settings: Settings, capacity: int | None, queues: frozenset[str] | None) -> TriggererOptions:
    """Return what the triggerer is told; `capacity` and `queues` are the command line's."""
    return TriggererOptions(
        capacity=capacity or settings.integer("triggerer", "capacity"),
        heartbeat_interval_s=settings.number("triggerer", "job_heartbeat_sec"),
        sweep_interval_s=settings.number("triggerer", "sweep_interval"),
        queues=queues,
        child=ChildOptions(
            folders=(
                settings.string("core", "dags_folder"),
                str(Path(settings.home) / "config"),
                settings.string("core", "plugins_folder"),
            ),
            plugins_folder=settings.string("core", "plugins_folder"),
            log_level=settings.string("logging", "logging_level"),
            base_url=base_url(settings),
            blocked_after_s=settings.number("triggerer", "blocked_main_thread_warning_threshold"),
            kill_limit_s=settings.number("triggerer", "on_kill_timeout"),
            author_defaults=author_defaults(settings),
            author_values=author_values(settings),
        ),
    )


def shutdown_grace_s(settings: Settings) -> float:
    """Return how long running tasks may go on when the scheduler is to stop."""
    return settings.number("scheduler", "shutdown_grace")


def web_options(settings: Settings) -> WebOptions:
    """Return what the web server is told."""
    return WebOptions(
        users=settings.names("core", "simple_auth_manager_users"),
        all_admins=settings.boolean("core", "simple_auth_manager_all_admins"),
        jwt_expiration_s=settings.integer("api_auth", "jwt_expiration_time"),
        jwt_leeway_s=settings.integer("api_auth", "jwt_leeway"),
        maximum_page_limit=settings.integer("api", "maximum_page_limit"),
        fallback_page_limit=settings.integer("api", "fallback_page_limit"),
        allowed_run_id_pattern=settings.string("scheduler", "allowed_run_id_pattern"),
        allowed_origins=settings.names("api", "access_control_allow_origins"),
        scheduler_health_threshold_s=settings.number("scheduler", "scheduler_health_check_threshold"),
        dag_processor_health_threshold_s=settings.number("dag_processor", "health_check_threshold"),
        triggerer_health_threshold_s=settings.number("triggerer", "triggerer_health_check_threshold"),
        max_xcom_characters=settings.integer("xcom", "max_displayed_kib") * 1024,
        state_retention_days=settings.integer("state_store", "default_retention_days"),
        max_state_bytes=settings.integer("state_store", "max_value_storage_bytes"),
        conf_overrides_params=settings.boolean("core", "dag_run_conf_overrides_params"),
        rerun_with_latest_version=_optional_boolean(settings.string("core", "rerun_with_latest_version")),
        parallelism=settings.integer("core", "parallelism"),
        hide_sensitive=settings.boolean("core", "hide_sensitive_var_conn_fields"),
        sensitive_names=settings.names("core", "sensitive_var_conn_names"),
    )


def _optional_boolean(text: str) -> bool | None:
    return text == "True" if text else None
