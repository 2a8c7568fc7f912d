"""Plugins of a folder: found, imported each by itself, and used by macros, links, listeners."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.airflow.finder import install
from tradewind.sdk.assets.asset import Asset
from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.exceptions import AirflowTaskTimeout
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.plugins import installed
from tradewind.sdk.plugins.describing import describe_plugins
from tradewind.sdk.plugins.installed import install_plugins, installed_plugins
from tradewind.sdk.plugins.links import links_of
from tradewind.sdk.plugins.loading import PluginSet, load_plugins
from tradewind.sdk.providers.lineage import get_hook_lineage_collector, install_lineage_collector
from tradewind.serialization.messages import Finished
from tradewind.standalone.dag_test import run_dag_test

from tests.worker.conftest import WHEN, dag, reports, run, store  # noqa: F401 - fixtures of the same kind

PLUGIN = """
from airflow.listeners import hookimpl
from airflow.sdk import BaseOperatorLink
from airflow.providers.standard.operators.python import PythonOperator
from airflow.plugins_manager import AirflowPlugin

HEARD = []


def shout(text):
    return text.upper() + "!"


class Search(BaseOperatorLink):
    name = "Search"
    operators = [PythonOperator]

    def get_link(self, operator, *, ti_key):
        return f"https://search.example/{ti_key.dag_id}/{ti_key.task_id}"


class Home(BaseOperatorLink):
    name = "Home"

    def get_link(self, operator, *, ti_key):
        raise RuntimeError("no home")


class Listener:
    @hookimpl
    def on_task_instance_success(self, previous_state, task_instance, session):
        HEARD.append(("success", previous_state.value, task_instance.task_id, session))

    @hookimpl
    def on_task_instance_failed(self, task_instance, error):
        HEARD.append(("failed", task_instance.state.value, str(error)))

    @hookimpl
    def on_task_instance_running(self):
        raise RuntimeError("listener")

    @hookimpl
    def on_asset_changed(self, asset):
        HEARD.append(("asset", asset.uri))

    @hookimpl
    def on_dag_run_running(self, dag_run, msg):
        HEARD.append(("run", dag_run.state.value, msg))

    @hookimpl
    def on_dag_run_success(self, dag_run, msg):
        HEARD.append(("run", dag_run.state.value, msg))

    def on_task_instance_skipped(self):
        HEARD.append("no mark, no call")


class MyPlugin(AirflowPlugin):
    name = "mine"
    macros = [shout]
    operator_extra_links = [Search()]
    global_operator_extra_links = [Home()]
    listeners = [Listener()]
    flask_blueprints = [object()]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    install()
    before = installed_plugins()
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)) or name.endswith(".mine"):
            del sys.modules[name]
    installed._installed = before


@pytest.fixture
def plugin(folder: Path) -> Any:
    (folder / "my_plugin.py").write_text(PLUGIN)
    assert install_plugins(str(folder)).failures == []
    return sys.modules["my_plugin"]


@pytest.mark.usefixtures("plugin")
def test_macros_are_imported_and_used_in_templates(dag: DAG, run: Callable[..., Finished]) -> None:  # noqa: F811
    assert importlib.import_module("airflow.macros.mine").shout("a") == "A!"
    PythonOperator(
        task_id="t", dag=dag, python_callable=lambda text: text, op_args=["{{ macros.mine.shout(ti.task_id) }}"]
    )
    assert run("t").xcoms[0].value == b'"T!"'


def test_links_are_computed_at_the_end_of_a_try(
    dag: DAG,  # noqa: F811
    run: Callable[..., Finished],  # noqa: F811
    plugin: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    task = PythonOperator(task_id="t", dag=dag, python_callable=lambda: None)
    assert [link.name for link in links_of(task)] == ["Search", "Home"]
    assert [(xcom.key, xcom.value) for xcom in run("t").xcoms] == [("_link_Search", b'"https://search.example/d/t"')]
    assert "extra link 'Home' failed" in caplog.text
    assert plugin.HEARD == [("success", "running", "t", None)]


def test_listeners_hear_of_tries_and_harm_nothing(
    dag: DAG,  # noqa: F811
    run: Callable[..., Finished],  # noqa: F811
    plugin: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=lambda: 1 / 0)
    end = run("t", max_tries=1)
    assert (end.outcome, end.ready_follows) == ("failed", True)
    assert plugin.HEARD == [("failed", "up_for_retry", "division by zero")]
    (line,) = [record for record in caplog.records if "Listener" in record.getMessage()]
    assert line.getMessage() == "listener Listener.on_task_instance_running failed: RuntimeError: listener"
    assert line.exc_info is None


def test_listeners_hear_of_changed_assets(
    dag: DAG,  # noqa: F811
    run: Callable[..., Finished],  # noqa: F811
    plugin: Any,
) -> None:
    PythonOperator(task_id="t", dag=dag, python_callable=lambda: None, outlets=[Asset("s3://bucket/a")])
    assert run("t").outcome == "success"
    assert ("asset", "s3://bucket/a") in plugin.HEARD


@pytest.mark.usefixtures("plugin")
def test_listeners_hear_of_the_run_of_a_test(plugin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path))
    made = DAG("d", schedule=None)
    PythonOperator(task_id="t", dag=made, python_callable=lambda: None)
    run_dag_test(made)
    assert [heard for heard in plugin.HEARD if heard[0] == "run"] == [
        ("run", "running", ""),
        ("run", "success", "success"),
    ]


