"""pytest plugin for the tests inside the apache-airflow-task-sdk source distribution.

Stands for Airflow's `tests_common`, which is published nowhere: as far as those tests need it, by our own hand.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import contextlib
import os
import signal
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from tradewind.airflow.finder import AirflowFinder
from tradewind.airflow.utils.deprecation_tools import NamespaceModule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MARKERS = (
    *("backend", "db_test", "enable_redact", "execution_timeout", "external_python_operator", "log_level"),
    *(
        "mock_plugin_manager",
        "need_serialized_dag",
        "non_db_test_override",
        "virtualenv_operator",
        "want_activate_assets",
    ),
)

_TEST_TIMEOUT_S = 20


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks that the tests carry."""
    for name in _MARKERS:
        config.addinivalue_line("markers", name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """End a test that waits for a process of Airflow's which is not there."""

    def give_up(_signal: int, _frame: Any) -> None:
        raise TimeoutError(f"it did not end within {_TEST_TIMEOUT_S} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(_TEST_TIMEOUT_S)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def cap_structlog() -> Iterator[Any]:
    """Give the log lines that are written through structlog."""
    from structlog.testing import capture_logs

    with capture_logs() as lines:
        yield lines


@pytest.fixture
def mock_supervisor_comms(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a mock in place of the channel to Airflow's supervisor."""
    from airflow.sdk.execution_time import task_runner

    channel = mock.MagicMock(name="SUPERVISOR_COMMS", asend=mock.AsyncMock())
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", channel, raising=False)
    return channel


@pytest.fixture
def sdk_connection_not_found(mock_supervisor_comms: Any) -> Any:
    """Let every question for a connection be answered with none."""
    from airflow.sdk.execution_time.comms import ErrorResponse

    answer = ErrorResponse(error="CONNECTION_NOT_FOUND")
    mock_supervisor_comms.send.return_value = mock_supervisor_comms.asend.return_value = answer
    return mock_supervisor_comms


@pytest.fixture
def hook_lineage_collector() -> Iterator[Any]:
    """Collect what hooks report."""
    from tradewind.sdk.providers.lineage import HookLineageCollector, install_lineage_collector

    before = install_lineage_collector(collector := HookLineageCollector())
    yield collector
    install_lineage_collector(before)


@pytest.fixture
def dag_maker() -> Any:
    """Make DAGs to put tasks into."""
    from airflow.sdk import DAG

    def make(dag_id: str = "test_dag", **arguments: Any) -> Any:
        return DAG(dag_id, schedule=arguments.pop("schedule", None), **arguments)

    return make


@contextlib.contextmanager
def conf_vars(overrides: Mapping[tuple[str, str], Any]) -> Iterator[None]:
    """Set options by their environment names for the time of a test."""
    names = {
        f"AIRFLOW__{section.upper().replace('.', '_')}__{key.upper()}": value
        for (section, key), value in overrides.items()
    }
    given = {name: str(value) for name, value in names.items() if value is not None}
    with mock.patch.dict(os.environ, given):
        for name, value in names.items():
            if value is None:
                os.environ.pop(name, None)
        yield


def _mock_operator() -> type:
    from airflow.sdk import BaseOperator

    class MockOperator(BaseOperator):
        template_fields = ("arg1", "arg2")

        def __init__(self, arg1: str = "", arg2: str = "", **arguments: Any) -> None:
            super().__init__(**arguments)
            self.arg1 = arg1
            self.arg2 = arg2

        def execute(self, context: Any) -> None:
            pass

    return MockOperator


def _link() -> type:
    from airflow.sdk import BaseOperatorLink

    class AirflowLink(BaseOperatorLink):
        name = "airflow"

        def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - as every link
            return "https://airflow.apache.org"

    return AirflowLink


class _NotCarried:
    """A name of Airflow's internals that Tradewind does not have: it can be imported, and fails the test that uses it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        raise NotImplementedError(f"{self._name}: internals of Airflow that Tradewind does not carry")

    def __mro_entries__(self, _bases: object) -> tuple[type, ...]:
        return (object,)


class _InternalsFinder:
    """Makes modules of Airflow's internals that are empty but for such names. Asked when nobody else has the module."""

    def find_spec(self, fullname: str, _path: Any, _target: Any = None) -> ModuleSpec | None:
        """Return the spec of a module below `airflow`, but none of a provider."""
        if not fullname.startswith("airflow.") or fullname.startswith("airflow.providers."):
            return None
        return ModuleSpec(fullname, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module."""
        return _Internals(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Fill in nothing."""


class _Internals(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _NotCarried(f"{self.__name__}.{name}")


def _serve_internals() -> None:
    """Let files be collected that import a few internals: only the tests that use them fail."""
    finder: Any = next(each for each in sys.meta_path if isinstance(each, AirflowFinder))
    find, fallback = finder.find_spec, _InternalsFinder()

    def find_spec(fullname: str, path: Any, target: Any = None) -> Any:
        try:
            found = find(fullname, path, target)
        except ModuleNotFoundError:
            found = fallback.find_spec(fullname, path, target)
            if found is None:
                raise
        return found or (fallback.find_spec(fullname, path, target) if _is_of_internals(fullname) else None)

    finder.find_spec = find_spec
    look_up: Any = NamespaceModule.__getattr__

    def get(module: NamespaceModule, name: str) -> Any:
        try:
            return look_up(module, name)
        except (AttributeError, ImportError):
            if name.startswith("__"):
                raise
            return _NotCarried(f"{module.__name__}.{name}")

    NamespaceModule.__getattr__ = get  # type: ignore[method-assign]


def _is_of_internals(fullname: str) -> bool:
    return isinstance(sys.modules.get(fullname.rpartition(".")[0]), (_Internals, NamespaceModule))


class _Versions(ModuleType):
    """Every question for a version of Airflow is answered with yes."""

    def __getattr__(self, name: str) -> bool:
        if name.startswith("AIRFLOW_V_"):
            return True
        raise AttributeError(name)


def _publish() -> None:
    """Make the modules of `tests_common`."""
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.operators.python import PythonOperator

    holdings: dict[str, dict[str, Any]] = {
        "": {"__path__": []},
        ".pytest_plugin": {},
        ".test_utils": {"__path__": []},
        ".test_utils.compat": {
            "BashOperator": BashOperator,
            "EmptyOperator": EmptyOperator,
            "PythonOperator": PythonOperator,
        },
        ".test_utils.config": {
            "CFG_FALLBACK_CONFIG_OPTIONS": {},
            "PROVIDER_METADATA_CONFIG_OPTIONS": {},
            "conf_vars": conf_vars,
            "create_fresh_airflow_config": _NotCarried("create_fresh_airflow_config"),
            "env_vars": _NotCarried("env_vars"),
        },
        ".test_utils.markers": {
            "skip_if_force_lowest_dependencies_marker": pytest.mark.skipif(False, reason=""),
            "skip_if_not_on_main": pytest.mark.skip(reason="only on Airflow's main branch"),
        },
        ".test_utils.mock_operators": {"MockOperator": _mock_operator(), "AirflowLink": _link()},
        ".test_utils.paths": {"AIRFLOW_ROOT_PATH": Path("/nonexistent")},
        ".test_utils.mapping": {"expand_mapped_task": _NotCarried("expand_mapped_task")},
        ".test_utils.mock_plugins": {"mock_plugin_manager": _NotCarried("mock_plugin_manager")},
        ".test_utils.dag": {"create_scheduler_dag": _NotCarried("create_scheduler_dag")},
        ".test_utils.version_compat": {},
    }
    for name, values in holdings.items():
        kind = _Versions if name.endswith("version_compat") else ModuleType
        module = sys.modules[f"tests_common{name}"] = kind(f"tests_common{name}")
        module.__dict__.update(values)


_publish()
_serve_internals()
