"""The scheduler with the real LocalExecutor: a real DAG file in real processes, waited for by their events only."""

from __future__ import annotations

import os
import runpy
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradewind.core.clock import SystemClock
from tradewind.core.states import TaskInstanceState
from tradewind.executors.local import LocalExecutor
from tradewind.logs.layout import LogLayout, TryLogId
from tradewind.metadata.backfills import BackfillStore
from tradewind.metadata.dags import FileDag, FileResult
from tradewind.metadata.doorbell.listening import listen
from tradewind.metadata.encryption import Cipher
from tradewind.metadata.worker_store import DatabaseWorkerStore
from tradewind.scheduler.leadership import take_lease
from tradewind.scheduler.scheduler import Scheduler, SchedulerOptions
from tradewind.sdk.document import to_document
from tradewind.serialization.document import encode_document, version_hash
from tradewind.serialization.messages import DagRunFacts

from tests.scheduler.stage import Stage

LIMIT_S = 40.0
DAG_FILE = """
import os, signal
from datetime import timedelta
from pathlib import Path
from tradewind import DAG
from tradewind.sdk.operators.python import PythonOperator

HERE = Path(__file__).parent


class Waiting(PythonOperator):
    def on_kill(self):
        (HERE / "on_kill").write_text(self.task_id)


def wait(ti):
    ti.xcom_push("began", True)
    signal.pause()


def add(ti):
    first = ti.xcom_pull(task_ids="first")
    print("adding to", first)
    return first + 1


def check(ti):
    assert ti.xcom_pull(task_ids="second") == 42


def die_at_first(ti):
    if ti.try_number == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def note(context):
    (HERE / "callback").write_text(f"{context['dag_run'].run_id} {context['dag_run'].state}")


with DAG("chain", schedule=None, on_success_callback=note) as chain:
    first = PythonOperator(task_id="first", python_callable=lambda: 41)
    second = PythonOperator(task_id="second", python_callable=add)
    first >> second >> PythonOperator(task_id="third", python_callable=check)

with DAG("waits", schedule=None) as waits:
    Waiting(task_id="wait", python_callable=wait) >> PythonOperator(task_id="after", python_callable=print)

with DAG("dies", schedule=None) as dies:
    PythonOperator(task_id="die", python_callable=die_at_first, retries=1, retry_delay=timedelta(seconds=0))
"""


