"""Text: random, and read as a truth value."""

from __future__ import annotations

import secrets
import string

TRUE_LIKE_VALUES = {"on", "t", "true", "y", "yes", "1"}


def get_random_string(length: int = 8, choices: str = string.ascii_letters + string.digits) -> str:
    """Return that many random characters."""
    return "".join(secrets.choice(choices) for _ in range(length))


def to_boolean(astring: str | None) -> bool:
    """Say whether the text is one of the words for yes."""
    return astring is not None and astring.lower() in TRUE_LIKE_VALUES
