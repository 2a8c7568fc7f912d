"""The home folder: its parts, and the secrets that are made on the first start when the settings bring none."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.config.values import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.config.settings import Settings

_FERNET_KEY = "fernet.key"
_JWT_SECRET = "jwt.secret"  # noqa: S105 - the name of a file


def prepare_home(settings: Settings) -> Path:
    """Make the home folder with its parts; raises `ConfigurationError` when it cannot be written."""
    home = Path(settings.home)
    folders = [home, home / "run"]
    folders += [Path(settings.string("core", key)) for key in ("dags_folder", "plugins_folder")]
    folders.append(Path(settings.string("logging", "base_log_folder")))
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"cannot make the folder {folder}: {error.strerror}; set TRADEWIND_HOME to one that can be written",
            ) from None
    if not os.access(home, os.W_OK):
        raise ConfigurationError(f"the home folder {home} cannot be written; set TRADEWIND_HOME to one that can")
    return home


def fernet_key(settings: Settings) -> str:
    """Return the keys that encrypt variables and connections: those of the settings, else the one kept in the home."""
    configured = settings.string("core", "fernet_key")
    if configured or settings.is_set("core", "fernet_key"):
        return configured

    def make() -> str:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - slow to import, and wanted once in a home's life

        return Fernet.generate_key().decode()

    return _kept(Path(settings.home) / _FERNET_KEY, make)


def jwt_secret(settings: Settings) -> str:
    """Return what API tokens are signed with: the setting, else one kept in the home."""
    configured = settings.string("api_auth", "jwt_secret") or settings.string("api", "secret_key")
    return configured or _kept(Path(settings.home) / _JWT_SECRET, lambda: secrets.token_urlsafe(48))


def first_passwords(settings: Settings) -> dict[str, str]:
    """Make sure that each user of the settings has a password; returns those made now, to be shown once.

    They are kept, as Airflow's simple auth manager keeps them, in one JSON file that only its owner reads.
    """
    path = Path(settings.string("core", "simple_auth_manager_passwords_file"))
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    names = [entry.partition(":")[0] for entry in settings.names("core", "simple_auth_manager_users")]
    made = {name: secrets.token_urlsafe(12) for name in names if name and name not in known}
    if made:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(known | made, file, indent=1)
    return made


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Return the content of a file only its owner reads, making it first where there is none."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    secret = make()
    with os.fdopen(handle, "w") as file:
        file.write(secret + "\n")
    return secret
