"""Facts of customers, over all their accounts."""

from __future__ import annotations

from collections.abc import Mapping

from crmsync.insight.words import (
    AWAITED,
    CANCELLED,
    COMPLAINT_TYPES,
    DAY,
    DELIVERED,
    LATE,
    MESSAGE_KNOWN,
    MONEY_BACK,
    ORDER_KNOWN,
    PRODUCT_KNOWN,
    REFUND_KNOWN,
    REFUNDED_WITHOUT_RECORD,
    REVIEW_KNOWN,
    TALK_KNOWN,
    VALID,
    binary,
    counts,
    whole,
)
from crmsync.insight.zone import shifts

_BY_TYPE = counts("complaints", "type", COMPLAINT_TYPES)
# The earliest promised time with its order's id behind it, so that one MIN finds both: every instant
# has eighteen digits once this is added.
_DIGITS = 10**17


def _latest(when: str, *parts: str) -> str:
    """The latest of a group of rows as text: when, and these parts of it, with blanks between."""
    line = " || ' ' || ".join((f"CAST({when} + {_DIGITS} AS TEXT)", *parts))
    return f"SUBSTR(MAX(({line}) COLLATE {{binary}}), 2)"


# CROSS JOIN holds SQLite to this order: customer, accounts, their orders by index, what hangs on each.
_RELATIONS = f"""WITH {{shifts}},
owner AS {{kept}} (
 SELECT s.customer_id, a.connection_id, a.external_id, z.shift
 FROM fact_scope_customer s CROSS JOIN account a CROSS JOIN zone z
 WHERE a.customer_id = s.customer_id AND z.connection_id = a.connection_id
),
placed AS MATERIALIZED (
 SELECT w.customer_id, o.connection_id, o.external_id AS order_id, o.currency, o.total, o.placed_at,
  (o.placed_at + w.shift) / {DAY} AS day, {VALID} AS valid, {DELIVERED} AS delivered, {LATE} AS late,
  o.delivered_at, {AWAITED} AS due_at,
  {CANCELLED} AS cancelled, CASE WHEN {REFUNDED_WITHOUT_RECORD} THEN 1 ELSE 0 END AS marked,
  COALESCE(o.updated_at, o.placed_at) AS marked_at
 FROM owner w CROSS JOIN "order" o
 WHERE o.connection_id = w.connection_id AND o.account_id = w.external_id AND {ORDER_KNOWN}
),
refund_known AS MATERIALIZED (
 SELECT p.customer_id, p.order_id, r.currency, r.kind, r.type, {MONEY_BACK} AS amount, r.requested_at AS at,
  CASE WHEN r.requested_at >= p.delivered_at THEN 1 ELSE 0 END AS after_delivery,
  CASE WHEN p.valid = 1 THEN p.connection_id || '/' || p.order_id END AS valid_order
 FROM placed p CROSS JOIN refund r
 WHERE r.connection_id = p.connection_id AND r.order_id = p.order_id AND {REFUND_KNOWN}
 UNION ALL
 SELECT customer_id, order_id, currency, 'refund', NULL, total, marked_at, 0,
  CASE WHEN valid = 1 THEN connection_id || '/' || order_id END FROM placed WHERE marked = 1
),
back AS (
 SELECT customer_id, currency, SUM(amount) AS refunded FROM refund_known GROUP BY customer_id, currency
),
recent AS (
 SELECT customer_id, currency, total, ROW_NUMBER() OVER (PARTITION BY customer_id, currency
  ORDER BY placed_at DESC, connection_id, order_id COLLATE {{binary}}) AS place
 FROM placed WHERE valid <> 0
),
spend AS (
 SELECT customer_id, currency, COUNT(*) AS orders, SUM(total) AS gross,
  SUM(CASE WHEN place <= 3 THEN total ELSE 0 END) AS last_three
 FROM recent GROUP BY customer_id, currency
),
ranked AS (
 SELECT spend.*,
  ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY orders DESC, gross DESC, currency) AS place
 FROM spend
)"""

_BAD_AT = "CASE WHEN level = 'bad' THEN created_at END"
_COMPLAINED_AT = "CASE WHEN c.type <> 'suggestion' THEN c.started_at END"
# One part that is NULL would make a NULL of the whole line.
_REFUND = _latest("at", "kind", "COALESCE(type, '-')", "order_id")
_BAD_REVIEW = _latest(_BAD_AT, "'review'", "COALESCE(type, '-')", "COALESCE(order_id, '-')")
_COMPLAINT = _latest(_COMPLAINED_AT, "'complaint'", "c.type", "COALESCE(c.order_id, '-')")
_TROUBLES = " || ".join(
    f"COALESCE({source}.latest || :newline, '')" for source in ("returned", "said", "asked")
)
_TROUBLES = f"NULLIF({_TROUBLES}, '')"

