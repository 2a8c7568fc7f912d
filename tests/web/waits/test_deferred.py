"""What the REST API tells of deferred tasks, and of the triggerer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tradewind.core.states import TaskInstanceState as S
from tradewind.core.transitions import Event
from tradewind.metadata.batch import Batch, NewDeferral
from tradewind.metadata.jobs import JobStore
from tradewind.metadata.tables import job
from tradewind.metadata.waits.triggers import TriggerStore

from tests.web.conftest import Client, Scheduler

RUN = "/api/v2/dags/chain/dagRuns/r1"


def defer(client: Client, scheduler: Scheduler, *, is_timed: bool = False) -> None:
    client.post("/api/v2/dags/chain/dagRuns", {"dag_run_id": "r1", "logical_date": None})
    world = scheduler.world
    number = scheduler.start("chain", "r1", S.RUNNING)[0]
    move = world.move(number, S.DEFERRED, Event.DEFER)
    wait = NewDeferral(
        number, move.version, 1, "x.Trigger", b'{"k":"s3cret"}', "m", b"{}", queue="q", is_timed=is_timed
    )
    assert not world.commit(Batch(transitions=[move], deferrals=[wait])).stale_task_instances


def test_a_deferred_task_shows_its_trigger_and_who_runs_it(client: Client, scheduler: Scheduler) -> None:
    defer(client, scheduler)
    one = client.get(f"{RUN}/taskInstances/a")
    assert one["triggerer_job"] is None
    assert {name: one["trigger"][name] for name in ("classpath", "kwargs", "queue", "triggerer_id")} == {
        "classpath": "x.Trigger",
        "kwargs": "{}",
        "queue": "q",
        "triggerer_id": None,
    }
    world = scheduler.world
    job_pk = JobStore(world.database, world.clock).start("triggerer", "there", 7)
    TriggerStore(world.database, world.clock, job_pk, "there", 30.0).claim(1)
    one = client.get(f"{RUN}/taskInstances/a")
    assert one["trigger"]["triggerer_id"] == job_pk
    assert (one["triggerer_job"]["id"], one["triggerer_job"]["hostname"]) == (job_pk, "there")
    assert (one["triggerer_job"]["job_type"], one["triggerer_job"]["state"]) == ("TriggererJob", "running")
    (listed,) = client.get("/api/v2/dags/~/dagRuns/~/taskInstances?state=deferred")["task_instances"]
    assert (listed["trigger"], listed["triggerer_job"]) == (one["trigger"], one["triggerer_job"])
    assert client.get(f"{RUN}/taskInstances/b")["trigger"] is None


def test_a_timer_that_stands_in_for_a_trigger_has_no_triggerer(client: Client, scheduler: Scheduler) -> None:
    defer(client, scheduler, is_timed=True)
    one = client.get(f"{RUN}/taskInstances/a")
    assert (one["trigger"]["triggerer_id"], one["triggerer_job"]) == (None, None)


@pytest.mark.parametrize(("age_s", "status"), [(90, "healthy"), (110, "unhealthy")])
def test_the_triggerer_is_judged_by_a_threshold_of_its_own(
    make_client: Callable[..., Client], scheduler: Scheduler, age_s: float, status: str
) -> None:
    client = make_client(triggerer_health_threshold_s=100.0, scheduler_health_threshold_s=10.0)
    world = scheduler.world
    job_pk = JobStore(world.database, world.clock).start("triggerer", "there", 7)
    with world.database.begin() as connection:
        heard_at = world.clock.now() - timedelta(seconds=age_s)
        connection.execute(sa.update(job).where(job.c.pk == job_pk).values(heartbeat_at=heard_at))
    assert client.get("/api/v2/monitor/health")["triggerer"]["status"] == status
