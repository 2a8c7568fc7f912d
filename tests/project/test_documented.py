"""What the code registers, the documentation lists: options, commands, endpoints, transitions, decisions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import click
import pytest

from scripts import docs_reference
from tests.project.sources import REPOSITORY, text_of

DOCS = REPOSITORY / "docs"


def option_names() -> Iterator[str]:
    """Yield each configuration option by the name of its environment variable."""
    for option in docs_reference.options():
        yield f"TRADEWIND__{option.section}__{option.key}".upper()


def command_names() -> Iterator[str]:
    """Yield each command by its heading, and each of its options by its longest spelling."""
    for name, command in docs_reference.commands():
        yield f"## {name}\n"
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                yield max(parameter.opts, key=len)


def endpoint_names() -> Iterator[str]:
    """Yield each endpoint by method and path."""
    for method, path, _ in docs_reference.endpoints():
        yield f"{method} `{path}`"


def event_names() -> Iterator[str]:
    """Yield each event of the table of transitions."""
    from tradewind.core.transitions import Event

    for event in Event:
        yield f"| `{event.value}` |"


NAMES: dict[str, Callable[[], Iterator[str]]] = {
    "config.md": option_names,
    "cli.md": command_names,
    "rest-api.md": endpoint_names,
    "transitions.md": event_names,
}


def skip_until_there(page: str) -> None:
    module, _ = docs_reference.PAGES[page]
    if not docs_reference.is_there(module):
        pytest.skip(f"{module} is not there yet")


@pytest.mark.parametrize("page", NAMES)
def test_everything_registered_is_on_its_page(page: str) -> None:
    skip_until_there(page)
    text = text_of(DOCS / "reference" / page)
    names = list(NAMES[page]())
    assert names, "nothing is registered"
    assert [name for name in names if name not in text] == []


@pytest.mark.parametrize("page", docs_reference.PAGES)
def test_the_page_is_the_one_that_the_code_generates(page: str) -> None:
    skip_until_there(page)
    assert text_of(DOCS / "reference" / page) == docs_reference.page(page), "run `make reference`"


def test_every_option_says_what_it_does() -> None:
    skip_until_there("config.md")
    silent = [f"{option.section}.{option.key}" for option in docs_reference.options() if not option.help.strip()]
    assert not silent, "\n".join(["", *silent])


def test_every_command_says_what_it_does() -> None:
    skip_until_there("cli.md")
    silent = [name for name, command in docs_reference.commands() if not (command.help or "").strip()]
    silent += [
        f"{name} {parameter.opts[0]}"
        for name, command in docs_reference.commands()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden and not parameter.help
    ]
    assert not silent, "\n".join(["", *silent])


def test_every_endpoint_says_what_it_does() -> None:
    skip_until_there("rest-api.md")
    silent = [f"{method} {path}" for method, path, found in docs_reference.endpoints() if not found.get("summary")]
    assert not silent, "\n".join(["", *silent])


def test_every_decision_is_listed_and_complete() -> None:
    index = text_of(DOCS / "decisions" / "index.md")
    navigation = text_of(REPOSITORY / "zensical.toml")
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    assert pages
    for page in pages:
        assert f"({page.name})" in index
        assert f"decisions/{page.name}" in navigation
        headings = re.findall(r"^## (.+)$", text_of(page), re.MULTILINE)
        assert (headings[:2], headings[-1:]) == (["Context", "Decision"], ["Consequences"]), page.name


def test_every_make_target_with_help_is_in_the_contributors_page() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", text_of(REPOSITORY / "Makefile"), re.MULTILINE)
    page = text_of(REPOSITORY / "CONTRIBUTING.md")
    assert "test" in targets
    assert [target for target in targets if f"`make {target}`" not in page] == []


def test_continuous_integration_runs_what_a_contributor_runs() -> None:
    lines = text_of(REPOSITORY / ".ci" / "run").splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands == ["set -euxo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
