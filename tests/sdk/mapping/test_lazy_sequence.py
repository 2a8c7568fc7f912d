"""The values of a mapped task: fetched when they are read, some at a time, kept from one instance to the next."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tradewind import DAG, task
from tradewind.core.clock import SystemClock
from tradewind.sdk.mapping import stored
from tradewind.sdk.mapping.lazy_sequence import LazyXComSequence
from tradewind.sdk.ports import install_worker_store
from tradewind.standalone.memory_store import MemoryStore


class CountingStore(MemoryStore):
    """A store in memory that counts the questions."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.asked: list[Any] = []

    def get_xcom(self, **where: Any) -> Any:
        """Count it."""
        self.asked.append(("one", where["task_id"]))
        return super().get_xcom(**where)

    def get_xcoms(self, **where: Any) -> Any:
        """Count it, with how many were asked for."""
        self.asked.append(("many", len(where["map_indexes"])))
        return super().get_xcoms(**where)

    def get_xcom_map_indexes(self, **where: Any) -> list[int]:
        """Count it."""
        self.asked.append(("indexes", where["task_id"]))
        return super().get_xcom_map_indexes(**where)

    def push(self, task_id: str, value: bytes, map_index: int = -1) -> None:
        """Store what a task returned."""
        self.set_xcom(dag_id="d", run_id="r", task_id=task_id, map_index=map_index, key="return_value", value=value)


@pytest.fixture
def store() -> Iterator[CountingStore]:
    """Install a store; forget what was kept of others."""
    found = CountingStore()
    before = install_worker_store(found)
    stored._entries.clear()
    yield found
    stored._entries.clear()
    install_worker_store(before)


def sequence() -> LazyXComSequence:
    return LazyXComSequence(dag_id="d", run_id="r", task_id="m")


def test_it_is_a_list_without_the_holes(store: CountingStore) -> None:
    for index in (0, 2, 3, 11):
        store.push("m", b"%d" % (index * 10), index)
    store.push("m", b"99")
    values = sequence()
    assert repr(values) == "LazyXComSequence(<unevaluated length>)"
    assert len(values) == 4
    assert repr(values) == "LazyXComSequence([4 items])"
    assert list(values) == [0, 20, 30, 110]
    assert (values[1], values[-1], values[1:3], values[::-1]) == (20, 110, [20, 30], [110, 30, 20, 0])
    assert values == [0, 20, 30, 110]
    assert 30 in values
    assert list(reversed(values)) == [110, 30, 20, 0]
    with pytest.raises(IndexError, match="4 of 4 items"):
        _ = values[4]
    assert bool(sequence())


def test_neighbours_are_fetched_together(store: CountingStore) -> None:
    for index in range(1000):
        store.push("m", b"%d" % index, index)
    assert sum(sequence()) == sum(range(1000))
    assert store.asked == [("indexes", "m"), ("many", 16), ("many", 512), ("many", 488)]


def test_large_values_are_fetched_one_by_one(store: CountingStore) -> None:
    for index in range(40):
        store.push("m", b'"%s"' % (b"x" * (1 << 20)), index)
    values = sequence()
    assert len(values[20]) == len(values[21]) == 1 << 20
    assert store.asked == [("indexes", "m"), ("many", 16)]
    assert len(values[35]) == 1 << 20
    assert store.asked[2:] == [("many", 1)]


def test_a_value_that_is_gone_is_an_error(store: CountingStore) -> None:
    store.push("m", b"1", 0)
    values = sequence()
    assert len(values) == 1
    store.delete_xcoms(dag_id="d", run_id="r", task_id="m", map_index=0)
    with pytest.raises(IndexError, match="map index 0, was deleted meanwhile"):
        _ = values[0]


def test_nothing_pushed_is_an_empty_list(store: CountingStore) -> None:
    assert list(sequence()) == []
    assert not sequence()
    assert store.asked


@task
def listing() -> list[Any]:
    return []


@task
def each(value: Any) -> Any:
    return value


def context(task_id: str, **fields: Any) -> dict[str, Any]:
    dag = fields.pop("dag")
    facts = {"dag_id": "d", "run_id": "r", "try_number": 1, "map_index": 0, "task": dag.task_dict[task_id], **fields}
    return {"ti": SimpleNamespace(**facts), "dag_run": SimpleNamespace(clear_number=facts.get("clear_number", 0))}


