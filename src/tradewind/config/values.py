"""From the text of a file or an environment variable to a value of the option's type."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.config.option import Option

    Value = str | int | float | bool | tuple[str, ...]

_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


class ConfigurationError(ValueError):
    """An option has a value it cannot have: the message names where, which, what was found and what is allowed."""


def parse_value(option: Option, text: str, source: str) -> Value:
    """Return the value that `text` means for `option`; raises `ConfigurationError` naming `source`."""
    text = text.strip()
    try:
        return _PARSERS[option.type](option, text)
    except ValueError:
        shown = "< hidden >" if option.is_secret else repr(text)
        raise ConfigurationError(f"{source}: {option.name} is {shown}, allowed is {allowed(option)}") from None


def allowed(option: Option) -> str:
    """Return in words what the option may be."""
    if option.type == "choice":
        return "one of " + ", ".join(option.choices)
    words = {"integer": "a whole number", "number": "a number", "boolean": "True or False", "list": "a comma list"}
    word = words.get(option.type, "text")
    return word if option.minimum is None else f"{word}, at least {option.minimum:g}"


def _parse_string(_option: Option, text: str) -> str:
    return text


def _parse_integer(option: Option, text: str) -> int:
    return int(_bounded(option, int(text)))


def _parse_number(option: Option, text: str) -> float:
    number = float(text)
    if number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 - not a number differs from itself
        raise ValueError(text)
    return _bounded(option, number)


def _parse_boolean(_option: Option, text: str) -> bool:
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(text)


def _parse_path(_option: Option, text: str) -> str:
    return os.path.abspath(os.path.expandvars(os.path.expanduser(text))) if text else ""  # noqa: PTH100, PTH111 - cheap


def _parse_choice(option: Option, text: str) -> str:
    for choice in option.choices:
        if choice.lower() == text.lower():
            return choice
    raise ValueError(text)


def _parse_list(_option: Option, text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _bounded(option: Option, number: float) -> float:
    if option.minimum is not None and number < option.minimum:
        raise ValueError(number)
    return number


_PARSERS: dict[str, Callable[[Option, str], Value]] = {
    "string": _parse_string,
    "integer": _parse_integer,
    "number": _parse_number,
    "boolean": _parse_boolean,
    "path": _parse_path,
    "choice": _parse_choice,
    "list": _parse_list,
}
