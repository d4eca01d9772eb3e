"""Erased customers, and contact data that were kept long enough."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0015"
branch_labels = None
depends_on = None

_ERASED = sa.text("erased_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("files_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_erasure_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_erasure")),
    )
    op.create_table(
        "tombstone",
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("proved", sa.Boolean(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_tombstone_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("value", name=op.f("pk_tombstone")),
    )
    op.create_index(op.f("ix_tombstone_key_id"), "tombstone", ["key_id"])
    op.create_index(op.f("ix_tombstone_customer_id"), "tombstone", ["customer_id"])
    op.add_column("account", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    op.add_column("account", sa.Column("contact_expired_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_account_erased",
        "account",
        ["customer_id"],
        sqlite_where=_ERASED,
        postgresql_where=_ERASED,
    )


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
