"""The scheduler's stage, for triggerers beside it."""

from __future__ import annotations

from tests.scheduler.conftest import (
    make_stage,
    postgres_template,
    postgres_url,
    sqlite_stage,
    sqlite_template,
    sqlite_url,
    stage,
)

__all__ = [
    "make_stage",
    "postgres_template",
    "postgres_url",
    "sqlite_stage",
    "sqlite_template",
    "sqlite_url",
    "stage",
]
