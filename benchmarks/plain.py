"""The figures of `facts.py` by plain SQL alone: the baseline, as somebody who knows SQL would write it once.

One statement a subject into a table of its own, over whole tables, for the present only: no past, no
currencies kept apart, no incremental way, nothing compared with what was there before. Lists (weeks,
companions) are tables. The same text runs on SQLite and PostgreSQL. What rules learn of the past and all they
judge is not in it: of that plain SQL has no counterpart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DAY = 86_400_000_000
_TYPES = ("product", "logistics", "service", "contract", "suggestion", "other")


def _types(column: str) -> str:
    return ", ".join(f"SUM(CASE WHEN {column} = '{t}' THEN 1 ELSE 0 END) AS {t}" for t in _TYPES)


_BOTH_TYPES = ", ".join(f"COALESCE(r.{t}, 0) + COALESCE(c.{t}, 0) AS {t}" for t in _TYPES)
_TYPE_SUMS = ", ".join(f"SUM({t}) AS {t}" for t in _TYPES)
_LEVELS = ", ".join(
    f"SUM(CASE WHEN level = '{level}' THEN 1 ELSE 0 END) AS {level}" for level in ("good", "neutral", "bad")
)
_KINDS = ", ".join(
    f"SUM(CASE WHEN kind = '{kind}' THEN 1 ELSE 0 END) AS {kind}s" for kind in ("return", "exchange")
)

# What is said of an order, once; the figures of every subject are sums of it.
STATEMENTS = (
    f"""CREATE TABLE plain_order AS
SELECT o.connection_id, o.external_id, o.account_id, a.customer_id, o.agent_id, o.currency,
 o.total, o.placed_at, o.placed_at / {DAY} AS day, o.promised_at,
 CASE WHEN o.status NOT IN ('pending', 'cancelled') THEN 1 ELSE 0 END AS valid,
 CASE WHEN o.status = 'cancelled' THEN 1 ELSE 0 END AS cancelled,
 CASE WHEN o.delivered_at IS NOT NULL OR o.status IN ('delivered', 'completed') THEN 1 ELSE 0
 END AS delivered,
 CASE WHEN o.delivered_at > o.promised_at THEN 1 ELSE 0 END AS late,
 r.refunds, r.returns, r.exchanges, r.refunded, r.after_delivery, r.first_at AS first_refund_at,
 v.reviews, v.good, v.neutral, v.bad, v.first_bad_at,
 COALESCE(r.complaints, 0) + COALESCE(c.complaints, 0) AS complaints, {_BOTH_TYPES},
 CASE WHEN r.refunds > 0 OR v.bad > 0 OR c.complaints > c.suggestion THEN 1 ELSE 0 END AS troubled
FROM "order" o
LEFT JOIN account a ON a.connection_id = o.connection_id AND a.external_id = o.account_id
LEFT JOIN (SELECT r.connection_id, r.order_id, COUNT(*) AS refunds, {_KINDS}, COUNT(type) AS complaints,
  {_types("r.type")},
  SUM(CASE WHEN r.status = 'completed' THEN r.amount ELSE 0 END) AS refunded, MIN(r.requested_at) AS first_at,
  SUM(CASE WHEN r.requested_at >= p.delivered_at THEN 1 ELSE 0 END) AS after_delivery
 FROM refund r JOIN "order" p ON p.connection_id = r.connection_id AND p.external_id = r.order_id
 WHERE r.status NOT IN ('refused', 'cancelled') GROUP BY r.connection_id, r.order_id
) r ON r.connection_id = o.connection_id AND r.order_id = o.external_id
LEFT JOIN (SELECT connection_id, order_id, COUNT(*) AS reviews, {_LEVELS},
  MIN(CASE WHEN level = 'bad' THEN created_at END) AS first_bad_at
 FROM review WHERE order_id IS NOT NULL GROUP BY connection_id, order_id
) v ON v.connection_id = o.connection_id AND v.order_id = o.external_id
LEFT JOIN (SELECT connection_id, order_id, COUNT(*) AS complaints, {_types("type")}
 FROM conversation WHERE type IS NOT NULL AND order_id IS NOT NULL GROUP BY connection_id, order_id
) c ON c.connection_id = o.connection_id AND c.order_id = o.external_id""",
    f"""CREATE TABLE plain_sums AS
