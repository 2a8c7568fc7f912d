"""State that tasks keep for themselves and for assets."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from tradewind.metadata.tables.columns import Pk, instant, metadata, pk, text

task_state = Table(
    "task_state",
    metadata,
    pk(),
    Column("ti_pk", Pk, nullable=False),
    text("key"),
    text("value"),
    instant("updated_at", is_required=True),
    instant("expires_at"),
    Index("uq_task_state_ti_pk_key", "ti_pk", "key", unique=True),
    Index("ix_task_state_expires_at", "expires_at"),
)
"""JSON by key, from try to try of one task instance; goes with its run, or when it expires."""

asset_state = Table(
    "asset_state",
    metadata,
    pk(),
    text("asset_name"),
    text("key"),
    text("value"),
    instant("updated_at", is_required=True),
    Index("uq_asset_state_asset_name_key", "asset_name", "key", unique=True),
)
"""JSON by key, of an asset by its name: whoever reads or writes the asset shares it."""
