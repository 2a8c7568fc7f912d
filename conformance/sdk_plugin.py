"""pytest plugin for the tests inside the apache-airflow-task-sdk source distribution.

Stands for Airflow's `tests_common`, which is published nowhere: as far as those tests need it, by our own hand.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

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


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks that the tests carry."""
    for name in _MARKERS:
        config.addinivalue_line("markers", name)


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

    holdings: dict[str, dict[str, Any]] = {
        "": {"__path__": []},
        ".pytest_plugin": {},
        ".test_utils": {"__path__": []},
        ".test_utils.compat": {"BashOperator": BashOperator, "EmptyOperator": EmptyOperator},
        ".test_utils.config": {"conf_vars": conf_vars},
        ".test_utils.markers": {
            "skip_if_force_lowest_dependencies_marker": pytest.mark.skipif(False, reason=""),
            "skip_if_not_on_main": pytest.mark.skip(reason="only on Airflow's main branch"),
        },
        ".test_utils.mock_operators": {"MockOperator": _mock_operator(), "AirflowLink": _link()},
        ".test_utils.paths": {"AIRFLOW_ROOT_PATH": Path("/nonexistent")},
        ".test_utils.version_compat": {},
    }
    for name, values in holdings.items():
        kind = _Versions if name.endswith("version_compat") else ModuleType
        module = sys.modules[f"tests_common{name}"] = kind(f"tests_common{name}")
        module.__dict__.update(values)


_publish()
