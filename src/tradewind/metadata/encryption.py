"""Encrypting variables, connections and what deferred tasks carry with Fernet, under one or several keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.metadata.errors import EncryptionError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class Cipher:
    """Encrypts with the first of the keys and decrypts with any of them; without a key text is stored as it is."""

    def __init__(self, fernet_keys: str = "") -> None:
        """Take keys separated by commas, as Airflow's `fernet_key`. Raises `EncryptionError` for a malformed one."""
        self._fernet = _fernet([key.strip() for key in fernet_keys.split(",") if key.strip()])

    @property
    def is_encrypting(self) -> bool:
        """Whether there is a key."""
        return self._fernet is not None

    def encrypt(self, text: str) -> tuple[str, bool]:
        """Return what to store, and whether it is encrypted."""
        if self._fernet is None:
            return text, False
        return self._fernet.encrypt(text.encode()).decode(), True

    def decrypt(self, stored: str, *, is_encrypted: bool, name: str) -> str:
        """Return the text. Raises `EncryptionError`, which names the entry, when no key fits."""
        if not is_encrypted:
            return stored
        return self._opened(stored, name).decode()

    def rotate(self, stored: str, *, is_encrypted: bool, name: str) -> tuple[str, bool]:
        """Return what to store so that the first key opens it."""
        return self.encrypt(self.decrypt(stored, is_encrypted=is_encrypted, name=name))

    def seal(self, arguments: bytes) -> bytes:
        """Return what to store of a JSON object; an empty one has nothing to hide, and one that is sealed stays so."""
        if self._fernet is None or not arguments.startswith(b"{") or arguments == b"{}":
            return arguments
        return self._fernet.encrypt(arguments)

    def unseal(self, stored: bytes, *, name: str) -> bytes:
        """Return the JSON object. Raises `EncryptionError`, which names the entry, when no key fits."""
        # No Fernet token begins as a JSON object does.
        return stored if stored.startswith(b"{") else self._opened(stored, name)

    def _opened(self, stored: str | bytes, name: str) -> bytes:
        if self._fernet is None:
            msg = f"{name} is encrypted, but no Fernet key is set: set the one it was stored with (core.fernet_key)"
            raise EncryptionError(msg)
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see _fernet

        try:
            return self._fernet.decrypt(stored)
        except InvalidToken:
            msg = (
                f"{name} was encrypted with another Fernet key: add that key, after a comma, to core.fernet_key, "
                "or store the value again"
            )
            raise EncryptionError(msg) from None


def _fernet(keys: list[str]) -> MultiFernet | None:
    if not keys:
        return None
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - slow to load, and not needed without keys

    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        msg = "a Fernet key is 32 bytes in URL-safe base64 (44 characters): one in core.fernet_key is not"
        raise EncryptionError(msg) from None


PLAIN = Cipher()
"""Stores what it is given as it is."""