FACTS = f"""{_RELATIONS},
main AS (
 SELECT customer_id, MAX(currency) AS currency, MAX(orders) AS orders, MAX(gross) AS gross,
  MAX(last_three) AS last_three
 FROM ranked WHERE place = 1 GROUP BY customer_id
),
bought AS (
 SELECT b.customer_id, SUM(b.units) AS units, COUNT(b.product_id) AS products,
  COUNT(DISTINCT g.category) AS categories
 FROM (
  SELECT p.customer_id, l.connection_id, l.product_id, SUM(l.quantity) AS units
  FROM placed p CROSS JOIN order_line l
  WHERE p.valid <> 0 AND l.connection_id = p.connection_id AND l.order_id = p.order_id
  GROUP BY p.customer_id, l.connection_id, l.product_id
 ) b LEFT JOIN product g ON g.connection_id = b.connection_id AND g.external_id = b.product_id
  AND {PRODUCT_KNOWN}
 GROUP BY b.customer_id
),
returned AS (
 SELECT customer_id, COUNT(*) AS refunds, SUM(CASE WHEN kind = 'return' THEN 1 ELSE 0 END) AS returns,
  SUM(CASE WHEN kind = 'exchange' THEN 1 ELSE 0 END) AS exchanges, COUNT(type) AS complaints, {_BY_TYPE},
  SUM(after_delivery) AS refunds_after_delivery, COUNT(DISTINCT valid_order) AS refunded_orders,
  MIN(at) AS first_at, MAX(at) AS last_at, {_REFUND} AS latest
 FROM refund_known GROUP BY customer_id
),
said AS (
 SELECT customer_id, COUNT(*) AS reviews, SUM(CASE WHEN level = 'good' THEN 1 ELSE 0 END) AS good_reviews,
  SUM(CASE WHEN level = 'neutral' THEN 1 ELSE 0 END) AS neutral_reviews,
  SUM(CASE WHEN level = 'bad' THEN 1 ELSE 0 END) AS bad_reviews,
  MIN({_BAD_AT}) AS first_bad_at, MAX({_BAD_AT}) AS last_bad_at, {_BAD_REVIEW} AS latest
 FROM (
  SELECT p.customer_id, r.order_id, r.level, r.type, r.created_at FROM placed p CROSS JOIN review r
  WHERE r.connection_id = p.connection_id AND r.order_id = p.order_id AND {REVIEW_KNOWN}
  UNION ALL
  SELECT w.customer_id, NULL, r.level, r.type, r.created_at FROM owner w CROSS JOIN review r
  WHERE r.connection_id = w.connection_id AND r.account_id = w.external_id AND r.order_id IS NULL
   AND {REVIEW_KNOWN}
 ) heard GROUP BY customer_id
),
asked AS (
 SELECT w.customer_id, COUNT(*) AS conversations, COUNT(c.type) AS complaints, {_BY_TYPE},
  MIN({_COMPLAINED_AT}) AS first_complaint_at, MAX({_COMPLAINED_AT}) AS last_complaint_at,
  {_COMPLAINT} AS latest
 FROM owner w CROSS JOIN conversation c
 WHERE c.connection_id = w.connection_id AND c.account_id = w.external_id AND {TALK_KNOWN}
 GROUP BY w.customer_id
),
trouble AS MATERIALIZED (
 SELECT customer_id, MIN(first_at) AS first_at, MAX(last_at) AS last_at FROM (
  SELECT customer_id, first_at, last_at FROM returned
  UNION ALL
  SELECT customer_id, first_bad_at, last_bad_at FROM said
  UNION ALL
  SELECT customer_id, first_complaint_at, last_complaint_at FROM asked
 ) troubles GROUP BY customer_id
),
ordered AS (
 SELECT p.customer_id, SUM(valid) AS orders,
  COUNT(DISTINCT CASE WHEN valid = 1 THEN day END) AS purchase_days,
  MIN(CASE WHEN valid = 1 THEN day END) AS first_day, MAX(CASE WHEN valid = 1 THEN day END) AS last_day,
  MIN(CASE WHEN valid = 1 THEN placed_at END) AS first_order_at,
  MAX(CASE WHEN valid = 1 THEN placed_at END) AS last_order_at, SUM(valid * delivered) AS delivered_orders,
  SUM(valid * delivered * late) AS late_orders, SUM(cancelled) AS cancelled_orders, MIN(due_at) AS due_at,
  SUBSTR(MIN((CAST(due_at + {_DIGITS} AS TEXT) || order_id) COLLATE {{binary}}), 19) AS due_order,
  SUM(CASE WHEN valid = 1 AND placed_at > t.first_at THEN 1 ELSE 0 END) AS orders_after_trouble
 FROM placed p LEFT JOIN trouble t ON t.customer_id = p.customer_id GROUP BY p.customer_id
),
rhythm AS (
 SELECT customer_id, SUM(gap * gap) AS gap_squares, MAX(CASE WHEN gap > 0 THEN day - gap END) AS day_before
 FROM (
  SELECT customer_id, day, day - LAG(day) OVER (PARTITION BY customer_id ORDER BY day) AS gap
  FROM placed WHERE valid <> 0
 ) paced GROUP BY customer_id
),
written AS (
 SELECT s.customer_id, COUNT(*) AS messages_received, SUM(CASE WHEN EXISTS (
   SELECT 1 FROM account a CROSS JOIN "order" o
   WHERE a.customer_id = s.customer_id AND o.connection_id = a.connection_id AND o.account_id = a.external_id
    AND o.placed_at > m.sent_at AND o.placed_at <= m.sent_at + :answer_window
    AND {ORDER_KNOWN} AND {VALID} = 1
  ) THEN 1 ELSE 0 END) AS messages_answered
 FROM fact_scope_customer s CROSS JOIN message m
 WHERE m.customer_id = s.customer_id AND {MESSAGE_KNOWN}
 GROUP BY s.customer_id
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
LEFT JOIN trouble ON trouble.customer_id = s.customer_id
LEFT JOIN rhythm ON rhythm.customer_id = s.customer_id
LEFT JOIN written ON written.customer_id = s.customer_id
WHERE 1 = 1"""

