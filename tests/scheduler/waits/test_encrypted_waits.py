"""What deferred tasks carry is encrypted where there is a key."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from cryptography.fernet import Fernet

from tradewind.metadata.encryption import PLAIN, Cipher
from tradewind.metadata.errors import EncryptionError
from tradewind.metadata.scheduling import SchedulerStore
from tradewind.metadata.waits.rotation import rotate_waits
from tradewind.metadata.waits.triggers import FiredTrigger, TriggerStore
from tradewind.serialization.messages import FAIL_METHOD, Deferral

from tests.scheduler.stage import Stage, dag

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
SECRET = b'{"token":"s3cret"}'


def begin(stage: Stage, keys: str, **fields: Any) -> None:
    stage.store = SchedulerStore(stage.database, stage.clock, Cipher(keys))
    stage.deploy(dag(tasks="a"))
    stage.start()
    stage.trigger()
    values = {"classpath": "x.Trigger", "kwargs": SECRET, "next_method": "go_on", "next_kwargs": SECRET} | fields
    stage.end("a", "deferred", deferral=Deferral(**values))


def store(stage: Stage, keys: str) -> TriggerStore:
    return TriggerStore(stage.database, stage.clock, 7, "here", 30.0, Cipher(keys))


def stored(stage: Stage) -> tuple[bytes, bytes]:
    ((kwargs, next_kwargs),) = stage._select("SELECT kwargs, next_kwargs FROM trigger")
    return bytes(kwargs), bytes(next_kwargs)


def resumption(stage: Stage) -> Any:
    found = stage.order("a").resumption
    assert found is not None
    return found


def test_arguments_are_hidden_in_the_database_and_nowhere_else(stage: Stage) -> None:
    begin(stage, OLD)
    assert all(b"s3cret" not in one and one.startswith(b"gAAAA") for one in stored(stage))
    (one,) = store(stage, OLD).claim(10)
    assert one.kwargs == SECRET
    store(stage, OLD).fire([FiredTrigger(one.trigger_pk, "event", b"1")])
    stage.hear_all()
    assert (resumption(stage).next_method, resumption(stage).next_kwargs) == ("go_on", SECRET)


def test_without_a_key_and_without_arguments_there_is_nothing_to_hide(sqlite_stage: Stage) -> None:
    begin(sqlite_stage, "", next_kwargs=b"{}")
    assert stored(sqlite_stage) == (SECRET, b"{}")
    assert Cipher(OLD).seal(b"{}") == b"{}"
    # A key that comes later opens what was stored without one.
    assert [one.kwargs for one in store(sqlite_stage, OLD).claim(10)] == [SECRET]


def test_what_is_sealed_stays_so_when_a_batch_is_written_again() -> None:
    cipher = Cipher(OLD)
    assert cipher.unseal(cipher.seal(cipher.seal(SECRET)), name="x") == SECRET
    assert PLAIN.seal(SECRET) == SECRET


@pytest.mark.parametrize("who", ["triggerer", "scheduler"])
def test_with_another_key_the_task_goes_on_in_order_to_fail(stage: Stage, who: str) -> None:
    begin(stage, OLD, **({"next_kwargs": b"{}"} if who == "triggerer" else {}))
    if who == "triggerer":
        assert store(stage, NEW).claim(10) == []
        said = "what the trigger x.Trigger is made of"
    else:
        stage.crash()
        stage.store = SchedulerStore(stage.database, stage.clock, Cipher(NEW))
        (claimed,) = store(stage, OLD).claim(10)
        store(stage, OLD).fire([FiredTrigger(claimed.trigger_pk, "event", b"1")])
        stage.start()
        said = "what go_on() is to get"
    stage.hear_all()
    assert resumption(stage).next_method == FAIL_METHOD
    (line,) = msgspec.json.decode(resumption(stage).next_kwargs)["traceback"]
    assert line.startswith(f"{said} was encrypted with another Fernet key")


def test_rotation_moves_waits_to_the_newest_key(stage: Stage) -> None:
    begin(stage, OLD)
    assert rotate_waits(stage.database, Cipher(f"{NEW},{OLD}")) == 1
    assert [one.kwargs for one in store(stage, NEW).claim(10)] == [SECRET]


def test_rotation_that_cannot_open_a_wait_changes_nothing(sqlite_stage: Stage) -> None:
    begin(sqlite_stage, OLD)
    before = stored(sqlite_stage)
    with pytest.raises(EncryptionError, match=r"waits for x\.Trigger was encrypted with another Fernet key"):
        rotate_waits(sqlite_stage.database, Cipher(NEW))
    assert stored(sqlite_stage) == before
