"""Which subjects a computation of facts is about: temporary tables that live in one transaction.

`fact_scope` holds products, agents or shops, `fact_scope_customer` customers, `fact_scope_order` the
orders that may say something of them. A computation of everything reads whole tables; one of a few
subjects reaches them through the scope, by index.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_TABLES = {
    "fact_touched": "connection_id BIGINT, kind TEXT, external_id TEXT, stamp BIGINT,"
    " PRIMARY KEY (connection_id, kind, external_id)",
    "fact_scope": "connection_id BIGINT, external_id TEXT, PRIMARY KEY (connection_id, external_id)",
    "fact_scope_order": "connection_id BIGINT, order_id TEXT, PRIMARY KEY (connection_id, order_id)",
    "fact_scope_customer": "customer_id BIGINT PRIMARY KEY",
}

_EVERY = {
    "customer": "SELECT DISTINCT customer_id FROM account",
    "product": "SELECT connection_id, external_id FROM product"
    " UNION SELECT connection_id, product_id FROM order_line WHERE product_id IS NOT NULL",
    "agent": "SELECT connection_id, external_id FROM agent",
    "shop": "SELECT id, '' FROM connection",
}

# Only subjects there are: a review may name a product that the shop neither lists nor sold. Of those there
# were, one that nothing names any more has facts to lose.
_TOUCHED = {
    "customer": """
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
 AND a.connection_id = o.connection_id AND a.external_id = o.account_id""",
    "product": """
SELECT t.connection_id, t.external_id FROM fact_touched t WHERE t.kind = 'product'
 AND (EXISTS (SELECT 1 FROM product p
   WHERE p.connection_id = t.connection_id AND p.external_id = t.external_id)
  OR EXISTS (SELECT 1 FROM order_line l
   WHERE l.connection_id = t.connection_id AND l.product_id = t.external_id)
  OR EXISTS (SELECT 1 FROM product_fact f
   WHERE f.connection_id = t.connection_id AND f.external_id = t.external_id))
UNION
SELECT l.connection_id, l.product_id FROM fact_touched t CROSS JOIN order_line l
WHERE t.kind = 'order' AND l.connection_id = t.connection_id AND l.order_id = t.external_id
 AND COALESCE(l.product_id, '') <> ''
UNION
SELECT p.connection_id, p.external_id FROM fact_touched t CROSS JOIN review r CROSS JOIN product_fact p
WHERE t.kind = 'order' AND r.connection_id = t.connection_id AND r.order_id = t.external_id
 AND p.connection_id = r.connection_id AND p.external_id = r.product_id
UNION
SELECT p.connection_id, p.external_id FROM fact_touched t CROSS JOIN conversation c CROSS JOIN product_fact p
WHERE t.kind = 'order' AND c.connection_id = t.connection_id AND c.order_id = t.external_id
 AND c.type IS NOT NULL AND p.connection_id = c.connection_id AND p.external_id = c.product_id
UNION
SELECT p.connection_id, p.external_id FROM fact_touched t CROSS JOIN product p
WHERE t.kind = 'all' AND p.connection_id = t.connection_id
UNION
SELECT l.connection_id, l.product_id FROM fact_touched t CROSS JOIN order_line l
WHERE t.kind = 'all' AND l.connection_id = t.connection_id AND COALESCE(l.product_id, '') <> ''""",
    "agent": """
SELECT a.connection_id, a.external_id FROM fact_touched t CROSS JOIN agent a
WHERE t.kind = 'agent' AND a.connection_id = t.connection_id AND a.external_id = t.external_id
UNION
SELECT a.connection_id, a.external_id FROM fact_touched t CROSS JOIN "order" o CROSS JOIN agent a
WHERE t.kind = 'order' AND o.connection_id = t.connection_id AND o.external_id = t.external_id
 AND a.connection_id = o.connection_id AND a.external_id = o.agent_id
UNION
SELECT a.connection_id, a.external_id FROM fact_touched t CROSS JOIN conversation c CROSS JOIN agent a
WHERE t.kind = 'order' AND c.connection_id = t.connection_id AND c.order_id = t.external_id
 AND c.type IS NOT NULL AND a.connection_id = c.connection_id AND a.external_id = c.agent_id
UNION
SELECT a.connection_id, a.external_id FROM fact_touched t CROSS JOIN conversation c CROSS JOIN agent a
WHERE t.kind = 'account' AND c.connection_id = t.connection_id AND c.account_id = t.external_id
 AND a.connection_id = c.connection_id AND a.external_id = c.agent_id
UNION
SELECT a.connection_id, a.external_id FROM fact_touched t CROSS JOIN "order" o CROSS JOIN conversation c
 CROSS JOIN agent a
WHERE t.kind = 'order' AND o.connection_id = t.connection_id AND o.external_id = t.external_id
 AND c.connection_id = o.connection_id AND c.account_id = o.account_id
 AND a.connection_id = c.connection_id AND a.external_id = c.agent_id
