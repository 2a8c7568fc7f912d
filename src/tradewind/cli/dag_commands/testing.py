"""`tradewind dags test`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.author_files import find_dag
from tradewind.cli.errors import EX_FAILED, EX_OK, CommandError
from tradewind.cli.terminal.access import read_settings
from tradewind.cli.terminal.options import DATE, command, conf_option, file_option
from tradewind.cli.terminal.output import print_rows, say

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.standalone.in_process.finished_run import FinishedRun


@command("test")
@click.argument("dag_id")
@click.argument("logical_date", type=DATE, required=False)
@conf_option
@file_option
@click.option("--conn-file", type=click.Path(exists=True), help="Take connections from this file first.")
@click.option("--variable-file", type=click.Path(exists=True), help="Take variables from this file first.")
@click.option("--mark-success-pattern", help="Do not run tasks whose task_id matches this expression: they succeed.")
@click.option(
    "--answer",
    "answers",
    multiple=True,
    metavar="TASK_ID=OPTION",
    help="The answer to a task that asks a person: options with commas between them, or a JSON object with "
    "chosen_options and params_input. Asked at the terminal without it.",
)
@click.option("--use-executor", is_flag=True, help="As Airflow's; the tasks run in this process all the same.")
@click.option("--show-dagrun", is_flag=True, help="Print the graph with the states, in the DOT language.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml", "plain"]),
    help="Print the states at the end; json is one object on the last line.",
)
def test(
    *,
    dag_id: str,
    logical_date: datetime | None,
    conf: dict[str, Any] | None,
    file: str | None,
    conn_file: str | None,
    variable_file: str | None,
    mark_success_pattern: str | None,
    answers: tuple[str, ...],
    use_executor: bool,
    show_dagrun: bool,
    output: str | None,
) -> int:
    """Run a DAG once in this process, without scheduler or database.

    Tasks run one after the other, retries at once. Variables and connections come from the environment, and from the
    metadata database where there is one. Exit code 1 when the run fails.
    """
    from tradewind.sdk.document import DagDocumentError
    from tradewind.serialization.human_answers import AnswerError
    from tradewind.serialization.run_conf import RunConfError
    from tradewind.standalone.dag_test import run_dag_test
    from tradewind.standalone.in_process.secret_files import SecretFileError

    dag = find_dag(read_settings(), dag_id, file)
    try:
        run = run_dag_test(
            dag,
            logical_date=logical_date,
            run_conf=conf,
            conn_file_path=conn_file,
            variable_file_path=variable_file,
            mark_success_pattern=mark_success_pattern,
            use_executor=use_executor,
            answers=_by_task(answers),
        )
    except (DagDocumentError, RunConfError, SecretFileError, AnswerError) as error:
        raise CommandError(str(error)) from error
    states = _states(run)
    if show_dagrun:
        _show(dag, states)
    _print(run, states, output)
    return EX_OK if run.state == "success" else EX_FAILED


def _by_task(answers: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for answer in answers:
        task_id, sign, text = answer.partition("=")
        if not sign:
            raise CommandError(f"--answer {answer!r}: write TASK_ID=OPTION")
        found[task_id] = text
    return found


def _states(run: FinishedRun) -> dict[str, str | list[str]]:
    """Return the state of each task, of a mapped one those of its instances in order."""
    states: dict[str, str | list[str]] = {}
    for ti in sorted(run.get_task_instances(), key=lambda ti: (ti.task_id, ti.map_index)):
        state = "none" if ti.state is None else ti.state.value
        if ti.map_index < 0:
            states[ti.task_id] = state
            continue
        mapped = states.setdefault(ti.task_id, [])
        if isinstance(mapped, list):
            mapped.append(state)
    return states


def _print(run: FinishedRun, states: dict[str, str | list[str]], output: str | None) -> None:
    if output == "json":
        click.echo(json.dumps({"run": run.state.value, "tasks": states}))
    elif output is not None:
        print_rows([{"task_id": task_id, "state": state} for task_id, state in states.items()], output)
    else:
        say(f"Run {run.run_id} of DAG {run.dag_id}: {run.state.value}")


def _show(dag: Any, states: dict[str, str | list[str]]) -> None:
    from tradewind.cli.dag_commands.drawing import draw_dot
    from tradewind.sdk.document import to_document

    colours = {task_id: state for task_id, state in states.items() if isinstance(state, str)}
    click.echo(draw_dot(to_document(dag, dag_folder="."), colours))