SELECT o.customer_id, SUM(valid) AS orders, COUNT(DISTINCT CASE WHEN valid = 1 THEN day END) AS days,
 MIN(CASE WHEN valid = 1 THEN placed_at END) AS first_at,
 MAX(CASE WHEN valid = 1 THEN placed_at END) AS last_at,
 SUM(valid * total) AS gross, SUM(refunded) AS refunded, SUM(valid * delivered) AS delivered,
 SUM(valid * delivered * late) AS late, SUM(cancelled) AS cancelled, SUM(refunds) AS refunds,
 SUM(returns) AS returns, SUM(exchanges) AS exchanges, SUM(after_delivery) AS after_delivery,
 SUM(CASE WHEN refunds > 0 THEN valid ELSE 0 END) AS refunded_orders, SUM(reviews) AS reviews,
 SUM(good) AS good, SUM(neutral) AS neutral, SUM(bad) AS bad, SUM(complaints) AS complaints, {_TYPE_SUMS},
 MIN(CASE WHEN valid = 1 AND delivered = 0 THEN promised_at END) AS due_at,
 MIN(first_refund_at) AS first_refund_at, MIN(first_bad_at) AS first_bad_at
FROM plain_order o WHERE customer_id IS NOT NULL
GROUP BY o.customer_id""",
    f"""CREATE TABLE plain_customer AS
WITH recent AS (
 SELECT o.customer_id, o.total, day - LAG(day) OVER w AS gap, ROW_NUMBER() OVER w AS place,
  COUNT(*) OVER (PARTITION BY o.customer_id) AS n
 FROM plain_order o
 WHERE o.valid = 1 WINDOW w AS (PARTITION BY o.customer_id ORDER BY o.placed_at)
), rhythm AS (
 SELECT customer_id, SUM(gap * gap) AS gap_squares, MAX(CASE WHEN place = n THEN gap END) AS last_gap,
  SUM(CASE WHEN place > n - 3 THEN total ELSE 0 END) AS last_three
 FROM recent GROUP BY customer_id
), bought AS (
 SELECT o.customer_id, SUM(l.quantity) AS units, COUNT(DISTINCT l.product_id) AS products,
  COUNT(DISTINCT p.category) AS categories
 FROM plain_order o
 JOIN order_line l ON l.connection_id = o.connection_id AND l.order_id = o.external_id
 LEFT JOIN product p ON p.connection_id = l.connection_id AND p.external_id = l.product_id
 WHERE o.valid = 1 GROUP BY o.customer_id
), asked AS (
 SELECT a.customer_id, COUNT(*) AS conversations, {_types("c.type")}
 FROM account a JOIN conversation c ON c.connection_id = a.connection_id AND c.account_id = a.external_id
 GROUP BY a.customer_id
), after AS (
 SELECT o.customer_id, COUNT(*) AS orders_after_trouble
 FROM plain_order o
 JOIN plain_sums s ON s.customer_id = o.customer_id
 WHERE o.valid = 1 AND o.placed_at > COALESCE(s.first_refund_at, s.first_bad_at) GROUP BY o.customer_id
)
SELECT s.*, rhythm.gap_squares, rhythm.last_gap, rhythm.last_three, bought.units, bought.products,
 bought.categories, asked.conversations, after.orders_after_trouble,
 NTILE(5) OVER (ORDER BY s.last_at) AS r, NTILE(5) OVER (ORDER BY s.orders) AS f,
 NTILE(5) OVER (ORDER BY s.gross) AS m
