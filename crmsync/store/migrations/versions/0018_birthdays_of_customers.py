"""The day on which a customer is congratulated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("birthday", sa.String(), nullable=True))
    op.create_index(op.f("ix_account_birthday"), "account", ["birthday"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
