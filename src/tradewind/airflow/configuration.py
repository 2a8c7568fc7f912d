"""Module-level names of `airflow.configuration` and `airflow.settings`: looked up when they are asked for."""

from __future__ import annotations

from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

get = conf.get
getboolean = conf.getboolean
getfloat = conf.getfloat
getint = conf.getint
has_option = conf.has_option

_FOLDERS = {"DAGS_FOLDER": "dags_folder", "PLUGINS_FOLDER": "plugins_folder"}


def __getattr__(name: str) -> Any:
    """Return a folder or the default time zone."""
    if name in _FOLDERS:
        return conf.get("core", _FOLDERS[name])
    if name == "AIRFLOW_HOME":
        from tradewind.config.airflow_names import home_folder_of_process  # noqa: PLC0415 - few files ask

        return home_folder_of_process()
    if name == "TIMEZONE":
        from tradewind.sdk.timezone import default_timezone  # noqa: PLC0415 - it needs pendulum

        return default_timezone()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
