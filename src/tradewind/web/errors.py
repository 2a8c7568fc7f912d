"""What goes wrong, as Airflow's API says it: a status and `{"detail": ...}`."""

from __future__ import annotations

from typing import Any

from tradewind.metadata.errors import (
    AlreadyExistsError,
    DatabaseUnavailableError,
    EncryptionError,
    InvalidRequestError,
    MetadataError,
    NotFoundError,
    SchemaError,
)

_STATUS: tuple[tuple[type[MetadataError], int], ...] = (
    (NotFoundError, 404),
    (AlreadyExistsError, 409),
    (InvalidRequestError, 400),
    (EncryptionError, 500),
    (DatabaseUnavailableError, 503),
    (SchemaError, 503),
)


class ApiError(Exception):
    """A request that gets another answer than the one asked for."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(str(detail))
        self.status = status
        self.detail = detail


def status_of(error: MetadataError) -> int:
    """Return the status that says what a metadata error means for the request."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
