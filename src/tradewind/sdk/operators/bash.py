"""Tasks that run a bash command or script."""

from __future__ import annotations

import signal
from collections.abc import Container, Mapping
from copy import copy

from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.definitions.taskflow import DecoratedOperator, task_decorator_factory
from tradewind.sdk.exceptions import AirflowException, AirflowSkipException
from tradewind.sdk.operators.subprocesses import Subprocess
from tradewind.sdk.toolkit.callables import context_to_airflow_vars, determine_kwargs
from tradewind.sdk.toolkit.kinds import NOTSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Any


def _unchanged(output: str) -> str:
    return output


class BashOperator(BaseOperator):
    """Runs `bash_command`; the last line of its output is the result.

    A command that ends in `.sh` or `.bash` names a template file. `env` replaces the environment of the process, with
    `append_env` it is added to it. Exit code 0 is success, one of `skip_on_exit_code` (99) skips the task, any other
    raises `AirflowException`. Without `cwd` it runs in a temporary folder.
    """

    template_fields: Sequence[str] = ("bash_command", "env", "cwd")
    template_fields_renderers = {"bash_command": "bash", "env": "json"}  # noqa: RUF012 - as all operators
    template_ext: Sequence[str] = (".sh", ".bash")
    ui_color = "#f0ede4"

    def __init__(
        self,
        *,
        bash_command: Any,
        env: dict[str, str] | None = None,
        append_env: bool = False,
        output_encoding: str = "utf-8",
        skip_on_exit_code: int | Container[int] | None = 99,
        skip_exit_code: int | None = None,
        cwd: str | None = None,
        output_processor: Callable[[str], Any] = _unchanged,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.append_env = append_env
        self.output_encoding = output_encoding
        codes = skip_on_exit_code if skip_exit_code is None else skip_exit_code
        self.skip_on_exit_code: Container[int]
        if isinstance(codes, Container):
            self.skip_on_exit_code = codes
        else:
            self.skip_on_exit_code = () if codes is None else (codes,)
        self.cwd = cwd
        self.output_processor = output_processor
        self._process: Subprocess | None = None

    def get_env(self, context: Mapping[str, Any]) -> dict[str, str]:
        """Return the environment of the command: with it, what identifies the task instance (AIRFLOW_CTX_...)."""
        if self.env is None:
            env = Subprocess.own_environment()
        else:
            env = {**(Subprocess.own_environment() if self.append_env else {}), **self.env}
        env.update(context_to_airflow_vars(context, in_env_var_format=True))
        return env

    def execute(self, context: Any) -> Any:
        """Run the command; return the last line of its output, as `output_processor` changes it."""
        is_script = str(self.bash_command).endswith(tuple(type(self).template_ext))
        self._process = Subprocess(self.log)
        exit_code, last_line = self._process.run(
            str(self.bash_command),
            is_script=is_script,
            env=self.get_env(context),
            cwd=self.cwd,
            encoding=self.output_encoding,
        )
        if exit_code in self.skip_on_exit_code:
            raise AirflowSkipException(f"Bash command returned exit code {exit_code}. Skipping.")
        if exit_code != 0:
            raise AirflowException(f"Bash command failed. The command returned a non-zero exit code {exit_code}.")
        return self.output_processor(last_line)

    def on_kill(self) -> None:
        """Stop the command and everything it started."""
        if self._process is not None:
            self._process.send(signal.SIGTERM)


class _BashDecoratedOperator(DecoratedOperator, BashOperator):
    """What `@task.bash` makes: the function returns the command."""

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *BashOperator.template_fields)
    template_fields_renderers = {  # noqa: RUF012 - as all operators
        **DecoratedOperator.template_fields_renderers,
        **BashOperator.template_fields_renderers,
    }
    custom_operator_name = "@task.bash"
    overwrite_rtif_after_execution = True

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            bash_command=NOTSET,
            **kwargs,
        )

    def execute(self, context: Any) -> Any:
        """Ask the function for the command, render it and run it. Raises TypeError when it returns no text."""
        given = copy(context)
        given.update(self.op_kwargs)
        command = self.python_callable(*self.op_args, **determine_kwargs(self.python_callable, self.op_args, given))
        if not isinstance(command, str) or not command.strip():
            raise TypeError("The returned value from the TaskFlow callable must be a non-empty string.")
        self.bash_command = self.render_template(command, context)
        return BashOperator.execute(self, context)


def bash_task(python_callable: Any = None, **kwargs: Any) -> Any:
    """`@task.bash`: the function returns the bash command to run."""
    return task_decorator_factory(python_callable, decorated_operator_class=_BashDecoratedOperator, **kwargs)
