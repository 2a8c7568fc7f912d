"""The namespace, installed for one test and taken away again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tradewind.airflow.finder import install, uninstall
from tradewind.sdk.deprecations import drain_deprecations

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def namespace() -> Iterator[None]:
    """Make `airflow` this package's names, whatever was installed before."""
    finders, modules = list(sys.meta_path), dict(sys.modules)
    uninstall()
    install()
    yield
    uninstall()
    sys.meta_path[:] = finders
    sys.modules.update({name: module for name, module in modules.items() if name.partition(".")[0] == "airflow"})
    drain_deprecations()
