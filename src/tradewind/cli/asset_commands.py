"""`tradewind assets`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.naming import read_document
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import print_rows

if TYPE_CHECKING:
    from tradewind.metadata.assets.records import AliasDetail, AssetDetail
    from tradewind.metadata.database import Database

_NAME = click.option("--name", default=None, help="Its name.")
_URI = click.option("--uri", default=None, help="Its URI.")


@command("list")
@click.option("--alias", is_flag=True, help="List aliases, not assets.")
@output_option
def list_assets(alias: bool, output: str) -> None:
    """List the assets that DAGs use."""
    from tradewind.metadata.assets import listing

    with opened_database(read_settings()) as database:
        if alias:
            rows = [_alias(one) for one in listing.list_aliases(database)[0]]
        else:
            used = listing.AssetFilter(is_used=True)
            rows = [_outline(one) for one in listing.list_assets(database, used)[0]]
    print_rows(rows, output)


@command("details")
@_NAME
@_URI
@click.option("--alias", is_flag=True, help="The name is that of an alias.")
@output_option
def details(name: str | None, uri: str | None, alias: bool, output: str) -> None:
    """Show an asset with who makes it, who reads it and who waits for it."""
    from tradewind.metadata.assets import listing

    with opened_database(read_settings()) as database:
        if alias:
            found = [one for one in listing.list_aliases(database)[0] if one.name == name]
            if not found:
                raise CommandError(f"there is no asset alias {name!r}")
            print_rows([_alias(found[0])], output)
            return
        print_rows([_row(_asset_of(database, name, uri))], output)


@command("materialize")
@_NAME
@_URI
@output_option
def materialize(name: str | None, uri: str | None, output: str) -> None:
    """Trigger the DAG that makes an asset."""
    from tradewind.cli.dag_commands.running import run_request
    from tradewind.core.states import RunType
    from tradewind.metadata.assets.changing import maker_of
    from tradewind.metadata.runs import create_manual_run

    settings = read_settings()
    with opened_database(settings) as database:
        document = read_document(database, maker_of(database, _asset_of(database, name, uri).pk))
        request = replace(run_request(settings, document, {}), run_type=RunType.ASSET_MATERIALIZATION)
        run = create_manual_run(database, CLOCK, request)
    print_rows([{"dag_id": run.dag_id, "dag_run_id": run.run_id, "state": run.state.value}], output)


def _asset_of(database: Database, name: str | None, uri: str | None) -> AssetDetail:
    from tradewind.metadata.assets import listing

    if name is None and uri is None:
        raise CommandError("say which asset: --name NAME, --uri URI or both")
    found = [one for one in listing.list_assets(database)[0] if name in {None, one.name} and uri in {None, one.uri}]
    told = " and ".join(f"{what} {value!r}" for what, value in (("name", name), ("URI", uri)) if value is not None)
    if not found:
        raise CommandError(f"there is no asset with {told}")
    if len(found) > 1:
        names = ", ".join(f"{one.name!r} ({one.uri})" for one in found)
        raise CommandError(f"several assets have {told}: {names}; give both --name and --uri")
    return found[0]


def _outline(asset: AssetDetail) -> dict[str, Any]:
    return {"name": asset.name, "uri": asset.uri, "group": asset.group, "extra": asset.extra}


def _row(asset: AssetDetail) -> dict[str, Any]:
    def used(role: str) -> list[str]:
        return [f"{use.dag_id}.{use.task_id}" if use.task_id else use.dag_id for use in asset.uses if use.role == role]

    return {
        "id": asset.pk,
        **_outline(asset),
        "last_event_at": asset.last_event_at,
        "scheduled_dags": used("schedule"),
        "producing_tasks": used("outlet"),
        "consuming_tasks": used("inlet"),
        "aliases": [alias.name for alias in asset.aliases],
    }


def _alias(alias: AliasDetail) -> dict[str, Any]:
    return {"id": alias.pk, "name": alias.name, "group": alias.group}
