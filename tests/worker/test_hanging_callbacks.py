"""Callbacks that hang, in worker processes: ended, told in one line, and nothing else is harmed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.executors.local_protocol import WorkerOptions
from tradewind.serialization.messages import CallbackDone, DagFile, RunCallback

from tests.executors.local_harness import Harness

DAG_FILE = """
import time
from airflow import DAG
from airflow.operators.python import PythonOperator


def hang(context):
    print("it hangs", flush=True)
    while True:
        try:
            time.sleep(60)
        except BaseException as error:
            print("swallowed", type(error).__name__, flush=True)


def hang_softly(context):
    time.sleep(60)


with DAG("d", on_failure_callback=hang, on_success_callback=hang_softly):
    PythonOperator(task_id="a", python_callable=lambda: None, on_success_callback=hang)
    PythonOperator(task_id="b", python_callable=lambda: 5)
"""


@pytest.fixture(params=["warm", "fork"])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path, options=WorkerOptions(isolation=request.param, callback_timeout_s=0.2), parallelism=1)
    yield harness
    harness.close()


@pytest.fixture
def file(harness: Harness) -> DagFile:
    return harness.write("dags.py", DAG_FILE)


def test_a_callback_that_takes_no_hint_costs_its_process(
    harness: Harness, file: DagFile, caplog: pytest.LogCaptureFixture
) -> None:
    end = harness.run(file, "a")
    assert (end.outcome, end.ready_follows) == ("success", True)
    harness.wait(lambda: not harness.executor._workers)
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "callbacks of task 'a' of DAG 'd'" in record.getMessage()
    log = Path(harness.order(file, "a").log_path).parent
    (line,) = [line for path in log.iterdir() for line in path.read_text().splitlines() if "Ended with its" in line]
    assert line.startswith(
        "Ended with its process: on_success_callback hang took longer than 0.2 s, and went on all the same, in hang ("
    )
    assert harness.run(file, "b").outcome == "success"


@pytest.mark.parametrize("name", ["on_failure_callback", "on_success_callback"])
def test_a_dags_callback_that_hangs_is_called_once(harness: Harness, file: DagFile, name: str) -> None:
    order = harness.order(file, "a")
    harness.executor.submit(
        RunCallback(
            callback_pk=9,
            dag_file=file,
            dag_id="d",
            dag_run=order.dag_run,
            kind="dag",
            name=name,
            reason="because",
            log_path=order.log_path,
        )
    )
    harness.executor.flush()
    harness.wait(lambda: [report for report in harness.loop.inbox if isinstance(report, CallbackDone)])
    (done,) = [report for report in harness.loop.inbox if isinstance(report, CallbackDone)]
    assert (done.callback_pk, "took longer than 0.2 s" in (done.error or "")) == (9, True)
    assert harness.run(file, "b").outcome == "success"
    log = Path(order.log_path).read_text(encoding="utf-8")
    # Of one that goes on all the same, the log says where it was.
    assert ("in hang" in log) == (name == "on_failure_callback")


def test_the_limit_is_an_option() -> None:
    assert WorkerOptions().callback_timeout_s == 300
