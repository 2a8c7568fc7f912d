"""Callbacks, plugins, listeners and cluster policies in a family of processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.system import until
from tests.sdk.mail.smtp_server import SmtpServer
from tests.system.families import DEADLINE_S

if TYPE_CHECKING:
    from tests.system.families import FamilyUnderTest

PLUGIN = """
import os
from datetime import timedelta
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink
from airflow.task.priority_strategy import PriorityWeightStrategy
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

HEARD = os.path.join(os.path.dirname(__file__), "heard.txt")


def note(*words):
    with open(HEARD, "a") as heard:
        print(*words, file=heard)


class Listener:
    @hookimpl
    def on_dag_run_running(self, dag_run, msg):
        note("run", "running", dag_run.run_id)

    @hookimpl
    def on_dag_run_success(self, dag_run, msg):
        note("run", "success", dag_run.run_id, msg)
        raise RuntimeError("a listener that fails")

    @hookimpl
    def on_dag_run_failed(self, dag_run, msg):
        note("run", "failed", dag_run.run_id, msg)

    @hookimpl
    def on_task_instance_success(self, previous_state, task_instance):
        note("task", "success", task_instance.task_id)

    @hookimpl
    def on_task_instance_failed(self, previous_state, task_instance, error):
        note("task", "failed", task_instance.task_id)


class Search(BaseOperatorLink):
    name = "Search"

    def get_link(self, operator, *, ti_key):
        return f"https://search.example/{ti_key.task_id}"


class Daily(Timetable):
    def infer_manual_data_interval(self, *, run_after):
        return DataInterval(run_after.subtract(days=1), run_after)

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        if restriction.earliest is None or last_automated_data_interval is not None:
            return None
        return DagRunInfo.interval(restriction.earliest, restriction.earliest.add(days=1))


class Urgent(PriorityWeightStrategy):
    def get_weight(self, ti):
        return 40 + ti.try_number


def shout(text):
    return text.upper()


class Plugin(AirflowPlugin):
    name = "house"
    macros = [shout]
    listeners = [Listener()]
    global_operator_extra_links = [Search()]
    timetables = [Daily]
    priority_weight_strategies = [Urgent]
    flask_blueprints = [object()]
"""

SETTINGS = """
from airflow.exceptions import AirflowClusterPolicySkipDag, AirflowClusterPolicyViolation


def dag_policy(dag):
    if dag.dag_id == "refused":
        raise AirflowClusterPolicyViolation("DAG 'refused' is against the rules of the house")
    if dag.dag_id == "skipped":
        raise AirflowClusterPolicySkipDag("not in this house")


def task_policy(task):
    task.email = ["house@example.com"]


def get_airflow_context_vars(context):
    return {"house": "ours"}
"""

DAGS = """
    import os
    import signal
    import time
    from datetime import datetime

    import house
    from airflow.operators.python import PythonOperator
    from airflow.sdk import DAG


    def ended(context):
        print("called back", context["reason"], context["ti"].task_id, context["ti"].state)


    def hang(context):
        time.sleep(60)


    with DAG("good", schedule=None, on_success_callback=[hang, ended]) as good:
        first = PythonOperator(
            task_id="first",
            python_callable=lambda text: [text, os.environ["AIRFLOW_CTX_HOUSE"]],
            op_args=["{{ macros.house.shout('loud') }}"],
            weight_rule=house.Urgent(),
        )
        first >> PythonOperator(task_id="last", python_callable=lambda: None, on_success_callback=ended)

    with DAG("bad", schedule=None, on_failure_callback=ended):
        PythonOperator(
            task_id="killed",
            python_callable=lambda: os.kill(os.getpid(), signal.SIGKILL),
            on_failure_callback=lambda context: print("taken over:", context["exception"]),
        )

    with DAG("planned", schedule=house.Daily(), start_date=datetime(2024, 1, 1)):
        PythonOperator(task_id="only", python_callable=lambda: None)

    with DAG("refused", schedule=None):
        pass

    with DAG("skipped", schedule=None):
        pass
