"""Every option there is: one table from which settings, `tradewind config` and the reference page are made.

An option keeps Airflow's section, name, type and default where Airflow has a counterpart, so that an Airflow
configuration means here what it meant there. Where the meaning or the default differs, the help text says so.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    OptionType = Literal["string", "integer", "number", "boolean", "path", "choice", "list"]


@dataclass(frozen=True)
class Option:
    """One option. `default` is text as a file would have it; `{home}` in it is the home folder."""

    section: str
    key: str
    type: OptionType
    default: str
    help: str
    airflow: tuple[str, str] | None = None
    """Section and key of Airflow 3's counterpart, if there is one."""
    former: tuple[tuple[str, str], ...] = ()
    """Where older releases of Airflow kept it."""
    choices: tuple[str, ...] = ()
    """What a `choice` may be."""
    minimum: float | None = None
    is_secret: bool = False
    """Never shown; a command (`_CMD`) or a secrets backend (`_SECRET`) may supply it."""
    is_read_from_airflow_cfg: bool = True
    """False where an `airflow.cfg`, which spells out Airflow's own defaults, would give a value nobody chose."""

    @property
    def name(self) -> str:
        """Return the option as messages write it."""
        return f"[{self.section}] {self.key}"

    @property
    def environment_name(self) -> str:
        """Return the environment variable that sets it."""
        return f"TRADEWIND__{self.section.upper()}__{self.key.upper()}"


def _option(section: str, key: str, kind: OptionType, default: str, text: str, **more: object) -> Option:
    """Return an option which Airflow has under the same section and key, unless `more` says otherwise."""
    more.setdefault("airflow", (section, key))
    return Option(section, key, kind, default, text, **more)  # type: ignore[arg-type]  # checked by Option's own tests


def _own(section: str, key: str, kind: OptionType, default: str, text: str, **more: object) -> Option:
    """Return an option that only Tradewind has."""
    return _option(section, key, kind, default, text, airflow=None, **more)


_LOG_FILENAME_TEMPLATE = (
    "dag_id={{ ti.dag_id }}/run_id={{ ti.run_id }}/task_id={{ ti.task_id }}/"
    "{% if ti.map_index >= 0 %}map_index={{ ti.map_index }}/{% endif %}attempt={{ try_number }}.log"
)

