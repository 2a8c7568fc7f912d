"""The provider packages that are installed, and what they bring: `airflow.providers_manager`.

A provider names itself by an entry point of the group `apache_airflow_provider`, whose function returns what its
provider.yaml says (Airflow docs, "How to create your own provider"). Nothing it brings is imported before it is asked for.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, MutableMapping
from pkgutil import resolve_name
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

_log = logging.getLogger(__name__)

ENTRY_POINTS = "apache_airflow_provider"


class ProviderInfo(NamedTuple):
    """One installed provider package: its version, and what its provider.yaml says."""

    version: str
    data: dict[str, Any]


class HookInfo(NamedTuple):
    """The hook class of one type of connection."""

    hook_class_name: str
    connection_id_attribute_name: str
    package_name: str
    hook_name: str
    connection_type: str
    connection_testable: bool
    dialects: tuple[str, ...] = ()


class DialectInfo(NamedTuple):
    """One dialect of SQL."""

    name: str
    dialect_class_name: str
    provider_name: str


class PluginInfo(NamedTuple):
    """One plugin that a provider brings."""

    name: str
    plugin_class: str
    provider_name: str


class TriggerInfo(NamedTuple):
    """One module of triggers."""

    trigger_class_name: str
    package_name: str
    integration_name: str


class NotificationInfo(NamedTuple):
    """One notifier."""

    notification_class_name: str
    package_name: str


class WhenAskedFor(MutableMapping[str, "Any"]):
    """A mapping whose values are made when they are first read; it gives None for what cannot be imported."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._made:
            try:
                self._made[key] = self._makers[key]()
            except (ImportError, AttributeError) as error:
                _log.warning("%s of an installed provider cannot be imported: %s", key, error)
                self._made[key] = None
        return self._made[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._makers[key] = lambda: value
        self._made[key] = value

    def __delitem__(self, key: str) -> None:
        del self._makers[key]
        self._made.pop(key, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@functools.cache
def installed_providers() -> dict[str, ProviderInfo]:
    """Return every installed provider package by name, sorted. One whose function fails is left out, with a warning."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - costly, and asked for by few tasks

    found: dict[str, ProviderInfo] = {}
    for entry_point in entry_points(group=ENTRY_POINTS):
        distribution = entry_point.dist
        try:
            data: dict[str, Any] = entry_point.load()()
        except Exception as error:  # noqa: BLE001 - code of another package: whatever it raises costs that package only
            _log.warning("provider %s says nothing of itself: %s", entry_point.value, error)
            continue
        name = data.get("package-name") or (distribution.name if distribution is not None else entry_point.name)
        found[name] = ProviderInfo(distribution.version if distribution is not None else "", data)
    return dict(sorted(found.items()))


class ProvidersManager:
    """What the installed providers bring, by Airflow's attribute names. Every instance sees the same."""

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Return the steps `initialize_...` of Airflow's manager: there is nothing to prepare."""
        if not name.startswith("initialize_provider"):
            raise AttributeError(f"'ProvidersManager' object has no attribute {name!r}")
        return _nothing

    @property
    def providers(self) -> dict[str, ProviderInfo]:
        """Every installed provider package by name."""
        return installed_providers()

    @functools.cached_property
    def hooks(self) -> MutableMapping[str, HookInfo | None]:
        """The hook of each type of connection; its class is imported when it is asked for."""
        return WhenAskedFor(
            {
                kind["connection-type"]: functools.partial(_hook_info, name, kind)
                for name, kind in reversed(list(_listed("connection-types")))
            }
        )

    @functools.cached_property
    def taskflow_decorators(self) -> MutableMapping[str, Any]:
        """The task decorators of provider packages: `docker` for `@task.docker`."""
        return WhenAskedFor(
            {
                each["name"]: functools.partial(resolve_name, each["class-name"])
                for _, each in reversed(list(_listed("task-decorators")))
            }
        )

    @property
    def dialects(self) -> dict[str, DialectInfo]:
        """Dialects of SQL by name."""
        return {
            each["dialect-type"]: DialectInfo(each["dialect-type"], each["dialect-class-name"], name)
            for name, each in _listed("dialects")
        }

    @property
    def plugins(self) -> list[PluginInfo]:
        """Plugins of providers."""
        return [PluginInfo(each["name"], each["plugin-class"], name) for name, each in _listed("plugins")]

    @property
    def trigger(self) -> list[TriggerInfo]:
        """Modules of triggers."""
        return [
            TriggerInfo(module, name, each["integration-name"])
            for name, each in _listed("triggers")
            for module in each["python-modules"]
        ]

    @property
    def notification(self) -> list[NotificationInfo]:
        """Notifiers."""
        return [NotificationInfo(each, name) for name, each in _listed("notifications")]

    @property
    def secrets_backend_class_names(self) -> list[str]:
        """Classes of secrets backends."""
        return sorted(each for _, each in _listed("secrets-backends"))

    @property
    def extra_links_class_names(self) -> list[str]:
        """Classes of links on the pages of task instances."""
        return sorted(each for _, each in _listed("extra-links"))

    @property
    def queue_class_names(self) -> list[str]:
        """Classes of message queues."""
        return sorted(each for _, each in _listed("queues"))

    @property
    def filesystem_module_names(self) -> list[str]:
        """Modules that give file systems for `ObjectStoragePath`."""
        return sorted(each for _, each in _listed("filesystems"))

    @property
    def logging_class_names(self) -> list[str]:
        """Classes of log handlers."""
        return sorted(each for _, each in _listed("logging"))

    @property
    def executor_class_names(self) -> list[str]:
        """Classes of executors: listed, not used."""
        return sorted(each for _, each in _listed("executors"))

    @property
    def provider_configs(self) -> list[tuple[str, dict[str, Any]]]:
        """The options that each provider documents."""
        found = ((name, info.data.get("config")) for name, info in self.providers.items())
        return [(name, config) for name, config in found if config]

    @functools.cached_property
    def asset_uri_handlers(self) -> dict[str, Callable[..., Any]]:
        """What checks and normalizes the URI of an asset, by scheme."""
        return _of_schemes("handler")

    @functools.cached_property
    def asset_factories(self) -> dict[str, Callable[..., Any]]:
        """What makes an asset of a provider's own terms, by scheme."""
        return _of_schemes("factory")

    @functools.cached_property
    def asset_to_openlineage_converters(self) -> dict[str, Callable[..., Any]]:
        """What tells OpenLineage of an asset, by scheme."""
        return _of_schemes("to_openlineage_converter")


def _nothing() -> None:
    """Prepare nothing."""


def with_provider_options(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function: options of providers are read where they are asked for, and need no loading before."""
    return function


def _listed(key: str) -> Iterator[tuple[str, Any]]:
    for name, info in installed_providers().items():
        brought: list[Any] = info.data.get(key) or []
        for each in brought:
            yield name, each


def _hook_info(package: str, kind: dict[str, Any]) -> HookInfo:
    hook = resolve_name(kind["hook-class-name"])
    return HookInfo(
        hook_class_name=kind["hook-class-name"],
        connection_id_attribute_name=getattr(hook, "conn_name_attr", "conn_id"),
        package_name=package,
        hook_name=kind.get("hook-name") or getattr(hook, "hook_name", hook.__name__),
        connection_type=kind["connection-type"],
        connection_testable=hasattr(hook, "test_connection"),
        dialects=tuple(kind.get("dialects") or ()),
    )


def _of_schemes(key: str) -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for name, each in _listed("asset-uris"):
        path: str | None = each.get(key)
        if path is None:
            continue
        try:
            function = resolve_name(path)
        except (ImportError, AttributeError) as error:
            _log.warning("%s of %s cannot be imported: %s", path, name, error)
            continue
        found |= dict.fromkeys(each["schemes"], function)
    return found
