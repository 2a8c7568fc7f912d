"""Formats of partition keys that have to be read back: `strftime` directives and placeholders such as `{quarter}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIRECTIVES = {"Y": r"\d{4}", **dict.fromkeys("mdHMSVUW", r"\d{2}")}
_PART = re.compile(r"%(?P<directive>[YmdHMSVUW])|\{(?P<placeholder>[^}]*)\}|(?P<literal>.)", re.DOTALL)
_ANY_WORD = r"\w+"


def key_pattern(key_format: str, placeholders: Mapping[str, str] | None = None) -> re.Pattern[str]:
    """Return what reads a key of the format; its groups are named as the directives and placeholders.

    Raises ValueError for a format that cannot be read back: a name twice, a placeholder that is no name, two of them side
    by side with nothing to tell them apart.
    """
    known = placeholders or {}
    seen: set[str] = set()
    parts: list[str] = []
    was_any_word = False
    for part in _PART.finditer(key_format):
        directive, placeholder, literal = part.group("directive", "placeholder", "literal")
        if literal is not None:
            parts.append(re.escape(literal))
            was_any_word = False
            continue
        name = directive or placeholder
        if not name.isidentifier():
            raise ValueError(f"output_format {key_format!r} has invalid placeholder {{{name}}}: it has to be a name")
        if name in seen:
            raise ValueError(f"output_format {key_format!r} reuses {part.group()!r}: it may stand there once")
        seen.add(name)
        pattern = _DIRECTIVES[name] if directive else known.get(name, _ANY_WORD)
        if pattern is _ANY_WORD and was_any_word:
            raise ValueError(
                f"output_format {key_format!r} has adjacent default-pattern placeholders: put something before {{{name}}}"
            )
        was_any_word = pattern is _ANY_WORD
        parts.append(f"(?P<{name}>{pattern})")
    return re.compile(f"^{''.join(parts)}$")