_CORE = (
    _option("core", "dags_folder", "path", "{home}/dags", "The folder with the DAG files."),
    _option("core", "plugins_folder", "path", "{home}/plugins", "The folder with plugins; it goes on the import path."),
    _option(
        "core",
        "executor",
        "choice",
        "LocalExecutor",
        "Where tasks run. SequentialExecutor is LocalExecutor, which SQLite does not slow down here.",
        choices=("LocalExecutor", "SequentialExecutor", "CeleryExecutor"),
    ),
    _option("core", "parallelism", "integer", "32", "Task instances that run at once, over all DAGs.", minimum=1),
    _option(
        "core",
        "max_active_tasks_per_dag",
        "integer",
        "16",
        "Task instances of one DAG run that run at once, where the DAG does not say.",
        minimum=0,
        former=(("core", "dag_concurrency"),),
    ),
    _option(
        "core",
        "max_active_runs_per_dag",
        "integer",
        "16",
        "Runs of one DAG that are active at once, where the DAG does not say.",
        minimum=0,
    ),
    _option(
        "core",
        "max_consecutive_failed_dag_runs_per_dag",
        "integer",
        "0",
        "A DAG is paused after so many failed runs in a row; 0 never pauses it.",
        minimum=0,
    ),
    _option("core", "dags_are_paused_at_creation", "boolean", "True", "Whether a DAG seen for the first time waits."),
    _option(
        "core", "load_examples", "boolean", "True", "Whether the example DAGs that ship with Tradewind are loaded."
    ),
    _option("core", "default_timezone", "string", "utc", "Time zone of dates that name none; an IANA name."),
    _option(
        "core",
        "fernet_key",
        "string",
        "",
        "Key(s) that encrypt variables and connections, the newest first, separated by commas. "
        "Empty: a key is made on the first start and kept in the home folder.",
        is_secret=True,
    ),
    _option(
        "core",
        "dagbag_import_timeout",
        "number",
        "30.0",
        "Seconds that the import of one DAG file may take.",
        minimum=0.1,
    ),
    _option("core", "dagbag_import_error_tracebacks", "boolean", "True", "Whether import errors show a traceback."),
    _option(
        "core",
        "dagbag_import_error_traceback_depth",
        "integer",
        "2",
        "How many frames of it, counted from the place of the error.",
        minimum=1,
    ),
    _option(
        "core",
        "dag_discovery_safe_mode",
        "boolean",
        "True",
        "Import only files whose text mentions a DAG and airflow or tradewind.",
    ),
    _option(
        "core",
        "dag_ignore_file_syntax",
        "choice",
        "glob",
        "How the lines of an .airflowignore file are read: as in a .gitignore, or as regular expressions.",
        choices=("glob", "regexp"),
    ),
    _option("core", "default_task_retries", "integer", "0", "Retries of a task that does not say.", minimum=0),
    _option(
        "core",
        "default_task_retry_delay",
        "number",
        "300",
        "Seconds between the tries of a task that does not say.",
        minimum=0,
    ),
    _option(
        "core", "max_task_retry_delay", "number", "86400", "The longest delay backoff can reach, in seconds.", minimum=0
    ),
    _option(
        "core",
        "default_task_execution_timeout",
        "string",
        "",
        "Seconds that a try may take where the task does not say; empty for no limit.",
    ),
    _option(
        "core",
        "default_task_weight_rule",
        "choice",
        "downstream",
        "How a task's priority weight adds up where the task does not say.",
        choices=("downstream", "upstream", "absolute"),
    ),
    _option(
        "core", "default_pool_task_slot_count", "integer", "128", "Slots of default_pool when it is made.", minimum=0
    ),
    _option(
        "core",
        "killed_task_cleanup_time",
        "number",
        "60",
        "Seconds between SIGTERM and SIGKILL for a task that is to stop.",
        minimum=0,
    ),
    _option(
        "core",
        "isolation",
        "choice",
        "warm",
        "warm: worker processes are used again and have the DAG file imported; fork: each try has its own process.",
        choices=("warm", "fork"),
        airflow=None,
    ),
    _own(
        "core",
        "worker_max_tasks_per_child",
        "integer",
        "1000",
        "A warm worker process is replaced after so many tasks; 0 never.",
        minimum=0,
    ),
    _option(
        "core",
        "num_dag_runs_to_retain_rendered_fields",
        "integer",
        "30",
        "Rendered template fields are kept for so many runs of a DAG; 0 keeps all.",
        minimum=0,
        former=(("core", "max_num_rendered_ti_fields_per_task"),),
    ),
    _option(
        "core",
        "max_templated_field_length",
        "integer",
        "4096",
        "Rendered template fields are cut to so many characters for display.",
        minimum=0,
    ),
    _option("core", "max_map_length", "integer", "1024", "The most instances one mapped task may have.", minimum=1),
    _option(
        "core",
        "dag_run_conf_overrides_params",
        "boolean",
        "True",
        "Whether a run's conf replaces the values of params.",
    ),
    _option(
        "core",
        "simple_auth_manager_users",
        "list",
        "admin:admin",
        "Users as name:role; the role is admin, op, user or viewer.",
    ),
    _option(
        "core",
        "simple_auth_manager_all_admins",
        "boolean",
        "False",
        "Everybody is admin without signing in. For a machine that only you can reach.",
    ),
    _option(
        "core",
        "simple_auth_manager_passwords_file",
        "path",
        "{home}/simple_auth_manager_passwords.json",
        "Where generated passwords are kept, readable by the owner alone.",
    ),
    _option(
        "core",
        "hide_sensitive_var_conn_fields",
        "boolean",
        "True",
        "Whether values of variables and connections with a telling name are hidden in logs and pages.",
    ),
    _option(
        "core",
        "sensitive_var_conn_names",
        "list",
        "",
        "More names that tell, beside password, secret, token and the like.",
    ),
)

