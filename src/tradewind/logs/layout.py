"""Where the log of a try lies: Airflow's layout below one folder, or the installation's own template of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

AIRFLOW_TEMPLATE = (
    "dag_id={{ ti.dag_id }}/run_id={{ ti.run_id }}/task_id={{ ti.task_id }}/"
    "{% if ti.map_index >= 0 %}map_index={{ ti.map_index }}/{% endif %}attempt={{ try_number }}.log"
)
"""Airflow's option logging.log_filename_template as it is shipped."""

_MAX_NAME_BYTES = 255
"""What file systems allow for one name."""

_ATTEMPT = re.compile(r"attempt=(\d+)\.log\Z")


class LogPathError(ValueError):
    """A path that leads out of the log folder."""


@dataclass(frozen=True, slots=True)
class TryLogId:
    """One try of one task instance; also what a template sees as `ti`."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    try_number: int = 1


def callbacks_log(dag_id: str, run_id: str) -> TryLogId:
    """Return where the callbacks of a run write, which belong to no try: no try has the number 0."""
    return TryLogId(dag_id, run_id, "callbacks", try_number=0)


class LogLayout:
    """Paths of logs below a folder."""

    def __init__(self, base_folder: str | Path, template: str = AIRFLOW_TEMPLATE) -> None:
        """Lay logs out by a Jinja template of `ti` and `try_number`. Raises `jinja2.TemplateError` for a bad one."""
        self.base_folder = Path(base_folder)
        self._base = str(self.base_folder).rstrip("/")
        self._is_airflows = "".join(template.split()) == "".join(AIRFLOW_TEMPLATE.split())
        self._render = None if self._is_airflows else _compile(template)

    def path(self, log: TryLogId) -> Path:
        """Return the absolute path of the try's log. Raises LogPathError for a template that leads out of the folder."""
        if self._render is not None:
            return self.inside(self._render(log))
        return self.base_folder / self._relative(log)

    def text(self, log: TryLogId) -> str:
        """Return `path` as text; for Airflow's layout without making a path object, which costs more than the text."""
        if self._render is not None:
            return str(self.path(log))
        return f"{self._base}/{self._relative(log)}"

    def inside(self, relative: str) -> Path:
        """Return the path of a file below the folder. Raises LogPathError when it lies elsewhere, by link too."""
        base = self.base_folder.resolve()
        path = (base / relative).resolve()
        if "\0" in relative or base not in path.parents:
            raise LogPathError(f"{relative!r} leads out of the log folder {self.base_folder}")
        return path

    def relative(self, path: str | Path) -> str:
        """Return where a log lies below the folder. Raises LogPathError when it lies elsewhere."""
        return self.inside(str(path)).relative_to(self.base_folder.resolve()).as_posix()

    def tries(self, log: TryLogId) -> list[int]:
        """Return the numbers of the tries of this task instance that have a log, whatever the number in `log`."""
        if self._is_airflows:
            folder = self.path(log).parent
            names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
            return sorted(int(match[1]) for name in names if (match := _ATTEMPT.match(name)))
        numbers = range(1, max(log.try_number, 1) + 1)
        return [number for number in numbers if self.path(replace(log, try_number=number)).is_file()]

    @staticmethod
    def _relative(log: TryLogId) -> str:
        mapped = f"/map_index={log.map_index}" if log.map_index >= 0 else ""
        dag_id, run_id, task_id = (
            _name("dag_id", log.dag_id),
            _name("run_id", log.run_id),
            _name("task_id", log.task_id),
        )
        return f"{dag_id}/{run_id}/{task_id}{mapped}/attempt={log.try_number}.log"


def _name(kind: str, value: str) -> str:
    """Return one folder's name: no slash leads elsewhere, and none is longer than a file system allows."""
    name = f"{kind}={value}".replace("/", "%2F").replace("\0", "%00")
    encoded = name.encode()
    if len(encoded) <= _MAX_NAME_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return f"{encoded[: _MAX_NAME_BYTES - 17].decode(errors='ignore')}~{digest}"


def _compile(template: str) -> Callable[[TryLogId], str]:
    from jinja2 import Environment  # noqa: PLC0415 - only an installation with a template of its own needs it

    compiled: Any = Environment(autoescape=False).from_string(template)  # noqa: S701 - it makes a path, no page

    def render(log: TryLogId) -> str:
        return compiled.render(ti=log, try_number=log.try_number)

    return render
