"""Facts that more rules need, and the agents' roster. All facts are worked out anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_DAY = 86_400_000_000


def upgrade() -> None:
    # They follow from the records: new ones are made by the next refresh.
    for table in ("customer_fact", "customer_spend", "product_fact", "agent_fact", "shop_fact"):
        op.execute(f"DELETE FROM {table}")
    op.execute(
        "INSERT INTO touched (connection_id, kind, external_id, stamp)"
        " SELECT id, 'all', '', 0 FROM connection"
        " WHERE 1 = 1 ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET stamp = touched.stamp + 1"
    )
    op.create_table(
        "attendance",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.Column("learned_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("scheduled", sa.Boolean(), nullable=False),
        sa.Column("attended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "external_id", name=op.f("pk_attendance")),
    )
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_attendance_connection_id_agent_id"), ["connection_id", "agent_id"], unique=False
        )

    with op.batch_alter_table("agent_fact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("late_orders", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("weekly", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("customers", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("attendance_days", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("scheduled_days", sa.Integer(), nullable=False))

    with op.batch_alter_table("customer_fact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("refunded_orders", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("complaints_product", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("complaints_logistics", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("complaints_service", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("complaints_contract", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("complaints_suggestion", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("complaints_other", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("categories", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("gap_squares", sa.BigInteger(), nullable=False))
        batch_op.add_column(sa.Column("last_gap_days", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("last_three", sa.BigInteger(), nullable=False))
        batch_op.add_column(sa.Column("due_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("due_order", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("refunds_after_delivery", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("orders_after_trouble", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("messages_received", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("messages_answered", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("r_score", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("f_score", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("m_score", sa.Integer(), nullable=True))

    with op.batch_alter_table("fact_refresh", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("consult_window", sa.BigInteger(), nullable=False, server_default=str(3 * _DAY))
        )
        batch_op.add_column(
            sa.Column("answer_window", sa.BigInteger(), nullable=False, server_default=str(14 * _DAY))
        )

    with op.batch_alter_table("product_fact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("late_orders", sa.Integer(), nullable=False))
        batch_op.add_column(sa.Column("weekly", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("category", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("companions", sa.Text(), nullable=True))

    with op.batch_alter_table("shop_fact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("weekly", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
