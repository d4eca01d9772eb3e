"""Facts of customers, over all their accounts."""

from __future__ import annotations

from collections.abc import Mapping

from crmsync.insight.words import (
    CANCELLED,
    DAY,
    DELIVERED,
    LATE,
    MONEY_BACK,
    ORDER_KNOWN,
    REFUND_KNOWN,
    REFUNDED_WITHOUT_RECORD,
    REVIEW_KNOWN,
    TALK_KNOWN,
    VALID,
)

# CROSS JOIN holds SQLite to this order: customer, accounts, their orders by index, what hangs on each.
_RELATIONS = f"""WITH zone(connection_id, shift) AS (VALUES {{zones}}),
owner AS MATERIALIZED (
 SELECT s.customer_id, a.connection_id, a.external_id, z.shift
 FROM fact_scope_customer s CROSS JOIN account a CROSS JOIN zone z
 WHERE a.customer_id = s.customer_id AND z.connection_id = a.connection_id
),
placed AS MATERIALIZED (
 SELECT w.customer_id, o.connection_id, o.external_id AS order_id, o.currency, o.total, o.placed_at,
  (o.placed_at + w.shift) / {DAY} AS day, {VALID} AS valid, {DELIVERED} AS delivered, {LATE} AS late,
  {CANCELLED} AS cancelled, CASE WHEN {REFUNDED_WITHOUT_RECORD} THEN 1 ELSE 0 END AS marked
 FROM owner w CROSS JOIN "order" o
 WHERE o.connection_id = w.connection_id AND o.account_id = w.external_id AND {ORDER_KNOWN}
),
refund_known AS MATERIALIZED (
 SELECT p.customer_id, r.currency, r.kind, r.type, {MONEY_BACK} AS amount
 FROM placed p CROSS JOIN refund r
 WHERE r.connection_id = p.connection_id AND r.order_id = p.order_id AND {REFUND_KNOWN}
 UNION ALL
 SELECT customer_id, currency, 'refund', NULL, total FROM placed WHERE marked = 1
),
back AS (
 SELECT customer_id, currency, SUM(amount) AS refunded FROM refund_known GROUP BY customer_id, currency
),
spend AS (
 SELECT customer_id, currency, COUNT(*) AS orders, SUM(total) AS gross
 FROM placed WHERE valid = 1 GROUP BY customer_id, currency
),
ranked AS (
 SELECT spend.*,
  ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY orders DESC, gross DESC, currency) AS place
 FROM spend
)"""

