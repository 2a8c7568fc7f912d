from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tradewind import DAG, BashOperator, task
from tradewind.sdk.exceptions import AirflowException, AirflowSkipException

from tests.sdk.operators.fakes import run


def bash(command: Any, **kwargs: Any) -> BashOperator:
    with DAG("d"):
        return BashOperator(task_id="t", bash_command=command, **kwargs)


def test_the_last_line_is_the_result(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert run(bash("echo first; echo second >&2; echo third"))[0] == "third"
    assert {"first", "second", "third"} <= {record.getMessage() for record in caplog.records}


def test_the_output_can_be_processed() -> None:
    assert run(bash("echo '[1, 2]'", output_processor=len))[0] == 6


@pytest.mark.parametrize(
    ("code", "kwargs", "error"),
    [
        (1, {}, AirflowException),
        (99, {}, AirflowSkipException),
        (99, {"skip_on_exit_code": None}, AirflowException),
        (3, {"skip_on_exit_code": 3}, AirflowSkipException),
        (4, {"skip_on_exit_code": [3, 4]}, AirflowSkipException),
        (5, {"skip_exit_code": 5}, AirflowSkipException),
    ],
)
def test_exit_codes(code: int, kwargs: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"code {code}") as raised:
        run(bash(f"exit {code}", **kwargs))
    assert type(raised.value) is error


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "yes")
    show = 'echo "$INHERITED-$GIVEN-$AIRFLOW_CTX_TASK_ID-$AIRFLOW_CTX_DAG_ID"'
    assert run(bash(show))[0] == "yes--t-d"
    assert run(bash(show, env={"GIVEN": "g"}))[0] == "-g-t-d"
    assert run(bash(show, env={"GIVEN": "g"}, append_env=True))[0] == "yes-g-t-d"


def test_the_folder(tmp_path: Path) -> None:
    assert run(bash("pwd", cwd=str(tmp_path)))[0] == str(tmp_path)
    assert not Path(run(bash("pwd"))[0]).exists()
    with pytest.raises(AirflowException, match="does not exist"):
        run(bash("pwd", cwd=str(tmp_path / "missing")))
    (tmp_path / "file").touch()
    with pytest.raises(AirflowException, match="is no folder"):
        run(bash("pwd", cwd=str(tmp_path / "file")))


def test_other_encodings() -> None:
    assert run(bash(r"printf '\xe9'", output_encoding="latin-1"))[0] == "é"
    assert run(bash(r"printf '\xe9'"))[0] == "\\xe9"


def test_a_rendered_script_runs_from_a_file(tmp_path: Path) -> None:
    # What the rendering of a template file leaves when the text itself ends like a file name.
    assert run(bash("echo $0 # made from x.sh", cwd=str(tmp_path)))[0].endswith(".sh")
    assert list(tmp_path.iterdir()) == []


def test_killing_stops_what_the_command_started(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # The background process speaks for itself: between fork and exec a signal would meet bash's own handler.
    made = bash(f"sh -c 'echo started > {pipe}; exec sleep 60' & wait")
    failures: list[BaseException] = []

    def execute() -> None:
        try:
            run(made)
        except AirflowException as error:
            failures.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    assert pipe.read_text() == "started\n"
    made.on_kill()
    # The task ends when nobody holds its output any more: the command and what it started in the background are gone.
    thread.join(10)
    assert not thread.is_alive()
    assert "code -15" in str(failures[0])
    made.on_kill()


def test_killing_before_the_start_does_nothing() -> None:
    bash("true").on_kill()


def test_the_decorator_runs_what_the_function_returns() -> None:
    @task.bash
    def command(word: str, ds: Any = None) -> str:
        return f"echo {word} {ds} {{{{ 1 + 1 }}}}"

    @task.bash
    def nothing() -> str:
        return "  "

    with DAG("d"):
        made = command("hello").operator
        empty = nothing().operator
    assert run(made)[0] == "hello 2024-01-01 2"
    assert made.bash_command == "echo hello 2024-01-01 2"
    with pytest.raises(TypeError, match="must be a non-empty string"):
        run(empty)


def test_a_kill_during_the_start_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen
    made = bash("sleep 60")

    def start_and_kill(*args: Any, **kwargs: Any) -> Any:
        process = start(*args, **kwargs)
        made.on_kill()
        return process

    monkeypatch.setattr(subprocess, "Popen", start_and_kill)
    with pytest.raises(AirflowException, match="code -15"):
        run(made)
