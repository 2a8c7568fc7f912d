"""State that tasks keep for themselves and for assets."""
# ruff: noqa: ARG002 - an author's own operator

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tradewind import BaseOperator
from tradewind.config.airflow_names import forget_settings
from tradewind.core.clock import SystemClock
from tradewind.sdk.assets.asset import Asset, AssetAlias, AssetNameRef, AssetUriRef
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.state_stores.accessors import (
    NEVER_EXPIRE,
    AssetStateStoreAccessor,
    AssetStateStoreAccessors,
    TaskStateStoreAccessor,
    clear_on_success,
)
from tradewind.sdk.state_stores.resumable import ResumableJobMixin
from tradewind.sdk.toolkit.log import LoggingMixin
from tradewind.standalone.memory_store import MemoryStore

from tests.worker.conftest import dag, reports, run

__all__ = ["dag", "reports", "run"]

OWNER = ("task", "d", "r", "t", -1)


class RecordingStore(MemoryStore):
    """Remembers when what was written expires."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.expiries: list[Any] = []

    def set_state(self, *, expires_at: Any = None, **arguments: Any) -> None:
        """Write one value."""
        self.expiries.append(expires_at)
        super().set_state(**arguments)


@pytest.fixture
def store() -> Iterator[RecordingStore]:
    store = RecordingStore()
    before = install_worker_store(store)
    yield store
    install_worker_store(before)
    clear_on_success(is_on=False)


def test_values_are_json_by_key(store: RecordingStore) -> None:
    states = TaskStateStoreAccessor(OWNER)
    assert states.get("job", default="none") == "none"
    states.set("job", {"id": [1, 2]})
    states.set("other", 1)
    assert states.get("job") == {"id": [1, 2]}
    states.delete("job")
    states.delete("job")
    assert states.get("job") is None
    states.clear()
    assert store.get_states(owner=OWNER) == {}
    with pytest.raises(ValueError, match="None"):
        states.set("job", None)
    with pytest.raises(TypeError, match="state 'job' cannot be written as JSON"):
        states.set("job", object())


def test_retention(store: RecordingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    states = TaskStateStoreAccessor(OWNER)
    now = SystemClock().now()
    states.set("a", 1, retention=NEVER_EXPIRE)
    states.set("a", 1, retention=timedelta(hours=1))
    states.set("a", 1)
    monkeypatch.setenv("AIRFLOW__STATE_STORE__DEFAULT_RETENTION_DAYS", "0")
    forget_settings()
    states.set("a", 1)
    forget_settings()
    never, hour, default, kept = store.expiries
    assert (never, kept) == (None, None)
    assert timedelta(minutes=59) < hour - now < timedelta(minutes=61)
    assert timedelta(days=29) < default - now < timedelta(days=31)


def test_the_asynchronous_twins(store: RecordingStore) -> None:
    async def work() -> Any:
        states = TaskStateStoreAccessor(OWNER)
        await states.aset("a", 1)
        found = await states.aget("a")
        await states.adelete("a")
        await states.aclear()
        asset = AssetStateStoreAccessor(name="n")
        await asset.aset("k", 2)
        return found, await states.aget("a", 0), await asset.aget("k")

    assert asyncio.run(work()) == (1, 0, 2)
    assert store.get_states(owner=("asset", "n")) == {"k": "2"}


def test_assets_of_a_task(store: RecordingStore) -> None:
    orders, clicks = Asset(name="orders", uri="s3://w/orders"), Asset(name="clicks", uri="s3://w/clicks")
    states = AssetStateStoreAccessors([orders, AssetUriRef("s3://w/by-uri"), AssetAlias("later")], [orders, clicks])
    states[orders].set("mark", "2024")
    assert states[AssetNameRef("orders")].get("mark") == "2024"
    assert AssetStateStoreAccessor(name="orders") == states[orders]
    assert states[AssetUriRef("s3://w/by-uri")].get("mark", 0) == 0
    with pytest.raises(KeyError, match="not in this task's inlets or outlets"):
        states[Asset(name="others", uri="s3://w/others")]
    with pytest.raises(TypeError, match="state is kept of an Asset"):
        states["orders"]
    with pytest.raises(ValueError, match="the task has 3 assets"):
        states.get("mark")
    assert AssetStateStoreAccessors([], [orders]).get("mark") == "2024"
    assert store.get_states(owner=("asset", "orders")) == {"mark": '"2024"'}


def test_a_task_finds_its_state_in_the_context(dag: Any, run: Callable[..., Any], store: RecordingStore) -> None:
    def work(task_state_store: Any, asset_state_store: Any, ti: Any) -> int:
        seen = task_state_store.get("tries", 0)
        task_state_store.set("tries", seen + 1)
        asset_state_store.set("by", ti.task_id)
        return seen

    with dag:
        PythonOperator(task_id="t", python_callable=work, outlets=[Asset("a")])
    for number in range(2):
        assert run("t").xcoms[0].value == str(number).encode()
    assert store.get_states(owner=OWNER) == {"tries": "2"}
    assert store.get_states(owner=("asset", "a")) == {"by": '"t"'}
    clear_on_success(is_on=True)
    run("t")
    assert store.get_states(owner=OWNER) == {}


class Job(ResumableJobMixin, LoggingMixin):  # pyright: ignore[reportIncompatibleVariableOverride] - as authors mix it
    """A job in a system that tells its state."""

    def __init__(self, status: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.status = status
        self.steps: list[str] = []

    def submit_job(self, context: Any) -> str:
        """Submit."""
        self.steps.append("submit")
        return "new"

    def get_job_status(self, external_id: Any, context: Any) -> str:
        """Tell."""
        return self.status

    def is_job_active(self, status: str) -> bool:
        """Compare."""
        return status == "RUNNING"

    def is_job_succeeded(self, status: str) -> bool:
        """Compare."""
        return status == "DONE"

    def poll_until_complete(self, external_id: Any, context: Any) -> None:
        """Note it."""
        self.steps.append(f"poll {external_id}")

    def get_job_result(self, external_id: Any, context: Any) -> str:
        """Return the id."""
        return f"result of {external_id}"


@pytest.mark.parametrize(
    ("known", "status", "steps", "result"),
    [
        (None, "", ["submit", "poll new"], "result of new"),
        ("old", "RUNNING", ["poll old"], "result of old"),
        ("old", "DONE", [], "result of old"),
        ("old", "LOST", ["submit", "poll new"], "result of new"),
    ],
)
@pytest.mark.usefixtures("store")
def test_a_resumable_job(known: str | None, status: str, steps: list[str], result: str) -> None:
    states = TaskStateStoreAccessor(OWNER)
    if known:
        states.set("remote_job_id", known)
    job = Job(status)
    assert job.execute_resumable({"task_state_store": states}) == result
    assert job.steps == steps
    assert states.get("remote_job_id") == ("new" if "submit" in steps else "old")


@pytest.mark.usefixtures("store")
def test_a_job_that_keeps_nothing() -> None:
    job = Job("RUNNING", durable=False)
    assert job.execute_resumable({"task_state_store": TaskStateStoreAccessor(OWNER)}) == "result of new"
    assert TaskStateStoreAccessor(OWNER).get("remote_job_id") is None


def test_the_mixin_stands_before_an_operator() -> None:
    class Submit(ResumableJobMixin, BaseOperator):  # pyright: ignore[reportIncompatibleVariableOverride] - as authors mix it
        submit_job: Any
        submit_job = get_job_status = is_job_active = is_job_succeeded = poll_until_complete = Job.submit_job  # pyright: ignore[reportAssignmentType] - none is called

    task = Submit(task_id="submit", durable=False, retries=3)
    assert (task.durable, task.retries, task.log.name.endswith("Submit")) == (False, 3, True)
