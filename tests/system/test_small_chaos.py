"""Each kind of fault that one machine has, once, by a fixed seed; and the judge, who must see what is wrong."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from benchmarks.system import System
from chaos import faults
from chaos.ledger import judge
from chaos.run import assault, order_of


@pytest.mark.timeout(150)
def test_a_few_faults_lose_nothing() -> None:
    found = assault(System(), None, faults.KINDS["sqlite"], 8, random.Random(5))
    verdict = found.verdict
    assert verdict.is_clean, verdict
    assert verdict.task_instances > 10
    # To fill the disk takes a file system of its own, which not everybody may mount.
    assert found.hits.total() >= 7


def test_each_kind_gets_the_same_share_in_an_order_of_the_seed() -> None:
    kinds = faults.KINDS["postgres"]
    order = order_of(kinds, 3 * len(kinds), random.Random(1))
    assert {kind: order.count(kind) for kind in kinds} == dict.fromkeys(kinds, 3)
    assert order == order_of(kinds, 3 * len(kinds), random.Random(1))
    assert order != order_of(kinds, 3 * len(kinds), random.Random(2))


def instance(state: str = "success", try_number: int = 1, **more: Any) -> dict[str, Any]:
    return {"dag_id": "d", "dag_run_id": "r", "task_id": "t", "state": state, "try_number": try_number, **more}


RUN = {"dag_id": "d", "dag_run_id": "r", "state": "success"}
DONE = ["start d r t 1 0.0 7", "end d r t 1 0.1 7"]


@pytest.mark.parametrize(
    ("run", "instances", "lines", "wrong"),
    [
        (RUN, [instance()], DONE, None),
        (RUN, [instance("skipped", 0)], [], None),
        (RUN, [], [], "lost"),
        (RUN, [instance("running")], DONE, "lost"),
        (RUN, [instance()], [*DONE, DONE[0]], "doubled"),
        (RUN, [instance()], DONE[:1], "false_success"),
        ({**RUN, "state": "running"}, [instance()], DONE, "unfinished_runs"),
        (
            RUN,
            [instance(try_number=2, tries=[instance(), instance(try_number=2)])],
            [*DONE, "start d r t 2 0.2 8", "end d r t 2 0.3 8"],
            "doubled",
        ),
        (RUN, [instance(try_number=2, tries=[instance(), instance("failed", 2)])], [], "false_success"),
    ],
)
def test_the_judge_sees_what_is_wrong(
    tmp_path: Path, run: dict[str, Any], instances: list[dict[str, Any]], lines: list[str], wrong: str | None
) -> None:
    ledger = tmp_path / "ledger"
    ledger.write_text("".join(f"{line}\n" for line in lines))
    verdict = judge([run], instances, ledger, {"d": 1})
    found = {name for name in ("lost", "doubled", "false_success", "unfinished_runs") if getattr(verdict, name)}
    assert found == ({wrong} if wrong else set())
    assert verdict.is_clean == (wrong is None)
