"""What several commands take: options, arguments, and the types that read dates and JSON."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tradewind.cli.terminal.verbosity import verbose_option

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., Any])

OUTPUTS = ("table", "json", "yaml", "plain")


def command(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator that makes a function a command which takes `-v`, as every one does."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        return click.command(name, **attributes)(verbose_option(function))

    return decorate


class DateType(click.ParamType):
    """A date as ISO 8601 or in another form that pendulum reads; without an offset in `core.default_timezone`."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment, in UTC."""
        if isinstance(value, datetime):
            return value
        moment = parse_date(value)
        if moment is None:
            self.fail(f"{value!r} is no date: write 2024-01-31 or 2024-01-31T06:00:00+00:00", param, ctx)
        return moment


class JsonObjectType(click.ParamType):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """Return the object as a dict."""
        if isinstance(value, dict):
            return value
        try:
            decoded = json.loads(value)
        except ValueError as error:
            self.fail(f"{value!r} is no JSON: {error}", param, ctx)
        if not isinstance(decoded, dict):
            self.fail(f'{value!r} is no JSON object: write it as {{"name": value}}', param, ctx)
        return decoded


def parse_date(text: str) -> datetime | None:
    """Return the moment that a text means, in UTC, None when it means none."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        moment = _parse_with_pendulum(text)
    if moment is None:
        return None
    if moment.tzinfo is None:
        from zoneinfo import ZoneInfo

        from tradewind.cli.terminal.access import read_settings

        zone = read_settings().string("core", "default_timezone")
        moment = moment.replace(tzinfo=timezone.utc if zone.lower() == "utc" else ZoneInfo(zone))
    return moment.astimezone(timezone.utc)


def _parse_with_pendulum(text: str) -> datetime | None:
    import pendulum

    try:
        moment = pendulum.parse(text, tz=None)
    except ValueError:
        return None
    return moment if isinstance(moment, datetime) else None


DATE = DateType()
JSON_OBJECT = JsonObjectType()


def output_option(function: Function) -> Function:
    """Let a command that prints a list print it in four ways."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(OUTPUTS),
        default="table",
        show_default=True,
        help="How the list is printed.",
    )(function)


def yes_option(function: Function) -> Function:
    """Let a command that asks before it acts go on without asking."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(function)


def map_index_option(function: Function) -> Function:
    """Let a command name one instance of a mapped task."""
    return click.option("--map-index", type=int, default=-1, help="Which instance of a mapped task.")(function)


def file_option(function: Function) -> Function:
    """Let a command take its DAG from one file or folder instead of the DAG folder."""
    return click.option(
        "-f",
        "-S",
        "--file",
        "--dagfile-path",
        "--subdir",
        "file",
        type=click.Path(exists=True),
        help="Take the DAG from this file, or from the files of this folder.",
    )(function)


def conf_option(function: Function) -> Function:
    """Let a command take the conf of a run."""
    return click.option("-c", "--conf", type=JSON_OBJECT, help="The run's conf, a JSON object.")(function)


def confirm(question: str, *, is_confirmed: bool) -> None:
    """Ask before something that cannot be undone; raises `click.Abort` for a no."""
    if not is_confirmed:
        click.confirm(question, abort=True, err=True)
