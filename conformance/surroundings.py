"""What a DAG file finds around it when it is loaded: a small environment, the names it reads, no network."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KEPT = ("PATH", "LANG", "TMPDIR")
_NEVER_SET = frozenset({"PATH", "HOME", "AIRFLOW_HOME", "LANG", "TMPDIR", "USER"})
_FILES_AT_MOST = 500

_VARIABLE = re.compile(r"Variable\.get\(\s*(?:key\s*=\s*)?[\"']([\w.\-/]+)[\"']\s*(,[^)]*)?\)")
_ENVIRON = re.compile(r"os\.environ\[\s*[\"'](\w+)[\"']\s*\](?!\s*=[^=])")
_GETENV = re.compile(r"(?:os\.getenv|os\.environ\.get)\(\s*[\"'](\w+)[\"']\s*\)")
_CONNECTION = re.compile(r"get_connection\(\s*(?:conn_id\s*=\s*)?[\"']([\w\-]+)[\"']")


def child_environment(work: Path, **more: str) -> dict[str, str]:
    """Return the environment of a process that runs other people's DAG files."""
    home = work / "home"
    home.mkdir(parents=True, exist_ok=True)
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        "HOME": str(home),
        "USER": "airflow",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "TRADEWIND_HOME": str(home / "tradewind"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    return environment | more


def without_network() -> list[str]:
    """Return the command that cuts the network off, where this user may use it."""
    try:
        allowed = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return []
    return ["unshare", "-n"] if allowed else []


def named_values(file: Path, folders: list[Path]) -> dict[str, str]:
    """Return values for the variables, connections and environment names that the code reads without a default."""
    values: dict[str, str] = {}
    paths = [file]
    for folder in folders:
        paths += [path for path in sorted(folder.rglob("*.py")) if path.is_file() and not _is_hidden(path, folder)]
    for path in list(dict.fromkeys(paths))[:_FILES_AT_MOST]:
        code = path.read_text(encoding="utf-8", errors="replace")
        for match in _VARIABLE.finditer(code):
            rest = match.group(2) or ""
            if "default" not in rest:
                values.setdefault(f"AIRFLOW_VAR_{match.group(1).upper()}", "{}" if "deserialize" in rest else "1")
        for match in (*_ENVIRON.finditer(code), *_GETENV.finditer(code)):
            values.setdefault(match.group(1), "1")
        for match in _CONNECTION.finditer(code):
            name = f"AIRFLOW_CONN_{match.group(1).upper()}"
            values.setdefault(name, "http://user:secret@localhost:80/schema")
    if "PYTHONPATH" in values:
        values["PYTHONPATH"] = str(folders[0].parent)
    return {k: v for k, v in values.items() if not k.startswith("AIRFLOW__") and k not in _NEVER_SET}


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
