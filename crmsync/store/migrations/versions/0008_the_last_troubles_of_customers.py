"""What went wrong last for each customer. Facts of customers are worked out anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("customer_fact", "customer_spend"):
        op.execute(f"DELETE FROM {table}")
    op.execute(
        "INSERT INTO touched (connection_id, kind, external_id, stamp)"
        " SELECT id, 'all', '', 0 FROM connection"
        " WHERE 1 = 1 ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET stamp = touched.stamp + 1"
    )
    op.add_column("customer_fact", sa.Column("last_trouble_at", sa.BigInteger(), nullable=True))
    op.add_column("customer_fact", sa.Column("troubles", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
