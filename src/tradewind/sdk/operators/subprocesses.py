"""A process of a task: its output goes to the task's log, its whole process group can be stopped."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from tradewind.sdk.exceptions import AirflowException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger
    from signal import Signals


class Subprocess:
    """Runs one command at a time."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._awaiting_start: Signals | None = None
        """A signal that came while the process was being started."""

    @staticmethod
    def own_environment() -> dict[str, str]:
        """Return a copy of the environment of this process."""
        return dict(os.environ)  # noqa: TID251 - what a child inherits, no setting

    def run(
        self, command: str, *, is_script: bool, env: dict[str, str], cwd: str | None, encoding: str
    ) -> tuple[int, str]:
        """Run a bash command, or the text of a script, to its end; return its exit code and its last line of output.

        Raises `AirflowException` when the folder `cwd` does not exist.
        """
        if cwd is not None and not Path(cwd).is_dir():
            state = "is no folder" if Path(cwd).exists() else "does not exist"
            raise AirflowException(f"Can not find the cwd: {cwd} {state}")
        with TemporaryDirectory(prefix="tradewind") as scratch:
            folder = cwd or scratch
            if not is_script:
                return self.watch(["bash", "-c", command], env, folder, encoding)
            with NamedTemporaryFile("w", dir=folder, suffix=".sh", encoding="utf-8") as script:
                script.write(command)
                script.flush()
                return self.watch(["bash", script.name], env, folder, encoding)

    def watch(self, command: list[str], env: dict[str, str], folder: str | None, encoding: str) -> tuple[int, str]:
        """Run a program to its end, in a folder or in that of this process; return as `run` does."""
        self._log.info("Running command: %s", command)
        self._process = process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=env,
            start_new_session=True,
            restore_signals=True,
        )
        if self._awaiting_start is not None:
            self.send(self._awaiting_start)
        line = ""
        self._log.info("Output:")
        # Not in a `with` block: when a timeout unwinds through here, the process must still be there for on_kill.
        for raw in iter(process.stdout.readline, b"") if process.stdout is not None else ():
            line = raw.decode(encoding, errors="backslashreplace").rstrip()
            self._log.info("%s", line)
        exit_code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._log.info("Command exited with return code %s", exit_code)
        return exit_code, line

    def send(self, what: Signals) -> None:
        """Send a signal to the process and everything it started, as soon as it runs; nothing when it has ended."""
        process = self._process
        if process is None:
            self._awaiting_start = what
            return
        if process.poll() is not None:
            return
        self._log.info("Sending %s to process group %s", what.name, process.pid)
        try:
            os.killpg(process.pid, what)
        except ProcessLookupError:
            self._log.info("Process group %s has ended", process.pid)
