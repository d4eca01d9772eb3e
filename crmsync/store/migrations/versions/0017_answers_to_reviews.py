"""The review that a message answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("review_id", sa.String(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
