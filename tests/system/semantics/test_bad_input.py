"""What users get wrong, in a real family: each gives one clear message where its author looks, and harms nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.system import until
from tests.postgres import PostgresServer
from tests.system.conftest import STRICT
from tests.system.families import DEADLINE_S, FamilyUnderTest

HEAD = """
    import asyncio
    import threading
    import time
    from datetime import timedelta

    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG, Asset, BaseHook, BaseOperator, Variable, task
    from airflow.triggers.base import BaseTrigger, TriggerEvent
"""

STEADY = """
    with DAG("steady", schedule=None):

        @task
        def work():
            return 1

        work() >> EmptyOperator(task_id="end")
"""

DAGS = {
    "mapping.py": """
    with DAG("mapping", schedule=None):

        @task
        def number():
            return 42

        @task
        def nothing():
            return None

        @task
        def many():
            return list(range(10_001))

        @task
        def rows():
            return [{"x": 1}, 5]

        for source in (number(), nothing(), many()):

            @task(task_id=f"over_{source.operator.task_id}")
            def take(x):
                return x

            take.expand(x=source)
        take.override(task_id="over_rows").expand_kwargs(rows())
    """,
    "triggers.py": """
    class Own(BaseTrigger):
        def __init__(self, lock=None, blocks_s=0.0):
            super().__init__()
            self.lock, self.blocks_s = lock, blocks_s

        def serialize(self):
            return "triggers.Own", {"lock": self.lock, "blocks_s": self.blocks_s}

        async def run(self):
            time.sleep(self.blocks_s)
            await asyncio.sleep(0.01)
            yield TriggerEvent("fired")


    class Odd(Own):
        def serialize(self):
            return {"lock": 1}


    class Waits(BaseOperator):
        def __init__(self, trigger, then="finish", **kwargs):
            super().__init__(**kwargs)
            self.trigger, self.then = trigger, then

        def execute(self, context):
            self.defer(trigger=self.trigger, method_name=self.then)

        def finish(self, context, event=None):
            return event


    with DAG("triggers", schedule=None):
        Waits(task_id="lock", trigger=Own(threading.Lock()))
        Waits(task_id="odd", trigger=Odd())
        Waits(task_id="text", trigger="soon")
        Waits(task_id="mistyped", trigger=Own(), then="finnish")
        Waits(task_id="blocks", trigger=Own(blocks_s=1.5))
        Waits(task_id="good", trigger=Own())
    """,
    "values.py": """
    with DAG("values", schedule=None):

        @task
        def poison():
            return {"poison": 1}

        @task
        def venom():
            return {"venom": 1}

        @task
        def taste(ti=None):
            return ti.xcom_pull(task_ids="venom")

        @task
        def sealed():
            return BaseHook.get_connection("absent").host

        @task
        def open():
            return Variable.get("kept")

        poison(), sealed(), open(), venom() >> taste()
    """,
    "callbacks.py": """
    def hangs(context):
        time.sleep(600)


    def goes_on(context):
        while True:
            try:
                time.sleep(600)
            except BaseException:
                pass


    def fails(context):
        raise LookupError("no such number")


    def heard(context):
        print("called all the same")


    with DAG("callbacks", schedule=None, on_success_callback=[hangs, fails, heard], on_failure_callback="mail me"):

        @task(on_success_callback=[hangs, fails, heard])
        def soft():
            return 1

        @task(on_success_callback=goes_on)
        def hard():
            return 1

        soft() >> hard()
    """,
    "retries.py": """
    from airflow.sdk import RetryPolicy


    class Fails(RetryPolicy):
        def evaluate(self, exception, try_number, max_tries, context=None):
            raise LookupError("no rule")


    with DAG("retries", schedule=None):

        @task(retries=1, retry_delay=timedelta(0), retry_policy=Fails())
        def work(ti=None):
            if ti.try_number == 1:
                raise ValueError("first try")

        work()
    """,
    "circle.py": """
    here, there = Asset("here"), Asset("there")
    with DAG("circle_one", schedule=here):
        EmptyOperator(task_id="a", outlets=there)
    with DAG("circle_two", schedule=there):
        EmptyOperator(task_id="b", outlets=here)
    """,
    "outlets.py": """
    with DAG("outlets", schedule=None):
        EmptyOperator(task_id="make", outlets=["s3://bucket/file"])
    """,
    "policy.py": """
    with DAG("policed", schedule=None):
        EmptyOperator(task_id="a")
    with DAG("passed", schedule=None):
        EmptyOperator(task_id="a")
    """,
    "deadlines.py": """
    from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback

    alert = DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(0), SyncCallback("nowhere.to_be.found"))
    with DAG("late", schedule=None, deadline=alert):

        @task.sensor(poke_interval=0.1, timeout=30)
        def work(dag_run=None):
            import os

            return os.path.exists(dag_run.conf["gate"])

        work()
    """,
}

REFUSED = {
    "literal.py": (
        """
    with DAG("refused", schedule=None):

        @task
        def add(x):
            return x

        add.expand(x=5)
    """,
        (
            r"literal.py:\d+: ValueError: expand\(\) got an unexpected type 'int' for keyword argument 'x': "
            "it has to be a list, a dict or what a task returns"
        ),
    ),
    "deadline_number.py": (
        """
    from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback

    alert = DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(0), SyncCallback(5))
    """,
        (
            r"deadline_number.py:\d+: AttributeError: the callback 5 is not callable\. "
            "It has to be a function, or the import path of one"
        ),
    ),
    "deadline_function.py": (
        """
    from airflow.sdk import DeadlineAlert, DeadlineReference

    alert = DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(0), print)
    """,
        (
            r"deadline_function.py:\d+: ValueError: Callbacks of type builtin_function_or_method are not currently supported: "
            "give a SyncCallback or an AsyncCallback of <built-in function print>"
        ),
    ),
    "retry_text.py": (
        """
    with DAG("refused", schedule=None):

        @task(retry_policy="often")
        def work():
            return 1

        work()
    """,
        r"retry_text.py:\d+: TypeError: .*retry_policy has to be an instance of a RetryPolicy, got str: 'often'",
    ),
}

PLUGIN = """
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk.bases.xcom import BaseXCom
from airflow.secrets import BaseSecretsBackend


