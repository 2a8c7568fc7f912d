"""What one test notes of its own file is nothing to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tradewind.sdk import deprecations
from tradewind.sdk.author_defaults import AuthorDefaults, install_author_defaults

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _fresh_author_state() -> Iterator[None]:
    before = install_author_defaults(AuthorDefaults())
    yield
    install_author_defaults(before)
    deprecations.drain_deprecations()
    deprecations._airflow_2_files.clear()
