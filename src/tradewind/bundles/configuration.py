"""`[dag_processor] dag_bundle_config_list`: Airflow's JSON list of bundles."""

from __future__ import annotations

import re
from typing import Any

import msgspec

LOCAL = "local"
GIT = "git"
S3 = "s3"
KIND_OF_CLASS = {
    "airflow.dag_processing.bundles.local.LocalDagBundle": LOCAL,
    "airflow.providers.git.bundles.git.GitDagBundle": GIT,
    "airflow.providers.amazon.aws.bundles.s3.S3DagBundle": S3,
}
"""What stands for each of Airflow's classes."""
RESERVED = ("example_dags",)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_ARGUMENTS: dict[str, dict[str, type | tuple[type, ...]]] = {
    LOCAL: {"path": str, "refresh_interval": (int, float)},
    GIT: {
        "repo_url": str,
        "tracking_ref": str,
        "subdir": str,
        "git_conn_id": str,
        "refresh_interval": (int, float),
        "submodules": bool,
        "prune_dotgit_folder": bool,
        "sparse_dirs": list,
        "view_url_template": str,
    },
    S3: {
        "bucket_name": str,
        "prefix": str,
        "aws_conn_id": str,
        "refresh_interval": (int, float),
        "view_url_template": str,
    },
}
_NEEDED = {LOCAL: (), GIT: ("tracking_ref",), S3: ("bucket_name",)}


class BundleConfigError(ValueError):
    """The list of bundles is wrong; the message says where and what to write."""


class BundleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle of the list."""

    name: str
    kind: str
    arguments: dict[str, Any] = {}

    @property
    def refresh_interval_s(self) -> float | None:
        """How often it is brought up to date, where it says so itself."""
        return self.arguments.get("refresh_interval")


def read_bundles(text: str) -> list[BundleSettings]:
    """Return the bundles of the option's JSON; none for an empty text. Raises `BundleConfigError`."""
    if not text.strip():
        return []
    try:
        items = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise BundleConfigError(f"it is no JSON: {error}") from None
    if not isinstance(items, list):
        raise BundleConfigError("it has to be a JSON list of objects with name, classpath and kwargs")
    bundles = [_read(item) for item in items]
    names = [bundle.name for bundle in bundles]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BundleConfigError(f"there are two bundles {', '.join(map(repr, twice))}: give each a name of its own")
    return bundles


def _read(item: Any) -> BundleSettings:
    if not isinstance(item, dict):
        raise BundleConfigError(f"{item!r} is no object with name, classpath and kwargs")
    name, class_path, arguments = item.get("name"), item.get("classpath"), item.get("kwargs", {})
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BundleConfigError(f"{name!r} is no name of a bundle: use letters, digits, '_', '-' and '.'")
    if name in RESERVED:
        raise BundleConfigError(f"the name {name!r} is reserved: [core] load_examples loads the example DAGs")
    kind = KIND_OF_CLASS.get(class_path) if isinstance(class_path, str) else None
    if kind is None:
        known = ", ".join(KIND_OF_CLASS)
        raise BundleConfigError(f"bundle {name!r}: there is no {class_path!r}; classpath is one of {known}")
    if not isinstance(arguments, dict):
        raise BundleConfigError(f"bundle {name!r}: kwargs has to be an object")
    for key, value in arguments.items():
        wanted = _ARGUMENTS[kind].get(key)
        if wanted is None:
            known = ", ".join(_ARGUMENTS[kind])
            raise BundleConfigError(f"bundle {name!r}: {kind} bundles know no {key!r}; they know {known}")
        if value is not None and not isinstance(value, wanted):
            raise BundleConfigError(f"bundle {name!r}: {key} cannot be {value!r}")
    missing = [key for key in _NEEDED[kind] if not arguments.get(key)]
    if missing:
        raise BundleConfigError(f"bundle {name!r}: kwargs lacks {', '.join(missing)}")
    return BundleSettings(name=name, kind=kind, arguments={k: v for k, v in arguments.items() if v is not None})