UNION
SELECT a.connection_id, a.external_id FROM fact_touched t CROSS JOIN agent a
WHERE t.kind = 'all' AND a.connection_id = t.connection_id""",
    "shop": "SELECT DISTINCT connection_id, '' FROM fact_touched",
}

_DROP_ERASED = """DELETE FROM fact_scope_customer WHERE customer_id IN
 (SELECT customer_id FROM account WHERE erased_at IS NOT NULL)"""

_ORDERS = {
    "product": "SELECT DISTINCT l.connection_id, l.order_id FROM fact_scope s CROSS JOIN order_line l"
    " WHERE l.connection_id = s.connection_id AND l.product_id = s.external_id",
    "agent": 'SELECT o.connection_id, o.external_id FROM fact_scope s CROSS JOIN "order" o'
    " WHERE o.connection_id = s.connection_id AND o.agent_id = s.external_id",
}


def prepare(connection: Connection) -> None:
    """Make the scopes, empty."""
    for name, columns in _TABLES.items():
        connection.execute(text(f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns})"))
        connection.execute(text(f"DELETE FROM {name}"))


def touch_everything(connection: Connection) -> None:
    """Make the facts of every connection stale."""
    connection.execute(
        text("""INSERT INTO touched (connection_id, kind, external_id, stamp)
 SELECT id, 'all', '', 0 FROM connection WHERE 1 = 1
 ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET stamp = touched.stamp + 1""")
    )


def take_touched(connection: Connection) -> bool:
    """Note what is touched now; False when nothing is."""
    return _add(connection, "fact_touched", "SELECT connection_id, kind, external_id, stamp FROM touched") > 0


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


def fill(connection: Connection, subject: str, *, every: bool) -> int:
    """Put every subject of this kind into its scope, or those that are touched; how many."""
    table = "fact_scope_customer" if subject == "customer" else "fact_scope"
    connection.execute(text(f"DELETE FROM {table}"))
    added = _add(connection, table, (_EVERY if every else _TOUCHED)[subject])
    return added - connection.execute(text(_DROP_ERASED)).rowcount if subject == "customer" else added


def drop_vanished(connection: Connection) -> int:
    """Forget the facts of products in scope that nothing names any more; how many."""
    there = """EXISTS (SELECT 1 FROM product p
  WHERE p.connection_id = fact_scope.connection_id AND p.external_id = fact_scope.external_id)
 OR EXISTS (SELECT 1 FROM order_line l
  WHERE l.connection_id = fact_scope.connection_id AND l.product_id = fact_scope.external_id)"""
    connection.execute(
        text(f"""DELETE FROM product_fact WHERE EXISTS (SELECT 1 FROM fact_scope
 WHERE fact_scope.connection_id = product_fact.connection_id
  AND fact_scope.external_id = product_fact.external_id AND NOT ({there}))""")
    )
    return connection.execute(text(f"DELETE FROM fact_scope WHERE NOT ({there})")).rowcount


def fill_orders(connection: Connection, subject: str) -> None:
    """Put the orders of the subjects in scope into the scope of orders."""
    connection.execute(text("DELETE FROM fact_scope_order"))
    if subject in _ORDERS:
        _add(connection, "fact_scope_order", _ORDERS[subject])


def _add(connection: Connection, table: str, select: str) -> int:
    added = connection.execute(text(f"INSERT INTO {table} {select}")).rowcount
    if connection.dialect.name == "postgresql":
        # Without statistics it takes thousands of rows for a handful, or the reverse.
        connection.execute(text(f"ANALYZE {table}"))
    return added


# Tables whose rows live in their primary key's tree. SQLite would rather walk a whole connection there
# than use an index on one more column; asked first for nothing but the key, it takes the index.
_CLUSTERED = {"order": ("external_id",), "order_line": ("order_id", "line_id")}


def relation(table: str, scope: str, column: str, *, full: bool) -> str:
    """The rows of a table that belong to the scope by this column (by connection if empty), or all rows.

    CROSS JOIN keeps SQLite on the way from the scope into the table's index; PostgreSQL reads it as
    an inner join.
    """
    if full:
        return f'"{table}"'
    key = "order_id" if scope == "fact_scope_order" else "external_id"
    match = f" AND x.{column} = s.{key}" if column else ""
    found = f'FROM {scope} s CROSS JOIN "{table}" x WHERE x.connection_id = s.connection_id{match}'
    own = _CLUSTERED.get(table, (column,))
    if not column or column in own:
        return f"(SELECT x.* {found})"
    keys = ", ".join(f"x.{name}" for name in ("connection_id", *own))
    same = " AND ".join(f"y.{name} = k.{name}" for name in ("connection_id", *own))
    return f'(SELECT y.* FROM (SELECT {keys} {found}) k CROSS JOIN "{table}" y WHERE {same})'
