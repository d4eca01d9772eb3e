"""What a computation of facts is about: temporary tables that live in one transaction.

`fact_scope` holds products, agents or shops, `fact_scope_customer` customers. What is to be counted anew
stands in `fact_scope_connection` (all of a connection) or in those of orders, of events without an order,
and of accounts; what came of it in `fact_delta` and `fact_pair`. A computation of everything reads whole
tables; one of a few subjects reaches them through the scope, by index.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from crmsync.store import analyze
from crmsync.store.tables import SUMS

_TABLES = {
    "fact_touched": "connection_id BIGINT, kind TEXT, external_id TEXT, stamp BIGINT,"
    " PRIMARY KEY (connection_id, kind, external_id)",
    "fact_scope": "connection_id BIGINT, external_id TEXT, PRIMARY KEY (connection_id, external_id)",
    "fact_scope_connection": "connection_id BIGINT PRIMARY KEY",
    "fact_scope_order": "connection_id BIGINT, order_id TEXT, PRIMARY KEY (connection_id, order_id)",
    "fact_scope_event": "connection_id BIGINT, what TEXT, id TEXT, PRIMARY KEY (connection_id, what, id)",
    "fact_scope_account": "connection_id BIGINT, account_id TEXT, PRIMARY KEY (connection_id, account_id)",
    "fact_delta": "subject TEXT, connection_id BIGINT, external_id TEXT, currency TEXT,"
    f" week BIGINT, {', '.join(f'{name} BIGINT' for name in SUMS)}",
    "fact_pair": "connection_id BIGINT, product_id TEXT, other_id TEXT, times BIGINT",
    "fact_scope_customer": "customer_id BIGINT PRIMARY KEY",
}

# A review may name a product that the shop neither lists nor sold: there are no facts of that.
_EVERY = {
    "product": """SELECT connection_id, external_id FROM product WHERE learned_at <= :known
 UNION SELECT connection_id, external_id FROM {past}sum_tally WHERE subject = 'product' AND sold > 0""",
    "agent": "SELECT connection_id, external_id FROM agent WHERE learned_at <= :known",
    "shop": "SELECT id, '' FROM connection",
}

_TOUCHED_CUSTOMERS = """
SELECT a.customer_id FROM fact_touched t CROSS JOIN account a
WHERE t.kind = 'account' AND a.connection_id = t.connection_id AND a.external_id = t.external_id
UNION
SELECT a.customer_id FROM fact_touched t CROSS JOIN "order" o CROSS JOIN account a
WHERE t.kind = 'order' AND o.connection_id = t.connection_id AND o.external_id = t.external_id
 AND a.connection_id = o.connection_id AND a.external_id = o.account_id
UNION
SELECT a.customer_id FROM fact_touched t CROSS JOIN account a
WHERE t.kind = 'all' AND a.connection_id = t.connection_id
UNION
SELECT a.customer_id FROM fact_touched t CROSS JOIN product g CROSS JOIN product_fact f
 CROSS JOIN order_line l CROSS JOIN "order" o CROSS JOIN account a
