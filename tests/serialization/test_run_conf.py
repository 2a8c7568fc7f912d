"""Whether a conf fits the params of its DAG."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.serialization.document import DagDocument, ParamDocument
from tradewind.serialization.run_conf import RunConfError, check_run_conf

DOCUMENT = DagDocument(
    dag_id="etl",
    params={
        "free": ParamDocument(value="x"),
        "n": ParamDocument(value=1, schema={"type": "integer", "minimum": 0}),
        "must": ParamDocument(is_required=True, schema={"type": "string"}),
        "day": ParamDocument(value="2024-01-01", schema={"type": "string", "format": "date"}),
    },
)


@pytest.mark.parametrize(
    "conf",
    [{"must": "a"}, {"must": "", "n": 0, "free": {"any": "thing"}, "more": 1}, {"must": "a", "day": "2024-02-29"}],
)
def test_a_conf_that_fits_is_silent(conf: dict[str, Any]) -> None:
    check_run_conf(DOCUMENT, conf)


@pytest.mark.parametrize(
    ("conf", "parts"),
    [
        ({}, ["'must': it has no default"]),
        ({"must": 3}, ["'must': 3 is not of type 'string'"]),
        ({"must": "a", "n": -1}, ["'n': -1 is less than the minimum of 0"]),
        ({"must": "a", "day": "yesterday"}, ["'day': 'yesterday' is not a 'date'"]),
        ({"must": None, "n": "x"}, ["'n': 'x'", "'must': None"]),
    ],
)
def test_each_param_that_does_not_fit_is_named(conf: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(RunConfError) as caught:
        check_run_conf(DOCUMENT, conf)
    text = str(caught.value)
    assert "params of DAG 'etl'" in text
    assert [part for part in parts if part not in text] == []


def test_a_default_is_checked_like_a_value() -> None:
    document = DagDocument(dag_id="d", params={"n": ParamDocument(value=None, schema={"type": "integer"})})
    with pytest.raises(RunConfError, match="None is not of type 'integer'"):
        check_run_conf(document, {})
    check_run_conf(document, {"n": 3})


def test_a_conf_that_changes_no_param_is_not_looked_at() -> None:
    document = DagDocument(dag_id="d", params={"n": ParamDocument(value=1, schema={"type": "integer"})})
    check_run_conf(document, {"n": "x"}, overrides_params=False)
    with pytest.raises(RunConfError):
        check_run_conf(DOCUMENT, {"must": "a"}, overrides_params=False)


def test_a_schema_that_is_none_is_told() -> None:
    document = DagDocument(dag_id="d", params={"n": ParamDocument(value=1, schema={"type": "number?"})})
    with pytest.raises(RunConfError, match="its schema is none"):
        check_run_conf(document, {})
