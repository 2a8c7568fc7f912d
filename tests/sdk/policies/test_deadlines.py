"""Deadlines as authors write them, and as the DAG document has them."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tradewind.core.clock import SystemClock
from tradewind.sdk import ports
from tradewind.sdk.deadlines.alerts import DeadlineAlert, VariableInterval
from tradewind.sdk.deadlines.callbacks import AsyncCallback, SyncCallback, call
from tradewind.sdk.deadlines.references import (
    BaseDeadlineReference,
    DeadlineReference,
    deadline_reference,
    evaluate,
)
from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.document import DagDocumentError, to_document
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.serialization.document import DeadlineDocument
from tradewind.standalone.memory_store import MemoryStore

from tests.worker.conftest import facts

MOMENT = datetime(2024, 5, 5, tzinfo=timezone.utc)
CALLED: list[Any] = []


def note(**kwargs: Any) -> None:
    """Keep what it is called with."""
    CALLED.append(kwargs)


async def note_later(text: str) -> None:
    """Keep what it is called with."""
    CALLED.append(text)


def deadlines_of(deadline: Any) -> tuple[DeadlineDocument, ...]:
    dag = DAG("d", schedule=None, deadline=deadline)
    EmptyOperator(task_id="t", dag=dag)
    return to_document(dag, dag_folder="/").deadlines


def alert(reference: Any, interval: Any = timedelta(minutes=5), callback: Any = None, **more: Any) -> DeadlineAlert:
    return DeadlineAlert(reference, interval, callback or SyncCallback(note), **more)


def test_deadlines_become_plain_data() -> None:
    assert deadlines_of(None) == ()
    (one,) = deadlines_of(alert(DeadlineReference.DAGRUN_LOGICAL_DATE, name="first"))
    assert (one.name, one.reference_type, one.interval_s) == ("first", "DagRunLogicalDateDeadline", 300)
    assert one.callback == f"{__name__}.note"
    fixed, average, variable = deadlines_of(
        [
            alert(DeadlineReference.FIXED_DATETIME(MOMENT)),
            alert(DeadlineReference.AVERAGE_RUNTIME(min_runs=2)),
            alert(DeadlineReference.DAGRUN_QUEUED_AT, VariableInterval("seconds"), AsyncCallback("a.b")),
        ]
    )
    assert fixed.reference["datetime"] == MOMENT.timestamp()
    assert (average.reference["max_runs"], average.reference["min_runs"]) == (10, 2)
    assert (variable.interval_s, variable.interval_variable, variable.callback) == (None, "seconds", "a.b")


@pytest.mark.parametrize(
    ("deadline", "says"),
    [
        ("tomorrow", "deadline has to be a DeadlineAlert or a list of them, got str"),
        ([alert("now")], "reference of a deadline has to be a DeadlineReference, got 'now'"),
        ([alert(DeadlineReference.DAGRUN_QUEUED_AT, 5)], "interval of a deadline has to be a timedelta, got 5"),
    ],
)
def test_what_makes_no_deadline_is_an_error_of_the_dag(deadline: Any, says: str) -> None:
    with pytest.raises(DagDocumentError, match=f"DAG 'd', deadline: .*{says}"):
        deadlines_of(deadline)


def test_what_is_no_callback() -> None:
    with pytest.raises(ValueError, match="type function are not"):
        DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(0), note)  # pyright: ignore[reportArgumentType]
    with pytest.raises(AttributeError, match="not awaitable"):
        AsyncCallback(note)
    with pytest.raises(ImportError, match="valid dot path"):
        SyncCallback("not a path")
    with pytest.raises(ValueError, match="context"):
        SyncCallback(note, {"context": 1})


def test_callbacks_are_called_with_what_they_take() -> None:
    CALLED.clear()
    call(SyncCallback(f"{__name__}.note", {"a": 1}), {"b": 2})
    call(AsyncCallback(note_later, {"text": "now"}), {})
    assert CALLED == [{"a": 1, "context": {"b": 2}}, "now"]


def test_a_reference_of_the_authors_is_registered_and_asked() -> None:
    @deadline_reference(DeadlineReference.TYPES.DAGRUN_QUEUED)
    class Mine(BaseDeadlineReference):
        def _evaluate_with(self, *, session: Any, **kwargs: Any) -> Any:
            return MOMENT if kwargs["dag_id"] == "d" and session is None else "never"

    assert Mine in DeadlineReference.TYPES.DAGRUN
    assert isinstance(DeadlineReference.Mine, Mine)  # pyright: ignore[reportAttributeAccessIssue]
    assert evaluate(Mine(), facts()) == MOMENT
    with pytest.raises(TypeError, match="date with a time zone"):
        evaluate(Mine(), facts(dag_id="other"))
    with pytest.raises(TypeError, match="no _evaluate_with"):
        evaluate(BaseDeadlineReference(), facts())
    (one,) = deadlines_of(alert(Mine()))
    assert (one.reference_type, one.reference) == ("custom", {"name": "Mine"})
    with pytest.raises(ValueError, match="must inherit"):
        deadline_reference(int)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_slas_of_airflow_2_are_deadlines_of_tasks() -> None:
    dag = DAG("d", schedule_interval=None, start_date=MOMENT, sla_miss_callback=note)
    for task_id, sla in (("a", timedelta(hours=1)), ("b", timedelta(hours=2)), ("c", timedelta(hours=1)), ("d", None)):
        EmptyOperator(task_id=task_id, dag=dag, sla=sla)
    found = to_document(dag, dag_folder="/").deadlines
    assert [(one.reference_type, one.interval_s, one.task_ids) for one in found] == [
        ("sla", 3600, ("a", "c")),
        ("sla", 7200, ("b",)),
    ]
    vars(dag.get_task("d"))["sla"] = 5
    with pytest.raises(DagDocumentError, match="task 'd': sla has to be a timedelta, got int"):
        to_document(dag, dag_folder="/")


def test_an_interval_is_what_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_WAIT", "90")
    monkeypatch.setenv("AIRFLOW_VAR_WORD", "soon")
    monkeypatch.setattr(ports, "_worker_store", MemoryStore(SystemClock()))
    with pytest.warns(DeprecationWarning, match="resolve"):
        assert VariableInterval("wait").resolve() == timedelta(seconds=90)
    for key, said in (("word", "must be an integer"), ("none", "not found")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(ValueError, match=said):
                VariableInterval(key).resolve()


def test_the_path_of_a_callback() -> None:
    assert SyncCallback.get_callback_path(" json.dumps ") == "json.dumps"
    assert SyncCallback.get_callback_path("not_here.at_all") == "not_here.at_all"
    with pytest.raises(AttributeError, match="is not callable"):
        SyncCallback.get_callback_path("os.path")
    assert hash(SyncCallback("json.dumps", {"a": 1})) != hash(SyncCallback("json.dumps", {"a": 2}))