WHERE t.kind = 'product' AND g.connection_id = t.connection_id AND g.external_id = t.external_id
 AND f.connection_id = g.connection_id AND f.external_id = g.external_id
 AND COALESCE(f.category, '') <> COALESCE(g.category, '')
 AND l.connection_id = g.connection_id AND l.product_id = g.external_id
 AND o.connection_id = l.connection_id AND o.external_id = l.order_id
 AND a.connection_id = o.connection_id AND a.external_id = o.account_id"""

_THERE = {
    "product": """EXISTS (SELECT 1 FROM product p
 WHERE p.connection_id = s.connection_id AND p.external_id = s.external_id)
 OR EXISTS (SELECT 1 FROM sum_tally t WHERE t.subject = 'product' AND t.connection_id = s.connection_id
  AND t.external_id = s.external_id AND t.sold > 0)""",
    "agent": "EXISTS (SELECT 1 FROM agent a"
    " WHERE a.connection_id = s.connection_id AND a.external_id = s.external_id)",
}
_STALE = """
SELECT connection_id, external_id FROM fact_delta WHERE subject = '{subject}'
UNION
SELECT connection_id, external_id FROM fact_touched WHERE kind = '{subject}'
UNION
SELECT f.connection_id, f.external_id FROM fact_scope_connection c CROSS JOIN {subject}_fact f
WHERE f.connection_id = c.connection_id
UNION
SELECT g.connection_id, g.external_id FROM fact_scope_connection c CROSS JOIN {subject} g
WHERE g.connection_id = c.connection_id"""
_STALE_SUBJECTS = {
    "product": _STALE.format(subject="product"),
    "agent": _STALE.format(subject="agent"),
    "shop": "SELECT DISTINCT connection_id, '' FROM fact_touched",
}

_DROP_ERASED = """DELETE FROM fact_scope_customer WHERE customer_id IN
 (SELECT customer_id FROM account WHERE erased_at IS NOT NULL)"""

# Touched orders, events without one, and accounts. Those of connections counted as a whole are left out.
_COUNTED = {
    "fact_scope_order": "SELECT connection_id, external_id FROM fact_touched WHERE kind = 'order'",
    "fact_scope_event": "SELECT connection_id, kind, external_id FROM fact_touched"
    " WHERE kind IN ('review', 'talk')",
    "fact_scope_account": """
