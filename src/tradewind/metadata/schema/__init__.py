"""The schema: creating it, bringing it up to date, and telling cheaply whether it is."""

from __future__ import annotations

from tradewind.metadata.schema.migrating import (
    DEFAULT_POOL,
    DEFAULT_POOL_SLOTS,
    MIGRATIONS,
    add_first_rows,
    check,
    downgrade,
    migrate,
    reset,
    upgrade,
)
from tradewind.metadata.schema.status import HEAD, REVISIONS, SchemaState, SchemaStatus

__all__ = [
    "DEFAULT_POOL",
    "DEFAULT_POOL_SLOTS",
    "HEAD",
    "MIGRATIONS",
    "REVISIONS",
    "SchemaState",
    "SchemaStatus",
    "add_first_rows",
    "check",
    "downgrade",
    "migrate",
    "reset",
    "upgrade",
]
