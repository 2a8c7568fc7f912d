"""A DAG as many files define one: the parse forker imports it so that its children find ready what it takes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.operators.bash import BashOperator
from tradewind.sdk.operators.python import PythonOperator

with DAG(
    "typical",
    schedule="@daily",
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=1)},
    params={"text": "word"},
    tags=["typical"],
) as dag:
    first = PythonOperator(task_id="first", python_callable=print)
    first.set_downstream(BashOperator(task_id="second", bash_command="true"))
