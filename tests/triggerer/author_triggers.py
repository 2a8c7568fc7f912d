"""Triggers as authors write them, good and bad."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tradewind.sdk.connection import Connection
from tradewind.sdk.triggers.events import TaskSkippedEvent, TaskSuccessEvent, TriggerEvent
from tradewind.sdk.triggers.trigger import BaseTrigger


class Told(BaseTrigger):
    """Does what it is told: `what` names one of its ways, `path` a file to wait for or to write to."""

    def __init__(self, what: str, path: str = "", **more: Any) -> None:
        """Keep what to do."""
        super().__init__()
        self.what = what
        self.path = path
        self.more = more

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what it is made of again."""
        return f"{__name__}.Told", {"what": self.what, "path": self.path, **self.more}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Do it."""
        self.log.info("%s begins", self.what)
        print(f"{self.what} prints")
        async for event in getattr(self, f"_{self.what}")():
            yield event

    async def cleanup(self) -> None:
        """Leave a trace."""
        self._note("cleanup")

    async def on_kill(self) -> None:
        """Leave a trace."""
        self._note("kill")
        if self.what == "hang_on_kill":
            await asyncio.sleep(3600)

    def _note(self, word: str) -> None:
        if self.path:
            with Path(self.path + ".notes").open("a", encoding="utf-8") as notes:
                notes.write(f"{word}\n")

    async def _fire(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent({"pid": os.getpid(), **self.more})

    async def _wait(self) -> AsyncIterator[TriggerEvent]:
        self._note("wait")
        while not Path(self.path).exists():  # noqa: ASYNC110, ASYNC240 - a file is what the test can make
            await asyncio.sleep(0.01)
        yield TriggerEvent("there")

    _hang_on_kill = _wait

    async def _raise(self) -> AsyncIterator[TriggerEvent]:
        raise RuntimeError("no such luck")
        yield

    async def _exit(self) -> AsyncIterator[TriggerEvent]:
        sys.exit(3)
        yield

    async def _nothing(self) -> AsyncIterator[TriggerEvent]:
        for event in ():
            yield event

    async def _strange(self) -> AsyncIterator[Any]:
        yield "no event"

    async def _unserializable(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent({"o": object()})

    async def _succeed(self) -> AsyncIterator[TriggerEvent]:
        yield TaskSuccessEvent(xcoms={"return_value": 5})

    async def _skip(self) -> AsyncIterator[TriggerEvent]:
        yield TaskSkippedEvent()

    async def _ask(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent(Connection.get("c").host)

    async def _block(self) -> AsyncIterator[TriggerEvent]:
        time.sleep(0.5)  # noqa: ASYNC251 - this is the fault
        yield TriggerEvent("late")

    async def _die(self) -> AsyncIterator[TriggerEvent]:
        if not Path(self.path).exists():  # noqa: ASYNC240 - as above
            Path(self.path).touch()  # noqa: ASYNC240 - as above
            os._exit(9)
        yield TriggerEvent("lived")


class Unmade(BaseTrigger):
    """Cannot be made of what it says."""

    def __init__(self, needed: int) -> None:
        """Need an argument."""
        super().__init__()
        self.needed = needed
