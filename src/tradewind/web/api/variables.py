"""Variables; values whose key says that they are secret are not told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError, NotFoundError
from tradewind.web.answers.redaction import HIDDEN
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.metadata.variables import VariableDetail
    from tradewind.web.operations import Call


class VariablesQuery(PageQuery, kw_only=True):
    """Which variables."""

    variable_key_pattern: str | None = None


class VariableBody(msgspec.Struct, kw_only=True):
    """A variable; a value that is no text is stored as JSON."""

    key: str
    value: Any = None
    description: str | None = None


def list_variables(call: Call) -> dict[str, Any]:
    """List the variables."""
    found, total = call.backend.variables.list(pattern=call.query.variable_key_pattern, page=page_of(call))
    return {"variables": [_variable(call, variable) for variable in found], "total_entries": total}


def get_variable(call: Call) -> dict[str, Any]:
    """Get one variable."""
    return _variable(call, _find_variable(call, call.path["variable_key"]))


def create_variable(call: Call) -> dict[str, Any]:
    """Create a variable."""
    body: VariableBody = call.body
    if call.backend.variables.get(body.key) is not None:
        raise AlreadyExistsError(f"there is a variable {body.key!r} already")
    call.backend.variables.set(body.key, _text(body.value), body.description)
    return _variable(call, _find_variable(call, body.key))


def patch_variable(call: Call) -> dict[str, Any]:
    """Change a variable."""
    body: VariableBody = call.body
    before = _find_variable(call, call.path["variable_key"])
    if body.key != before.key:
        raise InvalidRequestError("the key in the body is not the one in the path")
    value = _text(body.value) if "value" in call.sent_fields else before.value
    call.backend.variables.set(before.key, value, body.description)
    return _variable(call, _find_variable(call, before.key))


def delete_variable(call: Call) -> None:
    """Delete a variable."""
    if not call.backend.variables.delete(call.path["variable_key"]):
        raise NotFoundError(f"there is no variable {call.path['variable_key']!r}")


def _find_variable(call: Call, key: str) -> VariableDetail:
    found = call.backend.variables.get(key)
    if found is None:
        raise NotFoundError(f"there is no variable {key!r}")
    return found


def _variable(call: Call, variable: VariableDetail) -> dict[str, Any]:
    is_hidden = call.backend.redaction.is_sensitive(variable.key)
    return {
        "key": variable.key,
        "value": HIDDEN if is_hidden else variable.value,
        "description": variable.description,
        "is_encrypted": variable.is_encrypted,
        "team_name": None,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


OPERATIONS = (
    Operation("GET", "/api/v2/variables", list_variables, role="op", query=VariablesQuery),
    Operation("POST", "/api/v2/variables", create_variable, role="op", body=VariableBody, status=201),
    Operation("GET", "/api/v2/variables/{variable_key:path}", get_variable, role="op"),
    Operation("PATCH", "/api/v2/variables/{variable_key:path}", patch_variable, role="op", body=VariableBody),
    Operation("DELETE", "/api/v2/variables/{variable_key:path}", delete_variable, role="op", status=204),
)
