"""Tokens: JSON Web Tokens signed with HMAC-SHA256 (RFC 7519, RFC 7515).

Written out here because the usual library loads a whole cryptography stack, which costs more memory and start-up time
than all the rest of the sign-in, and only HMAC is needed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

AUDIENCE = "apache-airflow"
"""What Airflow's own tokens carry, and its clients expect."""
_HEADER = {"alg": "HS256", "typ": "JWT"}


class InvalidTokenError(ValueError):
    """A token that is malformed, not ours, or not valid now."""


def make_token(claims: dict[str, Any], secret: str, now: datetime, valid_s: int) -> str:
    """Return a signed token with the claims, valid from `now` for `valid_s` seconds."""
    at = int(now.timestamp())
    times = {"aud": AUDIENCE, "iat": at, "nbf": at, "exp": at + valid_s}
    signed = f"{_encode(msgspec.json.encode(_HEADER))}.{_encode(msgspec.json.encode(claims | times))}"
    return f"{signed}.{_encode(_sign(signed, secret))}"


def read_token(token: str, secret: str, now: datetime, leeway_s: int = 0) -> dict[str, Any]:
    """Return the claims. Raises `InvalidTokenError` for a token that cannot be trusted at `now`."""
    signed, _, signature = token.rpartition(".")
    header, dot, payload = signed.partition(".")
    try:
        if not dot or not hmac.compare_digest(_decode(signature), _sign(signed, secret)):
            raise InvalidTokenError("the token is not signed by this server")
        if msgspec.json.decode(_decode(header), type=dict).get("alg") != _HEADER["alg"]:
            raise InvalidTokenError("the token is signed with another algorithm")
        claims: dict[str, Any] = msgspec.json.decode(_decode(payload), type=dict)
        at = now.timestamp()
        if at > float(claims["exp"]) + leeway_s:
            raise InvalidTokenError("the token has expired: sign in again")
        if at < float(claims.get("nbf", 0)) - leeway_s or claims.get("aud") != AUDIENCE:
            raise InvalidTokenError("the token is not valid here and now")
    except (binascii.Error, msgspec.MsgspecError, KeyError, TypeError, UnicodeError) as error:
        raise InvalidTokenError("the token is malformed") from error
    return claims


def _sign(signed: str, secret: str) -> bytes:
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
