"""SubDAGs in a test: their runs are carried out in this process when a task starts them, in place of a scheduler."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.sdk.document import to_document
from tradewind.sdk.subdags.operator import with_subdags
from tradewind.standalone.in_process.facts import facts_of_test
from tradewind.standalone.in_process.tested_run import TestedRun

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.executors.local_protocol import WorkerOptions
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.serialization.records import DagRunRecord
    from tradewind.standalone.memory_store import MemoryStore


def let_subdags_run(dag: DAG, store: MemoryStore, options: WorkerOptions, clock: Clock) -> None:
    """Have the store carry out runs of the DAG's SubDAGs."""
    for part in with_subdags([dag]):
        if part is not dag:
            store.starters[part.dag_id] = partial(_run, part, store, options, clock)


def _run(
    part: DAG,
    store: MemoryStore,
    options: WorkerOptions,
    clock: Clock,
    run_id: str,
    logical_date: datetime | None,
    conf: dict[str, Any],
) -> DagRunRecord:
    now = clock.now()
    folder = str(Path(part.fileloc).parent) if part.fileloc else "."
    facts = facts_of_test(part, logical_date or now, now, conf, run_id=run_id)
    around = store.task_instances
    try:
        TestedRun(
            part, to_document(part, dag_folder=folder), facts=facts, store=store, options=options, clock=clock
        ).run()
    finally:
        # What became of its tasks can still be asked for.
        ended = store.task_instances()
        store.task_instances = lambda: [*around(), *ended]
    return store.runs[part.dag_id, run_id]
