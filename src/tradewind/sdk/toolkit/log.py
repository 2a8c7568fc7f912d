"""Logging for author classes: `self.log`, a standard logger under the name of the class."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger
    from typing import Any


class LoggingMixin:
    """Gives a class and its objects a logger, made when it is first asked for."""

    _log: Logger | None = None
    _log_config_logger_name: str | None = None
    """Put before the logger's name, so that one handler serves every class of a kind."""
    _logger_name: str | None = None
    """Logger's name instead of that of the class."""

    def __init__(self, context: Any = None) -> None:
        pass

    @property
    def log(self) -> Logger:
        """The object's logger."""
        if self._log is None:
            self._log = _logger(type(self), self._log_config_logger_name, self._logger_name)
        return self._log

    @classmethod
    def logger(cls) -> Logger:
        """Return the logger of the class."""
        return _logger(cls, cls._log_config_logger_name, cls._logger_name)


def _logger(of: type, parent: str | None, name: str | None) -> Logger:
    import logging  # noqa: PLC0415 - a DAG file that logs nothing does not pay for it

    own = f"{of.__module__}.{of.__name__}" if name is None else name
    return logging.getLogger(".".join(part for part in (parent, own) if part))
