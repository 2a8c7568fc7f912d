"""The task context: Airflow's keys with Airflow's values, each computed when it is read."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import timedelta
from typing import Any

import pendulum
import pytest

from tradewind.core.timetables.simple import NullTimetable
from tradewind.core.timetables.trigger import CronTriggerTimetable
from tradewind.sdk.deprecations import drain_deprecations
from tradewind.sdk.exceptions import RemovedInAirflow3Warning
from tradewind.sdk.runtime.context import Context, context_copy_partial, context_merge
from tradewind.sdk.toolkit.callables import determine_kwargs
from tradewind.serialization.records import DagRunRecord

from tests.sdk.runtime.fakes import DAY, MemoryStore, a_context

AIRFLOW_2_KEYS = """conf conn dag dag_run data_interval_end data_interval_start ds ds_nodash execution_date
expanded_ti_count inlets logical_date macros next_ds next_ds_nodash next_execution_date outlets params
prev_data_interval_start_success prev_data_interval_end_success prev_ds prev_ds_nodash prev_execution_date
prev_execution_date_success prev_start_date_success prev_end_date_success run_id task task_instance
task_instance_key_str test_mode ti tomorrow_ds tomorrow_ds_nodash triggering_dataset_events ts ts_nodash
ts_nodash_with_tz var yesterday_ds yesterday_ds_nodash""".split()  # noqa: SIM905 - it reads better
AIRFLOW_3_KEYS = """dag inlets map_index_template outlets run_id task task_instance ti outlet_events inlet_events
macros params var conn dag_run partition_key partition_date triggering_asset_events task_instance_key_str
task_reschedule_count prev_start_date_success prev_end_date_success logical_date ds ds_nodash ts ts_nodash
ts_nodash_with_tz data_interval_end data_interval_start prev_data_interval_start_success
prev_data_interval_end_success""".split()  # noqa: SIM905 - it reads better


def previous_run(**changes: Any) -> DagRunRecord:
    before = DAY - timedelta(days=1)
    facts: dict[str, Any] = {
        "dag_id": "a_dag",
        "run_id": "before",
        "run_type": "scheduled",
        "state": "success",
        "logical_date": before,
        "data_interval_start": before,
        "data_interval_end": DAY,
        "run_after": DAY,
        "start_date": DAY + timedelta(seconds=1),
        "end_date": DAY + timedelta(seconds=9),
    }
    return DagRunRecord(**{**facts, **changes})


@pytest.mark.parametrize("key", sorted({*AIRFLOW_2_KEYS, *AIRFLOW_3_KEYS}))
def test_every_key_of_both_airflows_is_there(key: str) -> None:
    context = a_context()
    assert key in context
    assert key in list(context)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("ds", "2024-03-05"),
        ("ds_nodash", "20240305"),
        ("ts", "2024-03-05T00:00:00+00:00"),
        ("ts_nodash", "20240305T000000"),
        ("ts_nodash_with_tz", "20240305T000000+0000"),
        ("task_instance_key_str", "a_dag__a_task__20240305"),
        ("try_number", 2),
        ("test_mode", False),
        ("params", {}),
    ],
)
def test_values_are_airflows(key: str, expected: object) -> None:
    assert a_context()[key] == expected


def test_dates_are_pendulum_in_utc() -> None:
    context = a_context()
    for key in ("logical_date", "data_interval_start", "data_interval_end"):
        assert isinstance(context[key], pendulum.DateTime)
        assert context[key].timezone_name == "UTC"
    assert context["dag_run"].logical_date == context["logical_date"]
    assert context["logical_date"].add(days=1) == context["data_interval_end"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("execution_date", DAY),
        ("next_execution_date", DAY + timedelta(days=1)),
        ("next_ds", "2024-03-06"),
        ("next_ds_nodash", "20240306"),
        ("prev_execution_date", DAY - timedelta(days=1)),
        ("prev_ds", "2024-03-04"),
        ("prev_ds_nodash", "20240304"),
        ("tomorrow_ds", "2024-03-06"),
        ("yesterday_ds_nodash", "20240304"),
    ],
)
def test_dropped_keys_work_and_are_noted_once(key: str, expected: object) -> None:
    context = a_context()
    with pytest.warns(RemovedInAirflow3Warning, match=f"context key {key}"):
        assert context[key] == expected
    assert context[key] == expected
    assert [note.old for note in drain_deprecations()] == [f"context key {key}"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_neighbours_of_a_manual_run_are_itself() -> None:
    context = a_context(run_type="manual")
    assert context["next_execution_date"] == context["prev_execution_date"] == DAY


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_neighbours_of_a_run_without_data_intervals_lie_on_the_schedule() -> None:
    context = a_context(timetable=CronTriggerTimetable("0 0 * * *", timezone="UTC"), data_interval_end=DAY)
    assert context["next_ds"] == "2024-03-06"
    assert context["prev_ds"] == "2024-03-04"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_without_a_schedule_there_is_no_run_before() -> None:
    assert a_context(timetable=NullTimetable())["prev_ds"] is None


def test_the_previous_successful_run_is_asked_for_once_and_late(store: MemoryStore) -> None:
    store.runs = [previous_run(), previous_run(run_id="failed", state="failed")]
    context = a_context()
    assert store.calls == []
    assert context["prev_data_interval_start_success"] == DAY - timedelta(days=1)
    assert context["prev_end_date_success"] == DAY + timedelta(seconds=9)
    assert store.calls == ["get_dag_runs"]


def test_without_a_run_before_its_keys_are_none(store: MemoryStore) -> None:
    assert a_context()["prev_start_date_success"] is None


def test_without_a_logical_date_there_are_no_keys_that_need_one(store: MemoryStore) -> None:
    context = a_context(logical_date=None, data_interval_start=None, data_interval_end=None, run_type="manual")
    for key in ("ds", "ts", "logical_date", "data_interval_start", "prev_data_interval_end_success", "execution_date"):
        assert key not in context
        assert context.get(key, "none") == "none"
        with pytest.raises(KeyError):
            context[key]
    assert context["task_instance_key_str"] == "a_dag__a_task__scheduled__2024-03-05T00:00:00+00:00"
    assert context["prev_start_date_success"] is None
    assert store.calls == []


def test_it_is_a_dict_to_authors() -> None:
    context = a_context()
    context["mine"] = 1
    context.setdefault("ds", "never")
    assert isinstance(context, dict)
    assert context["mine"] == 1
    assert context.get("ds") == "2024-03-05"
    assert context.pop("ds") == "2024-03-05"
    assert "ds" not in context
    assert len(context) == len(list(context.keys()))
    del context["ts"]
    with pytest.raises(KeyError):
        del context["ts"]
    assert context.pop("ts", None) is None


def test_a_copy_goes_its_own_way() -> None:
    context = a_context()
    other = copy.copy(context)
    other["ds"] = "changed"
    del other["ts"]
    assert (context["ds"], "ts" in context) == ("2024-03-05", True)
    assert context.copy() == context


def test_merging_and_choosing() -> None:
    context = a_context()
    context_merge(context, {"a": 1}, b=2)
    part = context_copy_partial(context, {"a", "ds", "run_id"})
    assert set(part) == {"a", "ds", "run_id"}
    assert part["ds"] == "2024-03-05"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_unpacking_it_gives_every_key(store: MemoryStore) -> None:
    def take(ds: str, **others: Any) -> tuple[str, dict[str, Any]]:
        return ds, others

    ds, others = take(**a_context())
    assert ds == "2024-03-05"
    assert others["ti"].task_id == "a_task"
    assert {*AIRFLOW_2_KEYS, *AIRFLOW_3_KEYS} <= {"ds", *others}


def test_a_callable_that_takes_everything_costs_nothing_it_does_not_use(store: MemoryStore) -> None:
    def take(**everything: Any) -> dict[str, Any]:
        return everything

    context = a_context()
    store.runs = [previous_run()]
    taken = take(**determine_kwargs(take, (), context))
    assert store.calls == []
    assert drain_deprecations() == []
    assert taken["prev_start_date_success"].second == 1
    assert store.calls == ["get_dag_runs"]
    with pytest.warns(RemovedInAirflow3Warning):
        assert f"{taken['execution_date']:%Y}" == "2024"
    assert taken["execution_date"] + timedelta(days=1) > taken["execution_date"]
    assert isinstance(taken["execution_date"], pendulum.DateTime)


def test_a_callable_gets_what_it_names() -> None:
    def take(ti: Any, ds: str, own: int = 3) -> None:
        raise NotImplementedError

    assert set(determine_kwargs(take, (), a_context())) == {"ti", "ds"}


def test_what_cannot_be_written_as_a_dict_becomes_one() -> None:
    context = Context({"a": 1}, b=[2])
    assert pickle.loads(pickle.dumps(context)) == {"a": 1, "b": [2]}
    assert json.loads(json.dumps(context)) == {"a": 1, "b": [2]}


def test_conf_answers_params() -> None:
    assert a_context(conf={"x": 1})["params"] == {"x": 1}
