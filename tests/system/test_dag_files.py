"""The DAG folder of a running family: files come, change, break and go, and what is stored follows."""

from __future__ import annotations

import zipfile
from typing import Any

from benchmarks.system import until
from tests.system.families import DEADLINE_S, FamilyUnderTest

ONE_TASK = """
    from airflow.sdk import DAG, task

    with DAG({dag_id!r}, schedule=None, description={description!r}):
        @task
        def answer():
            return {answer!r}

        answer()
"""


def one_task(dag_id: str, answer: Any, description: str = "") -> str:
    return ONE_TASK.format(dag_id=dag_id, answer=answer, description=description)


def test_an_edited_file_is_picked_up_and_a_deleted_one_is_gone(family: FamilyUnderTest) -> None:
    path = family.write("comes.py", one_task("comes", "first"))
    assert family.xcom("comes", family.run("comes"), "answer") == "first"

    family.write("comes.py", one_task("comes", "second", "edited"))
    until(lambda: family.wait_for_dag("comes")["description"] == "edited", DEADLINE_S, "the edit")
    assert family.xcom("comes", family.run("comes"), "answer") == "second"
    source = family.get("/api/v2/dagSources/comes")["content"]
    assert "'second'" in source

    path.unlink()
    until(lambda: family.get("/api/v2/dags/comes")["is_stale"], DEADLINE_S, "the end of the DAG")
    listed = family.get("/api/v2/dags?dag_id_pattern=comes")
    assert listed["total_entries"] == 0
    refused = family.http.post("/api/v2/dags/comes/dagRuns", json={"logical_date": None})
    assert refused.status_code == 400
    assert "its file is gone" in refused.json()["detail"]


def test_an_unchanged_dag_makes_no_new_version(family: FamilyUnderTest) -> None:
    path = family.write("same.py", one_task("same", 1))
    family.run("same")
    before = family.wait_for_dag("same")["last_parsed_time"]
    path.write_text(f"# a comment\n{path.read_text()}")
    until(lambda: family.wait_for_dag("same")["last_parsed_time"] != before, DEADLINE_S, "the parse")
    family.run("same")
    assert family.get("/api/v2/dags/same/dagVersions")["total_entries"] == 1


def test_an_import_error_is_shown_and_cleared_and_the_dag_stays_until_then(family: FamilyUnderTest) -> None:
    family.write("breaks.py", one_task("breaks", 1))
    family.wait_for_dag("breaks")
    family.write("breaks.py", "from airflow.sdk import DAG\nraise ValueError('of all things')\n")
    error = family.wait_for_import_error("breaks.py")
    assert error.splitlines()[0] == "breaks.py:2: ValueError: of all things"
    assert family.get("/api/v2/dags/breaks")["has_import_errors"]
    listed = family.cli("dags", "list-import-errors", "--output", "json")
    assert "of all things" in listed.stdout

    family.write("breaks.py", one_task("breaks", 2))
    until(lambda: "breaks.py" not in family.import_errors(), DEADLINE_S, "the end of the error")
    assert not family.get("/api/v2/dags/breaks")["has_import_errors"]
    assert family.xcom("breaks", family.run("breaks"), "answer") == 2


def test_the_edit_of_a_package_beside_the_file_reaches_dag_and_task(family: FamilyUnderTest) -> None:
    family.write("beside/__init__.py", "")
    family.write("beside/values.py", "ANSWER = 'old'\n")
    family.write(
        "uses_package.py",
        """
        from airflow.sdk import DAG, task
        from beside.values import ANSWER

        with DAG("uses_package", schedule=None, description=ANSWER):
            @task
            def answer():
                return ANSWER

            answer()
        """,
    )
    assert family.xcom("uses_package", family.run("uses_package"), "answer") == "old"
    # Cached by the worker, a module edited within the second would be taken for unchanged.
    assert not (family.dags / "beside" / "__pycache__").exists()
    family.write("beside/values.py", "ANSWER = 'new'\n")
    until(lambda: family.wait_for_dag("uses_package")["description"] == "new", DEADLINE_S, "the edit of the package")
    # A worker that has imported the old package must not run the task.
    assert family.xcom("uses_package", family.run("uses_package"), "answer") == "new"


def test_a_package_whose_edit_leaves_the_document_alone_reaches_the_task_too(family: FamilyUnderTest) -> None:
    family.write("quiet_values.py", "ANSWER = 'old'\n")
    family.write(
        "quiet.py",
        """
        from airflow.sdk import DAG, task
        from quiet_values import ANSWER

        with DAG("quiet", schedule=None):
            @task
            def answer():
                return ANSWER

            answer()
        """,
    )
    assert family.xcom("quiet", family.run("quiet"), "answer") == "old"
    family.write("quiet_values.py", "ANSWER = 'new'\n")
    until(lambda: family.xcom("quiet", family.run("quiet"), "answer") == "new", DEADLINE_S, "the edit of the package")
    assert family.get("/api/v2/dags/quiet/dagVersions")["total_entries"] == 1


def test_a_zip_file_holds_dags_and_packages(family: FamilyUnderTest) -> None:
    part = family.dags / "packed.zip.part"
    with zipfile.ZipFile(part, "w") as archive:
        archive.writestr("zip_values.py", "ANSWER = 'zipped'\n")
        archive.writestr(
            "packed.py",
            "from airflow.sdk import DAG, task\n"
            "from zip_values import ANSWER\n"
            "with DAG('packed', schedule=None):\n"
            "    @task\n"
            "    def answer():\n"
            "        return ANSWER\n"
            "    answer()\n",
        )
    part.rename(family.dags / "packed.zip")
    assert family.xcom("packed", family.run("packed"), "answer") == "zipped"


def test_modules_of_the_plugins_folder_are_found_by_dag_and_task(family: FamilyUnderTest) -> None:
    (family.home / "plugins" / "plugged.py").write_text("ANSWER = 'plugged'\n")
    family.write(
        "uses_plugin.py",
        """
        from airflow.sdk import DAG, task
        from plugged import ANSWER

        with DAG("uses_plugin", schedule=None, description=ANSWER):
            @task
            def answer():
                import plugged
                return plugged.ANSWER

            answer()
        """,
    )
    assert family.wait_for_dag("uses_plugin")["description"] == "plugged"
    assert family.xcom("uses_plugin", family.run("uses_plugin"), "answer") == "plugged"


def test_ignored_files_are_no_dags(family: FamilyUnderTest) -> None:
    family.write("corner/.airflowignore", "secret_*\n")
    family.write("corner/secret_one.py", one_task("secret_one", 1))
    family.write("corner/open_one.py", one_task("open_one", 1))
    family.wait_for_dag("open_one")
    assert family.http.get("/api/v2/dags/secret_one").status_code == 404
