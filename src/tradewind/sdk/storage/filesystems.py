"""Which file system serves a scheme: one of a provider package, with its connection, else fsspec's own."""

from __future__ import annotations

import functools

from tradewind.sdk.exceptions import AirflowOptionalProviderFeatureException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

EXTRA = "fsspec and universal-pathlib are not installed: pip install 'tradewind[storage]'"


def fsspec(module: str = "fsspec") -> ModuleType:
    """Return fsspec. Raises AirflowOptionalProviderFeatureException where it is not installed."""
    from importlib import import_module  # noqa: PLC0415 - few tasks use object storage

    try:
        return import_module(module)
    except ImportError as error:
        raise AirflowOptionalProviderFeatureException(f"object storage needs an extra: {EXTRA}") from error


def get_fs(scheme: str, conn_id: str | None = None, storage_options: Mapping[str, Any] | None = None) -> Any:
    """Return the file system for a scheme, logged in by the connection when one is given.

    Raises ValueError for a scheme that nothing installed serves, AttributeError for options that a provider's file
    system does not take, AirflowOptionalProviderFeatureException without fsspec.
    """
    options = dict(storage_options or {})
    make = _of_providers().get(scheme)
    if make is not None:
        from inspect import signature  # noqa: PLC0415 - as above

        if len(signature(make).parameters) > 1:
            return make(conn_id, options)
        if options:
            raise AttributeError(f"the provider's file system for {scheme} takes no storage options")
        return make(conn_id)
    if scheme in {"", "file", "local"}:
        return fsspec("fsspec.implementations.local").LocalFileSystem(**options)
    if conn_id is not None:
        raise ValueError(
            f"No filesystem registered for scheme {scheme}: no installed provider package has one that could use the "
            f"connection {conn_id!r} (s3: apache-airflow-providers-amazon[s3fs], gs: apache-airflow-providers-google)"
        )
    try:
        return fsspec().filesystem(scheme, **options)
    except (ImportError, ValueError) as error:
        raise ValueError(f"No filesystem registered for scheme {scheme}: {error}") from error


def has_fs(scheme: str) -> bool:
    """Say whether something installed serves the scheme."""
    return scheme in {"file", "local"} or scheme in _of_providers() or scheme in fsspec().available_protocols()


@functools.cache
def _of_providers() -> dict[str, Callable[..., Any]]:
    """Return the functions that make file systems, by scheme, of every installed provider package."""
    from importlib import import_module  # noqa: PLC0415 - as above

    from tradewind.sdk.providers.installed import ProvidersManager  # noqa: PLC0415 - as above

    found: dict[str, Callable[..., Any]] = {}
    for name in ProvidersManager().filesystem_module_names:
        module = import_module(name)
        make = getattr(module, "get_fs", None)
        if make is None:
            raise ImportError(f"the file system {name} of a provider package has no function get_fs")
        for scheme in getattr(module, "schemes", ()):
            found[scheme] = make
    return found