FROM plain_sums s LEFT JOIN rhythm ON rhythm.customer_id = s.customer_id
LEFT JOIN bought ON bought.customer_id = s.customer_id
LEFT JOIN asked ON asked.customer_id = s.customer_id
LEFT JOIN after ON after.customer_id = s.customer_id""",
    f"""CREATE TABLE plain_product AS
SELECT l.connection_id, l.product_id, SUM(valid) AS orders, SUM(valid * l.amount) AS gross,
 SUM(valid * l.units) AS units, SUM(valid * delivered) AS delivered, SUM(valid * delivered * late) AS late,
 SUM(refunds) AS refunds, SUM(returns) AS returns, SUM(exchanges) AS exchanges, SUM(reviews) AS reviews,
 SUM(good) AS good, SUM(neutral) AS neutral, SUM(bad) AS bad, SUM(complaints) AS complaints, {_TYPE_SUMS},
 SUM(valid * troubled) AS troubled, SUM(valid * troubled * delivered) AS troubled_delivered
FROM (SELECT connection_id, order_id, product_id, SUM(total) AS amount, SUM(quantity) AS units
 FROM order_line GROUP BY connection_id, order_id, product_id) l
JOIN plain_order o ON o.connection_id = l.connection_id AND o.external_id = l.order_id
GROUP BY l.connection_id, l.product_id""",
    f"""CREATE TABLE plain_week AS
SELECT l.connection_id, l.product_id, o.placed_at / (7 * {DAY}) AS week,
 COUNT(DISTINCT o.external_id) AS tries,
 COUNT(DISTINCT CASE WHEN troubled = 1 THEN o.external_id END) AS hits
FROM order_line l JOIN plain_order o ON o.connection_id = l.connection_id AND o.external_id = l.order_id
WHERE o.valid = 1 GROUP BY l.connection_id, l.product_id, week""",
    f"""CREATE TABLE plain_week_agent AS
SELECT connection_id, agent_id, placed_at / (7 * {DAY}) AS week, COUNT(*) AS tries, SUM(troubled) AS hits
FROM plain_order WHERE valid = 1 GROUP BY connection_id, agent_id, week""",
    f"""CREATE TABLE plain_week_shop AS
SELECT connection_id, placed_at / (7 * {DAY}) AS week, COUNT(*) AS tries, SUM(troubled) AS hits
FROM plain_order WHERE valid = 1 GROUP BY connection_id, week""",
    """CREATE TABLE plain_pair AS
SELECT * FROM (
 SELECT connection_id, product_id, other_id, together,
  ROW_NUMBER() OVER (PARTITION BY connection_id, product_id ORDER BY together DESC) AS place
 FROM (SELECT l.connection_id, l.product_id, k.product_id AS other_id, COUNT(DISTINCT l.order_id) AS together
  FROM order_line l JOIN order_line k ON k.connection_id = l.connection_id AND k.order_id = l.order_id
  JOIN plain_order o ON o.connection_id = l.connection_id AND o.external_id = l.order_id
  WHERE k.product_id <> l.product_id AND o.valid = 1
  GROUP BY l.connection_id, l.product_id, k.product_id) pairs
) ranked WHERE place <= 20""",
    """CREATE TABLE plain_trouble AS
SELECT * FROM (SELECT l.product_id, o.external_id,
  ROW_NUMBER() OVER (PARTITION BY l.product_id ORDER BY o.placed_at DESC) AS place
 FROM plain_order o JOIN order_line l ON l.connection_id = o.connection_id AND l.order_id = o.external_id
 WHERE o.troubled = 1 AND o.valid = 1) ranked WHERE place <= 3""",
    """CREATE TABLE plain_trouble_agent AS
SELECT * FROM (SELECT agent_id, external_id,
  ROW_NUMBER() OVER (PARTITION BY agent_id ORDER BY placed_at DESC) AS place
 FROM plain_order WHERE troubled = 1 AND valid = 1) ranked WHERE place <= 3""",
    """CREATE TABLE plain_trouble_shop AS
