"""Contact data can be encrypted, and are found by an index; the audit can be signed."""

from __future__ import annotations

import hashlib
import hmac

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0017"
branch_labels = None
depends_on = None

_AT_ONCE = 5000


def upgrade() -> None:
    op.create_table(
        "encryption_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encryption_key")),
    )
    op.add_column("audit", sa.Column("signature", sa.String(), nullable=False, server_default=""))
    for column in ("email_index", "phone_index"):
        op.add_column("account", sa.Column(column, sa.BigInteger(), nullable=True))
    op.add_column("account", sa.Column("key_id", sa.String(), nullable=False, server_default=""))
    _index(op.get_bind())
    for column in ("email_index", "phone_index"):
        op.create_index(op.f(f"ix_account_{column}"), "account", [column], unique=False)


def _index(connection: sa.Connection) -> None:
    """The indexes of what is there, as they are without a key."""
    names = "connection_id external_id email phone email_index phone_index".split()
    account = sa.table("account", *(sa.column(name) for name in names))
    key = sa.tuple_(account.c.connection_id, account.c.external_id)
    query = (
        sa.select(account.c.connection_id, account.c.external_id, account.c.email, account.c.phone)
        .where(sa.or_(account.c.email.is_not(None), account.c.phone.is_not(None)))
        .order_by(account.c.connection_id, account.c.external_id)
        .limit(_AT_ONCE)
    )
    change = (
        sa.update(account)
        .where(
            account.c.connection_id == sa.bindparam("its_connection"),
            account.c.external_id == sa.bindparam("its_id"),
        )
        .values(email_index=sa.bindparam("by_email"), phone_index=sa.bindparam("by_phone"))
    )
    rows = connection.execute(query).all()
    while rows:
        connection.execute(
            change,
            [
                {
                    "its_connection": row.connection_id,
                    "its_id": row.external_id,
                    "by_email": _found_by("email", (row.email or "").strip().lower()),
                    "by_phone": _found_by("phone", "".join(c for c in row.phone or "" if c.isdigit())),
                }
                for row in rows
            ],
        )
        last = (rows[-1].connection_id, rows[-1].external_id)
        rows = connection.execute(query.where(key > last)).all()


def _found_by(kind: str, address: str) -> int | None:
    if not address:
        return None
    found = hmac.new(b"", f"{kind}\0{address}".encode(), hashlib.sha256).digest()
    return int.from_bytes(found[:8], "big", signed=True)


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
