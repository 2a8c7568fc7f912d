"""The DAG files that the workloads run, written as an author would write them."""

from __future__ import annotations

HEAD = """\
from datetime import datetime

from airflow.sdk import DAG, task


@task
def noop():
    return None


def dag(dag_id):
    return DAG(dag_id, start_date=datetime(2024, 1, 1), schedule=None, catchup=False)


def chain(count, call):
    before = None
    for number in range(count):
        now = call.override(task_id=f"t{number:04d}")()
        if before is not None:
            before >> now
        before = now
"""

FIB = """

def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@task
def light():
    fib(10)
"""


def chain_of_noops(dag_id: str, count: int, description: str = "") -> str:
    """Return a file with one chain of tasks that do nothing."""
    return f"{HEAD}\n\nwith dag({dag_id!r}) as d:\n    chain({count}, noop)\nd.description = {description!r}\n"


def chain_of_light_tasks(dag_id: str, count: int) -> str:
    """Return a file with one chain of tasks that compute fib(10)."""
    return f"{HEAD}{FIB}\n\nwith dag({dag_id!r}):\n    chain({count}, light)\n"


def fan(dag_id: str, width: int) -> str:
    """Return a file with one task, then `width` at once, then one."""
    return f"""{HEAD}

with dag({dag_id!r}):
    root = noop.override(task_id="root")()
    join = noop.override(task_id="join")()
    for number in range({width}):
        root >> noop.override(task_id=f"leaf{{number:05d}}")() >> join
"""


def mapped(dag_id: str, width: int) -> str:
    """Return a file with one task that returns a list, a task mapped over it, and one that comes after."""
    return f"""{HEAD}

@task
def numbers():
    return list(range({width}))


@task
def one(number):
    return None


with dag({dag_id!r}):
    one.expand(number=numbers()) >> noop()
"""


def parallel_in_pool(dag_id: str, width: int, pool: str) -> str:
    """Return a file with `width` tasks side by side in a pool of their own."""
    return f"""{HEAD}

with dag({dag_id!r}):
    for number in range({width}):
        noop.override(task_id=f"leaf{{number:05d}}", pool={pool!r})()
"""


def hourly_chain(dag_id: str, length: int) -> str:
    """Return a DAG that could run every hour and makes no run of its own: light tasks one after the other."""
    return f"""\
from datetime import datetime
from airflow import DAG
from airflow.operators.python import PythonOperator

with DAG("{dag_id}", schedule="@hourly", start_date=datetime(2020, 1, 1), end_date=datetime(2020, 1, 1), catchup=False):
    before = None
    for number in range({length}):
        task = PythonOperator(task_id=f"t{{number}}", python_callable=lambda: None)
        if before is not None:
            before >> task
        before = task
"""


def deferred(dag_id: str, count: int, go: str, ledger: str) -> str:
    """Return a file with `count` tasks that wait for triggers of their own; once the file `go` is there they fire in turn."""
    return f"""{HEAD}

import asyncio
import os
import time

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent


def note(line):
    handle = os.open({ledger!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(handle, (line + "\\n").encode())
    os.close(handle)


class Turn(BaseTrigger):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def serialize(self):
        return f"{{__name__}}.Turn", {{"number": self.number}}

    async def run(self):
        note("started")
        while not os.path.exists({go!r}):
            await asyncio.sleep(1)
        turn = os.path.getmtime({go!r}) + 2 + 0.02 * self.number
        await asyncio.sleep(max(0, turn - time.time()))
        yield TriggerEvent(time.time())


class Waits(BaseOperator):
    def __init__(self, number, **kwargs):
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context):
        self.defer(trigger=Turn(self.number), method_name="go_on")

    def go_on(self, context, event):
        note(f"resumed {{time.time() - event:.6f}}")


with dag({dag_id!r}):
    for number in range({count}):
        Waits(number=number, task_id=f"t{{number:04d}}")
"""
