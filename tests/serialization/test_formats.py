"""The formats of JSON schemas that a param may have."""

from __future__ import annotations

import pytest

from tradewind.sdk.definitions.param import Param
from tradewind.sdk.exceptions import ParamValidationError
from tradewind.serialization.document import DagDocument, ParamDocument
from tradewind.serialization.run_conf import RunConfError, check_run_conf

RIGHT = [
    ("date-time", "2024-02-29T12:00:00Z"),
    ("date-time", "2024-01-01t00:00:00.123456+05:30"),
    ("duration", "P1D"),
    ("duration", "PT90M"),
    ("duration", "P1Y2M3DT4H5M6S"),
    ("duration", "P2W"),
    ("duration", "PT1.5H"),
]
WRONG = [
    ("date-time", "2024-01-01"),
    ("date-time", "12:00:00"),
    ("date-time", "2024-01-01T12:00:00"),
    ("date-time", "2023-02-29T12:00:00Z"),
    ("date-time", "Thu, 04 Mar 2021 05:06:07 GMT"),
    ("duration", "P"),
    ("duration", "PT"),
    ("duration", "1D"),
    ("duration", "soon"),
    ("date", "2024-02-30"),
]


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_what_fits(name: str, value: str) -> None:
    assert Param(value, type="string", format=name).resolve() == value


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_does_not_fit_is_refused_in_a_dag_file_and_in_a_conf(name: str, value: str) -> None:
    schema = {"type": "string", "format": name}
    with pytest.raises(ParamValidationError, match=f"is not a '{name}'"):
        Param(value, **schema).resolve()
    document = DagDocument(dag_id="d", params={"p": ParamDocument(is_required=True, schema=schema)})
    with pytest.raises(RunConfError, match=f"is not a '{name}'"):
        check_run_conf(document, {"p": value})


def test_what_is_no_text_has_no_format() -> None:
    assert Param(5, type=["integer", "string"], format="duration").resolve() == 5
    assert Param(None, type=["null", "string"], format="date-time").resolve() is None
