"""The scheduler's view of the DAGs: the newest document of each, decoded once, compiled when first needed."""

from __future__ import annotations

import copy
from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING

from tradewind.bundles.layout import at_version
from tradewind.core.timetables.codec import decode_timetable
from tradewind.metadata.batch import DagRow
from tradewind.serialization.compile import compile_document
from tradewind.serialization.document import decode_document, version_hash
from tradewind.serialization.messages import DagFile
from tradewind.serialization.waits import start_deferral

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradewind.core.graph import CompiledDag
    from tradewind.core.timetables.protocol import Timetable
    from tradewind.metadata.batch import RunRow
    from tradewind.serialization.document import TaskDocument
    from tradewind.serialization.messages import Deferral

MAX_KEPT = 64
"""Versions of DAGs that runs are pinned to, kept decoded."""


class DagState:
    """One DAG as the scheduler knows it now."""

    def __init__(self, row: DagRow, before: DagState | None = None) -> None:
        """Decode the document of `row`; what was made of the same version before is kept."""
        self.row = row
        is_same = before is not None and before.row.version_hash == row.version_hash
        self.document = before.document if before is not None and is_same else decode_document(row.document)
        if before is not None and is_same and "compiled" in before.__dict__:
            self.__dict__["compiled"] = before.compiled
        self.is_present = True
        self.pinned_version: str | None = None
        """The version of the bundle whose files these are, where runs that start with them are pinned to it."""
        self.file = DagFile(path=row.path, folder=row.folder, fingerprint=row.fingerprint)
        called = {task.task_id: _called_by_others(task) for task in self.document.tasks}
        self.task_callbacks = {task_id: names for task_id, names in called.items() if names}
        """What another process has to do for a task whose own was lost: its callbacks, and the mails that go with them."""

    @property
    def dag_id(self) -> str:
        """The DAG's id."""
        return self.row.dag_id

    @property
    def is_frozen(self) -> bool:
        """Whether nothing of it may start: paused, or gone from the DAG folder."""
        return self.row.is_paused or not self.is_present

    @cached_property
    def compiled(self) -> CompiledDag:
        """The graph, compiled at the first run that needs it."""
        return compile_document(self.document)

    def start_deferral(self, task_id: str, now: datetime) -> Deferral:
        """Return what a task waits for that begins by waiting."""
        start = next(task.start_trigger for task in self.document.tasks if task.task_id == task_id)
        if start is None:
            raise ValueError(f"task {task_id!r} does not start from a trigger")
        return start_deferral(start, now)

    @cached_property
    def compiled_asks_past(self) -> bool:
        """Whether a task of it depends on the run before."""
        return any(node.asks_the_past for node in self.compiled.nodes)

    @cached_property
    def task_starts(self) -> dict[str, datetime]:
        """The start_date of each task that has one: its own, or the DAG's."""
        usual = self.document.start_date
        found = {task.task_id: task.start_date or usual for task in self.document.tasks}
        return {task_id: date for task_id, date in found.items() if date is not None}

    @cached_property
    def timetable(self) -> Timetable:
        """The timetable, decoded."""
        return decode_timetable(self.document.timetable)


def _called_by_others(task: TaskDocument) -> tuple[str, ...]:
    names = task.callbacks
    if task.email and task.email_on_failure:
        names += ("on_failure_callback",)
    if task.email and task.email_on_retry:
        names += ("on_retry_callback",)
    return names


class Versions:
    """The DAGs of runs that are pinned to a version of their bundle: its document, and its files."""

    def __init__(self, load_document: Callable[[int], bytes]) -> None:
        """Use `load_document` for the documents of versions that are not the newest."""
        self._load_document = load_document
        self._kept: OrderedDict[tuple[str, int, str], DagState] = OrderedDict()

    def of(self, run: RunRow, dag: DagState) -> DagState:
        """Return what the run goes by, `dag` being its DAG as it is now.

        Raises `NotFoundError` when the version that the run is pinned to is gone.
        """
        if run.bundle_version is not None and run.dag_version_pk is not None:
            return self._at(dag, run.dag_version_pk, run.bundle_version)
        if dag.row.bundle_version is None or dag.document.disable_bundle_versioning or run.started_at is not None:
            return dag
        return self._at(dag, dag.row.version_pk, dag.row.bundle_version)

    def _at(self, dag: DagState, version_pk: int, bundle_version: str) -> DagState:
        key = (dag.dag_id, version_pk, bundle_version)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._made(dag, version_pk, bundle_version)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found

    def _made(self, dag: DagState, version_pk: int, bundle_version: str) -> DagState:
        row = copy.copy(dag.row)
        if version_pk != row.version_pk:
            row.document = self._load_document(version_pk)
            row.version_pk, row.version_hash = version_pk, version_hash(row.document)
        row.bundle_version = row.fingerprint = bundle_version
        row.folder = at_version(dag.row.folder, dag.row.bundle_name, bundle_version)
        made = DagState(row, dag)
        archive, in_archive, _ = made.document.relative_fileloc.partition(".zip/")
        row.path = f"{row.folder}/{archive}{'.zip' if in_archive else ''}"
        made.file = DagFile(path=row.path, folder=row.folder, fingerprint=bundle_version)
        made.pinned_version = bundle_version
        return made


def absent_dag(run: RunRow, document: bytes) -> DagState:
    """Return the DAG of a run whose DAG file is gone, as the run knew it: nothing of it starts until the file is back."""
    row = DagRow(
        dag_id=run.dag_id,
        version_pk=run.dag_version_pk or 0,
        version_hash=version_hash(document),
        document=document,
        is_paused=False,
        folder="",
        path="",
        fingerprint="",
        last_interval_start=None,
        last_interval_end=None,
        last_run_after=None,
    )
    state = DagState(row)
    state.is_present = False
    return state
