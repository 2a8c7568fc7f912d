"""The scheduler's view of the DAGs: the newest document of each, decoded once, compiled when first needed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tradewind.core.timetables.codec import decode_timetable
from tradewind.metadata.batch import DagRow
from tradewind.serialization.compile import compile_document
from tradewind.serialization.document import decode_document, version_hash
from tradewind.serialization.messages import DagFile
from tradewind.serialization.waits import start_deferral

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.graph import CompiledDag
    from tradewind.core.timetables.protocol import Timetable
    from tradewind.metadata.batch import RunRow
    from tradewind.serialization.document import TaskDocument
    from tradewind.serialization.messages import Deferral


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
