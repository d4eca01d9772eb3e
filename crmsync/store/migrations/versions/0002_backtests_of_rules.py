"""Backtests of rules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backtest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("ran_at", sa.BigInteger(), nullable=False),
        sa.Column("settings_digest", sa.String(), nullable=False),
        sa.Column("first_as_of", sa.BigInteger(), nullable=False),
        sa.Column("last_as_of", sa.BigInteger(), nullable=False),
        sa.Column("horizon_days", sa.Float(), nullable=False),
        sa.Column("windows", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("thumb", sa.String(), nullable=False),
        sa.Column("auc", sa.Float(), nullable=True),
        sa.Column("thumb_auc", sa.Float(), nullable=True),
        sa.Column("difference_low", sa.Float(), nullable=True),
        sa.Column("difference_high", sa.Float(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtest")),
    )
    with op.batch_alter_table("backtest", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_backtest_rule"), ["rule"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
