"""What ids may look like."""

from __future__ import annotations

import re

from tradewind.sdk.exceptions import AirflowException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KEY_REGEX = re.compile(r"^[\w.-]+$")
GROUP_KEY_REGEX = re.compile(r"^[\w-]+$")


def validate_key(k: Any, max_length: int = 250) -> None:
    """Refuse what cannot be a dag_id, task_id or key.

    Raises TypeError for what is no text, AirflowException for text that is too long or has other characters than
    letters, digits, dashes, dots and underscores.
    """
    _validate(k, max_length, KEY_REGEX, "alphanumeric characters, dashes, dots and underscores")


def validate_group_key(k: Any, max_length: int = 200) -> None:
    """Refuse what cannot be the id of a task group: as `validate_key`, and without dots."""
    _validate(k, max_length, GROUP_KEY_REGEX, "alphanumeric characters, dashes and underscores")


def _validate(key: Any, max_length: int, allowed: re.Pattern[str], wording: str) -> None:
    if not isinstance(key, str):
        raise TypeError(f"The key has to be a string and is {type(key)}:{key}")
    if len(key) > max_length:
        raise AirflowException(f"The key has to be at most {max_length} characters, {key[:40]!r}... has {len(key)}")
    if not allowed.match(key):
        raise AirflowException(f"The key {key!r} has to be made of {wording} exclusively")
