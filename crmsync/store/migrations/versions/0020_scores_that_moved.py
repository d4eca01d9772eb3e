"""When a customer's scores last moved, apart from when their facts last changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customer_fact", sa.Column("scored_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
