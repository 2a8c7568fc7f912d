"""`import airflow` in all its forms: what is there, what is not, and what is installed beside it."""
# ruff: noqa: AIR301, AIR311 - old spellings are what is tested
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import tradewind
from tradewind.airflow.finder import install
from tradewind.sdk.deprecations import drain_deprecations
from tradewind.sdk.exceptions import RemovedInAirflow3Warning, RemovedInAirflow4Warning

pytestmark = pytest.mark.usefixtures("namespace")


def run(code: str, *, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    start = "from tradewind.airflow.finder import install\ninstall()\n"
    environment = {"PYTHONPATH": str(path) if path else "", "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, check=False, env=environment
    )


def author_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str) -> Path:
    """Write a module as an author would, and import it."""
    path = tmp_path / f"{name}.py"
    path.write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.invalidate_caches()
    importlib.import_module(name)
    return path


def test_the_common_forms_of_import() -> None:
    import airflow
    import airflow.exceptions as errors
    from airflow import DAG
    from airflow.sdk import task
    from airflow.sdk.bases import operator
    from airflow.sdk.exceptions import AirflowSkipException

    assert DAG is tradewind.DAG
    assert task is tradewind.task
    assert operator.BaseOperator is tradewind.BaseOperator
    assert errors.AirflowSkipException is AirflowSkipException
    assert airflow.__version__ == airflow.version.version


def test_modules_below_are_reached_without_an_import_of_their_own() -> None:
    import airflow

    assert airflow.sdk.definitions.param.Param is tradewind.Param


def test_import_star() -> None:
    names: dict[str, object] = {}
    exec("from airflow.sdk.exceptions import *\nfrom airflow.providers.standard.operators.bash import *", names)
    assert {"AirflowException", "TaskDeferred", "BashOperator"} <= set(names)


def test_dir_lists_names_and_modules_below() -> None:
    import airflow.sdk

    assert {"DAG", "task", "bases", "definitions", "exceptions"} <= set(dir(airflow.sdk))


def test_each_use_of_an_old_name_is_noted_for_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from airflow.operators.dummy_operator import DummyOperator\nfrom airflow import DAG\n"
    with pytest.warns(RemovedInAirflow3Warning, match=r"airflow\.providers\.standard\.operators\.empty\.EmptyOperator"):
        first = author_module(tmp_path, monkeypatch, "first_author", code)
    with pytest.warns(RemovedInAirflow3Warning, match="DummyOperator is deprecated"):
        second = author_module(tmp_path, monkeypatch, "second_author", code)
    notes = {(note.file, note.line, note.old) for note in drain_deprecations()}
    old = "airflow.operators.dummy_operator.DummyOperator"
    assert notes == {(str(first), 1, old), (str(second), 1, old)}


def test_what_airflow_3_still_has_is_to_go_with_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.warns(RemovedInAirflow4Warning, match=r"gone in 4\.0: use airflow\.sdk\.task"):
        author_module(tmp_path, monkeypatch, "third_author", "from airflow.decorators import task\n")


def test_a_whole_module_under_an_old_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from airflow.utils import timezone\nzone = timezone.parse('2024-01-01').timezone_name\n"
    with pytest.warns(RemovedInAirflow4Warning, match=r"use airflow\.sdk\.timezone\.parse"):
        author_module(tmp_path, monkeypatch, "fourth_author", code)
    assert sys.modules["fourth_author"].zone == "UTC"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("from airflow.models import clear_task_instances", "no database session"),
        ("from airflow.models import Nothing", "cannot import name 'Nothing' from 'airflow.models'"),
        (
            "from airflow.sensors.s3_key_sensor import S3KeySensor",
            r"needs airflow\.providers\.amazon\.aws\.sensors\.s3, .*: install the package apache-airflow-providers-amazon",
        ),
        (
            "from airflow.contrib.hooks.spark_submit_hook import SparkSubmitHook",
            "apache-airflow-providers-apache-spark",
        ),
        ("from airflow.contrib.hooks.aws_hook import Nothing", "cannot import name 'Nothing'"),
        ("import airflow.contrib.hooks.nothing", "provider package"),
        ("import airflow.www.app", "Tradewind replaces"),
        ("import airflow.nothing_of_the_kind", "not among them"),
        ("import airflow.providers.standard.nothing", "install apache-airflow-providers-standard"),
    ],
)
def test_what_is_missing_is_an_import_error_that_helps(statement: str, message: str) -> None:
    with pytest.raises(ImportError, match=message):
        exec(statement)


def test_probing_for_a_name_works_as_with_any_module() -> None:
    import airflow.models

    assert not hasattr(airflow.models, "Nothing")
    assert getattr(airflow.models, "SubDagOperator", None) is None
    with pytest.raises(AttributeError, match=r"'airflow\.models' has no attribute 'Nothing'"):
        _ = airflow.models.Nothing
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module("airflow.www")
    assert caught.value.name == "airflow.www"


def test_installing_twice_is_once() -> None:
    before = list(sys.meta_path)
    install()
    assert sys.meta_path == before


def make_packages(folder: Path, files: dict[str, str]) -> Path:
    for name, code in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    return folder