"""


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    server = SmtpServer()
    yield server
    server.close()


def test_what_an_installation_adds_takes_part(own_family: Callable[..., FamilyUnderTest], server: SmtpServer) -> None:
    family = own_family(
        core__callback_timeout=1,
        smtp__smtp_host="127.0.0.1",
        smtp__smtp_port=server.port,
        smtp__smtp_starttls=False,
    )
    plugins = family.home / "plugins"
    for folder, name, text in (
        (plugins, "house.py", PLUGIN),
        (plugins, "broken.py", "import nothing_of_this_name\n"),
        (family.home / "config", "airflow_local_settings.py", SETTINGS),
    ):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    family.write("dags.py", DAGS)
    family.start()
    good = family.run("good")
    bad = family.run("bad")
    assert family.states("good", good) == {"first": "success", "last": "success"}
    _sees_plugins(family, good)
    _sees_policies(family)
    _calls_back(family, good, bad)
    _hears_listeners(plugins / "heard.txt", good, bad)
    until(lambda: server.mails, DEADLINE_S, "the mail about the killed task")
    (mail,) = server.mails
    assert (mail["To"], "bad.killed" in mail["Subject"]) == ("house@example.com", True)
    family.stop()
    written = family.written()
    assert written.count("plugin $PLUGINS_FOLDER/broken.py cannot be imported: ModuleNotFoundError") == 1
    assert "plugin house: flask_blueprints belong to Airflow's own web server" in written


def _sees_plugins(family: FamilyUnderTest, good: str) -> None:
    assert family.xcom("good", good, "first") == ["LOUD", "ours"]
    assert family.instance("good", good, "first")["priority_weight"] == 41
    links = family.get(f"/api/v2/dags/good/dagRuns/{good}/taskInstances/first/links")
    assert links == {"extra_links": {"Search": "https://search.example/first"}, "total_entries": 1}
    (shown,) = family.get("/api/v2/plugins")["plugins"]
    assert (shown["name"], shown["macros"], shown["timetables"]) == ("house", ["house.shout"], ["house.Daily"])
    (error,) = family.get("/api/v2/plugins/importErrors")["import_errors"]
    assert error["source"] == "$PLUGINS_FOLDER/broken.py"
    assert family.get("/api/v2/providers")["total_entries"] >= 0
    # The timetable of the plugin made the one run that it wants.
    (run,) = until(lambda: family.get("/api/v2/dags/planned/dagRuns")["dag_runs"], DEADLINE_S, "the planned run")
    assert run["logical_date"] == "2024-01-01T00:00:00Z"
    listed = family.cli("plugins", "-o", "json")
    assert (listed.returncode, "house" in listed.stdout, "broken.py" in listed.stderr) == (1, True, True)


def _sees_policies(family: FamilyUnderTest) -> None:
    assert "against the rules of the house" in family.wait_for_import_error("dags.py")
    assert {dag["dag_id"] for dag in family.get("/api/v2/dags")["dags"]} == {"good", "bad", "planned"}
    warnings = family.get("/api/v2/dagWarnings")["dag_warnings"]
    assert "DAG 'skipped' is left out by a cluster policy: not in this house" in [w["message"] for w in warnings]


def _calls_back(family: FamilyUnderTest, good: str, bad: str) -> None:
    log = f"/api/v2/dags/good/dagRuns/{good}/callbackLogs"

    def written() -> str:
        return family.http.get(log, headers={"Accept": "text/plain"}).text

    until(lambda: "called back" in written(), DEADLINE_S, "the DAG's callback")
    assert (
        "called back success last TaskInstanceState.SUCCESS" in written()
        or "called back success last success" in written()
    )
    assert "Ended: on_success_callback hang took longer than 1 s" in written()
    until(
        lambda: "taken over: killed by SIGKILL" in family.log("bad", bad, "killed"), DEADLINE_S, "the task's callback"
    )
    until(
        lambda: "called back task_failure killed" in family.cli("dags", "callback-logs", "bad", bad).stdout,
        DEADLINE_S,
        "the DAG's callback",
    )


def _hears_listeners(heard: Path, good: str, bad: str) -> None:
    def lines() -> set[str]:
        return set(heard.read_text().splitlines())

    expected = {
        f"run running {good}",
        f"run success {good} success",
        f"run failed {bad} task_failure",
        "task success first",
        "task failed killed",
    }
    until(lambda: expected <= lines(), DEADLINE_S, f"{expected} in {lines()}")
