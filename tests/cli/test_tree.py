"""The tree of commands: its table, its help, and what a wrong name gets."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from tradewind.cli.table import COMMANDS, Entry
from tradewind.cli.tree import cli

from tests.cli.conftest import CommandLine


def entries(commands: dict[str, Entry], *before: str) -> list[tuple[tuple[str, ...], Entry]]:
    found = []
    for name, entry in commands.items():
        found.append(((*before, name), entry))
        found += entries(entry.commands, *before, name)
    return found


ENTRIES = entries(COMMANDS)


def command_of(path: tuple[str, ...]) -> click.Command:
    command: click.Command | None = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    return command


@pytest.mark.parametrize(("path", "entry"), ENTRIES, ids=[" ".join(path) for path, _ in ENTRIES])
def test_the_table_and_the_command_say_the_same(path: tuple[str, ...], entry: Entry) -> None:
    command = command_of(path)
    assert command.name == path[-1]
    assert (command.help or "").splitlines()[0] == entry.help


@pytest.mark.parametrize("path", [path for path, entry in ENTRIES if not entry.commands], ids=" ".join)
def test_every_command_takes_help_and_all_but_python_take_verbose(
    tradewind: CommandLine, path: tuple[str, ...]
) -> None:
    text = tradewind.ok(*path, "-h")
    assert text.startswith(f"Usage: tradewind {' '.join(path)}")
    assert ("--verbose" in text) == (path != ("python",))


def test_help_is_answered_from_the_table_alone() -> None:
    script = (
        "import sys; from tradewind.cli.main import run; run(['dags', '--help']); run(['--help']);"
        "print([name for name in sys.modules if name.startswith('tradewind.cli.') and name.count('.') > 2"
        " and 'terminal' not in name])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
    assert "next-execution" in ran.stdout
    assert "rotate-fernet-key" in ran.stdout


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_the_version_is_answered_without_click(argument: str) -> None:
    script = (
        f"import sys; sys.argv = ['tradewind', {argument!r}]; from tradewind.cli.main import main\n"
        "try: main()\nexcept SystemExit as end: print(end.code, 'click' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    version, rest = ran.stdout.splitlines()
    assert version.count(".") == 2
    assert rest == "0 False"


def test_the_version_is_the_same_behind_options(tradewind: CommandLine) -> None:
    assert tradewind.ok("version", "-v") == tradewind.ok("--version")


def test_a_group_alone_shows_its_help(tradewind: CommandLine) -> None:
    answer = tradewind("variables")
    assert answer.code == 2
    assert "Usage: tradewind variables" in answer.err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["dagz"], "the nearest is 'dags'"),
        (["dags", "lst"], "the nearest is 'list'"),
        (["xyz"], "no such command: 'xyz'"),
        (["dags", "list", "--outptu", "json"], "--outptu"),
        (["dags", "list", "--output", "xml"], "'xml' is not one of"),
        (["dags", "trigger"], "DAG_ID"),
        (["dags", "test", "x", "not-a-date"], "is no date"),
        (["dags", "trigger", "x", "--conf", "[1]"], "no JSON object"),
        (["dags", "trigger", "x", "--conf", "{'a': 1}"], "is no JSON"),
    ],
)
def test_a_usage_mistake_is_one_line(tradewind: CommandLine, arguments: list[str], part: str) -> None:
    assert part in tradewind.refused(*arguments, code=2)


def test_names_are_completed_without_loading_a_command() -> None:
    context = click.Context(cli)
    assert [item.value for item in cli.shell_complete(context, "d")] == ["dag-processor", "db", "dags"]
    dags = command_of(("dags",))
    assert "trigger" in [item.value for item in dags.shell_complete(click.Context(dags), "")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_calls_the_program(tradewind: CommandLine, shell: str) -> None:
    script = tradewind.ok("completion", shell)
    assert "_TRADEWIND_COMPLETE" in script
    assert "tradewind" in script
