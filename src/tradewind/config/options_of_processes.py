"""Options of the parts that decide: database, scheduler, DAG processor."""

from __future__ import annotations

from tradewind.config.option import option, own_option

DATABASE = (
    option(
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
    option(
        "database",
        "sql_alchemy_pool_size",
        "integer",
        "5",
        "Connections that a process keeps to PostgreSQL.",
        minimum=1,
        former=(("core", "sql_alchemy_pool_size"),),
    ),
    option(
        "database",
        "sql_alchemy_max_overflow",
        "integer",
        "10",
        "Connections beyond that for a moment; -1 for no limit.",
        minimum=-1,
        former=(("core", "sql_alchemy_max_overflow"),),
    ),
    option(
        "database",
        "sql_alchemy_schema",
        "string",
        "",
        "The PostgreSQL schema to use, where it is not the default one.",
        former=(("core", "sql_alchemy_schema"),),
    ),
    own_option(
        "database",
        "migrate_at_start",
        "boolean",
        "True",
        "Whether `standalone` brings the database to the current version itself.",
    ),
)

SCHEDULER = (
    own_option(
        "scheduler",
        "skip_missed_run_on_unpause",
        "boolean",
        "False",
        "Whether a DAG without catchup that is new or unpaused waits for its next run. As in Airflow it otherwise makes "
        "the last run that it missed at once.",
    ),
    option(
        "scheduler",
        "scheduler_heartbeat_sec",
        "number",
        "5",
        "Seconds between two heartbeats of the scheduler, and so between renewals of its lease.",
        minimum=0.1,
        is_read_from_airflow_cfg=False,
    ),
    option(
        "scheduler",
        "scheduler_health_check_threshold",
        "number",
        "30",
        "A scheduler without a heartbeat for so many seconds is not healthy, and another may take over.",
        minimum=1,
    ),
    own_option(
        "scheduler",
        "sweep_interval",
        "number",
        "15",
        "Seconds between two looks at the database that heal lost notifications.",
        minimum=0.1,
    ),
    own_option(
        "scheduler",
        "shutdown_grace",
        "number",
        "10",
        "Seconds that running tasks get to end by themselves when the scheduler stops; then they are told to stop.",
        minimum=0,
    ),
    option(
        "scheduler",
        "catchup_by_default",
        "boolean",
        "False",
        "Whether a DAG that does not say gets a run for each interval it missed. "
        "Unset: as the Airflow that the file was written for (2: True, 3: False).",
    ),
    option(
        "scheduler",
        "ignore_first_depends_on_past_by_default",
        "boolean",
        "True",
        "Whether the first run of a task with depends_on_past may start without a past. "
        "Unset: as the Airflow that the file was written for.",
    ),
    option(
        "scheduler",
        "create_cron_data_intervals",
        "boolean",
        "False",
        "Whether a cron expression as schedule makes data intervals (CronDataIntervalTimetable). "
        "Unset: as the Airflow that the file was written for (2: True, 3: False).",
    ),
    option(
        "scheduler",
        "create_delta_data_intervals",
        "boolean",
        "False",
        "Whether a timedelta as schedule makes data intervals (DeltaDataIntervalTimetable). "
        "Unset: as the Airflow that the file was written for (2: True, 3: False).",
    ),
    option(
        "scheduler",
        "use_job_schedule",
        "boolean",
        "True",
        "False: no run is created by a timetable; only runs that are triggered run.",
    ),
    option(
        "scheduler",
        "task_queued_timeout",
        "number",
        "600",
        "A task that is queued for so many seconds without starting is put back.",
        minimum=1,
    ),
    option(
        "scheduler",
        "task_instance_heartbeat_timeout",
        "number",
        "300",
        "A running task whose worker is silent for so many seconds is taken for lost.",
        minimum=1,
        former=(("scheduler", "scheduler_zombie_task_threshold"),),
    ),
    option(
        "scheduler",
        "allowed_run_id_pattern",
        "string",
        "^[A-Za-z0-9_.~:+-]+$",
        "The regular expression that a run_id given by a user must match.",
    ),
)

TRIGGERER = (
    option(
        "triggerer",
        "capacity",
        "integer",
        "1000",
        "Triggers that one triggerer runs at once; others wait, or run in another triggerer.",
        minimum=1,
        former=(("triggerer", "default_capacity"),),
    ),
    option(
        "triggerer",
        "job_heartbeat_sec",
        "number",
        "5",
        "Seconds between two heartbeats of the triggerer, by which it keeps its triggers.",
        minimum=0.1,
    ),
    option(
        "triggerer",
        "triggerer_health_check_threshold",
        "number",
        "30",
        "A triggerer without a heartbeat for so many seconds is not healthy, and others take over its triggers.",
        minimum=1,
    ),
    option(
        "triggerer",
        "blocked_main_thread_warning_threshold",
        "number",
        "0.2",
        "Seconds that one trigger may keep the loop of all triggers from going on before a warning names it.",
        minimum=0.01,
    ),
    option(
        "triggerer",
        "on_kill_timeout",
        "number",
        "30",
        "Seconds that `on_kill` of a trigger may take.",
        minimum=0,
    ),
    own_option(
        "triggerer",
        "sweep_interval",
        "number",
        "15",
        "Seconds between two looks at the database that heal lost notifications and find triggers whose triggerer is gone.",
        minimum=0.1,
    ),
)

DAG_PROCESSOR = (
    option(
        "dag_processor",
        "dag_bundle_config_list",
        "string",
        "",
        "Where DAG files come from, as Airflow's JSON list of objects with name, classpath and kwargs: folders, git "
        "repositories and S3 buckets. Empty is the one folder core.dags_folder. See the page on versions and bundles.",
    ),
    option(
        "dag_processor",
        "dag_bundle_storage_path",
        "path",
        "{home}/bundles",
        "Where copies of git and S3 bundles lie; workers read them there. Airflow's default is a temporary folder.",
    ),
    option(
        "dag_processor",
        "disable_bundle_versioning",
        "boolean",
        "False",
        "Whether runs follow the newest version of their bundle instead of being pinned to the one they started with.",
    ),
    option(
        "dag_processor",
        "parsing_processes",
        "integer",
        "2",
        "DAG files that are imported at once.",
        minimum=1,
        former=(("scheduler", "parsing_processes"), ("scheduler", "max_threads")),
    ),
    option(
        "dag_processor",
        "dag_file_processor_timeout",
        "number",
        "50",
        "Seconds after which the process that imports a DAG file is killed, whatever it does.",
        minimum=1,
        former=(("core", "dag_file_processor_timeout"),),
    ),
    option(
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
    option(
        "dag_processor",
        "refresh_interval",
        "number",
        "60",
        "Seconds between two walks over the folder that heal lost file events.",
        minimum=1,
        is_read_from_airflow_cfg=False,
        former=(("scheduler", "dag_dir_list_interval"),),
    ),
    own_option(
        "dag_processor",
        "max_memory_mib",
        "integer",
        "1536",
        "Memory that the import of one DAG file may take, in MiB; 0 for no limit.",
        minimum=0,
    ),
    option(
        "dag_processor",
        "health_check_threshold",
        "number",
        "30",
        "A DAG processor without a heartbeat for so many seconds is not healthy.",
        minimum=1,
    ),
)
