"""How the schema of a database stands to this release."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tradewind.metadata.errors import SchemaError

REVISIONS = ("0001", "0002")
"""Every migration of this release, in order."""
HEAD = REVISIONS[-1]


class SchemaState(str, Enum):
    """How the database's schema stands to this release."""

    CURRENT = "current"
    EMPTY = "empty"
    BEHIND = "behind"
    NEWER = "newer"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class SchemaStatus:
    """What `check` found. `found` is the database's revision, None where it has none."""

    state: SchemaState
    found: str | None
    head: str = HEAD

    @property
    def message(self) -> str:
        """One sentence for a person: what is wrong and what to do."""
        return {
            SchemaState.CURRENT: f"the database is up to date (revision {self.head})",
            SchemaState.EMPTY: "the database is empty: run `tradewind db migrate`",
            SchemaState.BEHIND: (
                f"the database is at revision {self.found}, this release needs {self.head}: run `tradewind db migrate`"
            ),
            SchemaState.NEWER: (
                f"the database is at revision {self.found}, which a newer release of Tradewind has made; this one knows "
                f"revisions up to {self.head}: install the newer release, or go back with its `tradewind db downgrade`"
            ),
            SchemaState.FOREIGN: (
                f"the database belongs to another program (revision {self.found}; Airflow?): "
                "give Tradewind a database of its own"
            ),
        }[self.state]

    def require_current(self) -> None:
        """Raise `SchemaError` with the message unless the schema is up to date."""
        if self.state is not SchemaState.CURRENT:
            raise SchemaError(self.message)
