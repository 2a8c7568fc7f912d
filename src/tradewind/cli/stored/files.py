"""Import and export files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.terminal.output import say


def read_entries(path: str) -> dict[str, Any]:
    """Return the entries of an import file; raises `CommandError` when it cannot be read."""
    from tradewind.standalone.in_process.secret_files import SecretFileError, read_file

    try:
        return read_file(path)
    except SecretFileError as error:
        raise CommandError(str(error)) from error


def form_of(path: str, asked: str | None = None) -> str:
    """Return how a file is written: as asked, else by its suffix, else as JSON. Raises `CommandError` for another suffix."""
    if asked is not None:
        return asked
    suffix = Path(path).suffix.lower()
    if path == "-" or suffix == ".json":
        return "json"
    form = {".yaml": "yaml", ".yml": "yaml", ".env": "env"}.get(suffix)
    if form is None:
        raise CommandError(f"{path}: its name must end in .json, .yaml, .yml or .env, to say how it is written")
    return form


def write_entries(path: str, entries: dict[str, Any], form: str, what: str) -> None:
    """Write an export file, or with `-` to standard output, as json or yaml."""
    if form == "yaml":
        import yaml

        text = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True)
    else:
        text = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
    write_text(path, text)
    say(f"{len(entries)} {what} exported")


def write_text(path: str, text: str) -> None:
    """Write a file that may hold secrets, for its owner only, or with `-` standard output."""
    if path == "-":
        click.echo(text, nl=False)
        return
    file = Path(path)
    try:
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
