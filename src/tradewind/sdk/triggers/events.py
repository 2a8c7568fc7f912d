"""What a trigger says: that what it waits for has come, or how its task ends."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.sdk.state import TaskInstanceState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any, ClassVar


class TriggerEvent:
    """What a trigger waits for has come. The task gets `payload`, which JSON can write, as its argument `event`."""

    def __init__(self, payload: Any = None) -> None:
        self.payload = payload

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), repr(self.payload)))

    def __repr__(self) -> str:
        return f"TriggerEvent<{self.payload!r}>"


class BaseTaskEndEvent(TriggerEvent):
    """A trigger ends its task itself: no worker is needed any more. `xcoms` are pushed, by key."""

    task_instance_state: ClassVar[TaskInstanceState]

    def __init__(self, *, xcoms: dict[str, Any] | None = None) -> None:
        super().__init__(payload=str(self.task_instance_state))
        self.xcoms = xcoms


class TaskSuccessEvent(BaseTaskEndEvent):
    """The task has succeeded."""

    task_instance_state = TaskInstanceState.SUCCESS


class TaskFailedEvent(BaseTaskEndEvent):
    """The task has failed; it is tried again where its retries allow that."""

    task_instance_state = TaskInstanceState.FAILED


class TaskSkippedEvent(BaseTaskEndEvent):
    """The task is skipped."""

    task_instance_state = TaskInstanceState.SKIPPED


@dataclass
class StartTriggerArgs:
    """The trigger that a task with `start_from_trigger` begins with, before any worker is needed.

    `trigger_cls` is the trigger's import path, `next_method` where the task goes on when it fires.
    """

    trigger_cls: str
    next_method: str
    trigger_kwargs: dict[str, Any] | None = None
    next_kwargs: dict[str, Any] | None = None
    timeout: timedelta | None = None
