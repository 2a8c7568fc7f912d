"""The web application: every operation, the page, and what surrounds each answer.

It is a Starlette application whose operations are checked by msgspec. FastAPI and Pydantic, which do the same with
more comfort, take 0.65 s and 19 MiB more for the same operations: more than the whole start may take.
"""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tradewind.metadata.errors import MetadataError
from tradewind.web import overview
from tradewind.web.api import (
    assets,
    connections,
    dags,
    explain,
    health,
    login,
    logs,
    pools,
    problems,
    runs,
    task_instances,
    variables,
    xcoms,
)
from tradewind.web.api.changes import clearing, marking
from tradewind.web.api.planning import backfills
from tradewind.web.api.values import task_state
from tradewind.web.api.waits import hitl
from tradewind.web.backend import Backend
from tradewind.web.errors import ApiError, status_of
from tradewind.web.openapi import openapi_document
from tradewind.web.operations import Operation, json_response, route
from tradewind.web.policies import deadlines, links, plugins

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tradewind.web.ports import WebPorts

_log = logging.getLogger(__name__)
_PAGE = Path(__file__).parent / "page"
_ROOMS = (
    health,
    dags,
    runs,
    task_instances,
    marking,
    clearing,
    hitl,
    backfills,
    logs,
    xcoms,
    task_state,
    explain,
    assets,
    problems,
    pools,
    variables,
    connections,
    login,
    overview,
    plugins,
    links,
    deadlines,
)

_CONTENT_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
OPERATIONS: tuple[Operation, ...] = tuple(operation for room in _ROOMS for operation in room.OPERATIONS)
"""Every operation of the server."""

SECURITY_HEADERS = (
    (b"content-security-policy", _CONTENT_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def create_app(ports: WebPorts) -> Starlette:
    """Return the application. Raises `ValueError` for a user with a role that does not exist."""
    backend = Backend(ports)
    routes = [route(operation, backend) for operation in OPERATIONS]
    routes.append(Route("/openapi.json", lambda _request: json_response(openapi()), name="openapi"))
    routes.append(Route("/", lambda _request: FileResponse(_PAGE / "index.html"), name="page"))
    middleware = [Middleware(SecurityHeaders)]
    if ports.options.allowed_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(ports.options.allowed_origins),
                allow_methods=["*"],
                allow_headers=["*"],
            )
        )
    return Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=_PAGE))],
        middleware=middleware,
        exception_handlers={
            ApiError: _api_error,
            MetadataError: _metadata_error,
            HTTPException: _http_error,
            Exception: _unexpected,
        },
    )


@functools.cache
def openapi() -> dict[str, Any]:
    """Return the OpenAPI document; it needs no database."""
    return openapi_document(OPERATIONS)


class SecurityHeaders:
    """Adds to every answer what tells browsers to be careful."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


async def _api_error(_request: Request, error: Exception) -> Response:
    known = error if isinstance(error, ApiError) else ApiError(500, "Internal Server Error")
    response = json_response({"detail": known.detail}, known.status)
    if known.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def _metadata_error(_request: Request, error: Exception) -> Response:
    status = status_of(error) if isinstance(error, MetadataError) else 500
    if status >= 500:
        _log.error("the request failed: %s", error)
    return json_response({"detail": str(error)}, status)


async def _http_error(_request: Request, error: Exception) -> Response:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
    return json_response({"detail": detail}, status)


async def _unexpected(request: Request, _error: Exception) -> Response:
    """Answer without details: they are in the server's log."""
    _log.error("%s %s failed", request.method, request.url.path)
    return json_response({"detail": "Internal Server Error"}, 500)
