"""`tradewind providers list`."""

from __future__ import annotations

from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import print_rows


@command("list")
@output_option
def list_providers(output: str) -> None:
    """List the provider packages that are installed."""
    from tradewind.metadata.policies.providers import installed_providers

    rows = [
        {"package_name": found.package_name, "version": found.version, "description": found.description}
        for found in installed_providers()
    ]
    print_rows(rows, output)
