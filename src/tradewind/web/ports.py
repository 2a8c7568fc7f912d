"""What the web server needs from the rest, as values: built by the composition root."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradewind.core.clock import Clock
    from tradewind.logs.layout import LogLayout
    from tradewind.metadata.database import Database
    from tradewind.metadata.encryption import Cipher
    from tradewind.serialization.records import ConnectionRecord


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Plain values, as the options of the same meaning in [api], [api_auth] and [core]."""

    users: tuple[str, ...] = ("admin:admin",)
    """Each as name:role; the role is viewer, user, op or admin."""
    all_admins: bool = False
    """Everybody is admin without signing in."""
    jwt_expiration_s: int = 86_400
    jwt_leeway_s: int = 10
    maximum_page_limit: int = 100
    fallback_page_limit: int = 50
    allowed_run_id_pattern: str = "^[A-Za-z0-9_.~:+-]+$"
    allowed_origins: tuple[str, ...] = ()
    """Origins other than its own from which browsers may call the API."""
    scheduler_health_threshold_s: float = 30.0
    dag_processor_health_threshold_s: float = 30.0
    triggerer_health_threshold_s: float = 30.0
    parallelism: int = 32
    """Task instances that run at once over all DAGs, for explanations."""
    max_xcom_characters: int = 512 * 1024
    """Of the text of an XCom, so much is shown."""
    hide_sensitive: bool = True
    """Whether values with a telling name are hidden."""
    sensitive_names: tuple[str, ...] = ()
    """More names that tell."""
    state_retention_days: int = 30
    """Days that a task's state is kept which was written without an end; 0 for as long as its run."""
    max_state_bytes: int = 65_535
    """A larger state is refused; 0 for no limit."""
    rerun_with_latest_version: bool | None = None
    """Whether runs that start over do so with the newest version of their DAG; None: clears no, backfills yes."""
    conf_overrides_params: bool = True
    """Whether a run's conf replaces the values of params."""


@dataclass(frozen=True, slots=True)
class WebPorts:
    """The adapters and secrets of one web server."""

    database: Database
    cipher: Cipher
    clock: Clock
    logs: LogLayout
    jwt_secret: str
    passwords_file: Path
    """JSON: the password of each user by name."""
    options: WebOptions = field(default_factory=WebOptions)
    try_connection: Callable[[ConnectionRecord], tuple[bool, str]] | None = None
    """Returns whether a connection works and what was found; None where that is not allowed."""