_DATABASE = (
    _option(
        "database",
        "sql_alchemy_conn",
        "string",
        "sqlite:///{home}/tradewind.db",
        "The metadata database: sqlite:////absolute/path or postgresql+psycopg://user:password@host/name. "
        "Not read from airflow.cfg: it must not be the database of an Airflow.",
        is_secret=True,
        is_read_from_airflow_cfg=False,
        former=(("core", "sql_alchemy_conn"),),
    ),
    _option(
        "database",
        "sql_alchemy_pool_size",
        "integer",
        "5",
        "Connections that a process keeps to PostgreSQL.",
        minimum=1,
        former=(("core", "sql_alchemy_pool_size"),),
    ),
    _option(
        "database",
        "sql_alchemy_max_overflow",
        "integer",
        "10",
        "Connections beyond that for a moment; -1 for no limit.",
        minimum=-1,
        former=(("core", "sql_alchemy_max_overflow"),),
    ),
    _option(
        "database",
        "sql_alchemy_schema",
        "string",
        "",
        "The PostgreSQL schema to use, where it is not the default one.",
        former=(("core", "sql_alchemy_schema"),),
    ),
    _own(
        "database",
        "migrate_at_start",
        "boolean",
        "True",
        "Whether `standalone` brings the database to the current version itself.",
    ),
)

_SCHEDULER = (
    _option(
        "scheduler",
        "scheduler_heartbeat_sec",
        "number",
        "5",
        "Seconds between two heartbeats of the scheduler, and so between renewals of its lease.",
        minimum=0.1,
        is_read_from_airflow_cfg=False,
    ),
    _option(
        "scheduler",
        "scheduler_health_check_threshold",
        "number",
        "30",
        "A scheduler without a heartbeat for so many seconds is not healthy, and another may take over.",
        minimum=1,
    ),
    _own(
        "scheduler",
        "sweep_interval",
        "number",
        "15",
        "Seconds between two looks at the database that heal lost notifications.",
        minimum=0.1,
    ),
    _option(
        "scheduler",
        "catchup_by_default",
        "boolean",
        "False",
        "Whether a DAG that does not say gets a run for each interval it missed.",
    ),
    _option(
        "scheduler",
        "ignore_first_depends_on_past_by_default",
        "boolean",
        "True",
        "Whether the first run of a task with depends_on_past may start without a past.",
    ),
    _option(
        "scheduler",
        "create_cron_data_intervals",
        "boolean",
        "False",
        "Whether a cron expression as schedule makes data intervals (CronDataIntervalTimetable), as in Airflow 2.",
    ),
    _option(
        "scheduler",
        "create_delta_data_intervals",
        "boolean",
        "False",
        "Whether a timedelta as schedule makes data intervals (DeltaDataIntervalTimetable), as in Airflow 2.",
    ),
    _option(
        "scheduler",
        "use_job_schedule",
        "boolean",
        "True",
        "False: no run is created by a timetable; only runs that are triggered run.",
    ),
    _option(
        "scheduler",
        "task_queued_timeout",
        "number",
        "600",
        "A task that is queued for so many seconds without starting is put back.",
        minimum=1,
    ),
    _option(
        "scheduler",
        "task_instance_heartbeat_timeout",
        "number",
        "300",
        "A running task whose worker is silent for so many seconds is taken for lost.",
        minimum=1,
        former=(("scheduler", "scheduler_zombie_task_threshold"),),
    ),
    _option(
        "scheduler",
        "allowed_run_id_pattern",
        "string",
        "^[A-Za-z0-9_.~:+-]+$",
        "The regular expression that a run_id given by a user must match.",
    ),
)

_DAG_PROCESSOR = (
    _option(
        "dag_processor",
        "parsing_processes",
        "integer",
        "2",
        "DAG files that are imported at once.",
        minimum=1,
        former=(("scheduler", "parsing_processes"), ("scheduler", "max_threads")),
    ),
    _option(
        "dag_processor",
        "dag_file_processor_timeout",
        "number",
        "50",
        "Seconds after which the process that imports a DAG file is killed, whatever it does.",
        minimum=1,
        former=(("core", "dag_file_processor_timeout"),),
    ),
    _option(
        "dag_processor",
        "min_file_process_interval",
        "number",
        "0",
        "Import every DAG file again after so many seconds, for files that make DAGs from data outside the folder. "
        "0: only when the file or a module it imports has changed. Not read from airflow.cfg, which always has it.",
        minimum=0,
        is_read_from_airflow_cfg=False,
        former=(("scheduler", "min_file_process_interval"),),
    ),
    _option(
        "dag_processor",
        "refresh_interval",
        "number",
        "60",
        "Seconds between two walks over the folder that heal lost file events.",
        minimum=1,
        is_read_from_airflow_cfg=False,
        former=(("scheduler", "dag_dir_list_interval"),),
    ),
    _own(
        "dag_processor",
        "max_memory_mib",
        "integer",
        "2048",
        "Memory that the import of one DAG file may take, in MiB; 0 for no limit.",
        minimum=0,
    ),
    _option(
        "dag_processor",
        "health_check_threshold",
        "number",
        "30",
        "A DAG processor without a heartbeat for so many seconds is not healthy.",
        minimum=1,
    ),
)

