"""What a review that is not good is about, and quickly who refuses to be profiled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("review", sa.Column("type", sa.String(), nullable=True))
    op.create_index(
        "ix_consent_profiling",
        "consent",
        ["connection_id", "account_id"],
        sqlite_where=sa.text("purpose = 'profiling'"),
        postgresql_where=sa.text("purpose = 'profiling'"),
    )


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
