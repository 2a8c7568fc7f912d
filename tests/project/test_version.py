"""One place says the version, and everything that shows it agrees."""

from __future__ import annotations

import importlib.metadata

from tradewind._version import __version__


def test_the_installed_package_has_the_version_of_the_source() -> None:
    assert importlib.metadata.version("tradewind") == __version__


def test_the_package_is_typed_and_licensed() -> None:
    files = {file.name for file in importlib.metadata.files("tradewind") or ()}
    assert importlib.metadata.metadata("tradewind")["License-Expression"] == "Apache-2.0"
    assert "LICENSE" in files
