"""Small things of the core that provider packages call."""

from __future__ import annotations

import functools
import logging

import pytest

from tradewind.sdk.exceptions import AirflowConfigException, AirflowException
from tradewind.sdk.operators.asynchronous import BaseAsyncOperator
from tradewind.sdk.providers import execution_api, housekeeping, lineage, metrics, platform
from tradewind.sdk.toolkit.callables import is_async_callable
from tradewind.sdk.toolkit.loading import is_valid_dotpath, iter_namespace


def test_metrics_are_taken_and_timers_measure() -> None:
    metrics.Stats.incr("count")
    metrics.Stats.gauge("size", 3, tags={"a": "b"})
    metrics.Stats.timing("took", 0.5)
    with metrics.Stats.timer("took") as timer:
        assert timer.duration is None
    assert timer.duration is not None
    assert timer.duration >= 0


def test_nobody_collects_lineage_without_a_reader() -> None:
    collector = lineage.get_hook_lineage_collector()
    collector.add_input_asset(None, scheme="s3", uri="s3://bucket/key")
    assert not collector.has_collected
    assert lineage.HookLineageReader().retrieve_hook_lineage().inputs == []


def test_lineage_is_counted_by_asset_and_hook() -> None:
    collector = lineage.HookLineageCollector()
    first, second = object(), object()
    before = lineage.install_lineage_collector(collector)
    try:
        for hook in (first, first, second):
            collector.add_input_asset(hook, uri="s3://bucket/key")
        collector.add_output_asset(first, name="made")
        collector.add_output_asset(first, scheme="nobody's")
        collector.add_extra(first, "rows", {"b": 1, "a": 2})
        collector.add_extra(first, "rows", {"a": 2, "b": 1})
        collector.add_extra(first, "", "no key")
        found = lineage.HookLineageReader().retrieve_hook_lineage()
    finally:
        lineage.install_lineage_collector(before)
    assert [(each.asset.uri, each.count, each.context is first) for each in found.inputs] == [
        ("s3://bucket/key", 2, True),
        ("s3://bucket/key", 1, False),
    ]
    assert [each.asset.name for each in found.outputs] == ["made"]
    assert [(each.key, each.count) for each in found.extra] == [("rows", 2)]


def test_lineage_of_a_busy_task_is_bounded() -> None:
    collector = lineage.HookLineageCollector()
    for number in range(lineage.MAX_COLLECTED_ASSETS + 5):
        collector.add_input_asset(None, uri=f"s3://bucket/{number}")
    assert len(collector.collected_assets.inputs) == lineage.MAX_COLLECTED_ASSETS


def test_a_process_without_a_user_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise OSError("no such user")

    monkeypatch.setattr("getpass.getuser", nobody)
    with pytest.raises(AirflowConfigException, match="LOGNAME"):
        platform.getuser()


def test_modules_of_a_package() -> None:
    assert "logging.handlers" in {module.name for module in iter_namespace(logging)}
    assert is_valid_dotpath("package.module")
    assert not is_valid_dotpath("package/module")


class Adder(BaseAsyncOperator):
    """Adds one to the length of its context."""

    async def aexecute(self, context: object) -> int:
        """Add."""
        return 1 + len(str(context))


def test_an_async_operator_runs_in_the_worker() -> None:
    assert Adder(task_id="add").execute("ab") == 3
    assert Adder(task_id="add").is_async
    with pytest.raises(NotImplementedError, match="BaseAsyncOperator has no aexecute"):
        BaseAsyncOperator(task_id="none").execute({})


async def coroutine() -> None:
    """Do nothing."""


def test_what_is_async() -> None:
    assert is_async_callable(coroutine)
    assert is_async_callable(functools.partial(coroutine))
    assert not is_async_callable(len)


def test_messages_of_the_execution_api_are_records() -> None:
    first = execution_api.GetConnection(conn_id="a")
    assert first == execution_api.GetConnection(conn_id="a")
    assert first != execution_api.GetVariable(conn_id="a")
    assert first.model_dump() == {"conn_id": "a"}
    assert repr(first) == "GetConnection(conn_id='a')"
    with pytest.raises(AttributeError, match="no message 'nothing'"):
        _ = execution_api.nothing


def test_steps_of_airflows_processes_do_nothing() -> None:
    housekeeping.configure_logging(json_output=False)
    housekeeping.reset_logging()
    housekeeping.clear_secrets_backends_cache()
    assert housekeeping.get_policy_plugin_manager() is None
    assert housekeeping.get_plugins() == ([], {})


def test_what_needs_the_database_says_so_when_it_is_called() -> None:
    with pytest.raises(AirflowException, match="clear by the REST API"):
        housekeeping.clear_task_instances([], None)
    assert housekeeping.expand_alias_to_assets("alias", session=None) == []
