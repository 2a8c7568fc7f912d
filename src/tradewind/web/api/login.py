"""Signing in: a token for a name and a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.web.auth.users import ANYBODY
from tradewind.web.errors import ApiError
from tradewind.web.operations import Operation

if TYPE_CHECKING:
    from tradewind.web.operations import Call


class Credentials(msgspec.Struct):
    """What a user types."""

    username: str
    password: str


def create_token(call: Call) -> dict[str, Any]:
    """Create a token for a name and a password."""
    return {"access_token": call.backend.gate.sign_in(call.body.username, call.body.password)}


def create_token_for_anybody(call: Call) -> dict[str, Any]:
    """Create a token without signing in, where everybody is admin."""
    if not call.backend.gate.is_open:
        raise ApiError(403, "Only where everybody is admin ([core] simple_auth_manager_all_admins)")
    return {"access_token": call.backend.gate.token_for(ANYBODY)}


def tell_sign_in(call: Call) -> dict[str, Any]:
    """Get whether one has to sign in."""
    return {"is_needed": not call.backend.gate.is_open}


def who_am_i(call: Call) -> dict[str, Any]:
    """Get the name and role of who asks."""
    return {"username": call.user.name, "role": call.user.role}


OPERATIONS = (
    Operation("POST", "/auth/token", create_token, role=None, body=Credentials, status=201),
    Operation("POST", "/auth/token/cli", create_token, role=None, body=Credentials, status=201),
    Operation("GET", "/auth/token", create_token_for_anybody, role=None, status=201),
    Operation("GET", "/ui/sign-in", tell_sign_in, role=None),
    Operation("GET", "/ui/me", who_am_i),
)
