"""`BaseTrigger`: what a deferred task waits for, run by the triggerer in one asyncio loop with a thousand others."""

from __future__ import annotations

from tradewind.sdk.toolkit.log import LoggingMixin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable
    from typing import Any

    from tradewind.sdk.triggers.events import TriggerEvent


class BaseTrigger(LoggingMixin):
    """Base of triggers: subclasses implement `serialize` and `run`.

    The object that a task defers with is not the one that runs: the triggerer makes it again of what `serialize` returns,
    and once more in another process when a triggerer dies. So a trigger keeps nothing that its arguments do not say.
    """

    supports_triggerer_queue: bool = True

    def __init__(self, **kwargs: Any) -> None:  # noqa: ARG002 - Airflow's base takes any
        super().__init__()
        self.trigger_id: int | None = None
        """The number of the wait; set by the triggerer, as all below."""
        self.task_id: str | None = None
        self.template_fields: tuple[str, ...] = ()
        """Of a task that starts from this trigger, those of its template fields that the trigger has: they are rendered."""
        self.template_ext: tuple[str, ...] = ()
        self._task_instance: Any = None

    @property
    def task_instance(self) -> Any:
        """The task instance that waits; None where none does."""
        return self._task_instance

    @task_instance.setter
    def task_instance(self, value: Any) -> None:
        self._task_instance = value
        self.task_id = None if value is None else value.task_id

    @property
    def task(self) -> Any:
        """The operator that waits, where the triggerer has imported it."""
        return getattr(self._task_instance, "task", None)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the import path of the class and the arguments to make the trigger of again, which JSON can write."""
        raise NotImplementedError(f"{type(self).__name__} has no serialize() method")

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait without blocking the loop, and yield a `TriggerEvent` when what is waited for has come."""
        raise NotImplementedError(f"{type(self).__name__} has no run() method")
        yield  # makes this an asynchronous generator, as `run` of every subclass is

    async def cleanup(self) -> None:
        """Give back what the trigger holds in this process: called at its end, however it ends."""

    async def on_kill(self) -> None:
        """End what the trigger waits for elsewhere: called when a user marks or clears the waiting task, and only then."""

    @staticmethod
    def repr(classpath: str, kwargs: dict[str, Any]) -> str:
        """Return how a trigger of this class with these arguments is shown."""
        return f"<{classpath} {', '.join(f'{name}={value}' for name, value in kwargs.items())}>"

    def __repr__(self) -> str:
        return self.repr(*self.serialize())


class BaseEventTrigger(BaseTrigger):
    """Base of triggers that watch for events which schedule DAGs: they may yield any number of them."""

    supports_triggerer_queue = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.asset_state_store: Any = None

    def shared_stream_key(self) -> Hashable | None:
        """Return what triggers that share one stream of raw events have in common; None: this one runs by itself."""
        return None
