"""Callbacks that the scheduler has called: stored first, deleted when done, found again after a restart."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tradewind.logs.layout import callbacks_log
from tradewind.scheduler.active_run import facts_of
from tradewind.serialization.messages import CallbackDone, RunCallback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tradewind.executors.port import CallbackLost
    from tradewind.metadata.batch import CallbackRequest, CallbackRow
    from tradewind.metadata.scheduling import SchedulerStore
    from tradewind.scheduler.collector import Collector
    from tradewind.scheduler.dags import DagState
    from tradewind.serialization.messages import DagRunFacts

_log = logging.getLogger(__name__)

MAX_CALLS = 3
"""So often a callback is called whose process is lost each time; it may be what ends them."""


class CallbackDesk:
    """The callbacks that are stored and not done."""

    def __init__(
        self,
        store: SchedulerStore,
        dags: Mapping[str, DagState],
        collector: Collector,
        log_path: Callable[[DagRunFacts, str, int, int], str],
        submit: Callable[[RunCallback], None],
    ) -> None:
        """Give orders to `submit` and note what is done in `collector`."""
        self._store = store
        self._dags = dags
        self._collector = collector
        self._log_path = log_path
        self._submit = submit
        self._called: dict[int, tuple[CallbackRow, int]] = {}
        self.on_end: Callable[[CallbackRequest, CallbackDone | None], None] = lambda _request, _done: None
        """Told of each request that is over, with None where it was given up."""
        self._waiting: dict[str, dict[int, CallbackRow]] = {}
        """By DAG: callbacks whose DAG file is gone; it may come back."""

    def take(self, callbacks: Iterable[CallbackRow]) -> None:
        """Call these, which are committed."""
        for callback in callbacks:
            self._call(callback, 1)

    def find_again(self) -> None:
        """Call what is stored and was not called yet. What is done has to be committed before."""
        waiting = {pk for callbacks in self._waiting.values() for pk in callbacks}
        for callback in self._store.load_callbacks():
            if callback.callback_pk not in self._called and callback.callback_pk not in waiting:
                self._call(callback, 1)

    def dag_is_back(self, dag_id: str) -> None:
        """Call what waited for the DAG's file."""
        self.take(self._waiting.pop(dag_id, {}).values())

    def take_end(self, end: CallbackDone | CallbackLost) -> None:
        """A callback was carried out, or its process is gone: then it is called again, a few times."""
        callback, calls = self._called.pop(end.callback_pk, (None, 0))
        if callback is None:
            return
        if isinstance(end, CallbackDone):
            if end.error is not None:
                _log.error("%s failed: %s", _name(callback), end.error)
        elif calls < MAX_CALLS:
            _log.warning("%s lost its process, calling it again: %s", _name(callback), end.reason)
            self._call(callback, calls + 1)
            return
        else:
            _log.error("%s lost its process %d times, given up: %s", _name(callback), calls, end.reason)
        self._collector.batch.callbacks_done.append(callback.callback_pk)
        self.on_end(callback.request, end if isinstance(end, CallbackDone) else None)

    def _call(self, callback: CallbackRow, calls: int) -> None:
        request = callback.request
        run = next(iter(self._store.load_runs([request.run_pk])), None)
        if run is None:
            self._collector.batch.callbacks_done.append(callback.callback_pk)
            return
        dag = self._dags.get(request.dag_id)
        if dag is None or not dag.is_present:
            self._waiting.setdefault(request.dag_id, {})[callback.callback_pk] = callback
            return
        facts = facts_of(run)
        self._called[callback.callback_pk] = (callback, calls)
        self._submit(
            RunCallback(
                callback_pk=callback.callback_pk,
                dag_file=dag.file,
                dag_id=request.dag_id,
                dag_run=facts,
                kind=request.kind,
                task_id=request.task_id,
                map_index=request.map_index,
                try_number=request.try_number,
                name=request.name,
                reason=request.reason,
                payload=request.payload,
                log_path=self._log_of(facts, request),
            ),
        )

    def _log_of(self, facts: DagRunFacts, request: CallbackRequest) -> str:
        if request.kind == "task" and request.task_id is not None:
            return self._log_path(facts, request.task_id, request.map_index, request.try_number)
        log = callbacks_log(facts.dag_id, facts.run_id)
        return self._log_path(facts, log.task_id, log.map_index, log.try_number)


def _name(callback: CallbackRow) -> str:
    request = callback.request
    task = f" {request.task_id}" if request.task_id and request.kind == "task" else ""
    return f"{request.name} of {request.dag_id} {request.run_id}{task}"
