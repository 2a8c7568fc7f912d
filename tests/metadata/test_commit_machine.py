"""Random batches, right and stale, of schedulers alive and replaced, against a model in plain dictionaries."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tradewind.core.ids import TaskInstancePk
from tradewind.core.transitions import TRANSITIONS, Actor, Effect, Event
from tradewind.metadata.batch import Batch, LeaseLostError, TaskTransition, XComWrite
from tradewind.metadata.database import Database
from tradewind.metadata.runs import (
    TaskInstanceFilter,
    clear_task_instances,
    list_events,
    list_task_instances,
    mark_task_instances,
)
from tradewind.metadata.scheduling import runner, statements

from tests.metadata.conftest import NOON, S, StandingClock, World

BY_SYSTEM = [row for row in TRANSITIONS if row.actors - {Actor.USER}]
SLOTS = 3


@dataclass(frozen=True)
class Known:
    """What the model knows of one instance."""

    state: S
    version: int = 0
    try_number: int = 0
    events: tuple[str, ...] = ()
    archived: int = 0
    xcom: bytes | None = None


class CommitMachine(RuleBasedStateMachine):
    """One database, one model. Schedulers keep old knowledge on purpose."""

    template: ClassVar[Path]

    @initialize()
    def open(self) -> None:
        """Copy the migrated file and let a run start."""
        self.folder = Path(tempfile.mkdtemp(prefix="tradewind-machine-"))
        path = shutil.copy(self.template, self.folder / "m.db")
        self.database = Database.open(f"sqlite:///{path}")
        self.world = World(self.database, StandingClock())
        _, self.pks = self.world.started_run()
        self.known = {pk: Known(S.NONE) for pk in self.pks}
        self.old: list[dict[TaskInstancePk, Known]] = [dict(self.known)]
        self.epochs = [self.world.epoch]
        self.written = 0

    def teardown(self) -> None:
        """Remove the file."""
        if hasattr(self, "database"):
            self.database.dispose()
            shutil.rmtree(self.folder)

    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        """Commit transitions, each either from the model or from what was true once, some with a guard that is wrong."""
        chosen = data.draw(st.lists(st.sampled_from(self.pks), min_size=1, max_size=SLOTS, unique=True))
        batch, expected = Batch(), dict(self.known)
        stale: set[int] = set()
        for pk in chosen:
            source = data.draw(st.sampled_from([self.known, *self.old[-4:]]))[pk]
            if data.draw(st.booleans()):
                source = replace(source, state=data.draw(st.sampled_from(sorted(S))))
            if data.draw(st.booleans()):
                source = replace(source, version=source.version + data.draw(st.sampled_from([-1, 1])))
            rows = [row for row in BY_SYSTEM if source.state in row.sources]
            if not rows or source.version < 0:
                continue
            row = data.draw(st.sampled_from(rows))
            step = self.transition(pk, source, row.event, row.target, row.effects)
            self.written += 1
            xcom = b"%d" % self.written
            batch.transitions.append(step)
            batch.xcoms.append(XComWrite(pk, "k", xcom))
            now = self.known[pk]
            if (source.state, source.version) == (now.state, now.version):
                expected[pk] = Known(
                    row.target,
                    now.version + 1,
                    step.try_number,
                    (*now.events, row.event.value),
                    now.archived + step.archives_try,
                    xcom,
                )
            else:
                stale.add(pk)
        result = self.world.commit(batch)
        assert set(result.stale_task_instances) == stale
        self.remember(expected)

    @rule(data=st.data())
    def clear_or_mark(self, data: st.DataObject) -> None:
        """A user changes an instance behind the scheduler's back."""
        pk = data.draw(st.sampled_from(self.pks))
        now = self.known[pk]
        which = TaskInstanceFilter(ti_pks=(pk,))
        target = data.draw(st.sampled_from([S.NONE, S.SUCCESS, S.FAILED, S.SKIPPED]))
        if target is S.NONE:
            changed = clear_task_instances(self.database, self.world.clock, which).task_instances
            event = Event.CLEAR_RUNNING if now.state is S.RUNNING else Event.CLEAR
            target = S.RESTARTING if now.state is S.RUNNING else S.NONE
            archives = event is Event.CLEAR and now.try_number > 0 and now.state not in {S.NONE, S.REMOVED}
        else:
            changed = mark_task_instances(self.database, self.world.clock, which, target).task_instances
            event = Event(f"mark_{target.value}")
            archives = False
        if changed:
            moved = replace(
                now,
                state=target,
                version=now.version + 1,
                events=(*now.events, event.value),
                archived=now.archived + archives,
            )
            self.remember(self.known | {pk: moved})
        else:
            assert now.state in {target, S.RESTARTING}

    @rule()
    def take_over(self) -> None:
        """Another scheduler takes the lease; the one before does not know yet."""
        self.world.clock.at += timedelta(seconds=31)
        self.epochs.append(self.world.store.acquire_lease("next", 30, self.world.clock.now()) or 0)
        self.world.epoch = self.epochs[-1]

    @precondition(lambda self: len(self.epochs) > 1)
    @rule(data=st.data())
    def write_as_a_dead_scheduler(self, data: st.DataObject) -> None:
        """A step that is right, but not under the lease of now, is refused."""
        pk = data.draw(st.sampled_from(self.pks))
        now = self.known[pk]
        row = next(row for row in TRANSITIONS if now.state in row.sources)
        step = self.transition(pk, now, row.event, row.target, row.effects)
        with pytest.raises(LeaseLostError):
            self.world.store.commit(Batch(transitions=[step]), epoch=data.draw(st.sampled_from(self.epochs[:-1])))

    @invariant()
    def database_is_as_the_model(self) -> None:
        """States, versions, tries, history, archive and XComs are those of the model."""
        if not hasattr(self, "known"):
            return
        found = {row.ti_pk: row for row in list_task_instances(self.database)[0]}
        with self.database.read_cursor() as cursor:
            cursor.execute("SELECT ti_pk, count(*) FROM task_instance_history GROUP BY ti_pk")
            archived = dict(cursor.fetchall())
            cursor.execute("SELECT ti_pk, value FROM xcom")
            xcoms = dict(cursor.fetchall())
        for pk, known in self.known.items():
            row = found[pk]
            events = list_events(self.database, pk)
            stored = Known(
                row.state,
                row.version,
                row.try_number,
                tuple(event.event for event in events),
                archived.get(pk, 0),
                xcoms.get(pk),
            )
            assert stored == known
            assert [event.version for event in events] == list(range(1, known.version + 1))

    def transition(
        self,
        pk: TaskInstancePk,
        known: Known,
        event: Event,
        target: S,
        effects: tuple[Effect, ...],
    ) -> TaskTransition:
        """Return the step of a row of the table."""
        is_new_try = Effect.NEW_TRY in effects
        return TaskTransition(
            pk,
            known.state,
            known.version,
            target,
            known.version + 1,
            (event,),
            NOON,
            known.try_number + is_new_try,
            is_new_try=is_new_try,
            archives_try=Effect.ARCHIVE_TRY in effects,
        )

    def remember(self, expected: dict[TaskInstancePk, Known]) -> None:
        """Go on from what is expected, and keep what was known before."""
        if expected != self.known:
            self.old.append(self.known)
            self.known = expected


