"""The package's root: names that load when they are used, and nothing before."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tradewind


@pytest.mark.parametrize("name", sorted(tradewind._MODULES))
def test_each_name_is_found(name: str) -> None:
    assert getattr(tradewind, name) is not None
    assert name in dir(tradewind)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = tradewind.nothing


def test_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(tradewind.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tradewind.")
        for alias in node.names
    }
    assert seen == {name: f"tradewind.{module}" for name, module in tradewind._MODULES.items()}


def test_the_root_loads_one_module() -> None:
    code = "import sys; before = set(sys.modules); import tradewind; print(sorted(set(sys.modules) - before))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "['tradewind']"
