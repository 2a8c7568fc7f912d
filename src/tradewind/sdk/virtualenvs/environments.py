"""Making virtual environments, with uv where it is installed, else with venv and pip; and keeping them for later."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sys
from pathlib import Path

from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.subprocesses import Subprocess
from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger
    from typing import Any

_MARKER = "install_complete_marker.json"


def uv_program() -> str | None:
    """Return where uv is: beside the Python at work, or on the PATH. None when it is to be left alone."""
    if conf.get("standard", "venv_install_method", fallback="auto").lower() == "pip":
        return None
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def is_venv_installed() -> bool:
    """Say whether virtual environments can be made: yes, the standard library can."""
    return True


class Environment:
    """A virtual environment to be made: with which Python, and what is installed in it."""

    def __init__(
        self,
        *,
        requirements: list[str],
        python_version: str | None,
        has_system_packages: bool,
        install_options: list[str],
        index_urls: list[str] | None,
        log: Logger,
    ) -> None:
        self.requirements = requirements
        self.python = f"python{python_version}" if python_version else sys.executable
        self.has_system_packages = has_system_packages
        self.install_options = install_options
        self.index_urls = index_urls
        self._log = log

    def make(self, folder: Path) -> Path:
        """Make it in a folder; return its Python. Raises `AirflowException` when a command fails."""
        folder.mkdir(parents=True, exist_ok=True)
        uv = uv_program()
        site = ["--system-site-packages"] if self.has_system_packages else []
        python = folder / "bin" / "python"
        if uv is not None:
            self._run([uv, "venv", "--quiet", "--allow-existing", "--python", self.python, *site, str(folder)])
            installer = [uv, "pip", "install", "--python", str(python)]
        else:
            self._run([self.python, "-m", "venv", *site, str(folder)])
            installer = [str(python), "-m", "pip", "install"]
        if any(line.strip() for line in self.requirements):
            listed = folder / "requirements.txt"
            listed.write_text("\n".join(self.requirements), encoding="utf-8")
            self._run([*installer, *self._index(), *self.install_options, "-r", str(listed)])
        return python

    def _index(self) -> list[str]:
        if self.index_urls is None:
            return []
        if not self.index_urls:
            return ["--no-index"]
        more = [part for url in self.index_urls[1:] for part in ("--extra-index-url", url)]
        return ["--index-url", self.index_urls[0], *more]

    def _run(self, command: list[str]) -> None:
        process = Subprocess(self._log)
        exit_code, last_line = process.watch(command, Subprocess.own_environment(), None, "utf-8")
        if exit_code:
            words = f"{' '.join(command[:4])} ... ended with exit code {exit_code}"
            raise AirflowException(f"cannot make the virtual environment: {words}: {last_line}")

    def kept_in(self, cache: Path, cache_key: str) -> Path:
        """Return the Python of this environment in a cache folder, making it when it is not there or not whole.

        Workers that want the same one wait for the first.
        """
        facts: dict[str, Any] = {
            "requirements_list": sorted(self.requirements),
            "pip_install_options": self.install_options,
            "index_urls": self.index_urls,
            "cache_key": cache_key,
            "python_version": self.python,
            "system_site_packages": self.has_system_packages,
        }
        described = json.dumps(facts, sort_keys=True)
        digest = hashlib.md5(described.encode(), usedforsecurity=False).hexdigest()[:8]
        folder = cache / f"venv-{digest}"
        marker = folder / _MARKER
        cache.mkdir(parents=True, exist_ok=True)
        with cache.joinpath(f"venv-{digest}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if marker.exists() and marker.read_text(encoding="utf-8") == described:
                self._log.info("Reusing cached Python virtual environment in %s", folder)
                return folder / "bin" / "python"
            shutil.rmtree(folder, ignore_errors=True)
            try:
                python = self.make(folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            marker.write_text(described, encoding="utf-8")
        self._log.info("New Python virtual environment created in %s", folder)
        return python
