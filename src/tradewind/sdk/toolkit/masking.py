"""Keep secrets out of task logs: what connections and variables hand to author code is known here and struck out."""

from __future__ import annotations

import logging
import re

from tradewind.sdk.toolkit.values import is_container, is_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

REPLACEMENT = "***"

DEFAULT_SENSITIVE_FIELDS = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "authorization",
        "keyfile_dict",
        "passphrase",
        "passwd",
        "password",
        "private_key",
        "secret",
        "service_account",
        "token",
    }
)
"""A name that contains one of these has a secret for a value."""

_SHORTEST_SECRET = 5
"""Shorter ones would strike out half of every log."""

_MAX_DEPTH = 5

_sensitive_fields = DEFAULT_SENSITIVE_FIELDS
_secrets: set[str] = set()
_pattern: re.Pattern[str] | None = None


class SecretsMasker(logging.Filter):
    """Strikes known secrets out of log records: their text, their arguments and their traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask `record` in place; always lets it through."""
        if _pattern is not None:
            record.msg = redact(record.getMessage())
            record.args = ()
            if record.exc_info and not record.exc_text:
                record.exc_text = logging.Formatter().formatException(record.exc_info)
            if record.exc_text:
                record.exc_text = _strike_out(record.exc_text)
        return True


def set_sensitive_fields(names: Iterable[str]) -> None:
    """Add the installation's own words (option core.sensitive_var_conn_names) to the default ones."""
    global _sensitive_fields  # noqa: PLW0603 - one set a process, installed by the root
    _sensitive_fields = DEFAULT_SENSITIVE_FIELDS | {name.strip().lower() for name in names if name.strip()}


def should_hide_value_for_key(name: Any) -> bool:
    """Say whether a value under this name is a secret."""
    return isinstance(name, str) and any(field in name.strip().lower() for field in _sensitive_fields)


def mask_secret(secret: Any, name: str | None = None) -> None:
    """Strike `secret` out of this process's task logs from now on.

    With a `name` only when the name is a sensitive one. Of a dict the values under sensitive keys, of another
    container each item.
    """
    global _pattern  # noqa: PLW0603 - one set of secrets a process
    before = len(_secrets)
    _collect(secret, name, 0)
    if len(_secrets) > before:
        longest_first = sorted(_secrets, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, longest_first)))


async def amask_secret(secret: Any, name: str | None = None) -> None:
    """Do what `mask_secret` does; nothing in it waits here."""
    mask_secret(secret, name)


def redact(value: Any, name: str | None = None, max_depth: int | None = None) -> Any:
    """Return `value` with known secrets, and what stands under sensitive keys, replaced by `***`."""
    depth = _MAX_DEPTH if max_depth is None else max_depth
    if name is not None and should_hide_value_for_key(name):
        return REPLACEMENT if value else value
    if isinstance(value, str):
        return _strike_out(value)
    if depth <= 0:
        return value
    if is_dict(value):
        return {key: redact(item, key if isinstance(key, str) else None, depth - 1) for key, item in value.items()}
    if type(value) in {list, tuple, set, frozenset}:
        return type(value)(redact(item, None, depth - 1) for item in value)
    return value


def reset_masker() -> None:
    """Forget every secret: between tests, and in a child that inherited those of its parent."""
    global _pattern  # noqa: PLW0603 - as in mask_secret
    _secrets.clear()
    _pattern = None


def _collect(secret: Any, name: str | None, depth: int) -> None:
    if not secret or depth > _MAX_DEPTH:
        return
    if isinstance(secret, str):
        if (name is None or should_hide_value_for_key(name)) and len(secret) >= _SHORTEST_SECRET:
            _secrets.add(secret)
    elif is_dict(secret):
        for key, item in secret.items():
            if should_hide_value_for_key(key) or isinstance(item, (dict, list)):
                _collect(item, key if isinstance(item, str) else None, depth + 1)
    elif is_container(secret):
        for item in secret:
            _collect(item, name, depth + 1)


def _strike_out(text: str) -> str:
    return text if _pattern is None else _pattern.sub(REPLACEMENT, text)
