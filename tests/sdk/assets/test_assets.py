"""Assets as authors write them, and what the DAG document says of them."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.sdk.assets.asset import Asset, AssetAlias, AssetAll, AssetAny, AssetWatcher, Dataset, Model
from tradewind.sdk.assets.decorators import asset
from tradewind.sdk.assets.timetables import AssetOrTimeSchedule
from tradewind.sdk.definitions.contexts import DagContext
from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.document import DagDocumentError, to_document
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.timetables.classes import CronTriggerTimetable


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("s3://bucket/key", "s3://bucket/key"),
        ("S3://bucket/key/", "s3://bucket/key"),
        ("postgres://host/db?b=2&a=1#part", "postgres://host/db?a=1&b=2"),
        ("file://some/where", "file://some/where"),
        ("x-own://As It Is/", "x-own://As It Is/"),
        ("no uri at all/", "no uri at all/"),
        ("https://host", "https://host/"),
    ],
)
def test_uris_are_brought_into_one_form(given: str, kept: str) -> None:
    assert Asset(uri=given).uri == kept
    assert Asset(uri=given).name == given


def test_a_password_does_not_stay_in_a_uri() -> None:
    with pytest.warns(UserWarning, match="password"):
        assert Asset(uri="https://me:sesame@host/x").uri == "https://host/x"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "name cannot be empty"),
        ({"name": "   "}, "just whitespace"),
        ({"name": "n" * 1501}, "cannot exceed 1500"),
        ({"name": 3}, "must be a string"),
        ({"name": "self"}, "prohibited name for asset: self"),
        ({"uri": "airflow://x"}, "'airflow' is reserved"),
        ({"name": "n", "group": 1}, "group must be a string"),
    ],
)
def test_what_cannot_be_an_asset_is_told_in_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Asset(**arguments)


def test_an_asset_needs_a_name_or_a_uri() -> None:
    with pytest.raises(TypeError, match="requires either 'name' or 'uri'"):
        Asset()
    with pytest.raises(TypeError, match="not both"):
        Asset.ref(name="a", uri="b")


def test_groups_follow_the_kind() -> None:
    assert [kind("n").group for kind in (Asset, Dataset, Model)] == ["asset", "dataset", "model"]
    assert Asset("n") == Asset("n")
    assert Asset("n") != Asset("n", extra={"k": 1})
    assert len({Asset("n"), Asset("n")}) == 1


def test_expressions() -> None:
    a, b, c = Asset("a"), Asset("b"), AssetAlias("c")
    assert (a | b | c) == AssetAny(a, b, c)
    assert (a & b & c) == AssetAll(a, b, c)
    assert ((a & b) | c).as_expression() == {
        "any": [{"all": [a.as_expression(), b.as_expression()]}, {"alias": {"name": "c", "group": "asset"}}]
    }
    with pytest.raises(TypeError):
        a & "b"
    with pytest.raises(TypeError, match="expect asset expressions"):
        AssetAll(a, "b")  # type: ignore[arg-type] - as an author does


def document(**fields: Any) -> Any:
    with DAG("d", **fields) as dag:
        EmptyOperator(task_id="t", outlets=[Asset("out", extra={"k": 1})], inlets=[Asset.ref(name="in"), "a file"])
    return to_document(dag, dag_folder="/")


def test_the_document_has_conditions_inlets_and_outlets() -> None:
    written = document(schedule=[Asset("a"), Asset("b")])
    assert written.timetable["type"] == "asset"
    assert [one["asset"]["name"] for one in written.timetable["condition"]["all"]] == ["a", "b"]
    (task,) = written.tasks
    assert task.outlets == ({"asset": {"uri": "out", "name": "out", "group": "asset", "extra": {"k": 1}}},)
    assert task.inlets == ({"asset_ref": {"name": "in"}},)
    assert not task.is_empty, "somebody has to make its events"


def test_a_timetable_beside_assets() -> None:
    schedule = AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 1 * * 3", timezone="UTC"), assets=[Asset("a")])
    written = document(schedule=schedule)
    assert written.timetable["timetable"]["type"] == "cron_trigger"
    assert written.schedule_summary == "Asset or 0 1 * * 3"
    nested = AssetOrTimeSchedule(timetable=schedule, assets=[Asset("a")])
    with pytest.raises(DagDocumentError, match="cannot nest asset timetables"):
        document(schedule=nested)


@pytest.mark.parametrize("schedule", [[Asset("a"), "b"], [1]])
def test_a_schedule_with_something_else_among_its_assets(schedule: Any) -> None:
    with pytest.raises(TypeError, match=r"DAG 'd': expect asset expressions in condition"):
        DAG("d", schedule=schedule)


def test_a_watcher_needs_an_event_trigger() -> None:
    with pytest.raises(ValueError, match="must inherit BaseEventTrigger"):
        AssetWatcher(name="w", trigger=object())


def test_asset_functions_are_dags_of_one_task(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[DAG] = []
    monkeypatch.setattr(DagContext, "pop", lambda pop=DagContext.pop: made.append(pop()))  # type: ignore[func-returns-value, arg-type]
    namespace: dict[str, Any] = {"asset": asset, "Asset": Asset}
    exec(
        "@asset(schedule=None, uri='s3://x')\ndef first(self, other, n=1): ...\n"
        "@asset.multi(schedule=None, outlets=[Asset('p'), Asset('q')])\ndef two(): ...\n",
        namespace,
    )
    first, two = made
    assert (first.dag_id, first.get_task("first").outlets) == ("first", [namespace["first"]])
    assert first.get_task("first").inlets == [Asset.ref(name="other")]
    assert [outlet.name for outlet in two.get_task("two").outlets] == ["p", "q"]
    assert isinstance(namespace["two"], AssetAll)


def test_asset_functions_that_cannot_be() -> None:
    def nested() -> None: ...

    with pytest.raises(ValueError, match="nested function not supported"):
        asset(schedule=None)(nested)
    nested.__qualname__ = "nested"
    with pytest.raises(ValueError, match="no outlets provided"):
        asset.multi(schedule=None, outlets=[])(nested)

    def wild(*args: Any) -> None: ...

    wild.__qualname__ = "wild"
    with pytest.raises(TypeError, match=r"wildcard '\*args' is not supported"):
        asset(schedule=None)(wild)
