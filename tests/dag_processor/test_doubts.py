"""What a file says without effect becomes a warning of its DAG."""
# pyright: reportMissingImports=false

from __future__ import annotations

from tradewind import DAG, BaseOperator, task
from tradewind.dag_processor.parsing.doubts import NO_EFFECT, doubts
from tradewind.sdk.assets.asset import Asset


def told(dag: DAG) -> list[str]:
    found = list(doubts([dag]))
    assert {(one.kind, one.dag_id) for one in found} <= {(NO_EFFECT, "d")}
    return [one.message for one in found]


def test_callbacks_that_cannot_be_called() -> None:
    with DAG("d", schedule=None, on_failure_callback="mail me") as dag:
        BaseOperator(task_id="t", on_success_callback=[print, 5])
    assert told(dag) == [
        "on_failure_callback 'mail me' of DAG 'd' cannot be called: it has to be a function or a notifier",
        "on_success_callback 5 of task 't' cannot be called: it has to be a function or a notifier",
    ]


def test_outlets_that_are_no_assets() -> None:
    class Table:
        def __repr__(self) -> str:
            raise ValueError("unreadable")

    with DAG("d", schedule=None) as dag:
        BaseOperator(task_id="text", outlets=["s3://bucket/file", Asset("good")])
        BaseOperator(task_id="object", outlets=Table())
        BaseOperator(task_id="long", outlets=["x" * 200])
    text, thing, long = told(dag)
    assert text == "outlet 's3://bucket/file' of task 'text' is no Asset: no event of an asset comes of it"
    assert thing.startswith("outlet of type Table of task 'object'")
    assert len(long) < 200


def test_a_sound_dag_raises_no_doubts() -> None:
    with DAG("d", schedule=None, on_success_callback=[print]) as dag:

        @task(outlets=[Asset("a")], on_failure_callback=print)
        def make() -> None: ...

        make()
    assert told(dag) == []
