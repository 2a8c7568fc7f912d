"""The DAGs under attack. Each try writes into a ledger, in one atomic append, when it starts and when it has done its work."""

from __future__ import annotations

DAG_IDS = ("chain", "fan", "branch", "wait")
TASKS = {"chain": 6, "fan": 12, "branch": 5, "wait": 4}

TEXT = """\
import asyncio
import os
import time
from datetime import datetime, timedelta

from airflow.sdk import DAG, BaseOperator, task
from airflow.triggers.base import BaseTrigger, TriggerEvent

LEDGER = os.environ["CHAOS_LEDGER"]


def note(word, ti):
    line = f"{word} {ti.dag_id} {ti.run_id} {ti.task_id} {ti.try_number} {time.time():.6f} {os.getpid()}\\n"
    handle = os.open(LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


PATIENT = {"retries": 500, "retry_delay": timedelta(seconds=0.1)}


@task
def work(seconds=0.03, ti=None):
    note("start", ti)
    time.sleep(seconds)
    print("x" * 200)
    note("end", ti)
    return ti.task_id


@task
def gather(values, ti=None):
    note("start", ti)
    note("end", ti)
    return len(values)


@task.branch
def choose(ti=None):
    note("start", ti)
    note("end", ti)
    return "left"


def dag(dag_id):
    return DAG(dag_id, start_date=datetime(2024, 1, 1), schedule=None, catchup=False, default_args=PATIENT)


class Soon(BaseTrigger):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def serialize(self):
        return f"{__name__}.Soon", {"seconds": self.seconds}

    async def run(self):
        await asyncio.sleep(self.seconds)
        yield TriggerEvent(self.seconds)


class Waits(BaseOperator):
    def execute(self, context):
        self.defer(trigger=Soon(0.3), method_name="go_on")

    def go_on(self, context, event):
        note("start", context["ti"])
        note("end", context["ti"])


with dag("chain"):
    before = None
    for number in range(6):
        now = work.override(task_id=f"t{number}")()
        if before is not None:
            before >> now
        before = now

with dag("fan"):
    root = work.override(task_id="root")()
    leaves = [work.override(task_id=f"leaf{number:02d}")(0.05 * (number % 4)) for number in range(10)]
    root >> leaves
    gather.override(task_id="join")(leaves)

with dag("branch"):
    choice = choose.override(task_id="choose")()
    left = work.override(task_id="left")()
    right = work.override(task_id="right")()
    after_left = work.override(task_id="after_left")()
    join = work.override(task_id="join", trigger_rule="none_failed_min_one_success")()
    choice >> [left, right]
    left >> after_left >> join
    right >> join

with dag("wait"):
    [Waits(task_id=f"w{number}") for number in range(3)] >> work.override(task_id="after")()
"""
