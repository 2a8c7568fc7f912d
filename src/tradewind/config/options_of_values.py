"""Options of what tasks hand on and look up: XComs, secrets backends, connections that are tried."""

from __future__ import annotations

from tradewind.config.option import option, own_option

XCOM = (
    option(
        "core",
        "xcom_backend",
        "string",
        "",
        "Class that makes XComs into what is stored, a subclass of airflow.sdk.bases.xcom.BaseXCom; empty: as JSON.",
    ),
    option(
        "core",
        "allowed_deserialization_classes",
        "string",
        "airflow.*",
        "Classes whose objects are made from XComs, as dotted names with * and ?, separated by spaces.",
    ),
    option(
        "core",
        "allowed_deserialization_classes_regexp",
        "string",
        "",
        "The same as regular expressions for the whole name, separated by spaces.",
    ),
    own_option(
        "xcom",
        "max_value_mib",
        "integer",
        "32",
        "The largest XCom that is stored in the database, in MiB; a larger one fails its task.",
        minimum=1,
    ),
    own_option(
        "xcom",
        "max_displayed_kib",
        "integer",
        "512",
        "The API cuts the text of an XCom that is longer than so many KiB.",
        minimum=1,
    ),
    option(
        "common.io",
        "xcom_objectstorage_path",
        "string",
        "",
        "Where XComObjectStorageBackend keeps large values: file:///folder, or s3://conn_id@bucket/prefix and the like.",
    ),
    option(
        "common.io",
        "xcom_objectstorage_threshold",
        "integer",
        "-1",
        "XComs of so many bytes of JSON or more are kept there; -1: none.",
    ),
    option(
        "common.io",
        "xcom_objectstorage_compression",
        "string",
        "",
        "How they are compressed: gzip, bz2, lzma or xz; empty: not at all.",
    ),
)

SECRETS = (
    option(
        "secrets",
        "backend",
        "string",
        "",
        "Class that is asked for variables and connections before the environment and the database.",
    ),
    option(
        "secrets",
        "backend_kwargs",
        "string",
        "",
        "Its arguments as a JSON object. AIRFLOW__SECRETS__BACKEND_KWARG__<NAME> in the environment sets a single one.",
        is_secret=True,
    ),
    option(
        "workers",
        "secrets_backend",
        "string",
        "",
        "Class that author code asks first of all, before that of [secrets].",
    ),
    option("workers", "secrets_backend_kwargs", "string", "", "Its arguments as a JSON object.", is_secret=True),
    option(
        "secrets",
        "use_cache",
        "boolean",
        "False",
        "Whether a process that parses DAG files remembers the variables it was given.",
    ),
    option("secrets", "cache_ttl_seconds", "integer", "900", "For so many seconds.", minimum=0),
    option(
        "core",
        "test_connection",
        "choice",
        "Disabled",
        "Whether connections may be tried through API and command line, which runs code of provider packages.",
        choices=("Disabled", "Enabled", "Hidden"),
    ),
    own_option(
        "core",
        "test_connection_timeout",
        "number",
        "30",
        "Seconds that trying a connection may take.",
        minimum=1,
    ),
)

STATE_STORE = (
    option(
        "state_store",
        "default_retention_days",
        "integer",
        "30",
        "Days that a task's state is kept where the task does not say; 0: as long as its run.",
        minimum=0,
    ),
    option(
        "state_store",
        "max_value_storage_bytes",
        "integer",
        "65535",
        "A larger state is refused by the API and warned of in a task's log; 0: no limit.",
        minimum=0,
    ),
    option(
        "state_store",
        "clear_on_success",
        "boolean",
        "False",
        "Whether a task's state is deleted when the task succeeds.",
    ),
)
