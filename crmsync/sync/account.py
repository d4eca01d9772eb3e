"""Accounts and the customers behind them: known by name before they are known by profile."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

from crmsync.store import tables
from crmsync.store.bulk import Bulk, among, many

CUSTOMERS = Bulk(tables.Customer, ("key", "learned_at"), key=("key",))
STUBS = Bulk(
    tables.Account,
    (
        "connection_id",
        "external_id",
        "learned_at",
        "changed_at",
        "digest",
        "customer_id",
        "email_verified",
        "phone_verified",
    ),
)


def ensure_accounts(
    connection: Connection, connection_id: int, scope: str, ids: Collection[str], now: int
) -> dict[str, int]:
    """The customer behind each account; new accounts get a row, and a customer of their own.

    Two connections within one identity scope that name the same id mean the same customer.
    """
    if not ids:
        return {}
    known: dict[str, int] = dict(
        connection.execute(
            text(
                "SELECT external_id, customer_id FROM account "
                f"WHERE connection_id = :connection_id AND external_id IN {among(connection, 'ids')}"
            ),
            {"connection_id": connection_id, "ids": many(connection, ids)},
        ).all()
    )
    if missing := sorted(set(ids).difference(known)):
        keys = {f"{scope}:{account}": account for account in missing}
        CUSTOMERS.insert(connection, [(key, now) for key in keys])
        customers = connection.execute(
            text(f"SELECT key, id FROM customer WHERE key IN {among(connection, 'keys')}"),
            {"keys": many(connection, keys)},
        )
        new = {keys[key]: customer_id for key, customer_id in customers}
        STUBS.insert(
            connection,
            [(connection_id, account, now, now, 0, new[account], False, False) for account in missing],
        )
        known |= new
    return known
