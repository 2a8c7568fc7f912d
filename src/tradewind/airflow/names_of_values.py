"""Names around values: XCom backends and serializers, object storage, secrets backends, state stores."""

from __future__ import annotations

from tradewind.airflow.entries import Names, now, old

_SERDE = now(
    ".xcom.serde",
    "CLASSNAME DATA DEFAULT_VERSION SCHEMA_ID VERSION allow_class decode deserialize encode serialize",
)

_SECRETS_BACKEND = now(".sdk.secrets.backends", "BaseSecretsBackend")

_PATH = now(".sdk.storage.path", "ObjectStoragePath")
_STORE = now(".sdk.storage.store", "ObjectStore attach")
_FILESYSTEMS = now(".sdk.storage.filesystems", "get_fs has_fs")
_STAT = now(".sdk.storage.stat", "stat_result")

VALUES: dict[str, Names] = {
    "airflow.io": {
        **old(".sdk.storage.filesystems", "get_fs has_fs", "airflow.sdk.io", since="3.0"),
        **old(".sdk.storage.store", "attach", "airflow.sdk.io", since="3.0"),
    },
    "airflow.io.path": old(".sdk.storage.path", "ObjectStoragePath", "airflow.sdk", since="3.0"),
    "airflow.io.store": old(".sdk.storage.store", "ObjectStore attach", "airflow.sdk.io.store", since="3.0"),
    "airflow.io.utils": {},
    "airflow.io.utils.stat": old(".sdk.storage.stat", "stat_result", "airflow.sdk.io.stat", since="3.0"),
    "airflow.jobs": {},
    "airflow.jobs.base_job": old(".sdk.queries.unkept", "BaseJob=Job", "=the REST API", since="2.6", removed_in="2.6"),
    "airflow.jobs.job": now(".sdk.queries.unkept", "Job"),
    "airflow.sdk.bases.resumablejobmixin": now(".sdk.state_stores.resumable", "ResumableJobMixin"),
    "airflow.sdk.bases.secrets_backend": _SECRETS_BACKEND,
    "airflow.sdk.io": {**_PATH, **now(".sdk.storage.store", "attach"), **_FILESYSTEMS},
    "airflow.sdk.io.fs": _FILESYSTEMS,
    "airflow.sdk.io.path": _PATH,
    "airflow.sdk.io.stat": _STAT,
    "airflow.sdk.io.store": _STORE,
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
