"""Options of what people and tasks see: logs, the web server and its tokens, XCom, defaults of operators."""

from __future__ import annotations

from tradewind.config.option import option

_LOG_FILENAME_TEMPLATE = (
    "dag_id={{ ti.dag_id }}/run_id={{ ti.run_id }}/task_id={{ ti.task_id }}/"
    "{% if ti.map_index >= 0 %}map_index={{ ti.map_index }}/{% endif %}attempt={{ try_number }}.log"
)

LOGGING = (
    option(
        "logging",
        "base_log_folder",
        "path",
        "{home}/logs",
        "The folder of the task logs.",
        former=(("core", "base_log_folder"),),
    ),
    option(
        "logging",
        "log_filename_template",
        "string",
        _LOG_FILENAME_TEMPLATE,
        "The path of a try's log below that folder, as a Jinja template of `ti` and `try_number`.",
        former=(("core", "log_filename_template"),),
    ),
    option(
        "logging",
        "logging_level",
        "choice",
        "INFO",
        "The least level that is logged.",
        choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        former=(("core", "logging_level"),),
    ),
    option(
        "logging",
        "json_logs",
        "boolean",
        "False",
        "Whether the processes write their own logs as lines of JSON.",
        is_read_from_airflow_cfg=False,
    ),
)

API = (
    option(
        "api",
        "host",
        "string",
        "0.0.0.0",  # noqa: S104 - Airflow's default, said in the reference
        "The address the web server listens on.",
        former=(("webserver", "web_server_host"),),
    ),
    option(
        "api",
        "port",
        "integer",
        "8080",
        "The port the web server listens on.",
        minimum=0,
        former=(("webserver", "web_server_port"),),
    ),
    option("api", "base_url", "string", "", "The address under which browsers reach it, where a proxy changes it."),
    option(
        "api",
        "secret_key",
        "string",
        "",
        "Signs what parts tell each other. Empty: made on the first start and kept in the home folder.",
        is_secret=True,
        former=(("webserver", "secret_key"),),
    ),
    option(
        "api",
        "expose_config",
        "boolean",
        "False",
        "Whether the REST API shows the configuration (secrets never).",
        former=(("webserver", "expose_config"),),
    ),
    option(
        "api",
        "maximum_page_limit",
        "integer",
        "100",
        "The most entries one page of a list may have.",
        minimum=1,
    ),
    option(
        "api",
        "fallback_page_limit",
        "integer",
        "50",
        "Entries of a page when the request does not say.",
        minimum=1,
    ),
    option(
        "api",
        "log_fetch_timeout_sec",
        "number",
        "5",
        "Seconds to wait for a worker that is asked for a log.",
        minimum=0.1,
        former=(("webserver", "log_fetch_timeout_sec"),),
    ),
    option("api", "ssl_cert", "path", "", "Certificate file, for HTTPS without a proxy."),
    option("api", "ssl_key", "path", "", "Key file of that certificate."),
    option("api", "access_control_allow_origins", "list", "", "Origins that browsers may call the API from."),
)

API_AUTH = (
    option(
        "api_auth",
        "jwt_secret",
        "string",
        "",
        "Signs the tokens of users. Empty: made on the first start and kept in the home folder.",
        is_secret=True,
    ),
    option("api_auth", "jwt_expiration_time", "integer", "86400", "Seconds a token is valid.", minimum=1),
    option(
        "api_auth",
        "jwt_cli_expiration_time",
        "integer",
        "3600",
        "Seconds a token is valid that the command line asked for.",
        minimum=1,
    ),
    option("api_auth", "jwt_leeway", "integer", "10", "Seconds that clocks may differ.", minimum=0),
)

OPERATORS = (
    option("operators", "default_owner", "string", "airflow", "The owner of a task that does not say."),
    option("operators", "default_queue", "string", "default", "The queue of a task that does not say."),
)
