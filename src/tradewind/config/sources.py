"""Where values come from: environment variables of both names, `tradewind.cfg`, `airflow.cfg`, commands.

What comes first wins:

1. `TRADEWIND__SECTION__KEY`, then its `_CMD`, then its `_SECRET`
2. `AIRFLOW__SECTION__KEY` of the counterpart, then its `_CMD`, then its `_SECRET`
3. `tradewind.cfg` in the home folder (`key`, `key_cmd`, `key_secret`)
4. `airflow.cfg` in `$AIRFLOW_HOME`, where that variable is set and the file exists
5. the default
"""

from __future__ import annotations

import configparser
import difflib
import os
import shlex
import subprocess
from dataclasses import dataclass

from tradewind.config.options import OPTION_BY_NAME, OPTIONS
from tradewind.config.values import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tradewind.config.option import Option

    ConfigFile = Mapping[str, Mapping[str, str]]

COMMAND_TIMEOUT_S = 60
_SUFFIXES = (("", "text"), ("_cmd", "command"), ("_secret", "secret"))
_OWN_PREFIX = "TRADEWIND__"


@dataclass(frozen=True)
class Found:
    """What one source says of an option; `kind` is text, command (to run) or secret (to look up)."""

    text: str
    kind: str
    source: str


def home_folder(environ: Mapping[str, str]) -> str:
    """Return the absolute path of the home folder: `$TRADEWIND_HOME`, else `tradewind` in the user's."""
    return os.path.abspath(os.path.expanduser(environ.get("TRADEWIND_HOME") or "~/tradewind"))  # noqa: PTH100, PTH111


def read_config_file(path: str) -> ConfigFile:
    """Return the sections of an ini file, empty when there is none; raises `ConfigurationError` when it is malformed.

    `%%` stands for one percent sign, as in Airflow's files; nothing else is interpolated.
    """
    parser = configparser.ConfigParser(interpolation=None, default_section="", strict=False)
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib stays off the import path
            parser.read_file(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    return {
        section.lower(): {key: text.replace("%%", "%") for key, text in parser.items(section)}
        for section in parser.sections()
    }


def find(option: Option, environ: Mapping[str, str], own_file: ConfigFile, airflow_file: ConfigFile) -> Found | None:
    """Return what the first source that knows the option says; None when all are silent."""
    candidates = _candidates(option, environ, own_file, airflow_file)
    return next(candidates, None)


def _candidates(
    option: Option, environ: Mapping[str, str], own_file: ConfigFile, airflow_file: ConfigFile
) -> Iterator[Found]:
    airflow_names = [name for name in (option.airflow, *option.former) if name is not None]
    yield from _in_environment(option, "TRADEWIND", [(option.section, option.key)], environ)
    yield from _in_environment(option, "AIRFLOW", airflow_names, environ)
    yield from _in_file(option, "tradewind.cfg", [(option.section, option.key)], own_file)
    if option.is_read_from_airflow_cfg:
        yield from _in_file(option, "airflow.cfg", airflow_names, airflow_file)


def _in_environment(
    option: Option, prefix: str, names: list[tuple[str, str]], environ: Mapping[str, str]
) -> Iterator[Found]:
    for section, key in names:
        for suffix, kind in _SUFFIXES if option.is_secret else _SUFFIXES[:1]:
            variable = f"{prefix}__{section}__{key}{suffix}".upper()
            if variable in environ:
                yield Found(environ[variable], kind, f"environment variable {variable}")


def _in_file(option: Option, file_name: str, names: list[tuple[str, str]], file: ConfigFile) -> Iterator[Found]:
    for section, key in names:
        for suffix, kind in _SUFFIXES if option.is_secret else _SUFFIXES[:1]:
            text = file.get(section, {}).get(key + suffix)
            # An empty secret in a file is one that was left for another place to fill.
            if text is not None and (text or not option.is_secret):
                yield Found(text, kind, file_name)


def run_command(command: str, source: str, option: Option) -> str:
    """Return what a `_CMD` command prints; raises `ConfigurationError` when it fails."""
    try:
        ran = subprocess.run(
            shlex.split(command), capture_output=True, text=True, check=False, timeout=COMMAND_TIMEOUT_S
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"{source}: the command for {option.name} cannot be run: {error}") from None
    if ran.returncode:
        raise ConfigurationError(
            f"{source}: the command for {option.name} ended with status {ran.returncode}: {ran.stderr.strip()[-500:]}"
        )
    return ran.stdout.rstrip("\n")


def unknown_names(environ: Mapping[str, str], own_file: ConfigFile) -> list[str]:
    """Return one sentence for each name of ours that no option has, with the nearest one that exists.

    Airflow's own names without a counterpart are no mistake and are left alone.
    """
    known = {name + suffix for option in OPTIONS for name, suffix in _spellings(option)}
    found = [
        f"environment variable {variable} sets nothing{_nearest(variable, known)}"
        for variable in sorted(environ)
        if variable.startswith(_OWN_PREFIX) and variable not in known
    ]
    for section, entries in own_file.items():
        for key in entries:
            if f"{_OWN_PREFIX}{section}__{key}".upper() not in known:
                names = {f"[{option.section}] {option.key}" for option in OPTION_BY_NAME.values()}
                found.append(f"tradewind.cfg: [{section}] {key} sets nothing{_nearest(f'[{section}] {key}', names)}")
    return found


def _spellings(option: Option) -> list[tuple[str, str]]:
    suffixes = _SUFFIXES if option.is_secret else _SUFFIXES[:1]
    return [(option.environment_name, suffix.upper()) for suffix, _ in suffixes]


def _nearest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; the nearest option is {near[0]}" if near else ""
