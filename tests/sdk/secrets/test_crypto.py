"""What author code encrypts with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from tradewind.config.airflow_names import forget_settings
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.secrets.crypto import NullFernet, RealFernet, get_fernet

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    get_fernet.cache_clear()
    yield
    get_fernet.cache_clear()


def set_keys(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", keys)
    forget_settings()


def test_without_a_key_nothing_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    set_keys(monkeypatch, "")
    fernet = get_fernet()
    assert isinstance(fernet, NullFernet)
    assert (fernet.encrypt(b"m"), fernet.decrypt("m"), fernet.is_encrypted) == (b"m", b"m", False)
    with pytest.raises(ValueError, match="Expected bytes or str"):
        fernet.decrypt(1)  # type: ignore[arg-type]


def test_the_first_key_encrypts_and_every_key_decrypts(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    set_keys(monkeypatch, f"{new.decode()}, {old.decode()}")
    fernet = get_fernet()
    assert isinstance(fernet, RealFernet)
    assert get_fernet() is fernet
    assert Fernet(new).decrypt(fernet.encrypt(b"secret")) == b"secret"
    assert fernet.decrypt(Fernet(old).encrypt(b"secret")) == b"secret"
    assert Fernet(new).decrypt(fernet.rotate(Fernet(old).encrypt(b"secret"))) == b"secret"


def test_a_key_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    set_keys(monkeypatch, "short")
    with pytest.raises(AirflowException, match="Could not create Fernet object"):
        get_fernet()
