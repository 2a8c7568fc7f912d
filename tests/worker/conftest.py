"""Tries run in the test's own process, against a store in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from tradewind.core.clock import SystemClock
from tradewind.sdk.definitions.dag import DAG
from tradewind.serialization.messages import DagFile, DagRunFacts, Finished, Report, RunTask
from tradewind.standalone.memory_store import MemoryStore
from tradewind.worker.inline import run_inline

WHEN = datetime(2026, 11, 22, 10, tzinfo=timezone.utc)


def facts(**fields: Any) -> DagRunFacts:
    """Return a run of DAG `d`."""
    values: dict[str, Any] = {
        "pk": 1,
        "dag_id": "d",
        "run_id": "r",
        "run_type": "manual",
        "logical_date": WHEN,
        "data_interval_start": WHEN,
        "data_interval_end": WHEN,
        "run_after": WHEN,
    }
    return DagRunFacts(**(values | fields))


def order_of(task_id: str, **fields: Any) -> RunTask:
    """Return the order for the first try of a task of DAG `d`."""
    values: dict[str, Any] = {
        "ti_pk": 7,
        "try_number": 1,
        "max_tries": 0,
        "dag_file": DagFile(path="/dags/a.py", folder="/dags", fingerprint="1"),
        "dag_id": "d",
        "task_id": task_id,
        "dag_run": facts(),
        "log_path": "/logs/1.log",
    }
    return RunTask(**(values | fields))


@pytest.fixture
def store() -> MemoryStore:
    """Return the store that tasks ask."""
    return MemoryStore(SystemClock())


@pytest.fixture
def dag() -> DAG:
    """Return a DAG to put tasks into."""
    return DAG("d", start_date=WHEN, schedule=None)


@pytest.fixture
def reports() -> list[Report]:
    """Return what tries have reported."""
    return []


@pytest.fixture
def run(dag: DAG, store: MemoryStore, reports: list[Report]) -> Callable[..., Finished]:
    """Return a function that runs a task of the DAG and returns its end."""

    def run_task(task_id: str, options: Any = None, **fields: Any) -> Finished:
        return run_inline(order_of(task_id, **fields), dag, store=store, options=options, on_report=reports.append)

    return run_task