def run_machine(template: Path) -> None:
    machine = type("Machine", (CommitMachine,), {"template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            database=None,
            print_blob=False,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
            phases=(Phase.generate,),  # found is enough, the smallest example is not asked for
        ),
    )


def test_the_database_follows_the_model(sqlite_template: Path) -> None:
    run_machine(sqlite_template)


def without(statement: statements.Statement, guard: str, always: str) -> statements.Statement:
    assert guard in statement.sqlite
    return statement._replace(sqlite=statement.sqlite.replace(guard, always))


@pytest.mark.parametrize(
    ("guard", "always"),
    [(" AND version = ?", " AND ? IS NOT NULL"), (" AND state = ?", " AND ? IS NOT NULL")],
    ids=["version", "state"],
)
def test_a_missing_guard_is_found(
    sqlite_template: Path,
    monkeypatch: pytest.MonkeyPatch,
    guard: str,
    always: str,
) -> None:
    for name in ("MOVE_IN_TRY", "MOVE_TO_NEW_TRY"):
        monkeypatch.setattr(statements, name, without(getattr(statements, name), guard, always))
    with pytest.raises((AssertionError, sqlite3.IntegrityError)):
        run_machine(sqlite_template)


def test_a_missing_fence_is_found(sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "FENCE", without(runner.FENCE, " AND epoch = ?", " AND ? IS NOT NULL"))
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        run_machine(sqlite_template)
