"""Writes the reference pages of the documentation from what the code registers.

`scripts/docs_reference.py` writes docs/reference/*.md; `--check` writes nothing and fails when a page differs.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import click

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
MARK = "<!-- Written by scripts/docs_reference.py (make reference); edit the code it reads instead. -->"
HTTP_METHODS = ("get", "post", "put", "patch", "delete")


def options() -> list[Any]:
    """Return the registered configuration options, by section and key."""
    registered = importlib.import_module("tradewind.config.options").OPTIONS
    return sorted(registered, key=lambda option: (option.section, option.key))


def commands() -> list[tuple[str, click.Command]]:
    """Return every command and group of the command line with its full name, in the order of its help."""
    import click

    root = importlib.import_module("tradewind.cli.main").cli

    def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for child in command.list_commands(context):
                found = command.get_command(context, child)
                if found is not None and not found.hidden:
                    yield from walk(f"{name} {child}", found)

    return list(walk("tradewind", root))


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of the web server, which needs no database to tell its routes."""
    return importlib.import_module("tradewind.web.app").openapi()


def endpoints() -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of every endpoint, sorted by path."""
    return [
        (method.upper(), path, item[method])
        for path, item in sorted(openapi()["paths"].items())
        for method in HTTP_METHODS
        if method in item
    ]


def config_page() -> Iterator[str]:
    """Yield the lines of the configuration reference."""
    yield "# Configuration"
    yield ""
    yield "What comes first wins:"
    yield ""
    yield "1. the environment variable `TRADEWIND__SECTION__KEY`,"
    yield "2. the environment variable `AIRFLOW__SECTION__KEY`, for an option that Airflow has,"
    yield "3. the file `tradewind.cfg` in `TRADEWIND_HOME`,"
    yield "4. the file `airflow.cfg` in `AIRFLOW_HOME`, where that variable is set,"
    yield "5. the default."
    yield ""
    yield "A secret may also be given by a command that prints it (`…_CMD`, in files `…_cmd`) or by its name in a secrets"
    yield "backend (`…_SECRET`, `…_secret`)."
    section = None
    for option in options():
        if option.section != section:
            section = option.section
            yield from ("", f"## [{section}]")
        yield from ("", f"### {option.key}", "", escaped(option.help), "")
        kind = f"one of {', '.join(map(code, option.choices))}" if option.choices else option.type
        yield f"- Type: {kind}{', a secret' if option.is_secret else ''}"
        yield f"- Default: {code(option.default) if option.default else 'none'}"
        yield f"- Environment: {code(option.environment_name)}"
        airflow = [option.airflow] if option.airflow else []
        if airflow or option.former:
            yield "- Airflow: " + ", ".join(code(f"[{section}] {key}") for section, key in (*airflow, *option.former))


def cli_page() -> Iterator[str]:
    """Yield the lines of the command line reference."""
    import click

    yield "# Command line"
    named = commands()
    # A command keeps the help option of the first context that asks for it: the one its users get.
    settings = named[0][1].context_settings
    for name, command in named:
        context = click.Context(command, info_name=name, **settings)
        yield from ("", f"## {name}", "", escaped(inspect.cleandoc((command.help or "").replace("\b", ""))), "")
        yield from ("```", command.get_usage(context), "```")
        rows = [row for row in map(parameter_row(context), command.params) if row]
        if rows:
            yield from ("", "| parameter | meaning |", "| --- | --- |", *rows)


def parameter_row(context: click.Context) -> Callable[[click.Parameter], str]:
    """Return a function that writes a parameter of the context's command as a table row, "" for a hidden one."""
    import click

    def row(parameter: click.Parameter) -> str:
        if isinstance(parameter, click.Option):
            record = parameter.get_help_record(context)
            if record is None:
                return ""
            names, meaning = record
            return f"| {code(names)} | {cell(meaning)} |"
        return f"| {code(parameter.make_metavar(context))} | argument |"

    return row


def rest_page() -> Iterator[str]:
    """Yield the lines of the REST API reference."""
    yield "# REST API"
    yield ""
    yield "The running server gives the same with all schemas as an OpenAPI document at `/openapi.json`."
    tag = None
    for method, path, operation in sorted(endpoints(), key=lambda found: (tag_of(found[2]), found[1])):
        if tag_of(operation) != tag:
            tag = tag_of(operation)
            yield from ("", f"## {tag}")
        yield from ("", f"### {method} `{path}`", "", escaped(operation.get("description") or operation["summary"]))
        rows = [
            f"| {code(parameter['name'])} | {parameter['in']} | {cell(parameter.get('description', ''))} |"
            for parameter in operation.get("parameters", ())
        ]
        if rows:
            yield from ("", "| parameter | in | meaning |", "| --- | --- | --- |", *rows)


def transitions_page() -> Iterator[str]:
    """Yield the lines of the page of state transitions."""
    table = importlib.import_module("tradewind.core.transitions").TRANSITIONS
    states = importlib.import_module("tradewind.core.states")
    everything = frozenset(states.TaskInstanceState)
    yield "# State transitions"
    yield ""
    yield "Every change of a task instance's state is one of these rows; nothing else writes a state."
    yield from ("", "| event | from | to | who | effects |", "| --- | --- | --- | --- | --- |")
    for row in table:
        missing = everything - row.sources
        sources = "any but " + listed(missing) if len(missing) < len(everything) // 2 else listed(row.sources)
        effects = ", ".join(effect.value for effect in row.effects)
        yield f"| {code(row.event.value)} | {sources} | {row.target} | {listed(row.actors)} | {effects} |"
    yield from ("", "The way of a task instance through its states, without what users do to it:", "")
    yield from ("```mermaid", "stateDiagram-v2")
    for row in table:
        if {actor.value for actor in row.actors} != {"user"} and len(row.sources) <= len(everything) // 2:
            yield from (f"    {source} --> {row.target}: {row.event.value}" for source in sorted(row.sources, key=str))
    yield "```"


PAGES: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "config.md": ("tradewind.config.options", config_page),
    "cli.md": ("tradewind.cli.main", cli_page),
    "rest-api.md": ("tradewind.web.app", rest_page),
    "transitions.md": ("tradewind.core.transitions", transitions_page),
}


def is_there(module: str) -> bool:
    """Tell whether the module exists, without running it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def page(name: str) -> str:
    """Return the text of the page."""
    _, lines = PAGES[name]
    title, *rest = lines()
    return "\n".join([title, "", MARK, *rest]) + "\n"


def tag_of(operation: dict[str, Any]) -> str:
    """Return the heading that an endpoint stands under."""
    return (operation.get("tags") or ["Other"])[0]


def listed(members: Iterable[Any]) -> str:
    """Return the values of enum members, sorted."""
    return ", ".join(sorted(member.value for member in members))


def code(text: str) -> str:
    """Return the text as code inside a table."""
    return f"`{text}`".replace("|", "\\|")


def cell(text: str) -> str:
    """Return the text as one line inside a table."""
    return " ".join(escaped(text).split()).replace("|", "\\|")


def escaped(text: str) -> str:
    """Return the text with what Markdown or HTML would read as markup taken literally."""
    return text.replace("<", "&lt;").replace("[", "\\[")


def main() -> int:
    """Write or check the pages; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a page differs")
    check = parser.parse_args().check
    stale = 0
    for name, (module, _) in PAGES.items():
        path = REFERENCE / name
        if not is_there(module):
            print(f"{name}: {module} is not there yet")
            continue
        text = page(name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale += 1
            print(f"{name}: {'differs, run make reference' if check else 'written'}")
            if not check:
                path.write_text(text, encoding="utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
