"""`BashSensor`: a bash command says by its exit code whether the wait is over."""

from __future__ import annotations

import signal

from tradewind.sdk.exceptions import AirflowFailException
from tradewind.sdk.operators.subprocesses import Subprocess
from tradewind.sdk.sensors.sensor import BaseSensorOperator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class BashSensor(BaseSensorOperator):
    """Waits until `bash_command` ends with exit code 0.

    `env` replaces the environment of the command. With `retry_exit_code` only that code means "not yet", and any other
    fails the task without a retry; without it every code does.
    """

    template_fields: Sequence[str] = ("bash_command", "env")

    def __init__(
        self,
        *,
        bash_command: str,
        env: Mapping[str, str] | None = None,
        output_encoding: str = "utf-8",
        retry_exit_code: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.output_encoding = output_encoding
        self.retry_exit_code = retry_exit_code
        self._process: Subprocess | None = None

    def poke(self, context: Any) -> bool:  # noqa: ARG002 - Airflow's signature
        """Run the command. Raises `AirflowFailException` for an exit code that is neither 0 nor `retry_exit_code`."""
        self._process = Subprocess(self.log)
        exit_code, _ = self._process.run(
            self.bash_command,
            is_script=True,
            env=Subprocess.own_environment() if self.env is None else dict(self.env),
            cwd=None,
            encoding=self.output_encoding,
        )
        if exit_code and self.retry_exit_code not in {None, exit_code}:
            raise AirflowFailException(f"Command exited with return code {exit_code}")
        return exit_code == 0

    def on_kill(self) -> None:
        """Stop the command and everything it started."""
        if self._process is not None:
            self._process.send(signal.SIGTERM)
