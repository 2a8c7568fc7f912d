"""What installed provider packages bring: found by their entry points, imported when it is asked for."""

from __future__ import annotations

import logging
import sys
import types
from importlib.metadata import EntryPoint, EntryPoints
from typing import TYPE_CHECKING, Any

import pytest

from tradewind import DAG, task
from tradewind.sdk.hooks import BaseHook, hook_class_name
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.providers import installed
from tradewind.sdk.providers.installed import ProvidersManager

if TYPE_CHECKING:
    from collections.abc import Iterator

INFO: dict[str, Any] = {
    "package-name": "apache-airflow-providers-acme",
    "connection-types": [
        {"connection-type": "acme", "hook-class-name": "acme_provider.AcmeHook"},
        {"connection-type": "broken", "hook-class-name": "acme_provider.nothing.Hook"},
    ],
    "task-decorators": [{"name": "rocket", "class-name": "acme_provider.rocket_task"}],
    "secrets-backends": ["acme_provider.Vault"],
    "asset-uris": [{"schemes": ["acme"], "handler": "acme_provider.sanitize"}],
    "triggers": [{"integration-name": "Acme", "python-modules": ["acme_provider.triggers"]}],
}


def raise_error() -> None:
    raise RuntimeError("it is broken")


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Install a provider package, and one that is broken."""
    module: Any = types.ModuleType("acme_provider")

    class AcmeHook(BaseHook):
        conn_name_attr = "acme_conn_id"
        hook_name = "Acme"

    def rocket_task(function: Any = None, **arguments: Any) -> Any:
        from tradewind.sdk.definitions.taskflow import task_decorator_factory

        return task_decorator_factory(function, decorated_operator_class=PythonOperator, **arguments)

    module.AcmeHook = AcmeHook
    module.rocket_task = rocket_task
    module.sanitize = lambda uri: uri
    module.info = lambda: INFO
    module.broken = raise_error
    monkeypatch.setitem(sys.modules, "acme_provider", module)
    found = EntryPoints(
        EntryPoint(name, f"acme_provider:{name}", "apache_airflow_provider") for name in ("info", "broken")
    )
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: found if "provider" in group else EntryPoints()
    )
    installed.installed_providers.cache_clear()
    yield module
    installed.installed_providers.cache_clear()


@pytest.mark.usefixtures("acme")
def test_a_provider_says_what_it_brings(caplog: pytest.LogCaptureFixture) -> None:
    providers = ProvidersManager()
    with caplog.at_level(logging.WARNING):
        assert list(providers.providers) == ["apache-airflow-providers-acme"]
    assert "acme_provider:broken says nothing of itself: it is broken" in caplog.text
    assert providers.secrets_backend_class_names == ["acme_provider.Vault"]
    assert list(providers.asset_uri_handlers) == ["acme"]
    assert providers.trigger[0].trigger_class_name == "acme_provider.triggers"
    providers.initialize_providers_hooks()
    with pytest.raises(AttributeError, match="no attribute 'rockets'"):
        _ = providers.rockets
    assert hook_class_name("acme") == "acme_provider.AcmeHook"


@pytest.mark.usefixtures("acme")
def test_hooks_are_imported_when_they_are_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    hooks = ProvidersManager().hooks
    assert set(hooks) == {"acme", "broken"}
    hook = hooks["acme"]
    assert hook is not None
    assert (hook.hook_name, hook.connection_id_attribute_name, hook.connection_testable) == (
        "Acme",
        "acme_conn_id",
        False,
    )
    assert hooks["broken"] is None
    assert "broken of an installed provider cannot be imported" in caplog.text


@pytest.mark.usefixtures("acme")
def test_a_task_decorator_of_a_provider() -> None:
    with DAG("with_rocket"):

        @task.rocket(task_id="launch")
        def launch(place: int) -> int:
            return place

        assert launch(1).operator.task_id == "launch"
    with pytest.raises(AttributeError, match=r"no task decorator @task\.balloon"):
        _ = task.balloon
