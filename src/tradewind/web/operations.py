"""How an operation of the API is declared, and how a request becomes its arguments.

Starlette routes and serves; msgspec checks what comes in and writes what goes out. The same declarations give the
OpenAPI document.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import Route

from tradewind.web.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.datastructures import Headers, QueryParams
    from starlette.requests import Request

    from tradewind.web.auth.users import User
    from tradewind.web.backend import Backend

    Handler = Callable[["Call"], Any]

MAX_BODY_BYTES = 16 << 20
_MAX_IN_QUERY = (1 << 63) - 1
_MAX_IN_BODY = (1 << 31) - 1
_encoder = msgspec.json.Encoder()


class _Whole(Convertor[int]):
    """A whole number in a path that the database can have: what is longer is the number of nothing."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


class _MapIndex(_Whole):
    """A map index in a path: a whole number, -1 for a task that is not mapped."""

    regex = "-1|[0-9]{1,9}"


register_url_convertor("int", _Whole())
register_url_convertor("map_index", _MapIndex())


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path."""

    method: str
    path: str
    handler: Handler
    """Called in a thread of its own; returns plain data, or a response."""
    role: str | None = "viewer"
    """The least role that may call it; None lets everybody."""
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    status: int = 200
    """Of an answer that is plain data; 204 has none."""


@dataclass(slots=True)
class Call:
    """One request, checked. `query` and `body` are of the types that the operation declares."""

    backend: Backend
    user: User
    path: Mapping[str, Any]
    headers: Headers
    query: Any = None
    body: Any = None
    sent_fields: frozenset[str] = field(default_factory=frozenset)
    """The fields that were in the body, for partial updates."""


def route(operation: Operation, backend: Backend) -> Route:
    """Return Starlette's route for the operation."""

    async def endpoint(request: Request) -> Response:
        user = backend.gate.user_of(request.headers, operation.role)
        if any("\0" in value for value in request.path_params.values() if isinstance(value, str)):
            raise ApiError(404, "there is nothing whose name has the character NUL")
        call = Call(backend, user, request.path_params, request.headers)
        if operation.query is not None:
            call.query = _read_query(request.query_params, operation.query)
        if operation.body is not None:
            call.body, call.sent_fields = await _read_body(request, operation.body)
        answer = await run_in_threadpool(operation.handler, call)
        if isinstance(answer, Response):
            return answer
        return json_response(answer, operation.status)

    return Route(operation.path, endpoint, methods=[operation.method], name=operation.handler.__name__)


def json_response(data: Any, status: int = 200) -> Response:
    """Return plain data as JSON; 204 without content."""
    if status == 204:
        return Response(status_code=204)
    return Response(_encoder.encode(data), status, media_type="application/json")


@functools.cache
def list_fields(declared: type[msgspec.Struct]) -> frozenset[str]:
    """Return the parameters that may be given several times."""
    annotations: dict[str, Any] = {}
    for kind in reversed(declared.__mro__):
        annotations |= getattr(kind, "__annotations__", {})
    return frozenset(name for name, kind in annotations.items() if str(kind).startswith("list["))


def _read_query(params: QueryParams, declared: type[msgspec.Struct]) -> Any:
    values = {
        name: params.getlist(name) if name in list_fields(declared) else params[name]
        for name in declared.__struct_fields__
        if name in params
    }
    try:
        query = msgspec.convert(values, declared, strict=False)
    except msgspec.ValidationError as error:
        raise ApiError(422, _complaint(error, "query")) from None
    _refuse_unstorable(query, "query", _MAX_IN_QUERY)
    return query


async def _read_body(request: Request, declared: type[msgspec.Struct]) -> tuple[Any, frozenset[str]]:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY_BYTES:
            raise ApiError(413, f"a request body has at most {MAX_BODY_BYTES} bytes")
    try:
        raw = msgspec.json.decode(bytes(data) or b"{}")
        body = msgspec.convert(raw, declared)
    except msgspec.ValidationError as error:
        raise ApiError(422, _complaint(error, "body")) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(422, f"the body is no JSON: {error}") from None
    _refuse_unstorable(body, "body", _MAX_IN_BODY)
    return body, frozenset(raw)


def _refuse_unstorable(read: msgspec.Struct, place: str, largest: int) -> None:
    """Refuse whole numbers that no column of the database has room for, and the character that PostgreSQL has none for."""
    for name in read.__struct_fields__:
        value: Any = getattr(read, name)
        for one in value if isinstance(value, list) else (value,):
            problem = None
            if isinstance(one, int) and abs(one) > largest:
                problem = f"at most {largest}"
            elif isinstance(one, str) and "\0" in one:
                problem = "no text with the character NUL"
            if problem is not None:
                raise ApiError(422, [{"type": "value_error", "loc": [place, name], "msg": problem}])


def _complaint(error: msgspec.ValidationError, place: str) -> list[dict[str, Any]]:
    """Return the error in the shape that Airflow's clients know."""
    message, _, where = str(error).partition(" - at `$.")
    return [
        {"type": "value_error", "loc": [place, *where.rstrip("`").split(".")] if where else [place], "msg": message}
    ]
