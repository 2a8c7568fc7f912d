"""Airflow's list of bundles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tradewind.bundles import BundleConfigError, LocalBundle, make_bundle, read_bundles
from tradewind.bundles.git import GitBundle
from tradewind.bundles.s3 import S3Bundle

LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
GIT = "airflow.providers.git.bundles.git.GitDagBundle"
S3 = "airflow.providers.amazon.aws.bundles.s3.S3DagBundle"


def made(*items: dict[str, Any]) -> list[Any]:
    options: dict[str, Any] = {"storage": "/bundles", "dags_folder": "/dags", "refresh_interval_s": 60}
    found = read_bundles(json.dumps(items))
    return [make_bundle(settings, read_connection=lambda conn_id: None, **options) for settings in found]  # noqa: ARG005 - the name that the port has


def test_airflows_classes_have_their_counterparts() -> None:
    own, other, code, bucket = made(
        {"name": "own", "classpath": LOCAL, "kwargs": {}},
        {"name": "other", "classpath": LOCAL, "kwargs": {"path": "/there", "refresh_interval": 5}},
        {"name": "code", "classpath": GIT, "kwargs": {"repo_url": "x", "tracking_ref": "main", "subdir": "/dags/"}},
        {"name": "bucket", "classpath": S3, "kwargs": {"bucket_name": "b", "prefix": None}},
    )
    assert isinstance(own, LocalBundle)
    assert (own.folder, own.refresh_interval_s, own.refresh()) == ("/dags", 60, None)
    assert (other.folder, other.refresh_interval_s) == ("/there", 5)
    assert isinstance(code, GitBundle)
    assert code.folder == "/bundles/code/current/dags"
    assert isinstance(bucket, S3Bundle)
    assert bucket.folder == "/bundles/bucket/current"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "no JSON"),
        ("{}", "JSON list"),
        ("[1]", "no object"),
        ('[{"classpath": "x"}]', "None is no name"),
        ('[{"name": "../x"}]', "no name of a bundle"),
        ('[{"name": "example_dags"}]', "reserved"),
        ('[{"name": "a", "classpath": "my.Bundle"}]', "there is no 'my.Bundle'"),
        (json.dumps([{"name": "a", "classpath": LOCAL, "kwargs": 1}]), "kwargs has to be an object"),
        (json.dumps([{"name": "a", "classpath": LOCAL, "kwargs": {"folder": "x"}}]), "know no 'folder'"),
        (json.dumps([{"name": "a", "classpath": LOCAL, "kwargs": {"path": 1}}]), "path cannot be 1"),
        (json.dumps([{"name": "a", "classpath": GIT}]), "lacks tracking_ref"),
        (json.dumps([{"name": "a", "classpath": LOCAL}] * 2), "two bundles 'a'"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(BundleConfigError, match=message):
        read_bundles(text)


def test_no_list_is_none() -> None:
    assert read_bundles(" ") == []
