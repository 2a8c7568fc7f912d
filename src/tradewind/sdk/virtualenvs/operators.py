"""Tasks that call a Python function in another Python: `PythonVirtualenvOperator`, `ExternalPythonOperator`."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Collection, Container, Iterable, Mapping
from inspect import Parameter, isgeneratorfunction
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType

from tradewind.sdk.definitions.taskflow import signature_of
from tradewind.sdk.exceptions import AirflowException, AirflowSkipException, DeserializingResultError
from tradewind.sdk.operators.branch import BaseBranchOperator
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.operators.subprocesses import Subprocess
from tradewind.sdk.runtime.computed import DEPRECATED
from tradewind.sdk.spellings.old_arguments import note_class_argument
from tradewind.sdk.toolkit.callables import source_of
from tradewind.sdk.virtualenvs import exchange
from tradewind.sdk.virtualenvs.environments import Environment
from tradewind.sdk.virtualenvs.package_index import PackageIndexHook

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from typing import Any

SERIALIZERS = ("pickle", "dill", "cloudpickle")
_EXCHANGE = "_tradewind_exchange"
_CONTEXT_KEYS = frozenset(
    {
        *("data_interval_end", "data_interval_start", "ds", "ds_nodash", "expanded_ti_count", "inlets", "logical_date"),
        *("outlets", "params", "partition_date", "partition_key", "prev_data_interval_end_success"),
        *("prev_data_interval_start_success", "prev_end_date_success", "prev_start_date_success", "run_id"),
        *("task_instance_key_str", "task_reschedule_count", "templates_dict", "test_mode", "ts", "ts_nodash"),
        *("ts_nodash_with_tz",),
        *(DEPRECATED.keys() - {"triggering_dataset_events"}),
    }
)
"""What of the context can cross to another Python: dates, texts and params."""


class OtherPythonOperator(PythonOperator):
    """Base of operators whose function runs in another Python.

    Only the function's own source goes there, so it imports what it needs itself. Of the context it gets what it names
    and can cross: dates, texts, params. `string_args` are a global of it, `virtualenv_string_args`. An exit code of
    `skip_on_exit_code` skips the task. `env_vars` are added to its environment, which is this process's unless
    `inherit_env` is off. Raises ValueError for what is no plain function, `AirflowException` for an unknown serializer.
    """

    def __init__(  # noqa: PLR0913 - Airflow's
        self,
        *,
        python_callable: Callable[..., Any],
        serializer: str | None = None,
        use_dill: bool | None = None,
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        string_args: Iterable[str] | None = None,
        templates_dict: dict[str, Any] | None = None,
        templates_exts: Sequence[str] | None = None,
        expect_airflow: bool = True,
        skip_on_exit_code: int | Container[int] | None = None,
        env_vars: dict[str, str] | None = None,
        inherit_env: bool = True,
        use_airflow_context: bool = False,
        **kwargs: Any,
    ) -> None:
        name = type(self).__name__
        if not isinstance(python_callable, FunctionType) or python_callable.__name__ == "<lambda>":
            raise ValueError(f"{name} only supports functions for python_callable arg")
        if isgeneratorfunction(python_callable):
            raise ValueError(f"{name} does not support using 'yield' in python_callable")
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            templates_dict=templates_dict,
            templates_exts=templates_exts,
            **kwargs,
        )
        if use_dill is not None:
            note_class_argument(self, "use_dill")
            serializer = "dill" if use_dill and serializer is None else serializer
        if (serializer or "pickle") not in SERIALIZERS:
            known = ", ".join(map(repr, SERIALIZERS))
            raise AirflowException(f"{self!r}: unsupported serializer {serializer!r}; expected one of {known}")
        self.serializer = serializer or "pickle"
        self.string_args = string_args or []
        self.expect_airflow = expect_airflow
        self.skip_on_exit_code: Container[int]
        if isinstance(skip_on_exit_code, Container):
            self.skip_on_exit_code = skip_on_exit_code
        else:
            self.skip_on_exit_code = () if skip_on_exit_code is None else (skip_on_exit_code,)
        self.env_vars = env_vars
        self.inherit_env = inherit_env
        self.use_airflow_context = use_airflow_context
        self._process: Subprocess | None = None

    def get_python_source(self) -> str:
        """Return the source of the function."""
        return source_of(self.python_callable)

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the function takes of its arguments and of the context; raises TypeError for what is missing."""
        parameters = list(signature_of(self.python_callable).parameters.values())[len(self.op_args) :]
        names = {parameter.name for parameter in parameters}
        if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
            names |= self.op_kwargs.keys() | (_CONTEXT_KEYS - DEPRECATED.keys())
        chosen = {
            key: dict(context[key]) if key == "params" else context[key]
            for key in context
            if key in names and (key in self.op_kwargs or key in _CONTEXT_KEYS)
        }
        self._check_filled(chosen)
        return chosen

    def run_in(self, python: Path) -> Any:
        """Call the function in another Python; return what it returned.

        Raises `AirflowException` with the message of what it raised, `AirflowSkipException` for an exit code that skips.
        """
        with TemporaryDirectory(prefix="venv-call") as folder:
            return self._run_script(python, Path(folder))

    def _run_script(self, python: Path, folder: Path) -> Any:
        script, source, target = folder / "script.py", folder / "script.in", folder / "script.out"
        texts, last_words = folder / "string_args.txt", folder / "termination.log"
        folder.joinpath(f"{_EXCHANGE}.py").write_bytes(Path(exchange.__file__).read_bytes())
        script.write_text(self._script(), encoding="utf-8")
        texts.write_text("\n".join(map(str, self.string_args)), encoding="utf-8")
        self._write_arguments(source)
        environment = {**(Subprocess.own_environment() if self.inherit_env else {}), **(self.env_vars or {})}
        command = [str(part) for part in (python, script, source, target, texts, last_words, self.serializer)]
        self._process = Subprocess(self.log)
        exit_code, _ = self._process.watch(command, environment, None, "utf-8")
        if exit_code in self.skip_on_exit_code:
            raise AirflowSkipException(f"Process exited with code {exit_code}. Skipping.")
        if exit_code and last_words.exists() and last_words.stat().st_size:
            message = last_words.read_text(encoding="utf-8")
            raise AirflowException(f"Process returned non-zero exit status {exit_code}.\n{message}")
        if exit_code:
            raise subprocess.CalledProcessError(exit_code, command)
        return self._read_result(target)

    def _script(self) -> str:
        source = self.get_python_source()
        # A function that was defined in a block is put into one.
        block = "if True:\n" if source[:1].isspace() else ""
        offer = f"{_EXCHANGE}.offer_airflow()\n" if self.expect_airflow else ""
        function = self.python_callable
        return (
            f"from __future__ import annotations\nimport {_EXCHANGE}\n{offer}\n{block}{source}\n"
            f"{_EXCHANGE}.run({function.__name__}, {function.__module__!r})\n"
        )

    def _write_arguments(self, path: Path) -> None:
        kwargs = dict(self.op_kwargs)
        try:
            exchange.dump({"args": list(self.op_args), "kwargs": kwargs}, str(path), self.serializer)
        except Exception as error:
            unfit = [key for key, value in kwargs.items() if not self._can_cross(value, path)]
            raise AirflowException(
                f"{self!r}: arguments cannot be handed to another Python with {self.serializer}: "
                f"{', '.join(unfit) or 'see op_args'} ({error}). Pass texts, numbers and other plain values"
            ) from error

    def _can_cross(self, value: Any, path: Path) -> bool:
        try:
            exchange.dump(value, str(path), self.serializer)
        except Exception:  # noqa: BLE001 - author's objects raise what they like when they are pickled
            return False
        return True

    def _read_result(self, path: Path) -> Any:
        if not path.exists():
            return None
        try:
            return exchange.load(str(path), self.serializer)
        except Exception as error:
            raise DeserializingResultError from error

    def on_kill(self) -> None:
        """Stop the other Python and everything it started."""
        if self._process is not None:
            self._process.send(signal.SIGTERM)