class Plant:
    """A database, a DAG file, and a scheduler with workers."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        stage.clock = SystemClock()  # pyright: ignore[reportAttributeAccessIssue] - real processes have real time
        store = stage.store
        store._clock = stage.clock
        self.layout = LogLayout(folder / "logs")
        self.executor = LocalExecutor(clock=stage.clock, parallelism=4)
        self.listener = listen(stage.database)
        self.scheduler = Scheduler(
            store=store,
            backfills=BackfillStore(stage.database, stage.clock),
            listener=self.listener,
            executor=self.executor,
            answer=DatabaseWorkerStore(stage.database, stage.clock, Cipher("")).answer,
            log_path=self._log_path,
            clock=stage.clock,
            options=SchedulerOptions(parallelism=4, shutdown_grace_s=0.0),
        )
        epoch = take_lease(store, hostname="here", ttl_s=60, clock=stage.clock, stopping=self.scheduler._stopping)
        assert epoch is not None
        self.executor.start(self.scheduler.reactor)
        self.scheduler.start(epoch)

    def deploy(self) -> None:
        """Store the DAGs of the file."""
        path = self.folder / "dags" / "file.py"
        path.parent.mkdir()
        path.write_text(DAG_FILE, encoding="utf-8")
        found = runpy.run_path(str(path))
        encoded = [
            encode_document(to_document(found[name], dag_folder=path.parent)) for name in ("chain", "waits", "dies")
        ]
        names = ("chain", "waits", "dies")
        dags = [FileDag(name, document, version_hash(document)) for name, document in zip(names, encoded, strict=True)]
        result = FileResult(
            path=str(path), relative_path="file.py", folder=str(path.parent), fingerprint="f1", dags=dags
        )
        self.stage.dag_store.store_file(result, is_paused_by_default=False)

    def wait(self, is_there: Callable[[], object]) -> None:
        """Let the loop turn until the condition holds."""
        deadline = time.monotonic() + LIMIT_S
        while not is_there():
            assert time.monotonic() < deadline, self.stage.runs("chain") + self.stage.runs("waits")
            # A timer of our own, so that a turn that waits for nothing comes back.
            self.scheduler.reactor.call_after(1.0, lambda: None)
            self.scheduler.step(wait=True)

    def log(self, dag_id: str, task_id: str, try_number: int = 1) -> str:
        """Return the log of a try."""
        return self.layout.path(TryLogId(dag_id, "r1", task_id, try_number=try_number)).read_text(encoding="utf-8")

    def _log_path(self, run: DagRunFacts, task_id: str, map_index: int, try_number: int) -> str:
        return self.layout.text(TryLogId(run.dag_id, run.run_id, task_id, map_index, try_number))


@pytest.fixture
def plant(sqlite_stage: Stage, tmp_path: Path) -> Iterator[Plant]:
    """Return a plant with its DAGs deployed."""
    made = Plant(sqlite_stage, tmp_path)
    made.deploy()
    yield made
    made.scheduler.close()


def test_a_chain_runs_in_workers_and_its_callback_is_called(plant: Plant) -> None:
    stage = plant.stage
    stage.trigger("chain", run_id="r1")
    plant.wait(lambda: stage.runs("chain")[0].ended_at)
    assert stage.state("r1", "chain") == "success", plant.log("chain", "third")
    assert "adding to 41" in plant.log("chain", "second")
    assert stage.xcoms(stage.row("second", "r1", "chain").ti_pk)["return_value"] == b"42"
    plant.wait(lambda: not stage.stored_callbacks())
    assert (plant.folder / "dags" / "callback").read_text() == "r1 success"


def test_a_task_that_a_user_marks_is_killed(plant: Plant) -> None:
    stage = plant.stage
    stage.trigger("waits", run_id="r1")
    plant.wait(lambda: stage.states("r1", "waits").get("wait") == "running")
    plant.wait(lambda: stage.xcoms(stage.row("wait", "r1", "waits").ti_pk))
    stage.mark(TaskInstanceState.FAILED, "wait", run_id="r1", dag_id="waits")
    plant.wait(lambda: stage.runs("waits")[0].ended_at)
    assert stage.states("r1", "waits") == {"wait": "failed", "after": "upstream_failed"}
    plant.wait(lambda: not plant.scheduler.book.in_flight)
    assert (plant.folder / "dags" / "on_kill").read_text() == "wait"
    assert stage.events("wait", "r1", "waits") == ["schedule", "enqueue", "start", "mark_failed"]


def test_a_cleared_task_runs_again_once_its_process_is_gone(plant: Plant) -> None:
    stage = plant.stage
    stage.trigger("waits", run_id="r1")
    plant.wait(lambda: stage.states("r1", "waits").get("wait") == "running")
    pid = stage.row("wait", "r1", "waits").pid
    stage.clear_tasks("wait", run_id="r1", dag_id="waits")
    plant.wait(lambda: (row := stage.row("wait", "r1", "waits")).try_number == 2 and row.state.value == "running")
    assert stage.row("wait", "r1", "waits").pid != pid
    events = stage.events("wait", "r1", "waits")
    assert events[3:] == ["clear_running", "rescue", "schedule", "enqueue", "start"]


def test_a_process_that_is_killed_is_retried(plant: Plant) -> None:
    stage = plant.stage
    stage.trigger("dies", run_id="r1")
    plant.wait(lambda: stage.runs("dies")[0].ended_at)
    assert stage.state("r1", "dies") == "success"
    assert stage.events("die", "r1", "dies").count("retry") == 1
    assert stage.row("die", "r1", "dies").try_number == 2


def test_a_worker_that_somebody_kills_while_it_works(plant: Plant) -> None:
    stage = plant.stage
    stage.trigger("waits", run_id="r1")
    plant.wait(lambda: stage.states("r1", "waits").get("wait") == "running")
    os.kill(stage.row("wait", "r1", "waits").pid or 0, signal.SIGKILL)
    plant.wait(lambda: stage.runs("waits")[0].ended_at)
    row = stage.row("wait", "r1", "waits")
    assert (row.state.value, "SIGKILL" in (row.note or "")) == ("failed", True)
