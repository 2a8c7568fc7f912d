"""What operators say that they need of a machine."""

from __future__ import annotations

import pytest

from tradewind.config.airflow_names import forget_settings
from tradewind.sdk.policies.operator_resources import GB, Resources


def test_what_is_left_out_is_the_installations_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_RAM", "2048")
    forget_settings()
    needed = Resources(cpus=0)
    assert {name: value["qty"] for name, value in needed.to_dict().items()} == {
        "cpus": 0,
        "ram": 2 * GB,
        "disk": 512,
        "gpus": 0,
    }
    assert Resources.from_dict(needed.to_dict()) == needed
    assert hash(Resources.from_dict(needed.to_dict())) == hash(needed)
    assert Resources(gpus=1) != needed


def test_nothing_less_than_nothing() -> None:
    with pytest.raises(ValueError, match="cannot need -1 MB of RAM"):
        Resources(ram=-1)
