"""Write the trigger rule table by asking Airflow's own TriggerRuleDep.

Run with an interpreter that has apache-airflow-core 3.3.2 installed:

    python conformance/golden/make_trigger_rules.py tests/core/golden/trigger_rules.json

For every multiset of at most four upstream task instances, each in one of six states and either a setup task or not,
the file holds one letter per combination, in the order of `combinations`: (w)ait, (r)un, (s)kip, (u)pstream_failed.
"""

# pyright: reportMissingImports=false
# ruff: noqa: ARG001, ARG005, SLF001 - the stand-ins have the signatures that Airflow's private code calls

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.task.trigger_rule import TriggerRule
from airflow.ti_deps.deps.trigger_rule_dep import TriggerRuleDep

if TYPE_CHECKING:
    from collections.abc import Iterator

STATES = [None, "success", "failed", "upstream_failed", "skipped", "removed"]
LETTERS = {"skipped": "s", "upstream_failed": "u", "removed": "x"}
MOST_UPSTREAM = 4

Upstream = tuple[tuple[str | None, bool], ...]


def combinations() -> Iterator[Upstream]:
    """Give every multiset of upstream task instances, each as (state, is_setup)."""
    kinds = [(state, is_setup) for state in STATES for is_setup in (False, True)]
    for size in range(1, MOST_UPSTREAM + 1):
        yield from itertools.combinations_with_replacement(kinds, size)


def verdict(rule: TriggerRule, upstream: Upstream, *, flag_upstream_failed: bool) -> str:
    """Ask Airflow about one task with `rule` below `upstream`; give the letter of its answer."""
    tasks = [
        SimpleNamespace(task_id=f"t{n}", is_setup=is_setup, get_needs_expansion=lambda: False)
        for n, (_, is_setup) in enumerate(upstream)
    ]
    finished = [
        SimpleNamespace(task_id=task.task_id, state=state, map_index=-1, task=task)
        for task, (state, _) in zip(tasks, upstream, strict=True)
        if state is not None
    ]
    marked: list[str] = []

    def set_state(state: Any, session: Any = None) -> bool:
        marked.append(str(getattr(state, "value", state)))
        return True

    task = SimpleNamespace(
        upstream_task_ids={task.task_id for task in tasks},
        upstream_list=tasks,
        trigger_rule=rule,
        is_teardown=False,
        get_upstreams_only_setups=list,
        get_closest_mapped_task_group=lambda: None,
    )
    ti = SimpleNamespace(task=task, map_index=-1, set_state=set_state, get_dagrun=lambda session=None: None)
    context = SimpleNamespace(
        flag_upstream_failed=flag_upstream_failed,
        wait_for_past_depends_before_skipping=False,
        have_changed_ti_states=False,
        ensure_finished_tis=lambda dag_run, session: finished,
    )
    statuses = list(TriggerRuleDep()._get_dep_statuses(ti, context, session=None))
    if marked:
        return LETTERS[marked[-1]]
    return "r" if all(status.passed for status in statuses) else "w"


def main() -> None:
    """Write the table to the file named on the command line."""
    table = {
        rule.value: {
            key: "".join(verdict(rule, upstream, flag_upstream_failed=flag) for upstream in combinations())
            for key, flag in (("flag", True), ("ask", False))
        }
        for rule in sorted(TriggerRule, key=lambda rule: rule.value)
    }
    golden = {"airflow": "3.3.2", "states": STATES, "most_upstream": MOST_UPSTREAM, "verdicts": table}
    Path(sys.argv[1]).write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