FACTS = f"""{_RELATIONS},
main AS (
 SELECT customer_id, MAX(currency) AS currency, MAX(orders) AS orders, MAX(gross) AS gross
 FROM ranked WHERE place = 1 GROUP BY customer_id
),
ordered AS (
 SELECT customer_id, SUM(valid) AS orders, COUNT(DISTINCT CASE WHEN valid = 1 THEN day END) AS purchase_days,
  MIN(CASE WHEN valid = 1 THEN day END) AS first_day, MAX(CASE WHEN valid = 1 THEN day END) AS last_day,
  MIN(CASE WHEN valid = 1 THEN placed_at END) AS first_order_at,
  MAX(CASE WHEN valid = 1 THEN placed_at END) AS last_order_at, SUM(valid * delivered) AS delivered_orders,
  SUM(valid * delivered * late) AS late_orders, SUM(cancelled) AS cancelled_orders
 FROM placed GROUP BY customer_id
),
bought AS (
 SELECT p.customer_id, SUM(l.quantity) AS units, COUNT(DISTINCT l.product_id) AS products
 FROM placed p CROSS JOIN order_line l
 WHERE p.valid = 1 AND l.connection_id = p.connection_id AND l.order_id = p.order_id
 GROUP BY p.customer_id
),
returned AS (
 SELECT customer_id, COUNT(*) AS refunds, SUM(CASE WHEN kind = 'return' THEN 1 ELSE 0 END) AS returns,
  SUM(CASE WHEN kind = 'exchange' THEN 1 ELSE 0 END) AS exchanges, COUNT(type) AS complaints
 FROM refund_known GROUP BY customer_id
),
said AS (
 SELECT customer_id, COUNT(*) AS reviews, SUM(CASE WHEN level = 'good' THEN 1 ELSE 0 END) AS good_reviews,
  SUM(CASE WHEN level = 'neutral' THEN 1 ELSE 0 END) AS neutral_reviews,
  SUM(CASE WHEN level = 'bad' THEN 1 ELSE 0 END) AS bad_reviews
 FROM (
  SELECT p.customer_id, r.level FROM placed p CROSS JOIN review r
  WHERE r.connection_id = p.connection_id AND r.order_id = p.order_id AND {REVIEW_KNOWN}
  UNION ALL
  SELECT w.customer_id, r.level FROM owner w CROSS JOIN review r
  WHERE r.connection_id = w.connection_id AND r.account_id = w.external_id AND r.order_id IS NULL
   AND {REVIEW_KNOWN}
 ) heard GROUP BY customer_id
),
asked AS (
 SELECT w.customer_id, COUNT(*) AS conversations, COUNT(c.type) AS complaints
 FROM owner w CROSS JOIN conversation c
 WHERE c.connection_id = w.connection_id AND c.account_id = w.external_id AND {TALK_KNOWN}
 GROUP BY w.customer_id
)
SELECT s.customer_id, {{columns}}
FROM fact_scope_customer s
LEFT JOIN ordered ON ordered.customer_id = s.customer_id
LEFT JOIN main ON main.customer_id = s.customer_id
LEFT JOIN back ON back.customer_id = s.customer_id AND back.currency = main.currency
LEFT JOIN bought ON bought.customer_id = s.customer_id
LEFT JOIN returned ON returned.customer_id = s.customer_id
LEFT JOIN said ON said.customer_id = s.customer_id
LEFT JOIN asked ON asked.customer_id = s.customer_id
WHERE 1 = 1"""

OTHER_CURRENCIES = f"""{_RELATIONS}
SELECT ranked.customer_id, ranked.currency, ranked.orders, CAST(ranked.gross AS BIGINT) AS gross,
 CAST(COALESCE(back.refunded, 0) AS BIGINT) AS refunded
FROM ranked LEFT JOIN back ON back.customer_id = ranked.customer_id AND back.currency = ranked.currency
WHERE ranked.place > 1"""


def _of(source: str, names: str) -> dict[str, str]:
    return {name: f"CAST(COALESCE({source}.{name}, 0) AS BIGINT)" for name in names.split()}


_COLUMNS = {
    **_of("ordered", "orders purchase_days delivered_orders late_orders cancelled_orders"),
    **{n: f"ordered.{n}" for n in ("first_day", "last_day", "first_order_at", "last_order_at")},
    "currency": "main.currency",
    "currency_orders": "CAST(COALESCE(main.orders, 0) AS BIGINT)",
    **_of("main", "gross"),
    **_of("back", "refunded"),
    **_of("bought", "units products"),
    **_of("returned", "refunds returns exchanges"),
    **_of("said", "reviews good_reviews neutral_reviews bad_reviews"),
    **_of("asked", "conversations"),
    "complaints": "CAST(COALESCE(returned.complaints, 0) + COALESCE(asked.complaints, 0) AS BIGINT)",
}


def columns() -> list[str]:
    """The fact columns of a customer, in the order of `select`."""
    return list(_COLUMNS)


def select(zones: Mapping[int, int]) -> str:
    """The facts of all customers in `fact_scope_customer`: customer_id and `columns()`.

    `zones` gives each connection's day: what to add to an instant to get the shop's own time.
    Bound by `:until` and `:known`.
    """
    named = ", ".join(f"{sql} AS {name}" for name, sql in _COLUMNS.items())
    return FACTS.format(columns=named, zones=_values(zones))


def select_other_currencies(zones: Mapping[int, int]) -> str:
    """What those customers spent in other currencies than their main one."""
    return OTHER_CURRENCIES.format(zones=_values(zones))


def _values(zones: Mapping[int, int]) -> str:
    return ", ".join(f"({connection}, {shift})" for connection, shift in zones.items())
