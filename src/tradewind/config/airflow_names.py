"""Configuration under Airflow's names, for author code: `conf.get(section, key)` there asks here.

An option that Tradewind has answers with its value, wherever that came from. Any other name is looked for where
Airflow looks: in the environment variable `AIRFLOW__SECTION__KEY` and in `$AIRFLOW_HOME/airflow.cfg`.
"""

from __future__ import annotations

import functools
import os

from tradewind.config.options import OPTIONS
from tradewind.config.settings import load_settings
from tradewind.config.sources import home_folder, read_config_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.config.option import Option
    from tradewind.config.settings import Settings


_AIRFLOW_DEFAULTS = {
    ("kubernetes_executor", "namespace"): "default",
    ("kubernetes_executor", "worker_container_repository"): "",
    ("kubernetes_executor", "worker_container_tag"): "",
    ("webserver", "base_url"): "http://localhost:8080",
}
"""Airflow's defaults of options without a counterpart which DAG files read."""


def airflow_option(section: str, key: str) -> str | None:
    """Return the option's value as text, None when nothing says anything of it.

    Raises `ConfigurationError` when a value is wrong.
    """
    section, key = section.lower(), key.lower()
    text = os.environ.get(f"AIRFLOW__{section}__{key}".upper())
    if text is not None:
        return text
    option = _by_airflow_name().get((section, key))
    if option is not None:
        value = _settings().value(option.section, option.key)
        return ",".join(value) if isinstance(value, tuple) else str(value)
    return _airflow_file().get(section, {}).get(key, _AIRFLOW_DEFAULTS.get((section, key)))


def airflow_section(section: str) -> dict[str, str]:
    """Return every option of one of Airflow's sections that something says something of."""
    section = section.lower()
    prefix = f"AIRFLOW__{section}__".upper()
    keys = {key for known, key in _by_airflow_name() if known == section}
    keys |= set(_airflow_file().get(section, {}))
    keys |= {name[len(prefix) :].lower() for name in os.environ if name.startswith(prefix)}
    found = {key: airflow_option(section, key) for key in sorted(keys)}
    return {key: text for key, text in found.items() if text is not None}


def home_folder_of_process() -> str:
    """Return the home folder that the environment names."""
    return home_folder(os.environ)


def forget_settings() -> None:
    """Read everything again at the next question: the environment or a file has changed."""
    _settings.cache_clear()
    _airflow_file.cache_clear()


@functools.cache
def _by_airflow_name() -> dict[tuple[str, str], Option]:
    named: dict[tuple[str, str], Option] = {}
    for option in OPTIONS:
        for name in ((option.section, option.key), option.airflow, *option.former):
            if name is not None:
                named.setdefault(name, option)
    return named


@functools.cache
def _settings() -> Settings:
    return load_settings()


@functools.cache
def _airflow_file() -> Mapping[str, Mapping[str, str]]:
    home = os.environ.get("AIRFLOW_HOME")
    return read_config_file(f"{os.path.expanduser(home)}/airflow.cfg") if home else {}  # noqa: PTH111 - as in settings
