"""Users as Airflow's simple auth manager has them: names and roles in the settings, passwords in a file."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ROLES = ("viewer", "user", "op", "admin")
"""Each may do what those before it may: read; run DAGs; change pools, variables and connections; everything."""


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    role: str


ANYBODY = User("anonymous", "admin")
"""Who asks where nobody has to sign in."""


class SimpleUsers:
    """The users of the settings. The passwords are read at each sign-in, so that the file can be edited."""

    def __init__(self, entries: Iterable[str], passwords_file: Path) -> None:
        """Take entries of the form name:role; without a role a user is a viewer. Raises `ValueError` for another role."""
        self._roles: dict[str, str] = {}
        self._passwords_file = passwords_file
        for entry in entries:
            name, _, role = entry.partition(":")
            role = role.lower() or "viewer"
            if role not in ROLES:
                raise ValueError(f"user {name!r} has the role {role!r}: choose one of {', '.join(ROLES)}")
            self._roles[name] = role

    def get(self, name: str) -> User | None:
        """Return the user of that name, with the role of the settings."""
        role = self._roles.get(name)
        return None if role is None else User(name, role)

    def check(self, name: str, password: str) -> User | None:
        """Return the user when the password is right."""
        try:
            passwords = msgspec.json.decode(self._passwords_file.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.MsgspecError):
            return None
        # Compared in any case, so that the time tells nobody which names exist.
        is_right = hmac.compare_digest(passwords.get(name, "").encode(), password.encode())
        return self.get(name) if is_right and passwords.get(name) else None
