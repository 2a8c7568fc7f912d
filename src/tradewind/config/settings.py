"""The settings of one start: every option's value, where it came from, and what was wrong.

Only the composition root and the command line read `Settings`; every other room takes plain values.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from tradewind.config.options import OPTION_BY_NAME, OPTIONS
from tradewind.config.sources import find, home_folder, read_config_file, run_command, unknown_names
from tradewind.config.values import ConfigurationError, parse_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from tradewind.config.option import Option
    from tradewind.config.sources import Found
    from tradewind.config.values import Value

    T = TypeVar("T")
    SecretReader = Callable[[str], str | None]

__all__ = ["ConfigurationError", "SettingRow", "Settings", "load_settings"]

DEFAULT_SOURCE = "default"

_SECRETS_READER = "tradewind.standalone.author_values:config_secret"
"""By name, for it lies on a floor above: what asks the installation's secrets backend, whose class may be anybody's."""

_SECTIONS_OF_BACKENDS = frozenset({"secrets", "workers"})


@dataclass(frozen=True)
class SettingRow:
    """One option as `tradewind config list` shows it; `value` hides secrets unless they were asked for."""

    section: str
    key: str
    value: str
    source: str
    help: str


class Settings:
    """Every option's value. Getters raise `KeyError` for an option that does not exist.

    Values that a command or a secrets backend supplies are fetched when they are first read, everything else has been
    checked when `load_settings` returns.
    """

    def __init__(self, home: str, found: Mapping[tuple[str, str], Found], secret_reader: SecretReader | None) -> None:
        self.home = home
        self.warnings: tuple[str, ...] = ()
        self._found = found
        self._secret_reader = secret_reader
        self._values: dict[tuple[str, str], Value] = {}

    def value(self, section: str, key: str) -> Value:
        """Return the option's value in its type; raises `ConfigurationError` when it cannot be had."""
        name = (section, key)
        if name not in self._values:
            self._values[name] = self._resolve(OPTION_BY_NAME[name])
        return self._values[name]

    def string(self, section: str, key: str) -> str:
        """Return the value of an option of type string, path or choice."""
        return self._typed(section, key, str)

    def integer(self, section: str, key: str) -> int:
        """Return the value of an option of type integer."""
        return self._typed(section, key, int)

    def number(self, section: str, key: str) -> float:
        """Return the value of an option of type number."""
        return self._typed(section, key, float)

    def boolean(self, section: str, key: str) -> bool:
        """Return the value of an option of type boolean."""
        return self._typed(section, key, bool)

    def names(self, section: str, key: str) -> tuple[str, ...]:
        """Return the value of an option of type list."""
        return self._typed(section, key, tuple)

    def source(self, section: str, key: str) -> str:
        """Return where the value comes from, in words."""
        option = OPTION_BY_NAME[section, key]
        found = self._found.get((option.section, option.key))
        return found.source if found else DEFAULT_SOURCE

    def is_set(self, section: str, key: str) -> bool:
        """Return whether any source gave a value, so that it is not the default."""
        return self.source(section, key) != DEFAULT_SOURCE

    def rows(self, *, show_secrets: bool = False) -> list[SettingRow]:
        """Return every option with its value and source, in the order of the table."""
        return [
            SettingRow(
                option.section,
                option.key,
                self._shown(option, show_secrets=show_secrets),
                self.source(option.section, option.key),
                option.help,
            )
            for option in OPTIONS
        ]

    def check(self) -> None:
        """Raise `ConfigurationError` for the first value that is wrong, without running a command."""
        for option in OPTIONS:
            found = self._found.get((option.section, option.key))
            if found is None or found.kind == "text":
                self.value(option.section, option.key)

    def _typed(self, section: str, key: str, kind: type[T]) -> T:
        value = self.value(section, key)
        if type(value) is not kind:
            raise TypeError(f"[{section}] {key} is of type {OPTION_BY_NAME[section, key].type}")
        return value

    def _resolve(self, option: Option) -> Value:
        found = self._found.get((option.section, option.key))
        if found is None:
            return parse_value(option, option.default.replace("{home}", self.home), DEFAULT_SOURCE)
        text = found.text
        if found.kind == "command":
            text = run_command(text, found.source, option)
        elif found.kind == "secret":
            text = self._secret(text, found.source, option)
        return parse_value(option, text.replace("{home}", self.home), found.source)

    def _secret(self, name: str, source: str, option: Option) -> str:
        if option.section in _SECTIONS_OF_BACKENDS:
            raise ConfigurationError(
                f"{source}: {option.name} says how to reach the secrets backend: it cannot lie there"
            )
        text = self._secret_reader(name) if self._secret_reader is not None else _backend_reader()(self, name)
        if text is None:
            raise ConfigurationError(f"{source}: the secrets backend has no entry {name!r} for {option.name}")
        return text

    def _shown(self, option: Option, *, show_secrets: bool) -> str:
        if option.is_secret and not show_secrets and (option.section, option.key) in self._found:
            return "< hidden >"
        value = self.value(option.section, option.key)
        return ", ".join(value) if isinstance(value, tuple) else str(value)


def _backend_reader() -> Callable[[Settings, str], str | None]:
    from importlib import import_module  # noqa: PLC0415 - few installations keep options in a secrets backend

    module, _, name = _SECRETS_READER.partition(":")
    return getattr(import_module(module), name)


def load_settings(
    environ: Mapping[str, str] | None = None,
    home: str | None = None,
    *,
    secret_reader: SecretReader | None = None,
) -> Settings:
    """Return the settings; raises `ConfigurationError` with one sentence when a value is wrong.

    `environ` defaults to the process's environment and `home` to the home folder it names. `secret_reader` answers
    options that a `_SECRET` name leaves to a secrets backend; without one the backend that the settings name is asked.
    """
    environ = os.environ if environ is None else environ
    home = home_folder(environ) if home is None else os.path.abspath(home)  # noqa: PTH100 - pathlib is not loaded here
    own_file = read_config_file(f"{home}/tradewind.cfg")
    airflow_home = environ.get("AIRFLOW_HOME")
    airflow_file = read_config_file(f"{os.path.expanduser(airflow_home)}/airflow.cfg") if airflow_home else {}  # noqa: PTH111
    found: dict[tuple[str, str], Found] = {}
    for option in OPTIONS:
        first = find(option, environ, own_file, airflow_file)
        if first is not None:
            found[option.section, option.key] = first
    settings = Settings(home, found, secret_reader)
    settings.warnings = tuple(unknown_names(environ, own_file))
    settings.check()
    return settings
