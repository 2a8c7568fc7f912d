"""Names around values: XCom backends and serializers, object storage, secrets backends, state stores."""

from __future__ import annotations

from tradewind.airflow.entries import Names, now, old

_SERDE = now(
    ".xcom.serde",
    "CLASSNAME DATA DEFAULT_VERSION SCHEMA_ID VERSION allow_class decode deserialize encode serialize",
)

_SECRETS_BACKEND = now(".sdk.secrets.backends", "BaseSecretsBackend")

VALUES: dict[str, Names] = {
    "airflow.jobs": {},
    "airflow.jobs.base_job": now(".sdk.queries.unkept", "BaseJob=Job"),
    "airflow.jobs.job": now(".sdk.queries.unkept", "Job"),
    "airflow.sdk.bases.secrets_backend": _SECRETS_BACKEND,
    "airflow.sdk.serde": _SERDE,
    "airflow.secrets": _SECRETS_BACKEND,
    "airflow.secrets.base_secrets": _SECRETS_BACKEND,
    "airflow.secrets.environment_variables": now(".sdk.secrets.backends", "EnvironmentVariablesBackend"),
    "airflow.secrets.local_filesystem": now(
        ".sdk.secrets.files",
        "LocalFilesystemBackend load_variables load_connections_dict=load_connections load_connections",
    ),
    "airflow.secrets.metastore": now(".sdk.secrets.backends", "MetastoreBackend"),
    "airflow.serialization": {},
    "airflow.serialization.serde": old(
        ".xcom.serde",
        "CLASSNAME DATA SCHEMA_ID VERSION allow_class decode deserialize encode serialize",
        "airflow.sdk.serde",
        since="3.2",
    ),
    "airflow.utils.json": now(".xcom.serde", "XComDecoder XComEncoder"),
    "airflow.providers.common.io": {},
    "airflow.providers.common.io.xcom": {},
    "airflow.providers.common.io.xcom.backend": now(".sdk.xcoms.object_storage", "XComObjectStorageBackend"),
}