OTHER_CURRENCIES = f"""{_RELATIONS}
SELECT ranked.customer_id, ranked.currency, ranked.orders, CAST(ranked.gross AS BIGINT) AS gross,
 CAST(COALESCE(back.refunded, 0) AS BIGINT) AS refunded
FROM ranked LEFT JOIN back ON back.customer_id = ranked.customer_id AND back.currency = ranked.currency
WHERE ranked.place > 1"""

_COLUMNS = {
    **whole("ordered", "orders purchase_days delivered_orders late_orders cancelled_orders"),
    **whole("ordered", "orders_after_trouble"),
    **{n: f"ordered.{n}" for n in ("first_day", "last_day", "first_order_at", "last_order_at")},
    "due_at": "ordered.due_at",
    "due_order": "ordered.due_order",
    "last_trouble_at": "trouble.last_at",
    "troubles": _TROUBLES,
    "currency": "main.currency",
    "currency_orders": "CAST(COALESCE(main.orders, 0) AS BIGINT)",
    **whole("main", "gross"),
    "last_three": "CAST(COALESCE(main.last_three, 0) AS BIGINT)",
    **whole("back", "refunded"),
    **whole("bought", "units products categories"),
    **whole("returned", "refunds returns exchanges refunded_orders refunds_after_delivery"),
    **whole("said", "reviews good_reviews neutral_reviews bad_reviews"),
    **whole("asked", "conversations"),
    **{
        name: f"CAST(COALESCE(returned.{name}, 0) + COALESCE(asked.{name}, 0) AS BIGINT)"
        for name in ("complaints", *(f"complaints_{type}" for type in COMPLAINT_TYPES))
    },
    "gap_squares": "CAST(COALESCE(rhythm.gap_squares, 0) AS BIGINT)",
    "last_gap_days": "ordered.last_day - rhythm.day_before",
    **whole("written", "messages_received messages_answered"),
}


def columns() -> list[str]:
    """The fact columns of a customer, in the order of `select`."""
    return list(_COLUMNS)


def select(zones: Mapping[int, int], dialect: str) -> str:
    """The facts of all customers in `fact_scope_customer`: customer_id and `columns()`.

    `zones` gives each connection's day: what to add to an instant to get the shop's own time.
    Bound by `:until`, `:known` and `:answer_window`.
    """
    named = ", ".join(f"{sql} AS {name}" for name, sql in _COLUMNS.items())
    return FACTS.format(columns=named, **_own(zones, dialect))


def select_other_currencies(zones: Mapping[int, int], dialect: str) -> str:
    """What those customers spent in other currencies than their main one."""
    return OTHER_CURRENCIES.format(**_own(zones, dialect))


def _own(zones: Mapping[int, int], dialect: str) -> dict[str, str]:
    # Of a materialized relation PostgreSQL forgets how its columns are distributed, and takes a hundred
    # thousand orders of its rows for a few hundred.
    kept = "NOT MATERIALIZED" if dialect == "postgresql" else "MATERIALIZED"
    return {"shifts": shifts(zones), "binary": binary(dialect), "kept": kept}
