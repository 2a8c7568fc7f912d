"""`BaseAsyncOperator`: an operator whose work is a coroutine that runs in the worker."""

from __future__ import annotations

from tradewind.sdk.definitions.operator import BaseOperator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class BaseAsyncOperator(BaseOperator):
    """Runs `aexecute` in an event loop of its own. A deferrable operator waits in the triggerer; this one in the worker."""

    @property
    def is_async(self) -> bool:
        """Whether the work is a coroutine."""
        return True

    async def aexecute(self, context: Any) -> Any:
        """Do the task's work; for authors to override."""
        raise NotImplementedError(f"{type(self).__name__} has no aexecute(context)")

    def execute(self, context: Any) -> Any:
        """Run `aexecute` to its end. Raises TimeoutError when it takes longer than `execution_timeout`."""
        import asyncio

        limit = self.execution_timeout
        work = self.aexecute(context)
        return asyncio.run(work if limit is None else asyncio.wait_for(work, limit.total_seconds()))