class PythonVirtualenvOperator(OtherPythonOperator):
    """Calls a function in a virtual environment that is made for it, and removed unless there is a `venv_cache_path`.

    `requirements` are what pip takes: a list, a text with a line for each, or a template file that ends in `.txt`.
    `python_version` ("3.11") names another Python; `system_site_packages` shows it the packages of that one.
    `index_urls`, and those of `index_urls_from_connection_ids`, take the place of the index; an empty list means none.
    """

    template_fields: Sequence[str] = (
        *PythonOperator.template_fields,
        "requirements",
        "index_urls",
        "index_urls_from_connection_ids",
        "venv_cache_path",
    )
    template_ext: Sequence[str] = (".txt",)

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        requirements: Iterable[str] | str | None = None,
        python_version: str | None = None,
        system_site_packages: bool = True,
        pip_install_options: list[str] | None = None,
        index_urls: Collection[str] | str | None = None,
        index_urls_from_connection_ids: Collection[str] | str | None = None,
        venv_cache_path: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, **kwargs)
        if python_version is not None and not isinstance(python_version, str):  # pyright: ignore[reportUnnecessaryIsInstance] - authors'
            raise AirflowException(f"{self!r}: python_version has to be a text such as '3.11', got {python_version!r}")
        self.requirements = _as_list(requirements) or []
        self.python_version = python_version
        self.system_site_packages = system_site_packages
        self.pip_install_options = pip_install_options
        self.index_urls = _as_list(index_urls)
        self.index_urls_from_connection_ids = _as_list(index_urls_from_connection_ids)
        self.venv_cache_path = venv_cache_path

    def execute_callable(self) -> Any:
        """Make the environment, or find it, and call the function in it."""
        environment = Environment(
            requirements=self._requirements_list(),
            python_version=self.python_version,
            has_system_packages=self.system_site_packages,
            install_options=self.pip_install_options or [],
            index_urls=self._all_index_urls(),
            log=self.log,
        )
        if self.venv_cache_path:
            return self.run_in(environment.kept_in(Path(self.venv_cache_path), self._cache_key()))
        with TemporaryDirectory(prefix="venv") as folder:
            return self.run_in(environment.make(Path(folder)))

    def _requirements_list(self) -> list[str]:
        requirements = sorted(str(line) for line in self.requirements)
        if self.serializer != "pickle" and not self.system_site_packages and self.serializer not in requirements:
            requirements.append(self.serializer)
        return requirements

    def _all_index_urls(self) -> list[str] | None:
        named = [
            PackageIndexHook(conn_id).get_connection_url() for conn_id in self.index_urls_from_connection_ids or ()
        ]
        return [*(self.index_urls or ()), *named] if named or self.index_urls is not None else None

    @staticmethod
    def _cache_key() -> str:
        from tradewind.sdk.variable import Variable  # noqa: PLC0415 - only where environments are kept

        return str(Variable.get("python_virtualenv_operator_cache_key", default_var=""))