SELECT connection_id, external_id FROM fact_touched WHERE kind = 'account'
UNION
SELECT o.connection_id, o.account_id FROM fact_touched t CROSS JOIN "order" o
WHERE t.kind = 'order' AND o.connection_id = t.connection_id AND o.external_id = t.external_id
 AND o.account_id <> ''""",
}
_WHOLE_CONNECTIONS = """
SELECT t.connection_id FROM fact_touched t WHERE t.kind IN ('all', 'order')
GROUP BY t.connection_id HAVING MAX(CASE WHEN t.kind = 'all' THEN 1 ELSE 0 END) = 1
 OR COUNT(*) >= :share * (SELECT COALESCE(SUM(s.sold), 0) FROM sum_tally s
  WHERE s.subject = 'shop' AND s.connection_id = t.connection_id AND s.external_id = '')"""


def prepare(connection: Connection) -> None:
    """Make the scopes, empty."""
    statements = [
        statement
        for name, columns in _TABLES.items()
        for statement in (
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns})",
            f"DELETE FROM {name}",
        )
    ]
    # SQLite takes one at a time.
    for each in ["; ".join(statements)] if connection.dialect.name == "postgresql" else statements:
        connection.exec_driver_sql(each)


def touch_everything(connection: Connection) -> None:
    """Make the facts of every connection stale."""
    connection.execute(
        text("""INSERT INTO touched (connection_id, kind, external_id, stamp)
 SELECT id, 'all', '', 0 FROM connection WHERE 1 = 1
 ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET stamp = touched.stamp + 1""")
    )


def take_touched(connection: Connection) -> bool:
    """Note what is touched now; False when nothing is."""
    return add(connection, "fact_touched", "SELECT connection_id, kind, external_id, stamp FROM touched") > 0


def everything_touched(connection: Connection) -> bool:
    """Whether every connection is touched as a whole."""
    untouched = """SELECT 1 FROM connection c WHERE NOT EXISTS
 (SELECT 1 FROM fact_touched t WHERE t.connection_id = c.id AND t.kind = 'all') LIMIT 1"""
    return connection.execute(text(untouched)).first() is None


def release_touched(connection: Connection) -> None:
    """Forget what was noted, but for what has been touched again since."""
    connection.execute(
        text("""DELETE FROM touched WHERE EXISTS (SELECT 1 FROM fact_touched t
 WHERE t.connection_id = touched.connection_id AND t.kind = touched.kind
 AND t.external_id = touched.external_id AND t.stamp = touched.stamp)""")
    )


def fill_customers(connection: Connection, *, every: bool) -> int:
    """Put every customer into the scope, or those that are touched; how many."""
    connection.execute(text("DELETE FROM fact_scope_customer"))
    every_one = "SELECT DISTINCT customer_id FROM account"
    added = add(connection, "fact_scope_customer", every_one if every else _TOUCHED_CUSTOMERS)
    return added - connection.execute(text(_DROP_ERASED)).rowcount


def fill_counts(connection: Connection, share: float) -> tuple[bool, bool]:
    """Put what is to be counted anew into its scopes; whether that is whole connections, and what is touched.

    A connection of whose orders this share is touched is counted as a whole, which then is cheaper.
    """
    whole = add(connection, "fact_scope_connection", _WHOLE_CONNECTIONS, {"share": share}) > 0
    some = [
        add(
            connection,
            table,
            f"SELECT * FROM ({select}) s WHERE connection_id NOT IN"
            " (SELECT connection_id FROM fact_scope_connection)",
        )
        for table, select in _COUNTED.items()
    ]
    return whole, any(some)


def fill_stale(connection: Connection, subject: str) -> int:
    """Put the subjects whose facts may have changed into the scope, if they are there; how many.

    The facts of those that are there no more are forgotten.
    """
    connection.execute(text("DELETE FROM fact_scope"))
    added = add(connection, "fact_scope", _STALE_SUBJECTS[subject])
    return added - _drop_vanished(connection, subject) if subject in _THERE else added


def fill_every(connection: Connection, subject: str, bounds: Mapping[str, Any], past: str = "") -> int:
    """Put every subject there is by what was counted, or was known at the time in `bounds`; how many."""
    connection.execute(text("DELETE FROM fact_scope"))
    return add(connection, "fact_scope", _EVERY[subject].format(past=past), bounds)


def _drop_vanished(connection: Connection, subject: str) -> int:
    gone = f"NOT ({_THERE[subject]})"
    connection.execute(
        text(f"""DELETE FROM {subject}_fact WHERE EXISTS (SELECT 1 FROM fact_scope s
 WHERE s.connection_id = {subject}_fact.connection_id AND s.external_id = {subject}_fact.external_id
  AND {gone})""")
    )
    return connection.execute(text(f"DELETE FROM fact_scope AS s WHERE {gone}")).rowcount


def add(connection: Connection, table: str, select: str, bounds: Mapping[str, Any] | None = None) -> int:
    """Put the rows of the select into a scope; how many."""
    added = connection.execute(text(f"INSERT INTO {table} {select}"), bounds or {}).rowcount
    # Without statistics it takes thousands of rows for a handful, or the reverse.
    analyze(connection, [table])
    return added


# Tables whose rows live in their primary key's tree. SQLite would rather walk a whole connection there
# than use an index on one more column; asked first for nothing but the key, it takes the index.
_CLUSTERED = {"order": ("external_id",), "order_line": ("order_id", "line_id")}


def relation(table: str, scope: str, column: str, dialect: str) -> str:
    """The rows of a table that belong to the scope by this column (by connection if empty).

    CROSS JOIN keeps SQLite on the way from the scope into the table's index; PostgreSQL reads it as
    an inner join.
    """
    key = {"fact_scope_order": "order_id", "fact_scope_account": "account_id"}.get(scope, "external_id")
    match = f" AND x.{column} = s.{key}" if column else ""
    found = f'FROM {scope} s CROSS JOIN "{table}" x WHERE x.connection_id = s.connection_id{match}'
    own = _CLUSTERED.get(table, (column,))
    if not column or column in own or dialect != "sqlite":
        return f"(SELECT x.* {found})"
    keys = ", ".join(f"x.{name}" for name in ("connection_id", *own))
    same = " AND ".join(f"y.{name} = k.{name}" for name in ("connection_id", *own))
    return f'(SELECT y.* FROM (SELECT {keys} {found}) k CROSS JOIN "{table}" y WHERE {same})'
