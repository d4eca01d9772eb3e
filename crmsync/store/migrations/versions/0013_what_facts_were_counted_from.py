"""What facts of products, shops and agents are counted from. They are counted anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_tally",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("talk_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("inquiries", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("response_time", sa.BigInteger(), nullable=False),
        sa.Column("bought", sa.Integer(), nullable=False),
        sa.Column("ratings", sa.Integer(), nullable=False),
        sa.Column("bad_ratings", sa.Integer(), nullable=False),
        sa.Column("troubled_inquiries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "connection_id", "account_id", "talk_id", "agent_id", name=op.f("pk_account_tally")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_tally",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=True),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "order_id", "what", "id", name=op.f("pk_event_tally")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "line_tally",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "order_id", "product_id", name=op.f("pk_line_tally")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "order_tally",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("week", sa.Integer(), nullable=False),
        sa.Column("valid", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "order_id", name=op.f("pk_order_tally")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_order_tally_valid",
        "order_tally",
        ["connection_id", "placed_at"],
        sqlite_where=sa.text("valid = 1"),
        postgresql_where=sa.text("valid = 1"),
    )

    op.create_table(
        "pair_tally",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("other_id", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "product_id", "other_id", name=op.f("pk_pair_tally")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_pair_tally_connection_id_product_id_times", "pair_tally", ["connection_id", "product_id", "times"]
    )

    op.create_table(
        "sum_tally",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("sold", sa.Integer(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("delivered_orders", sa.Integer(), nullable=False),
        sa.Column("late_orders", sa.Integer(), nullable=False),
        sa.Column("cancelled_orders", sa.Integer(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("refunds", sa.Integer(), nullable=False),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("exchanges", sa.Integer(), nullable=False),
        sa.Column("reviews", sa.Integer(), nullable=False),
        sa.Column("good_reviews", sa.Integer(), nullable=False),
        sa.Column("neutral_reviews", sa.Integer(), nullable=False),
        sa.Column("bad_reviews", sa.Integer(), nullable=False),
        sa.Column("complaints", sa.Integer(), nullable=False),
        sa.Column("complaints_product", sa.Integer(), nullable=False),
        sa.Column("complaints_logistics", sa.Integer(), nullable=False),
        sa.Column("complaints_service", sa.Integer(), nullable=False),
        sa.Column("complaints_contract", sa.Integer(), nullable=False),
        sa.Column("complaints_suggestion", sa.Integer(), nullable=False),
        sa.Column("complaints_other", sa.Integer(), nullable=False),
        sa.Column("troubled_orders", sa.Integer(), nullable=False),
        sa.Column("troubled_delivered", sa.Integer(), nullable=False),
        sa.Column("refunded_orders", sa.Integer(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("inquiries", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("response_time", sa.BigInteger(), nullable=False),
        sa.Column("consulted", sa.Integer(), nullable=False),
        sa.Column("converted", sa.Integer(), nullable=False),
        sa.Column("ratings", sa.Integer(), nullable=False),
        sa.Column("bad_ratings", sa.Integer(), nullable=False),
        sa.Column("troubled_inquiries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "subject", "connection_id", "external_id", "currency", name=op.f("pk_sum_tally")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trouble_tally",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("week", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "connection_id", "order_id", "subject", "external_id", name=op.f("pk_trouble_tally")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_trouble_tally_subject_connection_id_external_id_at",
        "trouble_tally",
        ["subject", "connection_id", "external_id", "at"],
    )

    op.create_table(
        "week_tally",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("week", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "subject", "connection_id", "external_id", "week", name=op.f("pk_week_tally")
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO touched (connection_id, kind, external_id, stamp)"
        " SELECT id, 'all', '', 0 FROM connection"
        " WHERE 1 = 1 ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET stamp = touched.stamp + 1"
    )


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
