"""What a DAG file answers that is run as a script and ends with `dag.cli()`."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def answer_command_line(dag: Any) -> None:
    """Answer the process's arguments: `tasks`, `tree` or `test [DATE]`. Exits with a message for others."""
    dag.check_cycle()
    parser = argparse.ArgumentParser(description=f"DAG {dag.dag_id}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("tasks", aliases=["list-tasks", "list_tasks"], help="list its tasks in order")
    commands.add_parser("tree", aliases=["show"], help="draw it as a tree")
    test = commands.add_parser("test", help="run it once in this process")
    test.add_argument("logical_date", nargs="?", help="ISO date, now if left out")
    given = parser.parse_args()
    if given.command == "test":
        dag.test(logical_date=given.logical_date)
    elif given.command in {"tree", "show"}:
        dag.tree_view()
    else:
        print("\n".join(task.task_id for task in dag.topological_sort()))  # noqa: T201 - that is what it is for