_LOGGING = (
    _option(
        "logging",
        "base_log_folder",
        "path",
        "{home}/logs",
        "The folder of the task logs.",
        former=(("core", "base_log_folder"),),
    ),
    _option(
        "logging",
        "log_filename_template",
        "string",
        _LOG_FILENAME_TEMPLATE,
        "The path of a try's log below that folder, as a Jinja template of `ti` and `try_number`.",
        former=(("core", "log_filename_template"),),
    ),
    _option(
        "logging",
        "logging_level",
        "choice",
        "INFO",
        "The least level that is logged.",
        choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        former=(("core", "logging_level"),),
    ),
    _option(
        "logging",
        "json_logs",
        "boolean",
        "False",
        "Whether the processes write their own logs as lines of JSON.",
        is_read_from_airflow_cfg=False,
    ),
)

_API = (
    _option(
        "api",
        "host",
        "string",
        "0.0.0.0",  # noqa: S104 - Airflow's default, said in the reference
        "The address the web server listens on.",
        former=(("webserver", "web_server_host"),),
    ),
    _option(
        "api",
        "port",
        "integer",
        "8080",
        "The port the web server listens on.",
        minimum=0,
        former=(("webserver", "web_server_port"),),
    ),
    _option("api", "base_url", "string", "", "The address under which browsers reach it, where a proxy changes it."),
    _option(
        "api",
        "secret_key",
        "string",
        "",
        "Signs what parts tell each other. Empty: made on the first start and kept in the home folder.",
        is_secret=True,
        former=(("webserver", "secret_key"),),
    ),
    _option(
        "api",
        "expose_config",
        "boolean",
        "False",
        "Whether the REST API shows the configuration (secrets never).",
        former=(("webserver", "expose_config"),),
    ),
    _option(
        "api",
        "maximum_page_limit",
        "integer",
        "100",
        "The most entries one page of a list may have.",
        minimum=1,
    ),
    _option(
        "api",
        "fallback_page_limit",
        "integer",
        "50",
        "Entries of a page when the request does not say.",
        minimum=1,
    ),
    _option(
        "api",
        "log_fetch_timeout_sec",
        "number",
        "5",
        "Seconds to wait for a worker that is asked for a log.",
        minimum=0.1,
        former=(("webserver", "log_fetch_timeout_sec"),),
    ),
    _option("api", "ssl_cert", "path", "", "Certificate file, for HTTPS without a proxy."),
    _option("api", "ssl_key", "path", "", "Key file of that certificate."),
    _option("api", "access_control_allow_origins", "list", "", "Origins that browsers may call the API from."),
)

_API_AUTH = (
    _option(
        "api_auth",
        "jwt_secret",
        "string",
        "",
        "Signs the tokens of users. Empty: made on the first start and kept in the home folder.",
        is_secret=True,
    ),
    _option("api_auth", "jwt_expiration_time", "integer", "86400", "Seconds a token is valid.", minimum=1),
    _option(
        "api_auth",
        "jwt_cli_expiration_time",
        "integer",
        "3600",
        "Seconds a token is valid that the command line asked for.",
        minimum=1,
    ),
    _option("api_auth", "jwt_leeway", "integer", "10", "Seconds that clocks may differ.", minimum=0),
)

_XCOM = (
    _own(
        "xcom",
        "max_value_mib",
        "integer",
        "64",
        "The largest XCom that is stored in the database, in MiB; a larger one fails its task.",
        minimum=1,
    ),
    _own(
        "xcom",
        "max_displayed_kib",
        "integer",
        "512",
        "The API cuts the text of an XCom that is longer than so many KiB.",
        minimum=1,
    ),
)

OPTIONS: tuple[Option, ...] = (*_CORE, *_DATABASE, *_SCHEDULER, *_DAG_PROCESSOR, *_LOGGING, *_API, *_API_AUTH, *_XCOM)

OPTION_BY_NAME: dict[tuple[str, str], Option] = {(option.section, option.key): option for option in OPTIONS}
