"""Taking a person out of what was pulled: the account gets a pseudonym, and all that tells of them goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from crmsync.store.bulk import among, many
from crmsync.store.keyring import Keyring
from crmsync.sync.account import ensure_accounts
from crmsync.sync.erased import keyed
from crmsync.sync.keep import CONTACT
from crmsync.sync.kind import KINDS

_SPOKEN = {kind.table: kind.words for kind in KINDS.values() if "account_id" in kind.columns}
"""The tables that name accounts, and the columns in which customers speak."""

_OTHERS = (
    """UPDATE consent SET account_id = :alias, source = '', proof = ''
 WHERE connection_id = :connection_id AND account_id = :own""",
    """DELETE FROM touched
 WHERE connection_id = :connection_id AND kind = 'account' AND external_id = :own""",
    """UPDATE account_tally SET account_id = :alias WHERE connection_id = :connection_id AND account_id = :own
 AND NOT EXISTS (SELECT 1 FROM account_tally known
  WHERE known.connection_id = :connection_id AND known.account_id = :alias)""",
    "DELETE FROM account_tally WHERE connection_id = :connection_id AND account_id = :own",
    """DELETE FROM seen WHERE external_id = :own
 AND run_id IN (SELECT id FROM run WHERE connection_id = :connection_id AND stream = 'customers')""",
)
"""What else names an account: a will is kept without where it was said and what shows it."""

_NO_CONTACT = ", ".join(f"{column} = {'NULL' if none is None else ':no'}" for column, none in CONTACT.items())
_NO_PROFILE = ", ".join(
    f"{column} = NULL"
    for column in ("updated_at", "language", "country", "zone", "registered_at", "contact_expired_at")
)


@dataclass(frozen=True, slots=True)
class Named:
    """An account by its connection, the scope of the platform's ids, its id there, and its pseudonym."""

    connection_id: int
    scope: str
    external_id: str
    alias: str


def pseudonymise(connection: Connection, account: Named, keyring: Keyring, now: int) -> Counter[str]:
    """Take the person out of an account and of all that names it; how many rows of each table.

    Orders, refunds and ratings stay as they are but for the words. Their digests change with them, so that
    the same records read again change nothing.
    """
    alias = account.alias
    whose = {"connection_id": account.connection_id, "own": account.external_id, "alias": alias}
    counts = Counter[str]()
    # What hangs on orders is found by whose they are, so they come last.
    for table, words in sorted(_SPOKEN.items(), key=lambda entry: entry[0] == "order"):
        counts[table] += _strip(connection, table, words, whose, keyring)
    for statement in _OTHERS:
        connection.execute(text(statement), whose)
    connection.execute(
        text(
            f"UPDATE account SET external_id = :alias, {_NO_CONTACT}, {_NO_PROFILE}, digest = 0, key_id = '',"
            " changed_at = :now, deleted_at = :now, erased_at = :now"
            " WHERE connection_id = :connection_id AND external_id = :own"
        ),
        {**whose, "no": False, "now": now},
    )
    connection.execute(
        text("UPDATE customer SET key = :hidden WHERE key = :told"),
        {"hidden": f"{account.scope}:{alias}", "told": f"{account.scope}:{account.external_id}"},
    )
    return counts


def _strip(
    connection: Connection, table: str, words: Sequence[str], whose: dict[str, Any], keyring: Keyring
) -> int:
    """Take the person out of the rows of one table that are theirs; how many."""
    theirs = "connection_id = :connection_id AND account_id = :own"
    if table != "order":
        theirs = (
            f"({theirs}) OR (connection_id = :connection_id AND account_id IS NULL AND order_id IN"
            ' (SELECT external_id FROM "order" WHERE connection_id = :connection_id AND account_id = :own))'
        )
    rows = connection.execute(text(f'SELECT external_id, digest FROM "{table}" WHERE {theirs}'), whose).all()
    if not rows:
        return 0
    blank = "".join(f", {word} = ''" for word in words)
    connection.execute(
        text(
            f'UPDATE "{table}" SET digest = :digest, account_id = CASE WHEN account_id = :own THEN :alias END'
            f"{blank} WHERE connection_id = :connection_id AND external_id = :external_id"
        ),
        [
            {**whose, "external_id": external_id, "digest": keyed(keyring, digest)}
            for external_id, digest in rows
        ],
    )
    return len(rows)


def silence(connection: Connection, connection_id: int, orders: Collection[str]) -> None:
    """What was said of these orders before it was known that they are an erased customer's."""
    for kind in KINDS.values():
        if kind.words:
            blank = ", ".join(f"{word} = ''" for word in kind.words)
            connection.execute(
                text(
                    f"UPDATE {kind.table} SET {blank} WHERE connection_id = :connection_id"
                    f" AND account_id IS NULL AND order_id IN {among(connection, 'orders')}"
                ),
                {"connection_id": connection_id, "orders": many(connection, orders)},
            )


def leave_to_erasure(
    connection: Connection, connection_id: int, scope: str, found: Sequence[str], now: int
) -> None:
    """Another account of an erased person: nobody writes to it from now on, and it is to be erased too."""
    customers = ensure_accounts(connection, connection_id, scope, found, now)
    connection.execute(
        text(
            f"UPDATE account SET {_NO_CONTACT}, erased_at = :now, deleted_at = :now, changed_at = :now"
            f" WHERE connection_id = :connection_id AND external_id IN {among(connection, 'found')}"
        ),
        {
            "no": False,
            "now": now,
            "connection_id": connection_id,
            "found": many(connection, found),
        },
    )
    connection.execute(
        text(
            "INSERT INTO erasure (customer_id, at) VALUES (:customer_id, :now)"
            " ON CONFLICT (customer_id) DO UPDATE SET files_at = NULL"
        ),
        [{"customer_id": id, "now": now} for id in sorted({customers[account] for account in found})],
    )
