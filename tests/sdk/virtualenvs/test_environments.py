"""Environments that are made for a function, with what it needs, and kept."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tradewind import EmptyOperator, task
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.virtualenvs.environments import Environment, is_venv_installed, uv_program
from tradewind.sdk.virtualenvs.operators import BranchPythonVirtualenvOperator, PythonVirtualenvOperator
from tradewind.sdk.virtualenvs.package_index import PackageIndexHook

from tests.sdk.stage import Stage

needs_uv = pytest.mark.skipif(uv_program() is None, reason="uv is not installed")


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Return a package to install, which needs no index."""
    path = tmp_path / "tinypackage-1.0-py3-none-any.whl"
    info = "tinypackage-1.0.dist-info"
    files = {
        "tinypackage.py": "ANSWER = 42\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tinypackage\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))
    return path


def answer() -> dict[str, Any]:
    import sys

    import tinypackage  # type: ignore[import-not-found]

    return {"answer": tinypackage.ANSWER, "prefix": sys.prefix}


def run(stage: Stage, **arguments: Any) -> Any:
    name = f"t{len(stage.dag.task_ids)}"
    operator = PythonVirtualenvOperator(
        task_id=name, dag=stage.dag, python_callable=answer, system_site_packages=False, **arguments
    )
    finished = stage.run(operator)
    assert finished.error is None
    return json.loads(finished.xcoms[0].value)


@needs_uv
def test_a_function_finds_what_it_requires(stage: Stage, wheel: Path) -> None:
    found = run(stage, requirements=str(wheel), index_urls=[])
    assert found["answer"] == 42
    assert not Path(found["prefix"]).exists()


@needs_uv
def test_requirements_may_be_a_template_file(stage: Stage, wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "needs.txt").write_text(f"# {{{{ ds }}}}\n{wheel}\n")
    stage.dag.template_searchpath = [str(tmp_path)]
    assert run(stage, requirements="needs.txt", pip_install_options=["--no-index"])["answer"] == 42


@needs_uv
def test_an_environment_is_kept(stage: Stage, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = {"requirements": [str(wheel)], "index_urls": [], "venv_cache_path": tmp_path / "cache"}
    first = run(stage, **arguments)
    assert run(stage, **arguments)["prefix"] == first["prefix"]
    (made,) = (tmp_path / "cache").glob("venv-????????")
    assert str(made) == first["prefix"]
    # One that is not whole is made again; another key makes another one.
    (made / "install_complete_marker.json").unlink()
    (made / "left over").touch()
    assert run(stage, **arguments)["prefix"] == first["prefix"]
    assert not (made / "left over").exists()
    monkeypatch.setenv("AIRFLOW_VAR_PYTHON_VIRTUALENV_OPERATOR_CACHE_KEY", "2")
    assert run(stage, **arguments)["prefix"] != first["prefix"]


@needs_uv
def test_what_cannot_be_installed_fails_and_leaves_nothing(stage: Stage, tmp_path: Path) -> None:
    operator = PythonVirtualenvOperator(
        task_id="t",
        dag=stage.dag,
        python_callable=answer,
        requirements=["./nowhere-1.0-py3-none-any.whl"],
        index_urls=[],
        venv_cache_path=tmp_path,
    )
    error = str(stage.run(operator).error)
    assert error.startswith("AirflowException: cannot make the virtual environment: ")
    assert "ended with exit code" in error
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def commands(monkeypatch: pytest.MonkeyPatch, *, uv: str | None, **facts: Any) -> list[list[str]]:
    """Return the commands that make an environment in the folder `f`, without running them."""
    ran: list[list[str]] = []

    def watch(_process: object, command: list[str], *_more: object) -> tuple[int, str]:
        ran.append(command)
        return 0, ""

    monkeypatch.setattr("tradewind.sdk.virtualenvs.environments.Subprocess.watch", watch)
    monkeypatch.setattr("tradewind.sdk.virtualenvs.environments.uv_program", lambda: uv)
    values: dict[str, Any] = {
        "requirements": ["b", "a"],
        "python_version": None,
        "has_system_packages": False,
        "install_options": [],
        "index_urls": None,
        "log": None,
    }
    Environment(**{**values, **facts}).make(facts.pop("folder", Path("f")))
    return ran


@pytest.fixture
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_in_folder")
def test_the_commands_with_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    assert commands(monkeypatch, uv=None, has_system_packages=True, install_options=["-q"]) == [
        [sys.executable, "-m", "venv", "--system-site-packages", "f"],
        ["f/bin/python", "-m", "pip", "install", "-q", "-r", "f/requirements.txt"],
    ]
    assert Path("f/requirements.txt").read_text() == "b\na"
    urls = ["https://one/", "https://two/"]
    made, installed = commands(monkeypatch, uv=None, python_version="3.12", index_urls=urls)
    assert made == ["python3.12", "-m", "venv", "f"]
    assert installed[4:8] == ["--index-url", "https://one/", "--extra-index-url", "https://two/"]


@pytest.mark.usefixtures("_in_folder")
def test_the_commands_with_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    made, installed = commands(monkeypatch, uv="/bin/uv", python_version="3.12", index_urls=[])
    assert made == ["/bin/uv", "venv", "--quiet", "--allow-existing", "--python", "python3.12", "f"]
    assert installed == [
        *("/bin/uv", "pip", "install", "--python", "f/bin/python", "--no-index", "-r"),
        "f/requirements.txt",
    ]
    assert len(commands(monkeypatch, uv="/bin/uv", requirements=["", " "])) == 1


def test_which_program_installs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert uv_program() is None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").touch(mode=0o755)
    assert uv_program() == str(tmp_path / "bin" / "uv")
    (tmp_path / "uv").touch()
    assert uv_program() == str(tmp_path / "uv")
    monkeypatch.setenv("AIRFLOW__STANDARD__VENV_INSTALL_METHOD", "pip")
    assert uv_program() is None
    assert is_venv_installed()


def test_serializers_are_installed_where_they_are_needed() -> None:
    def made(**arguments: Any) -> list[str]:
        return PythonVirtualenvOperator(task_id="t", python_callable=answer, **arguments)._requirements_list()

    assert made(requirements=["z", "a"]) == ["a", "z"]
    assert made(serializer="dill", system_site_packages=False) == ["dill"]
    assert made(serializer="cloudpickle", system_site_packages=False, requirements="cloudpickle") == ["cloudpickle"]
    assert made(serializer="dill") == []


def test_index_urls_come_from_connections_too(monkeypatch: pytest.MonkeyPatch) -> None:
    host = "https%3A%2F%2Fother%40index.example%2Fsimple"
    monkeypatch.setenv("AIRFLOW_CONN_PRIVATE", f"package-index://who:a%2Fb@{host}")
    monkeypatch.setenv("AIRFLOW_CONN_OPEN", "package-index://https%3A%2F%2Findex.example%2Fopen")
    monkeypatch.setenv("AIRFLOW_CONN_EMPTY", "package-index://")
    private = "https://who:a%2Fb@index.example/simple"
    assert PackageIndexHook("private").get_conn() == private
    with pytest.raises(ValueError, match="'empty': give the URL"):
        PackageIndexHook("empty").get_connection_url()

    def urls(**arguments: Any) -> Any:
        return PythonVirtualenvOperator(task_id="t", python_callable=answer, **arguments)._all_index_urls()

    assert urls() is None
    assert urls(index_urls="https://one") == ["https://one"]
    assert urls(index_urls=["https://one"], index_urls_from_connection_ids="open") == [
        "https://one",
        "https://index.example/open",
    ]
    assert urls(index_urls_from_connection_ids=["private"]) == [private]


def test_a_version_is_a_text() -> None:
    with pytest.raises(AirflowException, match=r"has to be a text such as '3\.11', got 3\.1"):
        PythonVirtualenvOperator(task_id="t", python_callable=answer, python_version=3.1)  # type: ignore[arg-type] - as authors may


def pick() -> str:
    return "left"


@needs_uv
def test_branches_are_chosen_in_an_environment(stage: Stage) -> None:
    with stage.dag:
        branch = BranchPythonVirtualenvOperator(task_id="b", python_callable=pick)
        decorated: Any = task.branch_virtualenv(pick)()
        for one in (branch, decorated):
            one >> [EmptyOperator(task_id=f"left{id(one)}"), EmptyOperator(task_id=f"right{id(one)}")]
        stage.dag.task_dict["left"] = stage.dag.task_dict[f"left{id(branch)}"]
    assert decorated.operator.operator_name == "@task.branch_virtualenv"
    assert stage.run(decorated.operator).outcome == "success"
    assert stage.run(branch).outcome == "success"


@needs_uv
def test_the_decorator_makes_an_environment(stage: Stage) -> None:
    with stage.dag:

        @task.virtualenv(system_site_packages=False)
        def where() -> bool:
            import sys

            return sys.prefix != sys.base_prefix

        made: Any = where()
    assert stage.run(made.operator).xcoms[0].value == b"true"
