"""What tasks do to themselves and have done to them, in a running family: each ends as it should, and others go on."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.system import until
from tests.system.families import DEADLINE_S, FamilyUnderTest

HEAD = "from datetime import timedelta\nfrom airflow.sdk import DAG, task\n"


def body_of(text: str, indent: int = 8) -> str:
    return "\n".join(" " * indent + line for line in text.strip().splitlines())


def one_task(dag_id: str, code: str, arguments: str = "") -> str:
    """Return a DAG file whose task `work` runs `code`; `beside` runs at the same time."""
    return f"""{HEAD}
with DAG({dag_id!r}, schedule=None):
    @task({arguments})
    def work(ti=None):
{body_of(code)}

    @task
    def beside():
        return 1

    work(), beside()
"""


def run_one(family: FamilyUnderTest, dag_id: str, code: str, arguments: str = "") -> tuple[str, str | None]:
    """Run such a DAG; return the run_id and the note of `work`, which has failed while `beside` has not."""
    family.write(f"{dag_id}.py", one_task(dag_id, code, arguments))
    run_id = family.run(dag_id)
    assert family.states(dag_id, run_id) == {"work": "failed", "beside": "success"}
    return run_id, family.instance(dag_id, run_id, "work")["note"]


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_execution_timeout_ends_a_try(family: FamilyUnderTest) -> None:
    run_id, note = run_one(
        family, "times_out", "import time\ntime.sleep(600)", "execution_timeout=timedelta(seconds=0.5)"
    )
    assert "execution_timeout" in (note or "")
    assert "took longer than 0.5 s" in family.log("times_out", run_id, "work")


def test_marking_failed_kills_the_try_and_calls_on_kill(family: FamilyUnderTest) -> None:
    told = family.home / "on_kill_was_called"
    family.write(
        "killed.py",
        f"""
        import time
        from pathlib import Path
        from airflow.sdk import DAG, BaseOperator

        class Sleeper(BaseOperator):
            def execute(self, context):
                print("sleeping now", flush=True)
                time.sleep(600)

            def on_kill(self):
                Path({str(told)!r}).write_text(self.task_id)

        with DAG("killed", schedule=None):
            Sleeper(task_id="sleeps")
        """,
    )
    run_id = family.trigger("killed")
    until(
        lambda: (
            family.wait_for_instance("killed", run_id, "sleeps", "running")
            and "sleeping now" in family.log("killed", run_id, "sleeps")
        ),
        DEADLINE_S,
        "the task at work",
    )
    answer = family.http.patch(
        f"/api/v2/dags/killed/dagRuns/{run_id}/taskInstances/sleeps", json={"new_state": "failed"}
    )
    assert answer.status_code == 200, answer.text
    until(told.exists, DEADLINE_S, "on_kill")
    assert family.wait_for_run("killed", run_id)["state"] == "failed"
    assert family.states("killed", run_id) == {"sleeps": "failed"}
    until(lambda: "SIGTERM" in family.log("killed", run_id, "sleeps"), DEADLINE_S, "the log of the end")


def test_callbacks_are_called(family: FamilyUnderTest) -> None:
    told = family.home / "callbacks"
    family.write(
        "calls.py",
        f"""
        from datetime import timedelta
        from airflow.sdk import DAG, task

        def note(word):
            def callback(context):
                with open({str(told)!r}, "a") as file:
                    file.write(f"{{word}} {{context['ti'].task_id if 'ti' in context else '-'}}\\n")
            return callback

        with DAG("calls", schedule=None, on_failure_callback=note("run failed"), on_success_callback=note("never")):
            @task(on_execute_callback=note("execute"), on_success_callback=note("success"))
            def works():
                return 1

            @task(retries=1, retry_delay=timedelta(0), on_retry_callback=note("retry"), on_failure_callback=note("failure"))
            def fails():
                raise ValueError("on purpose")

            @task(on_failure_callback=note("lost"))
            def vanishes():
                import os
                os._exit(1)

            works(), fails(), vanishes()
        """,
    )
    run_id = family.run("calls")
    assert family.states("calls", run_id) == {"works": "success", "fails": "failed", "vanishes": "failed"}
    until(lambda: len(lines_of(told)) == 6, DEADLINE_S, "six callbacks")
    words = sorted(line.rsplit(" ", 1)[0] for line in lines_of(told))
    assert words == ["execute", "failure", "lost", "retry", "run failed", "success"]


def test_sys_exit_fails_the_try(family: FamilyUnderTest) -> None:
    _, note = run_one(family, "exits", "import sys\nsys.exit(3)")
    assert "sys.exit" in (note or "") or "SystemExit" in (note or "")
    assert "3" in (note or "")


def test_os_exit_fails_the_try_even_with_code_0(family: FamilyUnderTest) -> None:
    _, note = run_one(family, "exits_at_once", "import os\nos._exit(0)")
    assert note == "its process exited with code 0"


def test_a_native_crash_fails_the_try(family: FamilyUnderTest) -> None:
    _, note = run_one(family, "crashes", "import ctypes\nctypes.string_at(0)")
    assert note == "killed by SIGSEGV"


def test_a_killed_process_is_tried_again(family: FamilyUnderTest) -> None:
    code = "import os, signal\nif ti.try_number == 1:\n    os.kill(os.getpid(), signal.SIGKILL)\nreturn ti.try_number"
    family.write("reborn.py", one_task("reborn", code, "retries=1, retry_delay=timedelta(0)"))
    run_id = family.run("reborn")
    assert family.states("reborn", run_id) == {"work": "success", "beside": "success"}
    assert family.xcom("reborn", run_id, "work") == 2
    tries = family.get(f"/api/v2/dags/reborn/dagRuns/{run_id}/taskInstances/work/tries")["task_instances"]
    assert [(one["try_number"], one["state"]) for one in tries] == [(1, "failed"), (2, "success")]


def test_100_mb_of_output_go_to_the_log_and_harm_nothing(family: FamilyUnderTest) -> None:
    code = "for _ in range(1000):\n    print('x' * 99_999)\nprint('the last line')"
    family.write("loud_task.py", one_task("loud_task", code))
    run_id = family.run("loud_task")
    assert family.states("loud_task", run_id) == {"work": "success", "beside": "success"}
    files = list((family.home / "logs").rglob("dag_id=loud_task/**/task_id=work/*.log"))
    assert len(files) == 1
    assert files[0].stat().st_size > 100_000_000
    assert len(family.log("loud_task", run_id, "work")) < 40_000_000
    files[0].unlink()


def test_an_xcom_that_cannot_be_serialized_fails_the_try(family: FamilyUnderTest) -> None:
    run_id, note = run_one(family, "odd_xcom", "return object()")
    assert "return_value" in (note or "")
    assert "object" in (note or "")
    assert (note or "") in family.log("odd_xcom", run_id, "work")


def test_an_xcom_of_50_mb_fails_the_try(family: FamilyUnderTest) -> None:
    _, note = run_one(family, "large_xcom", "return 'x' * 50_000_000")
    assert "xcom.max_value_mib" in (note or "")


def test_a_template_with_an_error_fails_the_try(family: FamilyUnderTest) -> None:
    family.write(
        "bad_template.py",
        """
        from airflow.providers.standard.operators.bash import BashOperator
        from airflow.sdk import DAG

        with DAG("bad_template", schedule=None):
            BashOperator(task_id="syntax", bash_command="echo {{ broken")
            BashOperator(task_id="missing", bash_command="echo {{ ti.no_such_thing.at_all }}")
            BashOperator(task_id="beside", bash_command="echo {{ run_id }}")
        """,
    )
    run_id = family.run("bad_template")
    states = family.states("bad_template", run_id)
    assert states == {"syntax": "failed", "missing": "failed", "beside": "success"}
    for task_id in ("syntax", "missing"):
        note = family.instance("bad_template", run_id, task_id)["note"]
        assert "Error" in note, note
        assert note in family.log("bad_template", run_id, task_id)


def test_conf_that_breaks_the_schema_is_refused(family: FamilyUnderTest) -> None:
    family.write(
        "checked.py",
        """
        from airflow.sdk import DAG, Param, task

        with DAG("checked", schedule=None, params={"size": Param(1, type="integer", minimum=1)}):
            @task
            def size(params=None):
                return params["size"]

            size()
        """,
    )
    family.wait_for_dag("checked")
    for wrong in ({"size": "large"}, {"size": 0}):
        answer = family.http.post("/api/v2/dags/checked/dagRuns", json={"logical_date": None, "conf": wrong})
        assert answer.status_code == 400, answer.text
        assert "size" in answer.json()["detail"]
    told = family.cli("dags", "trigger", "checked", "--conf", json.dumps({"size": 0}))
    assert told.returncode != 0
    assert told.stderr.count("\n") == 1
    assert family.xcom("checked", family.run("checked", conf={"size": 7}), "size") == 7
