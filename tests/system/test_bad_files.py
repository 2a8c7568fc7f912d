"""Every kind of bad DAG file: one clear message on the file, no harm to the DAG beside it, and gone with the file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.system import until
from tests.system.families import DEADLINE_S, FamilyUnderTest

DAG_WITH = "from airflow.sdk import DAG\nfrom airflow.providers.standard.operators.empty import EmptyOperator\n"

BAD = {
    "syntax error": ("# airflow DAG\ndef broken(:\n", "{file}:2: SyntaxError: invalid syntax"),
    "exception": ("# airflow DAG\n{}['absent']\n", "{file}:2: KeyError: 'absent'"),
    "endless loop": (
        "# airflow DAG\nwhile True:\n    pass\n",
        "the import took longer than 3 s ([core] dagbag_import_timeout)",
    ),
    "endless loop that swallows": (
        "# airflow DAG\nwhile True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass\n",
        "{file}: the import was still busy after 8 s and was killed ([dag_processor] dag_file_processor_timeout)",
    ),
    "sys.exit": (
        "# airflow DAG\nimport sys\nsys.exit(3)\n",
        "{file}:3: a DAG file must not end its process: it calls sys.exit(3)",
    ),
    "os._exit": ("# airflow DAG\nimport os\nos._exit(0)\n", "was ended with status 0 before it was done"),
    "2 GB of memory": (
        "# airflow DAG\nheld = [bytearray(50_000_000) for _ in range(40)]\n",
        "{file}:2: the import needs more memory than the 512 MiB it may take ([dag_processor] max_memory_mib)",
    ),
    "native crash": (
        "# airflow DAG\nimport ctypes\nctypes.string_at(0)\n",
        "{file}:3: the process that imports the file died of SIGSEGV: a native library crashed",
    ),
    "cycle": (
        DAG_WITH
        + "with DAG('bad', schedule=None):\n    a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n"
        "    a >> b >> a\n",
        "Cycle detected in DAG: bad",
    ),
    "duplicate task_id": (
        DAG_WITH + "with DAG('bad', schedule=None):\n    EmptyOperator(task_id='a')\n    EmptyOperator(task_id='a')\n",
        "{file}:5: DuplicateTaskIdFound",
    ),
    "unknown trigger rule": (
        DAG_WITH + "with DAG('bad', schedule=None):\n    EmptyOperator(task_id='a', trigger_rule='never_ever')\n",
        "never_ever",
    ),
    "invalid cron": (DAG_WITH + "DAG('bad', schedule='61 * * * *')\n", "61 * * * *"),
    "invalid time zone": (
        DAG_WITH
        + "import pendulum\nDAG('bad', schedule=None, start_date=pendulum.datetime(2024, 1, 1, tz='Mars/Base'))\n",
        "Mars/Base",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _steady(_shared_family: FamilyUnderTest) -> None:
    _shared_family.write(
        "steady.py",
        DAG_WITH
        + "from airflow.sdk import task\nwith DAG('steady', schedule=None):\n"
        + "    @task\n    def work():\n        return 1\n    work() >> EmptyOperator(task_id='end')\n",
    )


@pytest.fixture
def bad_name(request: pytest.FixtureRequest, family: FamilyUnderTest) -> Iterator[str]:
    """Return the name of a file that is taken away after the test."""
    name = f"bad_{abs(hash(request.node.name))}.py"
    yield name
    (family.dags / name).unlink(missing_ok=True)


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_gives_one_message_and_other_dags_run(family: FamilyUnderTest, bad_name: str, kind: str) -> None:
    text, expected = BAD[kind]
    path = family.write(bad_name, text)
    run_id = family.trigger("steady")
    message = family.wait_for_import_error(bad_name).splitlines()[0]
    assert message.startswith(bad_name)
    assert expected.format(file=bad_name) in message
    assert family.wait_for_run("steady", run_id)["state"] == "success"

    path.unlink()
    until(lambda: bad_name not in family.import_errors(), DEADLINE_S, "the end of the error")


def test_100_mb_of_output_at_import_are_cut_and_harm_nothing(family: FamilyUnderTest) -> None:
    family.write(
        "loud_file.py",
        "for _ in range(1000):\n    print('x' * 100_000)\n" + DAG_WITH + "dag = DAG('loud_file', schedule=None)\n",
    )
    family.wait_for_dag("loud_file")
    assert family.output.stat().st_size < 2_000_000


def test_two_files_with_one_dag_id_give_one_message_and_the_first_stays(family: FamilyUnderTest, bad_name: str) -> None:
    first = family.write("first_of_two.py", DAG_WITH + "dag = DAG('twice', schedule=None, description='first')\n")
    family.wait_for_dag("twice")
    family.write(bad_name, DAG_WITH + "dag = DAG('twice', schedule=None, description='second')\n")
    message = family.wait_for_import_error(bad_name)
    assert message == (f"dag_id 'twice' is taken by the DAG in {first}: give one of the two another dag_id")
    assert family.wait_for_dag("twice")["description"] == "first"

    first.unlink()
    until(lambda: family.wait_for_dag("twice")["description"] == "second", DEADLINE_S, "the second taking its place")
    assert bad_name not in family.import_errors()
