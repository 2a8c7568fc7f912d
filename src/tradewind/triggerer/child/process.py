"""The child process: `python -m tradewind.triggerer.child.process DESCRIPTOR OPTIONS`."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

import msgspec

from tradewind.airflow.finder import install
from tradewind.sdk.author_defaults import AuthorDefaults, install_author_defaults
from tradewind.sdk.importing import extend_sys_path
from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.secrets.author_values import install_author_values
from tradewind.triggerer.child.line import Line, LineStore
from tradewind.triggerer.child.log import set_up
from tradewind.triggerer.child.loop import TriggerLoop
from tradewind.triggerer.child.watchdog import Watchdog
from tradewind.triggerer.messages import Blocked, ChildOptions

if TYPE_CHECKING:
    from tradewind.triggerer.messages import Order

_log = logging.getLogger("tradewind.trigger")
_SET_PARENT_DEATH_SIGNAL = 1
_ORPHAN_GRACE_S = 5.0


async def serve(line: Line, options: ChildOptions) -> None:
    """Run triggers until the triggerer says leave, or is gone."""
    loop = asyncio.get_running_loop()
    triggers = TriggerLoop(line.send, options.kill_limit_s)

    def tell(name: str, where: str, for_s: float) -> None:
        line.send(Blocked(name=name, where=where, for_s=for_s))

    watchdog = Watchdog(loop, tell, options.blocked_after_s)
    watchdog.start()

    def take(orders: list[Order]) -> None:
        triggers.take(orders)
        watchdog.want(is_wanted=bool(triggers.tasks))

    def end() -> None:
        """In the reading thread: the triggerer is gone. Others take its triggers, so this process must not go on."""
        loop.call_soon_threadsafe(triggers.leave)
        threading.Timer(_ORPHAN_GRACE_S, os._exit, (1,)).start()

    def hear(orders: list[Order]) -> None:
        """In the reading thread."""
        loop.call_soon_threadsafe(take, orders)

    line.listen(hear, end)
    try:
        await triggers.run()
    finally:
        watchdog.stop()


def main(arguments: list[str]) -> int:
    """Run the child: the arguments are the descriptor of its socket and its options."""
    options = msgspec.json.decode(arguments[1], type=ChildOptions)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    line = Line(socket.socket(fileno=int(arguments[0])))
    sys.dont_write_bytecode = True
    install()
    install_author_defaults(AuthorDefaults(**options.author_defaults))
    extend_sys_path(options.folders)
    install_author_values(**options.author_values)
    install_worker_store(LineStore(line))  # type: ignore[arg-type] - its methods are made when they are called
    set_up(options.log_level)
    gc.collect()
    gc.freeze()
    asyncio.run(serve(line, options))
    os._exit(0)  # threads that author code left behind hold nobody up


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
