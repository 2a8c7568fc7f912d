"""The structure of loaded DAGs as plain values, and the digests by which it is compared with Airflow's."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import Any

FACETS = ("dag_ids", "task_ids", "edges", "schedule", "trigger_rules", "mapped", "groups", "setup_teardown")

_PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_BUILT_IN = re.compile(
    r"^(Null|Once|Continuous|CronDataInterval|CronTrigger|DeltaDataInterval|DeltaTrigger|_?Cron|_?Delta)"
)


def structure_of(dag: Any) -> dict[str, Any]:
    """Return schedule and tasks of one DAG."""
    return {"schedule": schedule_of(dag), "tasks": {task_id: _task(task) for task_id, task in dag.task_dict.items()}}


def digests(dags: dict[str, Any]) -> dict[str, str]:
    """Return one digest for each facet of the DAGs of a file."""
    return {facet: _digest(value) for facet, value in _facets(dags).items()}


def schedule_of(dag: Any) -> str | None:  # noqa: PLR0911 - one for each kind of schedule
    """Return the schedule in the words of the reference."""
    raw = dag.schedule
    if raw is None:
        return None
    if isinstance(raw, str):
        name = type(getattr(dag, "timetable", None)).__name__
        if name != "NoneType" and not _BUILT_IN.search(name):
            return f"timetable:{name}"
        if raw.startswith("@") and raw not in _PRESETS:
            return raw
        return "cron:" + " ".join(_PRESETS.get(raw, raw).split())
    if isinstance(raw, timedelta):
        return f"delta:{raw.total_seconds()}"
    name = type(raw).__name__
    if name == "relativedelta":
        return f"relativedelta:{raw}"
    if name.startswith(("AssetTriggered", "DatasetTriggered")):
        return f"assets:{_condition_of(raw.asset_condition)}"
    if isinstance(raw, (list, tuple, set)) or hasattr(raw, "uri") or hasattr(raw, "objects"):
        return f"assets:{_condition_of(raw)}"
    if hasattr(raw, "next_dagrun_info"):
        expression = getattr(raw, "expression", None)
        return f"timetable:{name}" + (f":{expression}" if isinstance(expression, str) else "")
    return f"assets:{_condition_of(raw)}" if "Asset" in name else f"other:{name}"


def _condition_of(value: Any) -> str:
    """Return what a DAG waits for: assets by URI or name, joined by `all` and `any`, sorted."""
    kind = type(value).__name__
    if isinstance(value, (list, tuple, set)):
        return f"all({','.join(sorted(map(_condition_of, value)))})"
    if kind in {"AssetAny", "DatasetAny", "AssetAll", "DatasetAll"}:
        joined = ",".join(sorted(map(_condition_of, value.objects)))
        return f"{'any' if kind.endswith('Any') else 'all'}({joined})"
    if kind in {"AssetAlias", "DatasetAlias"}:
        return f"alias:{value.name}"
    if kind.endswith("Ref"):
        return f"ref:{getattr(value, 'name', None) or value.uri}"
    return f"asset:{getattr(value, 'uri', '') or getattr(value, 'name', kind)}"


def _task(task: Any) -> dict[str, Any]:
    rule = task.trigger_rule
    group = getattr(task, "task_group", None)
    return {
        "downstream": sorted(task.downstream_task_ids),
        "trigger_rule": str(getattr(rule, "value", rule)),
        "mapped": bool(getattr(task, "is_mapped", False)) or _is_in_mapped_group(group),
        "group": (group.group_id or None) if group is not None else None,
        "setup": bool(task.is_setup),
        "teardown": bool(task.is_teardown),
    }


def _is_in_mapped_group(group: Any) -> bool:
    while group is not None:
        if any(kind.__name__ == "MappedTaskGroup" for kind in type(group).__mro__):
            return True
        group = getattr(group, "parent_group", None) or getattr(group, "task_group", None)
    return False


def _facets(dags: dict[str, Any]) -> dict[str, Any]:
    tasks = {dag_id: dag["tasks"] for dag_id, dag in dags.items()}
    return {
        "dag_ids": sorted(dags),
        "task_ids": {d: sorted(ts) for d, ts in tasks.items()},
        "edges": {d: sorted([t, down] for t, v in ts.items() for down in v["downstream"]) for d, ts in tasks.items()},
        "schedule": {d: dag["schedule"] for d, dag in dags.items()},
        "trigger_rules": {d: {t: v["trigger_rule"] for t, v in ts.items()} for d, ts in tasks.items()},
        "mapped": {d: sorted(t for t, v in ts.items() if v["mapped"]) for d, ts in tasks.items()},
        "groups": {d: {t: v["group"] for t, v in ts.items()} for d, ts in tasks.items()},
        "setup_teardown": {
            d: sorted(t for t, v in ts.items() if v["setup"] or v["teardown"]) for d, ts in tasks.items()
        },
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
