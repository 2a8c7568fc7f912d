"""The DAG processor as a whole: files go in, the database follows."""

from __future__ import annotations

import select
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.core.clock import SystemClock
from tradewind.dag_processor.once import find_dag_files, parse_files, parse_once
from tradewind.dag_processor.outbox import Outbox
from tradewind.dag_processor.processor import DagProcessor, ProcessorSettings
from tradewind.metadata.dags.store import DagStore
from tradewind.metadata.database import Database
from tradewind.metadata.doorbell.listening import listen
from tradewind.metadata.doorbell.ring import RESYNC, VARIABLE, Listener, Ring
from tradewind.metadata.errors import DatabaseUnavailableError
from tradewind.metadata.schema import migrate

from tests.dag_processor.parsing import DAG, Reader, write

PATIENCE_S = 30


class Running:
    """A processor in a thread; `until` waits for what the database says, woken by its doorbell."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.reader = Reader()
        self.database = database
        self.store = DagStore(database, SystemClock())
        self.settings = ProcessorSettings(dag_folders=(str(folder),))
        self.beats = 0
        self._listener: Listener = listen(database)
        self._bell: Listener = listen(database)
        self._stop = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Start the thread."""
        self.processor = DagProcessor(
            self.settings,
            self.store,
            self.reader,
            SystemClock(),
            listener=self._bell,
            on_heartbeat=self._beat,
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def until(self, is_done: Callable[[], bool]) -> None:
        """Wait until `is_done`. Each ring makes it look; import errors ring no bell, so it looks now and then too."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_done():
            assert self._failure is None
            assert time.monotonic() < deadline, "nothing has happened"
            select.select([self._listener], [], [], 0.05)
            self._listener.drain()

    def dags(self) -> list[str]:
        """Return the dag_ids that are present."""
        return [dag.dag_id for dag in self.store.list_dags()[0]]

    def errors(self) -> list[str]:
        """Return the first lines of the import errors."""
        return [error.message.splitlines()[0] for error in self.store.list_import_errors()[0]]

    def stop(self) -> None:
        """Stop the thread."""
        self._stop.set()
        self.processor.wake()
        self._thread.join()
        self._listener.close()
        self._bell.close()
        assert self._failure is None

    def _run(self) -> None:
        try:
            self.processor.run(self._stop)
        except BaseException as error:
            self._failure = error
            raise

    def _beat(self) -> None:
        self.beats += 1


@pytest.fixture
def running(tmp_path: Path, database_url: str) -> Iterator[Running]:
    database = Database.open(database_url, bell_folder=tmp_path / "run")
    migrate(database)
    folder = tmp_path / "dags"
    folder.mkdir()
    running = Running(folder, database)
    yield running
    running.stop()
    database.dispose()


def test_the_database_follows_the_folder(running: Running) -> None:
    write(running.folder / "a.py", DAG.format(dag_id="a"))
    write(running.folder / "broken.py", "# airflow dag\nraise ValueError('boom')\n")
    running.start()
    running.until(lambda: (running.dags(), len(running.errors())) == (["a"], 1))
    assert running.errors() == ["broken.py:2: ValueError: boom"]

    write(running.folder / "sub/b.py", DAG.format(dag_id="b"))
    running.until(lambda: running.dags() == ["a", "b"])

    write(running.folder / "broken.py", DAG.format(dag_id="c"))
    running.until(lambda: (running.dags(), running.errors()) == (["a", "b", "c"], []))

    (running.folder / "a.py").unlink()
    running.until(lambda: running.dags() == ["b", "c"])

    shutil.rmtree(running.folder / "sub")
    running.until(lambda: running.dags() == ["c"])
    assert running.beats >= 1


def test_a_change_in_a_module_is_seen_and_one_without_effect_makes_no_version(running: Running) -> None:
    write(running.folder / "names.py", "NAME = 'one'\n")
    write(running.folder / "a.py", "from names import NAME\n" + DAG.replace("{dag_id!r}", "NAME"))
    running.start()
    running.until(lambda: running.dags() == ["one"])
    before = running.store.get_dag("one").fingerprint
    write(running.folder / "names.py", "NAME = 'one'  # of many\n")
    running.until(lambda: running.store.get_dag("one").fingerprint != before)
    assert [version.number for version in running.store.list_versions("one")] == [1]
    write(running.folder / "names.py", "NAME = 'two'\n")
    running.until(lambda: running.dags() == ["two"])


def test_a_module_that_comes_late_heals_the_file_that_misses_it(running: Running) -> None:
    write(running.folder / "a.py", "import late\n" + DAG.format(dag_id="a"))
    running.start()
    running.until(lambda: len(running.errors()) == 1)
    write(running.folder / "late.py", "x = 1\n")
    running.until(lambda: (running.dags(), running.errors()) == (["a"], []))


def test_two_files_with_one_dag_id(running: Running) -> None:
    write(running.folder / "first.py", DAG.format(dag_id="same"))
    running.start()
    running.until(lambda: running.dags() == ["same"])
    write(running.folder / "second.py", DAG.format(dag_id="same") + DAG.format(dag_id="other"))
    running.until(lambda: (running.dags(), len(running.errors())) == (["other", "same"], 1))
    assert "'same' is taken" in running.errors()[0]
    assert running.store.get_dag("same").relative_path == "first.py"
    (running.folder / "first.py").unlink()
    running.until(lambda: running.errors() == [] and running.dags() == ["other", "same"])
    assert running.store.get_dag("same").relative_path == "second.py"


def test_a_changed_variable_is_read_again_when_the_bell_rings(running: Running) -> None:
    running.reader.variables["name"] = "one"
    text = "from airflow.models import Variable\nNAME = Variable.get('name')\n"
    write(running.folder / "a.py", text + DAG.replace("{dag_id!r}", "NAME"))
    running.start()
    running.until(lambda: running.dags() == ["one"])
    running.reader.variables["name"] = "two"
    running.database.send([Ring(VARIABLE, "name")])
    running.until(lambda: running.dags() == ["two"])


def test_a_doorbell_that_broke_is_heard_again(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the failure nothing is readable: the processor asks again by itself."""
    real = running._bell.drain
    refusals = iter([True, True])

    def drain() -> list[Ring]:
        heard = real()
        if VARIABLE in {ring.topic for ring in heard} or refused:
            refused.append(1)
            if next(refusals, False):
                raise DatabaseUnavailableError("away")
            return [RESYNC]
        return heard

    refused: list[int] = []
    monkeypatch.setattr("tradewind.dag_processor.processor.LISTEN_AGAIN_S", 0.05)
    monkeypatch.setattr(running._bell, "drain", drain)
    running.reader.variables["name"] = "one"
    text = "from airflow.models import Variable\nNAME = Variable.get('name')\n"
    write(running.folder / "a.py", text + DAG.replace("{dag_id!r}", "NAME"))
    running.start()
    running.until(lambda: running.dags() == ["one"])
    running.reader.variables["name"] = "two"
    running.database.send([Ring(VARIABLE, "name")])
    running.until(lambda: running.dags() == ["two"])


def test_what_went_while_no_processor_ran_is_forgotten(running: Running) -> None:
    write(running.folder / "a.py", DAG.format(dag_id="a"))
    write(running.folder / "b.py", DAG.format(dag_id="b"))
    results = list(parse_files(find_dag_files(running.settings), running.settings, running.reader))
    running.store.store_files(results, is_paused_by_default=True)
    assert running.dags() == ["a", "b"]
    (running.folder / "b.py").unlink()
    running.start()
    running.until(lambda: running.dags() == ["a"])


def test_an_ignore_file_takes_dags_away(running: Running) -> None:
    write(running.folder / "a.py", DAG.format(dag_id="a"))
    write(running.folder / "b.py", DAG.format(dag_id="b"))
    running.start()
    running.until(lambda: running.dags() == ["a", "b"])
    write(running.folder / ".airflowignore", "b.py\n")
    running.until(lambda: running.dags() == ["a"])


def test_what_nobody_told_of_is_found_by_the_sweep(running: Running) -> None:
    running.settings = ProcessorSettings(dag_folders=(str(running.folder),), sweep_interval_s=0.05)
    running.reader.variables["name"] = "one"
    text = "from airflow.models import Variable\nNAME = Variable.get('name')\n"
    write(running.folder / "a.py", text + DAG.replace("{dag_id!r}", "NAME"))
    running.start()
    running.until(lambda: running.dags() == ["one"])
    running.reader.variables["name"] = "two"
    running.until(lambda: running.dags() == ["two"])


def test_results_wait_for_a_database_that_is_away(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = iter([True, True])

    def store_files(self: DagStore, *arguments: Any, **keywords: Any) -> Any:
        if next(refusals, False):
            raise DatabaseUnavailableError("away")
        return real(self, *arguments, **keywords)

    real = DagStore.store_files
    monkeypatch.setattr(DagStore, "store_files", store_files)
    monkeypatch.setattr(Outbox, "RETRY_S", 0.01)
    write(running.folder / "a.py", DAG.format(dag_id="a"))
    running.start()
    running.until(lambda: running.dags() == ["a"])
    assert next(refusals, None) is None


def test_a_file_outside_the_folders_can_be_parsed_once(tmp_path: Path) -> None:
    path = write(tmp_path / "elsewhere/a.py", DAG.format(dag_id="a"))
    result = parse_once(str(path), ProcessorSettings(dag_folders=(str(tmp_path / "dags"),)), Reader())
    assert ([dag.dag_id for dag in result.dags], result.relative_path, result.errors) == (["a"], "a.py", [])