class Listener:
    @hookimpl
    def on_task_instance_success(self, previous_state, task_instance):
        raise RuntimeError("deaf")

    @hookimpl
    def on_dag_run_success(self, dag_run, msg):
        raise RuntimeError("deaf to runs")


class Plugin(AirflowPlugin):
    name = "house"
    listeners = [Listener()]


class Bucket(BaseXCom):
    @staticmethod
    def serialize_value(value, **kwargs):
        if isinstance(value, dict) and "poison" in value:
            raise ConnectionError("bucket is gone")
        return BaseXCom.serialize_value(value)

    @staticmethod
    def deserialize_value(result):
        value = BaseXCom.deserialize_value(result)
        if isinstance(value, dict) and "venom" in value:
            raise ConnectionError("bucket is locked")
        return value


class Vault(BaseSecretsBackend):
    def get_conn_value(self, conn_id):
        raise PermissionError("vault is sealed")

    def get_variable(self, key):
        raise PermissionError("vault is sealed")
"""

POLICY = """
def dag_policy(dag):
    if dag.dag_id == "policed":
        raise KeyError("owner")
"""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bad(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FamilyUnderTest]:
    """Return a family with all of it at once."""
    home = tmp_path_factory.mktemp("bad")
    database = {}
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = {"database__sql_alchemy_conn": server.url(server.create_database())}
    remote = home / "remote"
    remote.mkdir()
    (remote / "from_git.py").write_text("from airflow.sdk import DAG\ndag = DAG('from_git', schedule=None)\n")
    for command in ("init -q --initial-branch=main", "add .", "-c user.name=t -c user.email=t@t commit -qm 1"):
        subprocess.run(["git", *command.split()], cwd=remote, check=True)
    git = {"repo_url": str(remote), "tracking_ref": "main", "refresh_interval": 0.5}
    bundles = [
        {"name": "code", "classpath": "airflow.providers.git.bundles.git.GitDagBundle", "kwargs": git},
        {"name": "plain", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}},
    ]
    settings = {
        **STRICT,
        **database,
        "core__callback_timeout": 1,
        "core__xcom_backend": "house.Bucket",
        "secrets__backend": "house.Vault",
        "dag_processor__dag_bundle_config_list": json.dumps(bundles),
    }
    family = FamilyUnderTest(home, **settings)
    family.environment["AIRFLOW_VAR_KEPT"] = "from the environment"
    for folder, name, text in (
        ("plugins", "house.py", PLUGIN),
        ("plugins", "broken.py", "import nothing_of_this_name\n"),
        ("config", "airflow_local_settings.py", POLICY),
    ):
        (home / folder).mkdir(exist_ok=True)
        (home / folder / name).write_text(text)
    family.write("steady.py", HEAD + STEADY)
    for name, text in DAGS.items():
        family.write(name, HEAD + text)
    for name, (text, _) in REFUSED.items():
        family.write(name, HEAD + text)
    try:
        family.start()
        yield family
        # Whatever happened, others work on.
        run_id = family.run("steady")
        assert set(family.states("steady", run_id).values()) == {"success"}
    finally:
        family.close()


def line_of(log: str, word: str) -> str:
    """Return the one line of a log that says `word`."""
    (line,) = [line for line in log.splitlines() if word in line]
    return line.partition(" - ")[2]


def test_files_that_make_no_sense_are_refused_in_one_sentence(bad: FamilyUnderTest) -> None:
    for name, (_, expected) in REFUSED.items():
        first, *rest = bad.wait_for_import_error(name).splitlines()
        assert re.fullmatch(expected, first), first
        assert not [line for line in rest if "/src/tradewind/" in line], rest


def test_maps_over_what_is_no_list_or_too_long(bad: FamilyUnderTest) -> None:
    run_id = bad.run("mapping")
    states = bad.states("mapping", run_id)
    assert {states[f"over_{name}"] for name in ("number", "nothing", "many")} == {"upstream_failed"}
    over_it = "other tasks are mapped over it, so it has to return a list or a dict"
    for task_id, expected in (
        ("number", f"UnmappableXComTypePushed: unmappable return type 'int': {over_it}"),
        ("nothing", f"XComForMappingNotPushed: did not push XCom for task mapping: {over_it}"),
        (
            "many",
            (
                "UnmappableXComLengthPushed: return value has 10001 items, more than the 1024 a task may be expanded to "
                "([core] max_map_length)"
            ),
        ),
    ):
        log = bad.log("mapping", run_id, task_id)
        assert line_of(log, "ERROR") == f"Failed: {expected}"
        assert "Traceback" not in log
    instances = bad.get(f"/api/v2/dags/mapping/dagRuns/{run_id}/taskInstances/over_rows/listMapped")["task_instances"]
    assert {one["map_index"]: one["state"] for one in instances} == {0: "success", 1: "failed"}
    log = bad.http.get(
        f"/api/v2/dags/mapping/dagRuns/{run_id}/taskInstances/over_rows/logs/1?map_index=1",
        headers={"Accept": "text/plain"},
    ).text
    assert line_of(log, "ERROR") == "Failed: ValueError: expand_kwargs() expects a list[dict], not list[int]"
    explained = bad.cli("tasks", "explain", "mapping", "over_number", run_id).stdout
    assert "It did not run because of what failed before it: 'number'" in explained


def test_triggers_that_cannot_be_stored_and_one_that_blocks(bad: FamilyUnderTest) -> None:
    run_id = bad.run("triggers")
    for task_id, expected in (
        (
            "lock",
            "an argument of the trigger triggers.Own (lock) is of type _thread.lock, which cannot be written as JSON",
        ),
        ("odd", "Odd.serialize() must return the trigger's import path as text and its arguments as a dict"),
        ("text", "the task cannot be deferred: 'soon' (str) is no trigger"),
        ("mistyped", "the task cannot be deferred: it wants to go on in finnish(), which Waits does not have"),
    ):
        log = bad.log("triggers", run_id, task_id)
        assert expected in line_of(log, "ERROR")
        assert "Traceback" not in log
    states = bad.states("triggers", run_id)
    assert (states["blocks"], states["good"]) == ("success", "success")
    told = until(
        lambda: re.search(r"the loop of the triggers stands still for .*\n.*\n.*", bad.written()), DEADLINE_S, "it"
    )
    assert "triggers/" + run_id + "/blocks/1" in told[0]
    assert re.search(r"triggers\.py:\d+ in run: time\.sleep\(self\.blocks_s\)", told[0])


def test_backends_that_raise(bad: FamilyUnderTest) -> None:
    run_id = bad.run("values")
    states = bad.states("values", run_id)
    expected = {"poison": "failed", "venom": "success", "taste": "failed", "sealed": "failed", "open": "success"}
    assert states == expected
    for task_id, what in (
        ("poison", "store XCom 'return_value' of task 'poison': ConnectionError: bucket is gone"),
        ("taste", "read XCom 'return_value' of task 'venom': ConnectionError: bucket is locked"),
    ):
        line = line_of(bad.log("values", run_id, task_id), " ERROR - Failed")
        assert line == f"Failed: XComBackendError: the XCom backend house.Bucket cannot {what}"
    log = bad.log("values", run_id, "sealed")
    assert line_of(log, "WARNING") == (
        "Secrets backend Vault failed for connection 'absent', the next place is asked: PermissionError: vault is sealed"
    )
    assert "create it with `tradewind connections add absent ...`" in line_of(log, " ERROR - Failed")
    assert bad.xcom("values", run_id, "open") == "from the environment"


def test_callbacks_that_hang_and_fail(bad: FamilyUnderTest) -> None:
    run_id = bad.run("callbacks")
    assert set(bad.states("callbacks", run_id).values()) == {"success"}
    soft = until(lambda: _with(bad.log("callbacks", run_id, "soft"), "called all the same"), DEADLINE_S, "the last")
    assert line_of(soft, "Ended:") == "Ended: on_success_callback hangs took longer than 1 s"
    assert line_of(soft, "fails failed") == "on_success_callback fails failed: LookupError: no such number"
    hard = until(lambda: _with(bad.log("callbacks", run_id, "hard"), "Ended with"), DEADLINE_S, "the end")
    assert re.search(
        r"Ended with its process: on_success_callback goes_on took longer than 1 s, and went on all the same, "
        r"in goes_on \(\S+/callbacks\.py, line \d+\)",
        hard,
    )
    assert "Thread 0x" not in hard
    lost = f"callbacks of task 'hard' of DAG 'callbacks', run {run_id!r}, try 1 did not come to their end"
    until(lambda: lost in bad.written(), DEADLINE_S, "the line of the executor")
    path = f"/api/v2/dags/callbacks/dagRuns/{run_id}/callbackLogs"
    of_run = until(lambda: _with(bad.http.get(path).text, "called all the same"), DEADLINE_S, "the DAG's")
    assert "Ended: on_success_callback hangs took longer than 1 s" in of_run
    assert _warnings(bad, "callbacks") == [
        "on_failure_callback 'mail me' of DAG 'callbacks' cannot be called: it has to be a function or a notifier"
    ]


def test_a_retry_policy_that_raises(bad: FamilyUnderTest) -> None:
    run_id = bad.run("retries")
    assert bad.states("retries", run_id) == {"work": "success"}
    log = bad.log("retries", run_id, "work")
    assert (
        line_of(log, "Retry policy")
        == "Retry policy 'Fails' failed, retries and retry_delay decide: LookupError: no rule"
    )
    assert log.count("ValueError: first try") == 2  # its line, and its traceback


def test_assets_that_make_no_sense(bad: FamilyUnderTest) -> None:
    bad.wait_for_dag("circle_two")
    circle = "DAGs wait for each other's assets in a circle, and once begun never stop: "
    assert _warnings(bad, "circle_one") == [f"{circle}circle_one -> circle_two -> circle_one"]
    assert "circle_two -> circle_one -> circle_two" in bad.cli("dags", "details", "circle_two").stdout
    bad.wait_for_dag("outlets")
    assert _warnings(bad, "outlets") == [
        "outlet 's3://bucket/file' of task 'make' is no Asset: no event of an asset comes of it"
    ]


def test_a_policy_and_a_plugin_that_fail(bad: FamilyUnderTest) -> None:
    bad.wait_for_dag("passed")
    first, *rest = bad.wait_for_import_error("policy.py").splitlines()
    assert first == "policy.py: AirflowClusterPolicyError: a cluster policy failed on DAG 'policed': KeyError: 'owner'"
    assert 'airflow_local_settings.py", line 4, in dag_policy' in "\n".join(rest)
    assert "/src/tradewind/" not in "\n".join(rest)
    assert bad.http.get("/api/v2/dags/policed").status_code == 404
    told = "plugin $PLUGINS_FOLDER/broken.py cannot be imported: ModuleNotFoundError: No module named 'nothing_of_this_name'"
    assert bad.written().count(told) == 1
    assert told in bad.cli("plugins").stderr


def test_listeners_and_deadlines_that_fail(bad: FamilyUnderTest, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run_id = bad.trigger("late", conf={"gate": str(gate)})
    path = f"/api/v2/dags/late/dagRuns/{run_id}/callbackLogs"

    def told() -> str | None:
        answer = bad.http.get(path, headers={"Accept": "text/plain"})
        return answer.text if answer.status_code == 200 and "failed" in answer.text else None

    log = until(told, DEADLINE_S, "the deadline's callback")
    assert "the deadline's callback nowhere.to_be.found failed: ModuleNotFoundError: No module named 'nowhere'" in log
    gate.touch()
    assert bad.wait_for_run("late", run_id)["state"] == "success"
    log = until(lambda: _with(bad.log("late", run_id, "work"), "deaf"), DEADLINE_S, "the listener")
    assert line_of(log, "deaf") == "listener Listener.on_task_instance_success failed: RuntimeError: deaf"
    one = (
        "on_dag_run_success of late "
        + run_id
        + " failed: listener Listener.on_dag_run_success failed: RuntimeError: deaf to"
    )
    until(lambda: one in bad.written(), DEADLINE_S, "the line about the listener")


def test_a_git_bundle_that_vanishes(bad: FamilyUnderTest) -> None:
    assert bad.wait_for_dag("from_git")["bundle_name"] == "code"
    shutil.rmtree(bad.home / "remote")

    def complaint() -> dict[str, str] | None:
        errors = bad.get("/api/v2/importErrors?limit=100")["import_errors"]
        return next((error for error in errors if "cannot be brought up" in error["stack_trace"]), None)

    error = until(complaint, DEADLINE_S, "the complaint")
    assert error["bundle_name"] == "code"
    assert error["stack_trace"].startswith("bundle 'code' cannot be brought up to date: git fetch failed: fatal: ")
    assert len(error["stack_trace"].splitlines()) == 1
    assert bad.wait_for_run("from_git", bad.trigger("from_git"))["state"] == "success"


def _with(text: str, word: str) -> str | None:
    return text if word in text else None


def _warnings(family: FamilyUnderTest, dag_id: str) -> list[str]:
    return [one["message"] for one in family.get(f"/api/v2/dagWarnings?dag_id={dag_id}")["dag_warnings"]]
