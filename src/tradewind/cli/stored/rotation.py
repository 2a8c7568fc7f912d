"""`tradewind rotate-fernet-key`."""

from __future__ import annotations

from tradewind.cli.errors import CommandError
from tradewind.cli.terminal.access import cipher, opened_database, read_settings
from tradewind.cli.terminal.options import command
from tradewind.cli.terminal.output import say


@command("rotate-fernet-key")
def rotate_fernet_key() -> None:
    """Encrypt every secret with the newest key.

    Put the new key before the old one in core.fernet_key, separated by a comma; run this; then take the old one away.
    Nothing is changed when one secret cannot be read.
    """
    from tradewind.metadata.connections import ConnectionStore
    from tradewind.metadata.variables import VariableStore
    from tradewind.metadata.waits.rotation import rotate_waits

    settings = read_settings()
    keys = cipher(settings)
    if not keys.is_encrypting:
        raise CommandError("no Fernet key is set (core.fernet_key): there is nothing to encrypt with")
    with opened_database(settings) as database:
        variables, connections = VariableStore(database, keys), ConnectionStore(database, keys)
        # One that no key opens ends the command before anything is written.
        connections.list()
        variables.export_all()
        waits = rotate_waits(database, keys)
        count = (variables.rotate(), connections.rotate())
    say(
        f"{count[0]} variables and {count[1]} connections are encrypted with the newest key, and {waits} waits of tasks"
    )
