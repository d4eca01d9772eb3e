"""A shop's history made inside the database, for `facts.py`: a million orders in a minute or two.

Every value follows from the number of its row, so that both databases hold the same shop: three lines an
order, a few products that sell most, reviews of four orders in ten, refunds of one in twenty, talks about
one in five, a fifth of them complaints, twenty agents who advise one order in four.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from crmsync.store import Store

DAY = 86_400_000_000
START = 20_000 * DAY
DAYS = 730
NOW = START + (DAYS + 1) * DAY


def _chance(salt: int, of: str = "n.i") -> str:
    """A number from 0 to 9,999 that looks like chance."""
    return f"(({of} * 48271 + {salt} * 7919) % 2147483647 * 69621 % 2147483647 % 10000)"


def _numbers(store: Store, first: int, last: int) -> str:
    if store.dialect == "postgresql":
        return f"(SELECT CAST(i AS BIGINT) AS i FROM generate_series({first}, {last - 1}) AS g(i)) n"
    return (
        f"(WITH RECURSIVE g(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM g WHERE i + 1 < {last})"
        " SELECT i FROM g) n"
    )


def _pulled(id: str, at: str) -> str:
    return f"1, {id}, {at}, {START}, {START}, 1"


_PULLED = "connection_id, external_id, updated_at, learned_at, changed_at, digest"


def make(store: Store, orders: int) -> None:
    """Fill an empty store; every connection is touched as a whole, as after a first sync."""
    customers, products = max(orders // 6, 1), min(max(orders // 100, 200), 5000)
    with store.write() as connection:
        run = _runner(connection)
        run("INSERT INTO connection (id, name, connector, scope) VALUES (1, 'shop', 'demo', 'shop')")
        run(
            "INSERT INTO customer (id, key, learned_at) SELECT i, 'shop:c' || CAST(i AS TEXT), 0 FROM "
            + _numbers(store, 1, customers + 1)
        )
        run(
            f"INSERT INTO account ({_PULLED}, customer_id, email_verified, phone_verified)"
            f" SELECT {_pulled(_id('c', 'n.i'), 'NULL')}, n.i, {_false(store)}, {_false(store)}"
            f" FROM {_numbers(store, 1, customers + 1)}"
        )
        run(
            f"INSERT INTO product ({_PULLED}, title, category)"
            f" SELECT {_pulled(_id('p', 'n.i'), 'NULL')}, 'p',"
            f" 'k' || CAST(n.i % 40 AS TEXT) FROM {_numbers(store, 0, products)}"
        )
        run(
            "INSERT INTO agent (connection_id, external_id, learned_at) SELECT 1, 'a' || CAST(n.i AS TEXT), 0"
            f" FROM {_numbers(store, 0, 20)}"
        )
    add_orders(store, 0, orders, customers, products, START, DAYS)
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO touched VALUES (1, 'all', '', 1)")
    if store.dialect == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def change(store: Store, orders: int) -> int:
    """One customer in a hundred, taken from all over, orders again and has an old order refunded; how many.

    What sync would have touched is touched.
    """
    customers, products = max(orders // 6, 1), min(max(orders // 100, 200), 5000)
    changed = max(customers // 100, 1)
    add_orders(store, orders, orders + changed, changed, products, NOW - DAY, 1, spread=100)
    with store.write() as connection:
        run = _runner(connection)
        run(
            f"INSERT INTO refund ({_PULLED}, order_id, kind, status, reason, currency, amount, requested_at)"
            f" SELECT 1, 'late' || o.external_id, NULL, {NOW}, {NOW}, 1, o.external_id, 'return',"
            f" 'completed', '', 'CNY', o.total, {NOW - DAY}"
            ' FROM "order" o JOIN (SELECT account_id, MIN(external_id) AS id FROM "order" WHERE account_id IN'
            f' (SELECT account_id FROM "order" WHERE placed_at >= {NOW - DAY}) GROUP BY account_id) earliest'
            " ON o.connection_id = 1 AND earliest.id = o.external_id"
        )
        run(
            "INSERT INTO touched SELECT DISTINCT 1, kind, id, 1 FROM ("
            f" SELECT 'order' AS kind, external_id AS id FROM \"order\" WHERE placed_at >= {NOW - DAY}"
            f" UNION ALL SELECT 'account', account_id FROM \"order\" WHERE placed_at >= {NOW - DAY}"
            f" UNION ALL SELECT 'agent', agent_id FROM \"order\""
            f" WHERE placed_at >= {NOW - DAY} AND agent_id IS NOT NULL"
            f" UNION ALL SELECT 'order', order_id FROM refund WHERE learned_at = {NOW}) news"
        )
    return changed


def _runner(connection: Connection) -> Callable[[str], Any]:
    """Runs a statement as it stands; psycopg reads a lone per cent sign as a parameter."""
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql
    return lambda sql: connection.exec_driver_sql(sql.replace("%", "%%"))


def _id(prefix: str, number: str) -> str:
    return f"'{prefix}' || SUBSTR(CAST(10000000 + {number} AS TEXT), 2)"


def _false(store: Store) -> str:
    return "FALSE" if store.dialect == "postgresql" else "0"


def add_orders(
    store: Store,
    first: int,
    last: int,
    customers: int,
    products: int,
    start: int,
    days: int,
    *,
    spread: int = 1,
) -> None:
    """Orders with these numbers, and what is said of them, by `customers` customers `spread` apart."""
    chance, numbers = _chance, _numbers(store, first, last)
    # Spread apart, each in turn: chance would leave half of them out.
    whose = f"n.i % {customers} * {spread}" if spread > 1 else f"(n.i * 7919 + {chance(1)}) % {customers}"
    account = _id("c", f"(1 + {whose})")
    agent = f"'a' || CAST({chance(2)} % 20 AS TEXT)"
    at = f"({start} + (n.i * 104729 + {chance(3)} * 7) % {days} * {DAY} + {chance(4)} * 8000000)"
    state = (
        f"CASE WHEN {chance(5)} < 7000 THEN 'completed' WHEN {chance(5)} < 8500 THEN 'delivered'"
        f" WHEN {chance(5)} < 9200 THEN 'paid' WHEN {chance(5)} < 9800 THEN 'cancelled' ELSE 'pending' END"
    )
    came = f"CASE WHEN {chance(5)} < 8500 THEN {at} + (2 + {chance(6)} % 5) * {DAY} END"
    with store.write() as connection:
        run = _runner(connection)
        run(
            f'INSERT INTO "order" ({_PULLED}, account_id, status, currency, total, shipping, discount, tax,'
            " placed_at, promised_at, delivered_at, agent_id)"
            f" SELECT {_pulled(_id('o', 'n.i'), at)}, {account}, {state}, 'CNY', 1000 + {chance(7)}, 0, 0, 0,"
            f" {at}, {at} + 5 * {DAY}, {came}, CASE WHEN {chance(8)} < 2500 THEN {agent} END FROM {numbers}"
        )
        for line in range(3):
            # Squared, so that few products sell most.
            product = f"{chance(9 + line)} * {chance(9 + line)} / 100000000.0 * {products}"
            run(
                "INSERT INTO order_line"
                " (connection_id, order_id, line_id, product_id, quantity, price, total)"
                f" SELECT 1, {_id('o', 'n.i')}, '{line}', {_id('p', f'CAST(FLOOR({product}) AS BIGINT)')},"
                f" 1 + {chance(13)} % 2, 500, 500 FROM {numbers}"
            )
        run(
            f"INSERT INTO review ({_PULLED}, order_id, account_id, level, title, text, created_at)"
            f" SELECT {_pulled(_id('v', 'n.i'), 'NULL')}, {_id('o', 'n.i')}, {account},"
            f" CASE WHEN {chance(15)} < 8000 THEN 'good' WHEN {chance(15)} < 9000 THEN 'neutral'"
            f" ELSE 'bad' END, '', '', {at} + 8 * {DAY} FROM {numbers} WHERE {chance(14)} < 4000"
        )
        run(
            f"INSERT INTO refund ({_PULLED}, order_id, kind, status, type, reason, currency, amount,"
            f" requested_at) SELECT {_pulled(_id('r', 'n.i'), 'NULL')}, {_id('o', 'n.i')},"
            f" CASE WHEN {chance(17)} < 6000 THEN 'refund' ELSE 'return' END, 'completed',"
            f" CASE WHEN {chance(17)} % 2 = 0 THEN 'product' END, '', 'CNY', 900, {at} + 7 * {DAY}"
            f" FROM {numbers} WHERE {chance(16)} < 500"
        )
        run(
            f"INSERT INTO conversation ({_PULLED}, account_id, agent_id, order_id, started_at,"
            f" first_reply_at, type, rating)"
            f" SELECT {_pulled(_id('t', 'n.i'), 'NULL')}, {account}, {agent}, {_id('o', 'n.i')},"
            f" {at} - {DAY}, {at} - {DAY} + 60000000, CASE WHEN {chance(19)} < 1000 THEN 'service'"
            f" WHEN {chance(19)} < 2000 THEN 'logistics' END, 1 + {chance(20)} % 5"
            f" FROM {numbers} WHERE {chance(18)} < 2000"
        )
