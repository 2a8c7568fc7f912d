"""Text: random, read as a truth value, hashed; and the name of this machine."""

from __future__ import annotations

import hashlib
import secrets
import socket
import string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TRUE_LIKE_VALUES = {"on", "t", "true", "y", "yes", "1"}


def get_random_string(length: int = 8, choices: str = string.ascii_letters + string.digits) -> str:
    """Return that many random characters."""
    return "".join(secrets.choice(choices) for _ in range(length))


def to_boolean(astring: str | None) -> bool:
    """Say whether the text is one of the words for yes."""
    return astring is not None and astring.lower() in TRUE_LIKE_VALUES


def md5(data: bytes = b"", /) -> Any:
    """Return the MD5 hash object of the data, where MD5 is no matter of security."""
    return hashlib.md5(data, usedforsecurity=False)


def get_hostname() -> str:
    """Return the full name of this machine."""
    return socket.getfqdn()