def test_instances_of_a_process_read_a_list_once(store: CountingStore) -> None:
    with DAG("d") as dag:
        mapped = each.expand(value=listing()).operator
    store.push("listing", b'[{"a":1},{"a":2}]')
    found = [mapped.mapped_over.resolve(context("each", map_index=index, dag=dag))[0] for index in (0, 1, 0)]
    found[0]["value"]["a"] = "changed by the first"
    assert [data["value"]["a"] for data in found] == ["changed by the first", 2, 1]
    assert store.asked == [("one", "listing")]


def test_another_try_and_a_cleared_run_read_anew(store: CountingStore) -> None:
    with DAG("d") as dag:
        mapped = each.expand(value=listing()).operator
    store.push("listing", b"[1]")
    mapped.mapped_over.resolve(context("each", dag=dag))
    store.push("listing", b"[2]")
    assert mapped.mapped_over.resolve(context("each", dag=dag))[0] == {"value": 1}
    assert mapped.mapped_over.resolve(context("each", try_number=2, dag=dag))[0] == {"value": 2}
    assert mapped.mapped_over.resolve(context("each", clear_number=1, dag=dag))[0] == {"value": 2}


def test_a_value_from_outside_is_seen_after_a_while(store: CountingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with DAG("d") as dag:
        mapped = each.expand(value=listing()).operator
    store.push("listing", b"[1]")
    mapped.mapped_over.resolve(context("each", dag=dag))
    store.push("listing", b"[2]")
    later = stored._clock.monotonic() + 11
    monkeypatch.setattr(stored, "_clock", SimpleNamespace(monotonic=lambda: later))
    assert mapped.mapped_over.resolve(context("each", dag=dag))[0] == {"value": 2}


def test_what_is_kept_is_bounded(store: CountingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_KEPT_BYTES", 10)
    with DAG("d") as dag:
        for number in range(3):
            each.override(task_id=f"e{number}").expand(value=listing.override(task_id=f"l{number}")())
    for number in range(3):
        store.push(f"l{number}", b"[1,2,3]")
        each_mapped: Any = dag.task_dict[f"e{number}"]
        each_mapped.mapped_over.resolve(context(f"e{number}", dag=dag))
    assert [key[4] for key in stored._entries] == ["l2"]


def test_another_store_is_another_world(store: CountingStore) -> None:
    with DAG("d") as dag:
        mapped = each.expand(value=listing()).operator
    store.push("listing", b"[1]")
    mapped.mapped_over.resolve(context("each", dag=dag))
    other = CountingStore()
    other.push("listing", b"[7]")
    install_worker_store(other)
    assert mapped.mapped_over.resolve(context("each", dag=dag))[0] == {"value": 7}


def test_mapping_over_a_mapped_task_reads_the_values_of_its_instances(store: CountingStore) -> None:
    with DAG("d") as dag:
        first = each.override(task_id="first").expand(value=[1, 2, 3])
        mapped = each.expand(value=first.map(lambda value: value + 1)).operator
    for index in (0, 2):
        store.push("first", b"%d" % index, index)
    found = [mapped.mapped_over.resolve(context("each", map_index=index, dag=dag))[0] for index in (0, 1)]
    assert found == [{"value": 1}, {"value": 3}]
    assert store.asked == [("indexes", "first"), ("many", 2)]


def test_what_is_no_list_by_now_is_refused(store: CountingStore) -> None:
    with DAG("d") as dag:
        mapped = each.expand(value=listing()).operator
        listed = each.expand_kwargs(listing.override(task_id="other")()).operator
    with pytest.raises(TypeError, match="can't map over value of type NoneType: value= of expand"):
        mapped.mapped_over.resolve(context("each", dag=dag))
    store.push("other", b'"text"')
    with pytest.raises(ValueError, match=r"expects a list\[dict\], not str"):
        listed.mapped_over.resolve(context("each__1", dag=dag))


def test_reading_ahead_keeps_what_instances_will_ask_for(store: CountingStore) -> None:
    with DAG("d") as dag:
        first = each.override(task_id="first").expand(value=[1])
        mapped = each.expand(value=listing().zip(first)).operator
    store.push("listing", b"[1]")
    store.push("first", b"5", 0)
    stored.read_ahead(mapped, context("each", dag=dag))
    assert store.asked == [("one", "listing"), ("indexes", "first")]
    assert mapped.mapped_over.resolve(context("each", dag=dag))[0] == {"value": (1, 5)}
    assert store.asked[2:] == [("many", 1)]
