"""Arms and steps of campaigns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Who was written to, or was left alone for comparison, has been in an arm all along.
_ARMS = """
    INSERT INTO assignment (campaign, customer_id, arm, chance, assigned_at)
    SELECT campaign, customer_id,
           CASE WHEN MAX(CASE WHEN reason = 'control group' THEN 1 ELSE 0 END) = 1
                THEN 'control' ELSE 'treated' END,
           1.0, MIN(planned_at)
    FROM message
    WHERE state <> 'suppressed' OR reason = 'control group'
    GROUP BY campaign, customer_id
"""


def upgrade() -> None:
    op.create_table(
        "assignment",
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("arm", sa.String(), nullable=False),
        sa.Column("chance", sa.Float(), nullable=False),
        sa.Column("assigned_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_assignment_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("campaign", "customer_id", name=op.f("pk_assignment")),
        sqlite_with_rowid=False,
    )
    op.add_column("message", sa.Column("journey", sa.String(), nullable=False, server_default=""))
    op.add_column("message", sa.Column("step", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("message", sa.Column("action", sa.String(), nullable=False, server_default="send_message"))
    op.execute("UPDATE message SET journey = key")
    op.execute(_ARMS)


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
