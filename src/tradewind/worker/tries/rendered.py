"""The template fields of a try as they were rendered, for people to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.sdk.toolkit.masking import redact

if TYPE_CHECKING:
    from tradewind.sdk.definitions.operator import BaseOperator

_MAX_FIELD_BYTES = 4096


def rendered_fields(task: BaseOperator) -> bytes | None:
    """Return a JSON object of the template fields that hold something, secrets struck out; None when none does.

    What is no JSON is shown as its text, what is long only by its beginning.
    """
    shown: dict[str, msgspec.Raw] = {}
    for name in task.template_fields:
        value = getattr(task, name, None)
        if not _is_empty(value):
            shown[name] = msgspec.Raw(_field(redact(value, name)))
    return _encoder.encode(shown) if shown else None


def _field(value: Any) -> bytes:
    try:
        encoded = _encoder.encode(value)
    except (TypeError, ValueError, RecursionError, NotImplementedError):
        encoded = _encoder.encode(_text(value))
    if len(encoded) <= _MAX_FIELD_BYTES:
        return encoded
    text = value if isinstance(value, str) else encoded.decode()
    return _encoder.encode(f"{text[:_MAX_FIELD_BYTES]}... (of {len(encoded)} bytes)")


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - an author's object may not even print
        return f"<{type(value).__name__}>"


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, bytes, list, tuple, dict, set)) and not value)


_encoder = msgspec.json.Encoder(enc_hook=_text)
