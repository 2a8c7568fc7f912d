"""`get_fernet`: what author code and provider packages encrypt with, the installation's Fernet keys."""

from __future__ import annotations

import functools

from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class NullFernet:
    """Encrypts nothing: there is no key."""

    is_encrypted = False

    def encrypt(self, msg: bytes) -> bytes:
        """Return the message."""
        return msg

    def decrypt(self, msg: bytes | str, ttl: int | None = None) -> bytes:
        """Return the message as bytes. Raises ValueError for what is neither text nor bytes."""
        del ttl
        if isinstance(msg, bytes):
            return msg
        if isinstance(msg, str):  # pyright: ignore[reportUnnecessaryIsInstance] - authors pass what they like
            return msg.encode()
        raise ValueError(f"Expected bytes or str, got {type(msg)}")


class RealFernet:
    """Encrypts with the first key, decrypts with any."""

    is_encrypted = True

    def __init__(self, fernet: Any) -> None:
        self._fernet = fernet

    def encrypt(self, msg: bytes) -> bytes:
        """Return the message encrypted."""
        return self._fernet.encrypt(msg)

    def decrypt(self, msg: bytes | str, ttl: int | None = None) -> bytes:
        """Return the message in the clear. Raises cryptography's InvalidToken when no key fits."""
        return self._fernet.decrypt(msg, ttl)

    def rotate(self, msg: bytes | str) -> bytes:
        """Return the message encrypted with the first key."""
        return self._fernet.rotate(msg)


@functools.cache
def get_fernet() -> NullFernet | RealFernet:
    """Return what encrypts with the keys of Airflow's option core.fernet_key, made once for a process.

    Raises AirflowException for a key that is none.
    """
    keys = str(conf.get("core", "fernet_key", fallback="") or "")
    if not keys:
        return NullFernet()
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return RealFernet(MultiFernet([Fernet(key.strip()) for key in keys.split(",")]))
    except ValueError as error:
        raise AirflowException(f"Could not create Fernet object: {error} (option core.fernet_key)") from error