APACHE_AIRFLOW = {
    "airflow/__init__.py": "raise RuntimeError('the real core was executed')",
    "airflow/models/__init__.py": "raise RuntimeError('the real core was executed')",
    "airflow/www/__init__.py": "raise RuntimeError('the real core was executed')",
    "airflow/providers/__init__.py": "raise RuntimeError('the real core was executed')",
}
PROVIDER = {
    "airflow/providers/acme/__init__.py": "version = '1'",
    "airflow/providers/acme/operators/__init__.py": "",
    "airflow/providers/acme/operators/rocket.py": (
        "from airflow.models import BaseOperator\n"
        "from airflow.exceptions import AirflowException\n"
        "class RocketOperator(BaseOperator):\n    pass\n"
    ),
    "airflow/providers/standard/operators/smooth.py": "class SmoothOperator: pass",
    "airflow/providers/standard/operators/bash.py": "raise RuntimeError('ours comes first')",
}


def test_a_provider_package_that_is_installed_works(tmp_path: Path) -> None:
    ran = run(
        "from airflow.providers.acme.operators.rocket import RocketOperator\n"
        "import airflow.providers.acme as acme\n"
        "import tradewind\n"
        "assert issubclass(RocketOperator, tradewind.BaseOperator) and acme.version == '1'\n"
        "from airflow.providers.standard.operators.bash import BashOperator\n"
        "from airflow.providers.standard.operators.smooth import SmoothOperator\n",
        path=make_packages(tmp_path, PROVIDER),
    )
    assert ran.returncode == 0, ran.stderr


def test_an_apache_airflow_beside_is_never_executed(tmp_path: Path) -> None:
    ran = run(
        "import airflow\nfrom airflow.models import DAG\nimport airflow.providers\n"
        "from airflow.providers.acme.operators.rocket import RocketOperator\n"
        "try:\n    import airflow.www\nexcept ModuleNotFoundError as error:\n    print(error)\n",
        path=make_packages(tmp_path, APACHE_AIRFLOW | PROVIDER),
    )
    assert ran.returncode == 0, ran.stderr
    assert "Tradewind replaces" in ran.stdout


def test_the_compat_package_comes_first_where_it_is_installed(tmp_path: Path) -> None:
    code = "from airflow.providers.common.compat.sdk import DAG, TriggerRule, timezone, AirflowException\n"
    ran = run(code)
    assert ran.returncode == 0, ran.stderr
    files = {
        "airflow/providers/common/compat/__init__.py": "",
        "airflow/providers/common/compat/sdk.py": "from airflow.sdk import DAG\nStats = 'theirs'",
    }
    ran = run(
        "from airflow.providers.common.compat.sdk import DAG, Stats\nimport tradewind\nassert DAG is tradewind.DAG\n",
        path=make_packages(tmp_path, files),
    )
    assert ran.returncode == 0, ran.stderr


def test_an_old_name_of_an_installed_provider_works(tmp_path: Path) -> None:
    files = {
        "airflow/providers/postgres/__init__.py": "",
        "airflow/providers/postgres/hooks/__init__.py": "",
        "airflow/providers/postgres/hooks/postgres.py": "class PostgresHook: pass",
    }
    code = "import warnings\nwarnings.simplefilter('always')\nfrom airflow.hooks.postgres_hook import PostgresHook\n"
    ran = run(code, path=make_packages(tmp_path, files))
    assert ran.returncode == 0, ran.stderr
    assert "use airflow.providers.postgres.hooks.postgres.PostgresHook" in ran.stderr


def test_a_folder_of_dag_files_that_is_called_like_a_provider_is_none(tmp_path: Path) -> None:
    files = {"airflow/providers/acme/rockets/dags/__init__.py": ""}
    ran = run("import airflow.providers.acme", path=make_packages(tmp_path, files))
    assert "No module named 'airflow.providers.acme'" in ran.stderr


def test_a_missing_provider_is_pythons_own_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'airflow\.providers\.nowhere'"):
        importlib.import_module("airflow.providers.nowhere.hooks")


def test_a_module_that_was_imported_before_is_forgotten(tmp_path: Path) -> None:
    folder = make_packages(tmp_path, {"airflow/__init__.py": "real = True"})
    code = (
        "import airflow\nassert airflow.real\nfrom tradewind.airflow.finder import install\ninstall()\n"
        "import airflow\nfrom airflow import DAG\nassert not hasattr(airflow, 'real')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert ran.returncode == 0


def test_importing_airflow_loads_little() -> None:
    ran = run(
        "import sys\nfrom airflow import DAG\n"
        "heavy = {'jinja2', 'pendulum', 'msgspec', 'sqlalchemy', 'pydantic', 'asyncio', 'yaml', 'jsonschema'}\n"
        "print(len(sys.modules), heavy & set(sys.modules))\n"
    )
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(len(sys.modules))"], capture_output=True, text=True, check=True
    )
    count, _, heavy = ran.stdout.partition(" ")
    assert heavy.strip() == "set()", ran.stderr
    assert int(count) - int(bare.stdout) <= 120


def test_the_sessions_of_airflow_2_refuse_to_be_used() -> None:
    from airflow.utils.session import create_session, provide_session

    @provide_session
    def asks(what: str, session: object = None) -> object:
        return getattr(session, what)

    with pytest.raises(RuntimeError, match=r"session\.execute: Tradewind gives DAG files no database"):
        asks("execute")
    with create_session() as session, pytest.raises(RuntimeError, match=r"session\.execute"):
        session.execute("SELECT 1")


def test_settings_and_configuration(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    from airflow import configuration, settings
    from airflow.configuration import conf

    monkeypatch.setenv("AIRFLOW__MY_SECTION__MY_KEY", "7")
    assert conf.getint("my_section", "my_key") == 7
    assert str(home) == settings.AIRFLOW_HOME
    assert str(settings.TIMEZONE) == "UTC"
    with pytest.warns(RemovedInAirflow3Warning, match=r"use airflow\.configuration\.conf\.get"):
        assert configuration.get("my_section", "my_key") == "7"
