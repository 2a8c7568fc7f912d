"""Keeping secrets out of answers, by the names they go under: those that Airflow hides, and the installation's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "***"
_TELLING = (
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
)


class Redaction:
    """Knows which names tell of a secret; none does while it is not on."""

    def __init__(self, more_names: Iterable[str], *, is_on: bool) -> None:
        self._names = (*_TELLING, *(name.strip().lower() for name in more_names if name.strip())) if is_on else ()

    def is_sensitive(self, name: str) -> bool:
        """Return whether what goes under the name is to be hidden."""
        lowered = name.lower()
        return any(telling in lowered for telling in self._names)

    def redacted_json(self, text: str | None) -> str | None:
        """Return a JSON object with its secrets hidden; other text is hidden whole, for nobody knows what it holds."""
        if not text:
            return text
        fields = _object(text)
        if fields is None:
            return HIDDEN if self._names else text
        return msgspec.json.encode(self._redacted(fields)).decode()

    def redacted(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return an object with its secrets hidden."""
        return self._redacted(fields)

    def _redacted(self, value: Any) -> Any:
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            return {
                name: HIDDEN if self.is_sensitive(name) and inner else self._redacted(inner)
                for name, inner in fields.items()
            }
        if isinstance(value, list):
            return [self._redacted(inner) for inner in cast("list[Any]", value)]
        return value


def restored_json(text: str | None, before: str | None) -> str | None:
    """Return `text` with each hidden value put back from `before`: a form may send what it was shown."""
    if text == HIDDEN:
        return before
    fields, old = _object(text or ""), _object(before or "")
    if fields is None or old is None:
        return text
    return msgspec.json.encode(_restored(fields, old)).decode()


def _restored(fields: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    restored: dict[str, Any] = {}
    for name, value in fields.items():
        known = old.get(name)
        if value == HIDDEN and known is not None:
            restored[name] = known
        elif isinstance(value, dict) and isinstance(known, dict):
            restored[name] = _restored(cast("dict[str, Any]", value), cast("dict[str, Any]", known))
        else:
            restored[name] = value
    return restored


def _object(text: str) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        return None
