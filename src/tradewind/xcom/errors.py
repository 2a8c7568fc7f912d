"""What goes wrong with XCom values."""

from __future__ import annotations


class XComValueError(ValueError):
    """A value cannot be written as JSON, or cannot be made again from what was written."""

    def __init__(self, what: str, path: str = "") -> None:
        self.what = what
        self.path = path
        super().__init__(self._sentence(""))

    def for_key(self, key: str) -> XComValueError:
        """Return the error with the XCom's key in its message."""
        error = type(self)(self.what, self.path)
        error.args = (self._sentence(f" {key!r}"),)
        return error

    def _sentence(self, key: str) -> str:
        return f"XCom value{key}{f' at {self.path}' if self.path else ''} {self.what}"


class ClassNotAllowedError(XComValueError, ImportError):
    """An XCom holds an object whose class this installation does not make from XComs. Airflow raises ImportError."""
