"""Watchers of assets: which triggers run for them, and what becomes of what they say."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tradewind.core.ids import DagRunPk
from tradewind.metadata.assets.questions import AssetQuestions
from tradewind.metadata.dags import DagStore
from tradewind.metadata.encryption import PLAIN, Cipher
from tradewind.metadata.errors import EncryptionError
from tradewind.metadata.tables import asset_watcher, job, trigger
from tradewind.metadata.waits.rotation import rotate_waits
from tradewind.metadata.waits.triggers import FiredTrigger, TriggerStore

from tests.scheduler.stage import Stage, dag


def watched(dag_id: str = "d", name: str = "w", path: str = "/flag") -> Any:
    watcher = {"name": name, "classpath": "some.Trigger", "kwargs": {"path": path}}
    asset = {"asset": {"name": "a", "uri": "a", "group": "asset", "watchers": [watcher]}}
    return dag(dag_id, "t", timetable={"type": "asset", "condition": asset})


def triggers(stage: Stage) -> list[tuple[str, bytes]]:
    with stage.database.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(trigger.c.classpath, trigger.c.kwargs))]


def triggerer(stage: Stage, cipher: Cipher = PLAIN) -> TriggerStore:
    with stage.database.begin() as connection:
        values = {"kind": "triggerer", "hostname": "h", "pid": 1, "started_at": stage.clock.now()}
        owner = connection.execute(job.insert().returning(job.c.pk), values | {"heartbeat_at": stage.clock.now()})
        return TriggerStore(stage.database, stage.clock, owner.scalar_one(), "h", 30.0, cipher)


def test_a_watcher_runs_as_long_as_a_dag_has_it(stage: Stage) -> None:
    stage.deploy(watched())
    assert triggers(stage) == [("some.Trigger", b'{"path":"/flag"}')]
    stage.deploy(watched("other"))
    assert len(triggers(stage)) == 1, "the same watcher of the same asset is one trigger"
    stage.deploy(watched(path="/elsewhere"))
    assert sorted(triggers(stage)) == [
        ("some.Trigger", b'{"path":"/elsewhere"}'),
        ("some.Trigger", b'{"path":"/flag"}'),
    ]
    stage.remove_file()
    stage.remove_file("other")
    assert triggers(stage) == []
    stage.deploy(watched("other"))
    assert len(triggers(stage)) == 1, "it comes back with the DAG, though the document is the same"


def test_what_a_watcher_says_starts_the_dag(stage: Stage) -> None:
    stage.deploy(watched())
    stage.start()
    store = triggerer(stage)
    (claimed,) = store.claim(10)
    assert claimed.waiter is None
    store.fire([FiredTrigger(claimed.trigger_pk, "event", b'{"k":1}')])
    stage.hear()
    (run,) = stage.runs()
    (event,) = AssetQuestions(stage.database).get_triggering_asset_events(dag_id="d", run_id=run.run_id)
    assert event.extra == {"from_trigger": True, "payload": {"k": 1}}
    assert (event.source_dag_id, event.source_task_id) == (None, None)
    store.fire([FiredTrigger(claimed.trigger_pk, "error", b'"it broke"')])
    assert len(triggers(stage)) == 1, "one that failed stays, to be begun again"
    assert DagRunPk(run.run_pk)
    with stage.database.read() as connection:
        assert connection.execute(sa.select(asset_watcher.c.name)).scalars().all() == ["w"]


def test_the_arguments_of_a_watcher_are_stored_encrypted(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    stage.dag_store = DagStore(stage.database, stage.clock, Cipher(old))
    stage.deploy(watched())
    stage.deploy(watched("other"))
    ((_, stored),) = triggers(stage)
    assert b"/flag" not in stored
    (claimed,) = triggerer(stage, Cipher(old)).claim(10)
    assert claimed.kwargs == b'{"path":"/flag"}'

    stage.clock.advance(60)
    without = triggerer(stage, Cipher(new))
    assert without.claim(10) == [], "it is no other triggerer's trouble"
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "a watcher of asset a failed" in told
    assert "was encrypted with another Fernet key" in told
    with pytest.raises(EncryptionError):
        rotate_waits(stage.database, Cipher(new))
    assert rotate_waits(stage.database, Cipher(f"{new},{old}")) == 1
    without.leave([claimed.trigger_pk])
    (claimed,) = without.claim(10)
    assert claimed.kwargs == b'{"path":"/flag"}'


def test_what_no_key_opens_is_stored_anew_with_the_dag(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.dag_store = DagStore(stage.database, stage.clock, Cipher(Fernet.generate_key().decode()))
    stage.deploy(watched())
    key = Cipher(Fernet.generate_key().decode())
    stage.dag_store = DagStore(stage.database, stage.clock, key)
    stage.remove_file()
    stage.deploy(watched())
    (claimed,) = triggerer(stage, key).claim(10)
    assert claimed.kwargs == b'{"path":"/flag"}'