SELECT connection_id, external_id FROM plain_order WHERE troubled = 1 AND valid = 1
ORDER BY placed_at DESC LIMIT 3""",
    f"""CREATE TABLE plain_agent AS
WITH sold AS (
 SELECT connection_id, agent_id, SUM(valid) AS orders, SUM(valid * total) AS gross, SUM(refunds) AS refunds,
  SUM(returns) AS returns, SUM(exchanges) AS exchanges, SUM(reviews) AS reviews, SUM(good) AS good,
  SUM(neutral) AS neutral, SUM(bad) AS bad, SUM(valid * troubled) AS troubled, SUM(refunded) AS refunded,
  SUM(valid * delivered) AS delivered, SUM(valid * delivered * late) AS late,
  SUM(valid * troubled * delivered) AS troubled_delivered,
  COUNT(DISTINCT CASE WHEN valid = 1 THEN account_id END) AS customers
 FROM plain_order WHERE agent_id IS NOT NULL GROUP BY connection_id, agent_id
), led AS (
 SELECT c.connection_id, c.agent_id, COUNT(*) AS inquiries, COUNT(c.first_reply_at) AS answered,
  SUM(c.first_reply_at - c.started_at) AS response_time, COUNT(DISTINCT c.account_id) AS consulted,
  COUNT(DISTINCT CASE WHEN EXISTS (SELECT 1 FROM "order" o WHERE o.connection_id = c.connection_id
    AND o.account_id = c.account_id AND o.status NOT IN ('pending', 'cancelled')
    AND o.placed_at BETWEEN c.started_at AND c.started_at + 3 * {DAY}) THEN c.account_id END) AS converted,
  COUNT(rating) AS ratings, SUM(CASE WHEN rating <= 2 THEN 1 ELSE 0 END) AS bad_ratings,
  {_types("c.type")}
 FROM conversation c WHERE agent_id IS NOT NULL GROUP BY c.connection_id, c.agent_id
)
SELECT led.*, sold.orders, sold.gross, sold.delivered, sold.late, sold.refunded, sold.refunds, sold.returns,
 sold.exchanges, sold.reviews, sold.good, sold.neutral, sold.bad, sold.troubled, sold.troubled_delivered,
 sold.customers
FROM led LEFT JOIN sold ON sold.connection_id = led.connection_id AND sold.agent_id = led.agent_id""",
    f"""CREATE TABLE plain_shop AS
SELECT connection_id, SUM(valid) AS orders, SUM(valid * total) AS gross, SUM(refunded) AS refunded,
 SUM(valid * delivered) AS delivered, SUM(valid * delivered * late) AS late, SUM(cancelled) AS cancelled,
 SUM(refunds) AS refunds, SUM(reviews) AS reviews, SUM(good) AS good, SUM(neutral) AS neutral,
 SUM(bad) AS bad, SUM(complaints) AS complaints, {_TYPE_SUMS}, SUM(valid * troubled) AS troubled,
 COUNT(DISTINCT CASE WHEN valid = 1 THEN account_id END) AS customers, MIN(placed_at) AS first_at,
 MAX(placed_at) AS last_at
FROM plain_order GROUP BY connection_id""",
)


def run(execute: Callable[[str], Any]) -> None:
    """Work out all figures anew."""
    execute("CREATE INDEX plain_order_key ON order_line (connection_id, order_id)")
    for number, statement in enumerate(STATEMENTS):
        execute(statement)
        # What anybody would add after the first slow join.
        if number == 0:
            execute("ANALYZE plain_order")
            execute("CREATE INDEX plain_order_id ON plain_order (connection_id, external_id)")
            execute("CREATE INDEX plain_order_customer ON plain_order (customer_id)")
        if number == 1:
            execute("ANALYZE plain_sums")
