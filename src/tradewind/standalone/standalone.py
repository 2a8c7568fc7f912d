"""`tradewind standalone`: the whole family on this machine, with a database of its own and a first user."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from tradewind._version import __version__
from tradewind.config.values import ConfigurationError
from tradewind.core.clock import SystemClock
from tradewind.metadata.encryption import Cipher
from tradewind.metadata.errors import EncryptionError, MetadataError
from tradewind.standalone.author_values import base_url
from tradewind.standalone.family import EX_CONFIG, Family, Member
from tradewind.standalone.home import fernet_key, first_passwords, jwt_secret, prepare_home
from tradewind.standalone.processes import (
    listen_on,
    migrate_at_start,
    run_api_server,
    run_dag_processor,
    run_scheduler,
    run_triggerer,
    set_up_logging,
)
from tradewind.standalone.values import shutdown_grace_s

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tradewind.config.settings import Settings

_log = logging.getLogger(__name__)

_CLOSING_S = 5.0
"""What members get to close beyond the time that running tasks get."""
EX_UNAVAILABLE = 69
"""Exit code (sysexits) of a member without a database that it can use; it is started again."""


def run_standalone(settings: Settings) -> int:
    """Run scheduler, DAG processor, triggerer and web server until SIGTERM or SIGINT; returns the exit code.

    Raises `ConfigurationError` for settings that cannot work: an unwritable home, a port in use; `EncryptionError` for a
    malformed Fernet key, `MetadataError` for a database that cannot be used.
    """
    set_up_logging(settings)
    prepare_home(settings)
    Cipher(fernet_key(settings))
    jwt_secret(settings)
    passwords = first_passwords(settings)
    listening = listen_on(settings)
    migrate_at_start(settings)
    members = [
        Member("scheduler", _body(lambda ready: run_scheduler(settings, ready), listening)),
        Member("dag-processor", _body(lambda ready: run_dag_processor(settings, ready), listening)),
        Member("triggerer", _body(lambda ready: run_triggerer(settings, ready), listening)),
        Member("api-server", _body(lambda ready: run_api_server(settings, ready, listening))),
    ]

    def tell() -> None:
        lines = [f"Tradewind {__version__} is ready at {base_url(settings)}"]
        lines += [f"  sign in as {name!r} with the password {password}" for name, password in passwords.items()]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()

    grace_s = shutdown_grace_s(settings) + _CLOSING_S
    return Family(members, clock=SystemClock(), grace_s=grace_s, on_ready=tell).run()


def _body(
    run: Callable[[Callable[[], None]], int], inherited: socket.socket | None = None
) -> Callable[[Callable[[], None]], int]:
    """Return the body of a member; `inherited` is closed in it, so that it keeps no port that is another's to give up."""

    def body(ready: Callable[[], None]) -> int:
        if inherited is not None:
            inherited.close()
        try:
            return run(ready)
        except (ConfigurationError, EncryptionError) as error:
            _log.error("%s", error)
            return EX_CONFIG
        except MetadataError as error:
            _log.error("%s", error)
            return EX_UNAVAILABLE

    return body
