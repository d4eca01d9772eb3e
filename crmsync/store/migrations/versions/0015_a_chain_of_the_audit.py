"""Each entry of the audit is bound to the one before it, and none can be changed or deleted."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0012"
branch_labels = None
depends_on = None

_AT_ONCE = 5000


def upgrade() -> None:
    op.add_column("audit", sa.Column("seal", sa.String(), nullable=False, server_default=""))
    _chain(op.get_bind())
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.alter_column("seal", existing_type=sa.String(), server_default=None)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )
    else:
        for action in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER audit_no_{action} BEFORE {action.upper()} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
            )


def _chain(connection: sa.Connection) -> None:
    audit = sa.table("audit", *(sa.column(name) for name in "id at actor action object detail seal".split()))
    content = [audit.c[name] for name in "id at actor action object detail".split()]
    seal, last = "", 0
    while True:
        rows = connection.execute(
            sa.select(*content).where(audit.c.id > last).order_by(audit.c.id).limit(_AT_ONCE)
        ).all()
        if not rows:
            return
        sealed = []
        for row in rows:
            written = json.dumps([seal, *row], ensure_ascii=False, separators=(",", ":"), default=repr)
            seal = hashlib.sha256(written.encode(errors="replace")).hexdigest()
            last = row.id
            sealed.append({"entry": row.id, "given": seal})
        connection.execute(
            sa.update(audit).where(audit.c.id == sa.bindparam("entry")).values(seal=sa.bindparam("given")),
            sealed,
        )


def downgrade() -> None:
    raise NotImplementedError("crmsync does not go back to an older schema: restore a backup")
