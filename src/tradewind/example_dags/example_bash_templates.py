"""Shell commands with Jinja templates: dates of the run, params, XComs and macros."""

from datetime import datetime, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

with DAG(
    "example_bash_templates",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    params={"name": Param("world", type="string", minLength=1)},
    tags=["example"],
    doc_md=__doc__,
):
    greet = BashOperator(
        task_id="greet",
        bash_command='echo "hello, {{ params.name }}"',
    )
    when = BashOperator(
        task_id="when",
        bash_command='echo "run {{ run_id }} may start after {{ dag_run.run_after.strftime("%Y-%m-%d") }}"',
    )
    # The last line that a command prints is its XCom.
    repeat = BashOperator(
        task_id="repeat",
        bash_command='echo "it said: $SAID"',
        env={"SAID": "{{ ti.xcom_pull(task_ids='greet') }}"},
        append_env=True,
    )
    # Exit status 99 means: skip this task.
    skipped = BashOperator(task_id="skipped", bash_command="exit 99")

    greet >> [when, repeat] >> skipped