def test_a_plugin_that_fails_leaves_the_others_alone(folder: Path) -> None:
    (folder / "a_bad.py").write_text("x = 1\nraise RuntimeError('it is\\nbroken')\n")
    (folder / "b_syntax.py").write_text("def\n")
    (folder / "c_exit.py").write_text("import sys\nsys.exit(3)\n")
    (folder / "d_nameless.py").write_text(
        "from airflow.plugins_manager import AirflowPlugin\nclass P(AirflowPlugin): pass\n"
    )
    (folder / "sub").mkdir()
    (folder / "sub" / "good.py").write_text(
        "from airflow.plugins_manager import AirflowPlugin\nclass P(AirflowPlugin): name = 'good'\n"
    )
    (folder / "json.py").write_text("raise RuntimeError('must not hide the library')\n")
    found = load_plugins(str(folder))
    assert [(plugin.name, plugin.source) for plugin in found.plugins] == [("good", "$PLUGINS_FOLDER/sub/good.py")]
    assert [source.rpartition("/")[2] for source, _ in found.failures] == [
        "a_bad.py",
        "b_syntax.py",
        "c_exit.py",
        "d_nameless.py",
        "json.py",
    ]
    errors = [error for _, error in found.failures]
    assert errors[0] == f"RuntimeError: it is ({folder}/a_bad.py, line 2)"
    assert f"({folder}/b_syntax.py, line 1)" in errors[1]
    assert errors[2] == f"SystemExit: 3 ({folder}/c_exit.py, line 2)"
    assert "needs a `name`" in errors[3]
    assert sys.modules.get("json") is not None
    assert "sub.good" in sys.modules
    assert "a_bad" not in sys.modules


def test_what_a_plugin_brings_can_be_shown(plugin: Any) -> None:
    del plugin
    (shown,) = describe_plugins(installed_plugins())["plugins"]
    assert (shown["name"], shown["source"]) == ("mine", "$PLUGINS_FOLDER/my_plugin.py")
    assert shown["macros"] == ["my_plugin.shout"]
    assert shown["operator_extra_links"] == ["my_plugin.Search"]
    assert shown["listened"] == [
        "on_dag_run_running",
        "on_dag_run_success",
        "on_task_instance_running",
        "on_task_instance_success",
        "on_task_instance_failed",
        "on_asset_changed",
    ]
    assert shown["not_carried"] == ["flask_blueprints"]


def test_no_folder_has_no_plugins(tmp_path: Path) -> None:
    for nowhere in (None, str(tmp_path / "absent")):
        assert load_plugins(nowhere).plugins == PluginSet().plugins


def test_a_plugin_that_hangs_is_given_up(folder: Path) -> None:
    @contextlib.contextmanager
    def too_slow(_what: str) -> Iterator[None]:
        raise AirflowTaskTimeout
        yield

    (folder / "slow.py").write_text("import time; time.sleep(600)\n")
    ((source, error),) = load_plugins(str(folder), too_slow).failures
    assert (source, error) == (
        "$PLUGINS_FOLDER/slow.py",
        "its import takes longer than it may ([core] dagbag_import_timeout)",
    )


def test_a_reader_of_lineage_has_what_one_try_reported(
    folder: Path,
    dag: DAG,  # noqa: F811
    run: Callable[..., Finished],  # noqa: F811
) -> None:
    (folder / "reading.py").write_text(
        "from tradewind.sdk.providers.lineage import HookLineageReader\n"
        "from tradewind.sdk.toolkit.plugins import AirflowPlugin\n"
        "class Reading(AirflowPlugin):\n"
        "    name = 'reading'\n"
        "    hook_lineage_readers = [HookLineageReader]\n"
    )
    before = get_hook_lineage_collector()
    try:
        install_plugins(str(folder))
        collector = get_hook_lineage_collector()
        task = PythonOperator(
            task_id="t",
            dag=dag,
            python_callable=lambda: get_hook_lineage_collector().add_input_asset(None, uri="s3://bucket/key"),
        )
        for _ in range(2):
            assert run(task.task_id).outcome == "success"
        assert [each.count for each in collector.collected_assets.inputs] == [1]
    finally:
        install_lineage_collector(before)
