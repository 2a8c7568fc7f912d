"""Task logs, as records or as text, whole or from where the reader left off."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import PlainTextResponse, Response

from tradewind.core.states import LIVE
from tradewind.logs.layout import TryLogId, callbacks_log
from tradewind.logs.lines import parse_lines
from tradewind.logs.reader import CHUNK_BYTES, LogChunk, read_chunk
from tradewind.metadata.errors import InvalidRequestError, NotFoundError
from tradewind.metadata.runs import get_run, list_tries
from tradewind.web.api.task_instances import INSTANCE, find_instance
from tradewind.web.operations import Operation

if TYPE_CHECKING:
    from tradewind.logs.lines import LogLine
    from tradewind.web.operations import Call

MAX_FULL_BYTES = 32 << 20
"""Of a longer log, so much is given at once even where all of it was asked for."""


class LogQuery(msgspec.Struct):
    """Which log, and from where."""

    map_index: int = -1
    full_content: bool = False
    token: str | None = None


class Position(msgspec.Struct):
    """What a continuation token says."""

    offset: int


def get_log(call: Call) -> Response | dict[str, Any]:
    """Get the log of one try: JSON records, or text where the request accepts that."""
    query: LogQuery = call.query
    instance = find_instance(call)
    try_number: int = call.path["try_number"]
    is_live = instance.state in LIVE and try_number == instance.try_number
    if try_number < 1 or try_number > max(instance.try_number, 1):
        known = {attempt.try_number for attempt in list_tries(call.backend.database, instance.ti_pk)}
        if try_number not in known:
            raise NotFoundError(f"task instance {instance.task_id!r} has no try {try_number}")
    log = TryLogId(instance.dag_id, instance.run_id, instance.task_id, instance.map_index, try_number)
    path = call.backend.logs.path(log)
    offset = _read_token(query.token)
    chunk = read_chunk(path, offset, MAX_FULL_BYTES if query.full_content else CHUNK_BYTES)
    if "text/plain" in call.headers.get("accept", ""):
        return PlainTextResponse(chunk.text, headers={"Airflow-Continuation-Token": _token(chunk)})
    records = _head(str(path)) if offset == 0 else []
    records += [_record(line) for line in parse_lines(chunk.text)]
    more = chunk.has_more or is_live
    return {"content": records, "continuation_token": _token(chunk) if more else None}


def get_callback_log(call: Call) -> Response | dict[str, Any]:
    """Get the log of a run's callbacks: the DAG's own and those of its deadlines, not those of its tasks."""
    query: LogQuery = call.query
    run = get_run(call.backend.database, call.path["dag_id"], call.path["dag_run_id"])
    path = call.backend.logs.path(callbacks_log(run.dag_id, run.run_id))
    chunk = read_chunk(path, _read_token(query.token), MAX_FULL_BYTES if query.full_content else CHUNK_BYTES)
    if "text/plain" in call.headers.get("accept", ""):
        return PlainTextResponse(chunk.text, headers={"Airflow-Continuation-Token": _token(chunk)})
    return {
        "content": [_record(line) for line in parse_lines(chunk.text)],
        "continuation_token": _token(chunk) if chunk.has_more else None,
    }


def _head(source: str) -> list[dict[str, Any]]:
    """Return the lines that say where the log comes from, folded in Airflow's UI."""
    return [
        {"timestamp": None, "event": "::group::Log message source details", "sources": [source]},
        {"timestamp": None, "event": "::endgroup::"},
    ]


def _record(line: LogLine) -> dict[str, Any]:
    record: dict[str, Any] = {"timestamp": line.timestamp, "event": line.message}
    if line.level is not None:
        record["level"] = line.level.lower()
    if line.source is not None:
        record["logger"] = line.source
    return record


def _token(chunk: LogChunk) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(Position(chunk.next_offset))).decode()


def _read_token(token: str | None) -> int:
    if not token:
        return 0
    try:
        position = msgspec.json.decode(base64.urlsafe_b64decode(token), type=Position)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise InvalidRequestError("the continuation token is none that this server gave") from None
    return max(0, position.offset)


OPERATIONS = (
    Operation("GET", f"{INSTANCE}/logs/{{try_number:int}}", get_log, query=LogQuery),
    Operation("GET", "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/callbackLogs", get_callback_log, query=LogQuery),
)
