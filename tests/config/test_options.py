"""The table of options is sound: its readers need no checks of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tradewind.config.options import OPTION_BY_NAME, OPTIONS, Option
from tradewind.config.values import parse_value

from tests.project.sources import REPOSITORY


def test_each_option_stands_once() -> None:
    assert len(OPTION_BY_NAME) == len(OPTIONS)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_explains_itself_and_its_default_is_allowed(option: Option) -> None:
    assert option.help.endswith(".")
    assert (option.type == "choice") == bool(option.choices)
    assert option.section == option.section.lower()
    parse_value(option, option.default.replace("{home}", "/home"), "default")


def test_reading_the_settings_loads_nothing_heavy() -> None:
    code = (
        "import sys; before = set(sys.modules); import tradewind.config.settings; "
        "print(len(set(sys.modules) - before), *({'typing', 'logging', 'pathlib', 'json'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(REPOSITORY / "src")},
    )
    assert ran.returncode == 0, ran.stderr
    count, *heavy = ran.stdout.split()
    assert int(count) < 90
    assert heavy == []
