"""Serving the application on a socket, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.applications import Starlette

GRACE_S = 5
"""How long requests under way may take once the server is to stop."""


class Server(uvicorn.Server):
    """uvicorn's server without signal handlers of its own, saying when it answers."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the composition root."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self._on_ready is not None and self.started:
            self._on_ready()


class WebServer:
    """One server on a listening socket. `run` blocks; `stop` may be called from a signal handler or any thread."""

    def __init__(
        self,
        app: Starlette,
        listening: socket.socket,
        on_ready: Callable[[], None] | None = None,
        *,
        ssl_cert: str = "",
        ssl_key: str = "",
    ) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            ssl_certfile=ssl_cert or None,
            ssl_keyfile=ssl_key or None,
        )
        self._server = Server(config, on_ready)
        if listening.family in {socket.AF_INET, socket.AF_INET6}:
            # Inherited by each connection. asyncio sets it only where the socket was made with the protocol's number, and
            # without it an answer waits 40 ms for the acknowledgement of its own headers.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listening = listening

    def run(self) -> None:
        """Serve until `stop`."""
        asyncio.run(self._server.serve([self._listening]))

    def stop(self) -> None:
        """End `run` once the requests under way are answered."""
        self._server.should_exit = True
