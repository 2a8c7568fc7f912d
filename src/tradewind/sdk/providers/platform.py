"""What `airflow.utils.platform` tells of the machine."""

from __future__ import annotations

import getpass
import platform
import sys

IS_WINDOWS = platform.system() == "Windows"


def is_tty() -> bool:
    """Return whether a person watches: standard output is a terminal."""
    return sys.stdout.isatty()


def is_terminal_support_colors() -> bool:
    """Return whether the terminal shows colours."""
    from rich.console import Console

    return Console().color_system is not None


def getuser() -> str:
    """Return the name of the user that this process runs as. Raises AirflowConfigException where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        from tradewind.sdk.exceptions import AirflowConfigException  # noqa: PLC0415 - as above

        raise AirflowConfigException(
            "the user that this process runs as has no name: give it one, or set the environment variable LOGNAME"
        ) from None
