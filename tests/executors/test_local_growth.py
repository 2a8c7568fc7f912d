"""Which worker gets an order, and when another process is started."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tradewind.executors.local_growth import IMPORT_PATIENCE_S, GrowthPolicy, choose_worker, plan_growth
from tradewind.executors.local_worker import WorkerLink
from tradewind.serialization.messages import DagFile

from tests.executors.local_harness import Loop

NOW = 1000.0
CPUS = 2
WARM = GrowthPolicy.of_isolation("warm", CPUS)
FORK = GrowthPolicy.of_isolation("fork", CPUS)


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    yield opened
    for sock in opened:
        sock.close()


@pytest.fixture
def worker(sockets: list[socket.socket]) -> Any:
    loop = Loop()

    def make(files: dict[str, str] | None = None, busy_s: float | None = None, **state: Any) -> WorkerLink:
        ours, theirs = socket.socketpair()
        sockets.extend([ours, theirs])
        link = WorkerLink(1, ours, loop, lambda *_: None)
        link.files.update(files or {})
        link.is_ready = True
        if busy_s is not None:
            link.order = object()  # type: ignore[assignment] - any order makes it busy
            link.busy_since = NOW - busy_s
        for name, value in state.items():
            setattr(link, name, value)
        return link

    yield make
    loop.close()


def file(path: str = "/dags/a.py", fingerprint: str = "1") -> DagFile:
    return DagFile(path=path, folder="/dags", fingerprint=fingerprint)


def test_the_worker_with_the_file_is_chosen(worker: Any) -> None:
    fresh, imported = worker(), worker({"/dags/a.py": "1"})
    assert choose_worker(file(), [imported, fresh]) is imported


def test_of_several_the_last_used_is_chosen(worker: Any) -> None:
    first, last = worker({"/dags/a.py": "1"}), worker({"/dags/a.py": "1"})
    assert choose_worker(file(), [first, last]) is last
    assert choose_worker(file("/dags/b.py"), [first, last]) is last


def test_a_worker_with_another_version_is_not_chosen(worker: Any) -> None:
    stale, fresh = worker({"/dags/a.py": "0"}), worker()
    assert choose_worker(file(), [fresh, stale]) is fresh
    assert choose_worker(file(), [stale]) is None


def plan(
    pending: int,
    workers: list[WorkerLink],
    *,
    waited_s: float = 0.0,
    parallelism: int = 8,
    policy: GrowthPolicy = WARM,
) -> tuple[int, float | None]:
    growth = plan_growth(pending, waited_s, workers, parallelism, NOW, policy)
    return growth.forks, growth.look_again_in_s


def test_where_each_try_has_its_process_every_processor_gets_a_worker_at_once(worker: Any) -> None:
    assert plan(5, [worker(busy_s=0.001)], policy=FORK)[0] == CPUS - 1
    assert plan(5, [worker(busy_s=0.001), worker(busy_s=0.001)], policy=FORK)[0] == 0
    assert plan(5, [worker(busy_s=0.040), worker(busy_s=0.040)], policy=FORK)[0] == 0
    assert plan(5, [worker(busy_s=0.060), worker(busy_s=0.060)], policy=FORK)[0] == CPUS


def test_the_first_processes_are_as_many_as_the_machine_runs_at_once(worker: Any) -> None:
    assert plan(1, []) == (1, WARM.patience_s)
    assert plan(500, []) == (CPUS, WARM.patience_s)


def test_a_worker_that_is_about_to_come_free_is_waited_for(worker: Any) -> None:
    forks, look_again_in_s = plan(5, [worker(busy_s=0.004), worker(busy_s=1.0)])
    assert forks == 0
    assert look_again_in_s == pytest.approx(WARM.patience_s - 0.004)


def test_an_import_is_given_more_time(worker: Any) -> None:
    assert plan(5, [worker(busy_s=IMPORT_PATIENCE_S / 2, is_importing=True)])[0] == 0
    assert plan(5, [worker(busy_s=IMPORT_PATIENCE_S * 2, is_importing=True)])[0] == 1


def test_an_order_that_has_waited_long_gets_a_process_in_any_case(worker: Any) -> None:
    assert plan(5, [worker(busy_s=0.001)], waited_s=WARM.max_wait_s)[0] == 1


def test_processes_double_while_all_are_slow(worker: Any) -> None:
    slow = [worker(busy_s=1.0) for _ in range(3)]
    assert plan(100, slow)[0] == 3
    assert plan(2, slow)[0] == 2
    assert plan(100, slow, parallelism=4)[0] == 1
    assert plan(100, slow, parallelism=3) == (0, None)


def test_processes_on_their_way_are_waited_for(worker: Any) -> None:
    starting = worker(is_ready=False)
    assert plan(1, [starting]) == (0, None)
    assert plan(3, [starting]) == (0, WARM.patience_s)


def test_processes_that_leave_or_call_back_take_no_place(worker: Any) -> None:
    others = [worker(is_leaving=True), worker(finishing=object())]
    assert plan(1, others, parallelism=1)[0] == 1
