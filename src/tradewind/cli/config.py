"""`tradewind config`: the settings, and where each came from."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.terminal.access import read_settings
from tradewind.cli.terminal.options import OUTPUTS, command
from tradewind.cli.terminal.output import print_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradewind.config.option import Option
    from tradewind.config.settings import SettingRow, Settings

_WIDTH = 100


@command("list")
@click.option("--section", help="Only this section.")
@click.option("-d", "--include-descriptions", is_flag=True, help="What each option does, as comments.")
@click.option("-V", "--include-env-vars", is_flag=True, help="The environment variable of each option, as a comment.")
@click.option("-s", "--include-sources", is_flag=True, help="Where each value comes from, as a comment.")
@click.option("-a", "--defaults", is_flag=True, help="The defaults instead of the values, with descriptions.")
@click.option("-c", "--comment-out-everything", is_flag=True, help="Every option as a comment: a start for a file.")
@click.option("--show-values", is_flag=True, help="As always here; Airflow hides values without it.")
@click.option("--hide-sensitive", is_flag=True, help="As always here: see --show-secrets.")
@click.option("--show-secrets", is_flag=True, help="Show keys and passwords too.")
@click.option("-o", "--output", type=click.Choice(OUTPUTS), help="A list with sources instead of a file.")
def list_options(
    *,
    section: str | None,
    include_descriptions: bool,
    include_env_vars: bool,
    include_sources: bool,
    defaults: bool,
    comment_out_everything: bool,
    show_values: bool,  # noqa: ARG001 - accepted for Airflow's command lines
    hide_sensitive: bool,  # noqa: ARG001 - as above
    show_secrets: bool,
    output: str | None,
) -> None:
    """List the options with their values.

    In the form of a tradewind.cfg. Secrets are hidden.
    """
    settings = read_settings()
    rows = [row for row in settings.rows(show_secrets=show_secrets) if section in {None, row.section}]
    if not rows:
        raise CommandError(f"there is no section {section!r}")
    if output is not None:
        print_rows(_listed(rows), output)
        return
    lines = _file_lines(
        rows,
        with_descriptions=include_descriptions or defaults,
        with_names=include_env_vars,
        with_sources=include_sources,
        is_default=defaults,
        is_comment=comment_out_everything or defaults,
    )
    click.echo("\n".join(lines))


@command("get-value")
@click.argument("section")
@click.argument("option")
def get_value(section: str, option: str) -> None:
    """Show the value of an option.

    Airflow's names work too: an option that has moved answers under its former name.
    """
    settings = read_settings()
    found = _find(section.lower(), option.lower())
    if found is not None:
        value: Any = settings.value(found.section, found.key)
        click.echo(", ".join(value) if isinstance(value, tuple) else str(value))
        return
    from tradewind.config.airflow_names import airflow_option

    text = airflow_option(section, option)
    if text is None:
        raise CommandError(f"there is no option [{section}] {option}{_nearest(settings, section, option)}")
    click.echo(text)


def _find(section: str, key: str) -> Option | None:
    """Return the option of this name, or the one that has it as Airflow's name."""
    from tradewind.config.options import OPTION_BY_NAME, OPTIONS

    name = (section, key)
    return OPTION_BY_NAME.get(name) or next(
        (option for option in OPTIONS if name == option.airflow or name in option.former), None
    )


def _nearest(settings: Settings, section: str, option: str) -> str:
    import difflib

    names = [f"{row.section} {row.key}" for row in settings.rows()]
    near = difflib.get_close_matches(f"{section} {option}".lower(), names, n=1)
    return f"; the nearest is `{near[0]}`" if near else ""


def _listed(rows: Sequence[SettingRow]) -> list[dict[str, Any]]:
    return [{"section": row.section, "key": row.key, "value": row.value, "source": row.source} for row in rows]


def _file_lines(
    rows: Sequence[SettingRow],
    *,
    with_descriptions: bool,
    with_names: bool,
    with_sources: bool,
    is_default: bool,
    is_comment: bool,
) -> Iterator[str]:
    from tradewind.config.options import OPTION_BY_NAME

    section = None
    for row in rows:
        option = OPTION_BY_NAME[row.section, row.key]
        if row.section != section:
            if section is not None:
                yield ""
            section = row.section
            yield f"[{section}]"
        if with_descriptions:
            yield from (f"# {line}" for line in textwrap.wrap(row.help, _WIDTH))
        if with_sources:
            yield f"# Source: {row.source}"
        if with_names:
            yield f"# Variable: {option.environment_name}"
        # A percent sign is written twice in such a file.
        value = (option.default if is_default else row.value).replace("%", "%%")
        yield f"{'# ' if is_comment else ''}{row.key} = {value}"
