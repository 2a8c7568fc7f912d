"""What authors may say beside plain tasks: mapping, deferral, assets, backfills, deadlines, state stores, bundles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _mapping()
    _deferral()
    _assets()
    _backfills()
    _bundles()
    _state_stores()
    _deadlines()


def downgrade() -> None:
    _drop_deadlines()
    _drop_state_stores()
    _drop_bundles()
    _drop_backfills()
    _drop_assets()
    _drop_deferral()
    _drop_mapping()


# ---- mapping ---------------------------------------------------------------------------------------------------------


def _mapping() -> None:
    """Dynamic task mapping."""
    op.add_column("task_instance", sa.Column("map_length", sa.Integer(), nullable=True))
    op.add_column("task_instance", sa.Column("rendered_map_index", sa.Text(), nullable=True))
    op.add_column("task_instance_history", sa.Column("rendered_map_index", sa.Text(), nullable=True))


def _drop_mapping() -> None:
    """Undo `_mapping`."""
    op.drop_column("task_instance_history", "rendered_map_index")
    op.drop_column("task_instance", "rendered_map_index")
    op.drop_column("task_instance", "map_length")


# ---- deferral --------------------------------------------------------------------------------------------------------


def _deferral() -> None:
    """Triggers and questions to humans."""


def _drop_deferral() -> None:
    """Undo `_deferral`."""


# ---- assets ----------------------------------------------------------------------------------------------------------


def _assets() -> None:
    """Assets, who waits for them, and their events."""


def _drop_assets() -> None:
    """Undo `_assets`."""


# ---- backfills -------------------------------------------------------------------------------------------------------


def _backfills() -> None:
    """Backfills and the place of runs in them."""


def _drop_backfills() -> None:
    """Undo `_backfills`."""


# ---- bundles ---------------------------------------------------------------------------------------------------------


def _bundles() -> None:
    """DAG bundles and their versions."""


def _drop_bundles() -> None:
    """Undo `_bundles`."""


# ---- state stores ----------------------------------------------------------------------------------------------------


def _state_stores() -> None:
    """State of tasks and assets that outlives a run."""


def _drop_state_stores() -> None:
    """Undo `_state_stores`."""


# ---- deadlines -------------------------------------------------------------------------------------------------------


def _deadlines() -> None:
    """Deadlines, and callbacks that are under way."""
    op.add_column("callback_request", sa.Column("kind", sa.Text(), nullable=False, server_default="task"))
    op.add_column("callback_request", sa.Column("payload", sa.Text(), nullable=False, server_default="{}"))


def _drop_deadlines() -> None:
    """Undo `_deadlines`."""
    op.drop_column("callback_request", "payload")
    op.drop_column("callback_request", "kind")