class ExternalPythonOperator(OtherPythonOperator):
    """Calls a function in the Python at the path `python`. Raises ValueError for none, and for one that is no file."""

    template_fields: Sequence[str] = (*PythonOperator.template_fields, "python")

    def __init__(
        self, *, python: str, python_callable: Callable[..., Any], expect_pendulum: bool = False, **kwargs: Any
    ) -> None:
        if not python:
            raise ValueError("Python Path must be defined in ExternalPythonOperator")
        super().__init__(python_callable=python_callable, **kwargs)
        self.python = python
        self.expect_pendulum = expect_pendulum

    def execute_callable(self) -> Any:
        """Call the function in the other Python."""
        python = Path(self.python)
        if not python.exists():
            raise ValueError(f"Python Path '{python}' must exists")
        if not python.is_file():
            raise ValueError(f"Python Path '{python}' must be a file")
        return self.run_in(python)


class BranchPythonVirtualenvOperator(BaseBranchOperator, PythonVirtualenvOperator):
    """Calls a function in a virtual environment, and follows the tasks or task groups whose ids it returns."""

    def choose_branch(self, context: Any) -> Any:
        """Call the function."""
        return PythonVirtualenvOperator.execute(self, context)


class BranchExternalPythonOperator(BaseBranchOperator, ExternalPythonOperator):
    """Calls a function in another Python, and follows the tasks or task groups whose ids it returns."""

    def choose_branch(self, context: Any) -> Any:
        """Call the function."""
        return ExternalPythonOperator.execute(self, context)


def _as_list(value: Iterable[str] | str | None) -> list[str] | None:
    return None if value is None else [value] if isinstance(value, str) else list(value)
