"""How the values of the task context are computed: one function a key, from the keys that are always there."""

from __future__ import annotations

from datetime import timedelta

from tradewind.sdk.runtime.accessors import ConnectionAccessor, MacrosAccessor, VariableAccessor
from tradewind.sdk.runtime.dates import as_pendulum, as_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Any

    _Context = Mapping[str, Any]

_CONN = ConnectionAccessor()
_MACROS = MacrosAccessor()
_VAR_JSON = VariableAccessor(deserialize_json=True)
_VAR_VALUE = VariableAccessor(deserialize_json=False)


def _params(context: _Context) -> dict[str, Any]:
    dag, task, conf = context["dag"], context["task"], context["dag_run"].conf
    if not dag.params and not task.params and not conf:
        return {}
    from tradewind.sdk.author_defaults import author_defaults  # noqa: PLC0415 - only where there are params
    from tradewind.sdk.definitions.param import process_params  # noqa: PLC0415 - as above

    overrides = author_defaults().dag_run_conf_overrides_params
    return process_params(dag, task, conf, suppress_exception=False, conf_overrides_params=overrides)


def _configuration(_context: _Context) -> Any:
    from tradewind.sdk.toolkit.configuration import conf  # noqa: PLC0415 - few tasks read the configuration

    return conf


def _task_instance_key_str(context: _Context) -> str:
    when = context["ds_nodash"] if "ds_nodash" in context else context["run_id"]
    return f"{context['task'].dag_id}__{context['task'].task_id}__{when}"


def _day(offset: int) -> Callable[[_Context], str]:
    return lambda context: (context["dag_run"].logical_date + timedelta(days=offset)).strftime("%Y-%m-%d")


def _nodash(day_of: Callable[[_Context], str | None]) -> Callable[[_Context], str | None]:
    def compute(context: _Context) -> str | None:
        day = day_of(context)
        return None if day is None else day.replace("-", "")

    return compute


def _ds_of(date_of: Callable[[_Context], datetime | None]) -> Callable[[_Context], str | None]:
    def compute(context: _Context) -> str | None:
        date = date_of(context)
        return None if date is None else date.strftime("%Y-%m-%d")

    return compute


def _of_run(attribute: str) -> Callable[[_Context], Any]:
    return lambda context: getattr(context["dag_run"], attribute)


def _of_ti(attribute: str, default: Any) -> Callable[[_Context], Any]:
    return lambda context: getattr(context["ti"], attribute, default)


def _of_previous_success(attribute: str) -> Callable[[_Context], Any]:
    def compute(context: _Context) -> Any:
        run = context["dag_run"].previous_success
        return None if run is None else getattr(run, attribute)

    return compute


def _next_logical_date(context: _Context) -> datetime | None:
    """Return the logical date of the run that the schedule makes after this one; of a manual run its own."""
    run = context["dag_run"]
    if run.is_started_by_hand:
        return run.logical_date
    from tradewind.core.timetables.protocol import DataInterval  # noqa: PLC0415 - Airflow 2 files only
    from tradewind.sdk.timetables.asking import next_run_of  # noqa: PLC0415 - as above

    info = next_run_of(context["dag"].timetable, DataInterval(run.data_interval_start, run.data_interval_end))
    return None if info is None else as_pendulum(info.logical_date)


def _previous_logical_date(context: _Context) -> datetime | None:
    """Return the logical date that the schedule has before this one; of a manual run its own."""
    run, timetable = context["dag_run"], context["dag"].timetable
    if run.is_started_by_hand:
        return run.logical_date
    if not timetable.can_be_scheduled:
        return None
    date = as_plain(run.logical_date)
    schedules = [part.schedule for part in getattr(timetable, "timetables", [timetable]) if hasattr(part, "schedule")]
    if schedules:
        return as_pendulum(max(schedule.prev_before(date) for schedule in schedules))
    before = timetable.infer_manual_data_interval(run_after=date).start
    return as_pendulum(before) if before < date else None


def _inlet_events(context: _Context) -> Any:
    from tradewind.sdk.assets.inlet_events import InletEventsAccessors  # noqa: PLC0415 - few tasks have inlets

    return InletEventsAccessors(context["inlets"] or ())


def _outlet_events(context: _Context) -> Any:
    from tradewind.sdk.assets.outlet_events import OutletEventAccessors  # noqa: PLC0415 - few tasks have outlets

    return OutletEventAccessors(context["outlets"] or ())


def _triggering_asset_events(context: _Context) -> Any:
    from tradewind.sdk.assets.inlet_events import triggering_events  # noqa: PLC0415 - few runs come of assets

    return triggering_events(context["dag_run"].dag_id, context["run_id"])


