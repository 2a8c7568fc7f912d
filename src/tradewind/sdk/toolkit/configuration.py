"""`conf`: the installation's configuration as DAG files read it, by Airflow's sections and keys."""

from __future__ import annotations

import json

from tradewind.config.airflow_names import airflow_option, airflow_section
from tradewind.sdk.exceptions import AirflowConfigException
from tradewind.sdk.toolkit.kinds import NOTSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeVar

    T = TypeVar("T")

_TRUE = frozenset({"t", "true", "1", "yes", "y", "on"})
_FALSE = frozenset({"f", "false", "0", "no", "n", "off"})


class AirflowConfigParser:
    """Reads options. Each getter takes `fallback`, and without one raises AirflowConfigException for what is not set.

    A value of the wrong kind raises AirflowConfigException too.
    """

    def get(self, section: str, key: str, fallback: Any = NOTSET, **_unused: Any) -> Any:
        """Return an option as text."""
        text = airflow_option(section, key)
        if text is not None:
            return text
        if fallback is NOTSET:
            raise AirflowConfigException(f"section/key [{section}/{key}] not found in config")
        return fallback

    def get_mandatory_value(self, section: str, key: str, **kwargs: Any) -> str:
        """Return an option as text. Raises ValueError when there is none."""
        value = self.get(section, key, **kwargs)
        if value is None:
            raise ValueError(f"The value {section}/{key} should be set!")
        return value

    def getboolean(self, section: str, key: str, fallback: Any = NOTSET, **_unused: Any) -> Any:
        """Return an option as a bool."""
        return self._read(section, key, fallback, _boolean)

    def getint(self, section: str, key: str, fallback: Any = NOTSET, **_unused: Any) -> Any:
        """Return an option as a whole number."""
        return self._read(section, key, fallback, int)

    def getfloat(self, section: str, key: str, fallback: Any = NOTSET, **_unused: Any) -> Any:
        """Return an option as a number."""
        return self._read(section, key, fallback, float)

    def getlist(self, section: str, key: str, fallback: Any = NOTSET, delimiter: str = ",", **_unused: Any) -> Any:
        """Return an option as the list of its parts."""
        return self._read(section, key, fallback, lambda text: [part.strip() for part in text.split(delimiter) if part])

    def getjson(self, section: str, key: str, fallback: Any = NOTSET, **_unused: Any) -> Any:
        """Return an option as what its JSON says."""
        return self._read(section, key, fallback, json.loads)

    def getimport(self, section: str, key: str, **kwargs: Any) -> Any:
        """Return what an option names by its dotted path, None for an empty one."""
        path = self.get(section, key, **kwargs)
        from tradewind.sdk.toolkit.loading import import_string  # noqa: PLC0415 - few options name code

        return import_string(path) if path else None

    def has_option(self, section: str, option: str, **_unused: Any) -> bool:
        """Say whether an option is set or has a default."""
        return airflow_option(section, option) is not None

    def getsection(self, section: str, **_unused: Any) -> dict[str, Any] | None:
        """Return the options of a section, None for one without any."""
        return airflow_section(section) or None

    def set(self, section: str, option: str, value: Any = None) -> NoReturn:
        """Refuse: the configuration of a running system is not changed from a DAG file."""
        raise AirflowConfigException(
            f"[{section}] {option} cannot be set to {value!r} here: write it to tradewind.cfg or to the environment "
            f"variable AIRFLOW__{section.upper()}__{option.upper()}, and start again"
        )

    def _read(self, section: str, key: str, fallback: Any, read: Callable[[str], T]) -> T | Any:
        text = self.get(section, key, fallback)
        if not isinstance(text, str) or (text is fallback):
            return text
        try:
            return read(text.strip())
        except ValueError as error:
            raise AirflowConfigException(
                f"[{section}] {key} has the value {text!r}, which cannot be read: {error}"
            ) from None


def _boolean(text: str) -> bool:
    word = text.partition("#")[0].strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("not a boolean")


conf = AirflowConfigParser()
