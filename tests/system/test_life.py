"""A family's start and end: what it says, what stops it from starting, and that it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet

from benchmarks.system import until
from tests.system.families import DEADLINE_S, PASSWORD, READY, FamilyUnderTest

Make = Callable[..., FamilyUnderTest]

SLEEPERS = """
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG, task

    with DAG("sleepers", schedule=None):
        BashOperator(task_id="bash", bash_command="setsid sleep 600 & sleep 600")

        @task
        def python():
            import subprocess
            subprocess.Popen(["sleep", "600"], start_new_session=True).wait()

        python()
"""


def refuse(family: FamilyUnderTest) -> tuple[int, str]:
    """Start a family that cannot start; return its exit code and what it said."""
    ended = family.cli("standalone")
    assert ended.stdout == ""
    return ended.returncode, ended.stderr.strip()


def run_sleepers(family: FamilyUnderTest) -> None:
    family.write("sleepers.py", SLEEPERS)
    run_id = family.trigger("sleepers")
    for task_id in ("bash", "python"):
        family.wait_for_instance("sleepers", run_id, task_id, "running")
    # Three programs besides the workers' own processes, found by their arguments.
    until(lambda: len(sleeping(family)) == 3, DEADLINE_S, "the programs of both tasks")


def sleeping(family: FamilyUnderTest) -> list[int]:
    found = []
    for pid in family.living():
        try:
            if Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x00600\x00":
                found.append(pid)
        except OSError:
            continue
    return found


def test_the_first_start_shows_a_password_once_and_keeps_it_secret(own_family: Make) -> None:
    family = own_family()
    family.start()
    health = family.get("/api/v2/monitor/health")
    assert {name: part["status"] for name, part in health.items()} == {
        "metadatabase": "healthy",
        "scheduler": "healthy",
        "dag_processor": "healthy",
        "triggerer": "healthy",
    }
    assert family.get("/ui/me") == {"username": "admin", "role": "admin"}
    assert len(PASSWORD.findall(family.written())) == 1
    kept = family.home / "simple_auth_manager_passwords.json"
    for path in (kept, family.home / "fernet.key", family.home / "jwt.secret"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert family.stop() == 0

    family.start()
    assert family.get("/ui/me")["username"] == "admin"
    assert len(PASSWORD.findall(family.written())) == 1
    assert family.written().count("is ready at") == 2
    wrong = family.http.post("/auth/token", json={"username": "admin", "password": "guessed"})
    assert wrong.status_code == 401


def test_sigterm_ends_the_family_and_all_that_its_tasks_started(own_family: Make) -> None:
    family = own_family(scheduler__shutdown_grace=0)
    family.start()
    run_sleepers(family)
    assert family.stop() == 0
    assert family.living() == []
    assert "Traceback" not in family.written()


def test_a_second_sigint_of_a_terminal_changes_nothing(own_family: Make) -> None:
    family = own_family()
    family.start()
    assert family.process is not None
    # As Ctrl-C does: to every process of the session at once, and people press it twice.
    os.killpg(family.process.pid, signal.SIGINT)
    os.killpg(family.process.pid, signal.SIGINT)
    assert family.process.wait(DEADLINE_S) == 0
    assert family.living() == []
    assert "Traceback" not in family.written()


def test_nothing_outlives_a_killed_supervisor(own_family: Make) -> None:
    family = own_family(scheduler__shutdown_grace=0)
    family.start()
    run_sleepers(family)
    assert family.stop(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not family.living(), DEADLINE_S, "the end of every process")


def test_a_family_starts_again_while_the_killed_one_still_waits_for_its_tasks(own_family: Make) -> None:
    family = own_family(scheduler__shutdown_grace=3)
    family.start()
    run_sleepers(family)
    family.stop(signal.SIGKILL)
    until(lambda: is_free(family.port), DEADLINE_S, "the web server to leave")
    assert sleeping(family)
    family.start()
    # The old scheduler has ended its tasks and given the lease back; the new one tries again what it interrupted.
    assert family.written().count(READY) == 2
    until(lambda: len(sleeping(family)) == 3, DEADLINE_S, "the programs of both tasks, once each")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_in_use_is_told_in_one_line(own_family: Make) -> None:
    family = own_family()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", family.port))
        taken.listen()
        code, said = refuse(family)
    assert code == 78
    assert said == (
        f"Error: cannot listen on 127.0.0.1 port {family.port}: Address already in use; "
        "stop what uses it or choose another with TRADEWIND__API__PORT"
    )


def test_a_home_that_is_a_file_is_told_in_one_line(own_family: Make, tmp_path: Path) -> None:
    family = own_family()
    family.environment["TRADEWIND_HOME"] = str(tmp_path / "file" / "home")
    (tmp_path / "file").write_text("")
    code, said = refuse(family)
    assert code == 78
    assert said == (
        f"Error: cannot make the folder {tmp_path}/file/home: Not a directory; "
        "set TRADEWIND_HOME to one that can be written"
    )


def test_a_home_that_may_not_be_written_is_told_in_one_line(own_family: Make) -> None:
    family = own_family()
    # The kernel lets nobody write here, root neither.
    family.environment["TRADEWIND_HOME"] = "/proc/tradewind"
    code, said = refuse(family)
    assert code == 78
    assert said.startswith("Error: cannot make the folder /proc/tradewind: ")
    assert said.count("\n") == 0


def test_a_malformed_fernet_key_is_told_in_one_line(own_family: Make) -> None:
    family = own_family(core__fernet_key="no-key-at-all")
    code, said = refuse(family)
    assert code == 78
    assert said.startswith("Error: a Fernet key is 32 bytes in URL-safe base64")
    assert said.count("\n") == 0


def test_a_wrong_fernet_key_is_told_where_it_matters_and_harms_nothing_else(own_family: Make) -> None:
    family = own_family()
    family.start()
    family.http.post("/api/v2/variables", json={"key": "hidden", "value": "treasure"})
    assert family.stop() == 0

    family.environment["TRADEWIND__CORE__FERNET_KEY"] = Fernet.generate_key().decode()
    family.start()
    family.write(
        "reads.py",
        """
        from airflow.sdk import DAG, Variable, task

        with DAG("reads", schedule=None):
            @task
            def read():
                return Variable.get("hidden")

            @task
            def other():
                return 1

            read(), other()
        """,
    )
    run_id = family.run("reads")
    assert family.states("reads", run_id) == {"read": "failed", "other": "success"}
    log = family.log("reads", run_id, "read")
    assert "variable 'hidden' was encrypted with another Fernet key: add that key, after a comma," in log
    assert family.http.get("/api/v2/variables").status_code in {200, 500}
    assert family.http.get("/api/v2/dags").status_code == 200


def test_a_database_of_a_newer_release_is_told_in_one_line(own_family: Make) -> None:
    family = own_family()
    assert family.cli("db", "migrate").returncode == 0
    database = sqlite3.connect(family.home / "tradewind.db")
    with database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    code, said = refuse(family)
    assert code == 69
    assert said.startswith(
        "Error: the database is at revision 9999, which a newer release of Tradewind has made; "
        "this one knows revisions up to "
    )
    assert said.count("\n") == 0