def _task_state_store(context: _Context) -> Any:
    from tradewind.sdk.state_stores.accessors import task_state_store  # noqa: PLC0415 - few tasks keep state

    return task_state_store(context["ti"], context["run_id"])


def _asset_state_store(context: _Context) -> Any:
    from tradewind.sdk.state_stores.accessors import AssetStateStoreAccessors  # noqa: PLC0415 - as above

    return AssetStateStoreAccessors(context["inlets"] or (), context["outlets"])


COMPUTED: dict[str, Callable[[Any], Any]] = {
    "asset_state_store": _asset_state_store,
    "conf": _configuration,
    "conn": lambda _context: _CONN,
    "data_interval_end": _of_run("data_interval_end"),
    "data_interval_start": _of_run("data_interval_start"),
    "ds": _day(0),
    "ds_nodash": _nodash(_day(0)),
    "execution_date": _of_run("logical_date"),
    "expanded_ti_count": _of_ti("expanded_ti_count", None),
    "inlet_events": _inlet_events,
    "logical_date": _of_run("logical_date"),
    "macros": lambda _context: _MACROS,
    "next_ds": _ds_of(_next_logical_date),
    "next_ds_nodash": _nodash(_ds_of(_next_logical_date)),
    "next_execution_date": _next_logical_date,
    "outlet_events": _outlet_events,
    "params": _params,
    "partition_date": _of_run("partition_date"),
    "partition_key": _of_run("partition_key"),
    "prev_data_interval_end_success": _of_previous_success("data_interval_end"),
    "prev_data_interval_start_success": _of_previous_success("data_interval_start"),
    "prev_ds": _ds_of(_previous_logical_date),
    "prev_ds_nodash": _nodash(_ds_of(_previous_logical_date)),
    "prev_end_date_success": _of_previous_success("end_date"),
    "prev_execution_date": _previous_logical_date,
    "prev_execution_date_success": _of_previous_success("logical_date"),
    "prev_start_date_success": _of_previous_success("start_date"),
    "task_instance_key_str": _task_instance_key_str,
    "task_reschedule_count": _of_ti("task_reschedule_count", 0),
    "tomorrow_ds": _day(1),
    "tomorrow_ds_nodash": _nodash(_day(1)),
    "task_state_store": _task_state_store,
    "triggering_asset_events": _triggering_asset_events,
    "triggering_dataset_events": lambda context: context["triggering_asset_events"].by_uri(),
    "try_number": _of_ti("try_number", None),
    "ts": lambda context: context["logical_date"].isoformat(),
    "ts_nodash": lambda context: context["logical_date"].strftime("%Y%m%dT%H%M%S"),
    "ts_nodash_with_tz": lambda context: context["ts"].replace("-", "").replace(":", ""),
    "var": lambda _context: {"json": _VAR_JSON, "value": _VAR_VALUE},
    "yesterday_ds": _day(-1),
    "yesterday_ds_nodash": _nodash(_day(-1)),
}

DEPRECATED = {
    "execution_date": "logical_date or data_interval_start",
    "next_ds": "{{ data_interval_end | ds }}",
    "next_ds_nodash": "{{ data_interval_end | ds_nodash }}",
    "next_execution_date": "data_interval_end",
    "prev_ds": "{{ (logical_date - macros.timedelta(days=1)) | ds }}",
    "prev_ds_nodash": "{{ (logical_date - macros.timedelta(days=1)) | ds_nodash }}",
    "prev_execution_date": "prev_data_interval_start_success",
    "prev_execution_date_success": "prev_data_interval_start_success",
    "tomorrow_ds": "{{ macros.ds_add(ds, 1) }}",
    "tomorrow_ds_nodash": "{{ macros.ds_add(ds, 1).replace('-', '') }}",
    "triggering_dataset_events": "triggering_asset_events",
    "yesterday_ds": "{{ macros.ds_add(ds, -1) }}",
    "yesterday_ds_nodash": "{{ macros.ds_add(ds, -1).replace('-', '') }}",
}
"""Keys that Airflow 3 has dropped, with what to write instead."""

COSTLY = (
    frozenset(key for key in COMPUTED if key.startswith("prev_"))
    | DEPRECATED.keys()
    | {
        "asset_state_store",
        "task_state_store",
        "triggering_asset_events",
    }
)
"""Keys whose values are fetched only when used, even by a callable that takes every key."""

NEEDS_LOGICAL_DATE = (
    frozenset(key for key in COMPUTED if key.startswith(("data_interval_", "ds", "logical_", "prev_", "ts")))
    | DEPRECATED.keys()
) - {"prev_start_date_success", "prev_end_date_success", "triggering_dataset_events"}
