"""Flags say where their subject stands: a stage, a type, a tier."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("flag", "flag_event"):
        op.add_column(table, sa.Column("state", sa.String(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
