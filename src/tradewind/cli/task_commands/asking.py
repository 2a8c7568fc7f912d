"""`tradewind tasks questions` and `answer`: what tasks ask people."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.naming import require_run, run_argument
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import command, map_index_option, output_option
from tradewind.cli.terminal.output import date_text, print_rows, say

if TYPE_CHECKING:
    from tradewind.metadata.waits.humans import QuestionDetail


@command("questions")
@click.option("-d", "--dag-id", help="Those of one DAG.")
@click.option("--all", "with_answered", is_flag=True, help="Those too that have an answer.")
@output_option
def questions(dag_id: str | None, with_answered: bool, output: str) -> None:
    """List what tasks ask people.

    Those that wait for an answer, oldest first.
    """
    from tradewind.metadata.runs import RunFilter, TaskInstanceFilter
    from tradewind.metadata.waits.humans import QuestionFilter, list_questions

    runs = RunFilter(dag_ids=() if dag_id is None else (dag_id,))
    which = QuestionFilter(TaskInstanceFilter(runs=runs), is_answered=None if with_answered else False)
    with opened_database(read_settings()) as database:
        found, _ = list_questions(database, which)
    print_rows([_row(question) for question in found], output)


@command("answer")
@click.argument("dag_id")
@run_argument
@click.argument("task_id")
@click.argument("options", nargs=-1, required=True)
@click.option("--params", default="{}", help="The form, as a JSON object.")
@map_index_option
def answer(*, dag_id: str, run: str, task_id: str, options: tuple[str, ...], params: str, map_index: int) -> None:
    """Answer what a task asks: it goes on with the options chosen.

    Whoever may use the database may answer every question.
    """
    import json

    from tradewind.metadata.waits.humans import answer_question, get_question

    try:
        form = json.loads(params)
    except ValueError as error:
        raise CommandError(f"--params is no JSON: {error}") from error
    if not isinstance(form, dict):
        raise CommandError(f"--params has to be a JSON object, not {params}")
    name = getpass.getuser()
    with opened_database(read_settings()) as database:
        found = require_run(database, dag_id, run)
        question = get_question(database, dag_id, found.run_id, task_id, map_index)
        answer_question(database, CLOCK, question, options, form, {"id": name, "name": name}, may_answer_all=True)
    say(f"Task {task_id} of run {found.run_id} goes on with {', '.join(options)}")


def _row(detail: QuestionDetail) -> dict[str, str]:
    instance = detail.task_instance
    row = {
        "dag_id": instance.dag_id,
        "run_id": instance.run_id,
        "task_id": instance.task_id,
        "map_index": str(instance.map_index) if instance.map_index >= 0 else "",
        "subject": detail.question.subject,
        "options": ", ".join(detail.question.options),
        "asked_at": date_text(detail.created_at),
    }
    if detail.chosen_options is not None:
        row["answer"] = ", ".join(detail.chosen_options)
    return row
