"""Assets with the name or the URI of another one: a warning, and a failure of the tasks that name them."""

from __future__ import annotations

from typing import Any

from tradewind.metadata.assets.questions import AssetQuestions
from tradewind.metadata.assets.warnings import CONFLICT
from tradewind.metadata.dags import DagStore

from tests.scheduler.stage import Stage, dag, task


def asset(name: str, uri: str) -> dict[str, Any]:
    return {"asset": {"name": name, "uri": uri, "group": "asset"}}


def warned(stage: Stage) -> dict[str | None, str]:
    found = DagStore(stage.database, stage.clock).list_warnings()
    return {one.dag_id: one.message for one in found if one.kind == CONFLICT}


def inactive(stage: Stage, *assets: tuple[str, str]) -> list[list[str]]:
    return AssetQuestions(stage.database).get_inactive_assets(assets=assets)


def test_the_dag_that_came_later_is_warned(stage: Stage) -> None:
    stage.deploy(dag("first", [task("make", outlets=(asset("a", "s3://a"),))]))
    assert warned(stage) == {}
    stage.clock.advance(1)
    stage.deploy(dag("other_uri", [task("read", inlets=(asset("a", "s3://b"),))]))
    stage.deploy(dag("other_name", [task("make", outlets=(asset("b", "s3://a"), asset("c", "c")))]))
    assert warned(stage).keys() == {"other_uri", "other_name"}
    told = "Asset(name='a', uri='s3://b'): its name is that of the asset with the URI 's3://a'"
    assert told in warned(stage)["other_uri"]
    assert inactive(stage, ("a", "s3://a"), ("c", "c")) == []
    assert inactive(stage, ("b", "s3://a"), ("c", "c")) == [["b", "s3://a"]]
    assert inactive(stage, ("a", "s3://a"), ("a", "s3://b")) == [["a", "s3://b"]]
    stage.remove_file("first")
    assert warned(stage) == {}, "its name and URI are free again"
    assert inactive(stage, ("b", "s3://a")) == inactive(stage, ("a", "s3://b")) == []
