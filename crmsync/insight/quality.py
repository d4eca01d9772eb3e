"""Facts of products, shops and agents: what they sold, and what was said of it.

Each subject gives relations of its own: `sold` (its order lines or orders), `event` (a row per
review, refund or complaint that concerns it) and `extra`; what follows from them is the same for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crmsync.insight.scope import relation
from crmsync.insight.words import (
    ATTENDANCE_KNOWN,
    CANCELLED,
    COMPLAINT_TYPES,
    DAY,
    DELIVERED,
    LATE,
    MONEY_BACK,
    ORDER_KNOWN,
    PRODUCT_KNOWN,
    REFUND_KNOWN,
    REFUNDED_WITHOUT_RECORD,
    REVIEW_KNOWN,
    TALK_KNOWN,
    VALID,
    WEEK,
    binary,
    counts,
    whole,
)
from crmsync.insight.zone import shifts

WEEKS = 26
"""How many weeks `weekly` tells of."""
COMPANIONS = 20
"""How many other products `companions` names."""
BASKET = 50
"""Orders of more different products say nothing of what is bought together."""

_STATE = f"{VALID} AS valid, {DELIVERED} AS delivered, {LATE} AS late, {CANCELLED} AS cancelled, o.placed_at"

# The columns of `event` after its subject: id, order_id, at, what, kind, type, currency, amount.
_REVIEW = "r.external_id AS id, r.order_id, r.created_at AS at, 'review' AS what, r.level AS kind"
_SPOKEN = "CASE WHEN r.level = 'bad' THEN r.type END AS type, CAST(NULL AS TEXT) AS currency, 0 AS amount"
_REFUND = "r.external_id, r.order_id, r.requested_at, 'refund', r.kind, r.type, r.currency"
_MARKED = (
    "o.external_id, o.external_id, COALESCE(o.updated_at, o.placed_at), 'refund', 'refund', NULL, o.currency"
)
_TALK = "c.external_id, c.order_id, c.started_at, 'talk', NULL, c.type, NULL, 0"

# COALESCE keeps SQLite on the primary key: it takes any word on the product alone for the better index.
_NAMED = "COALESCE(l.product_id, '') <> ''"
_SAME_ORDER = f"l.connection_id = r.connection_id AND l.order_id = r.order_id AND {_NAMED}"
# What is said of an order tells of its products and agent only once the order itself is known.
_OF_ORDER = f"""EXISTS (SELECT 1 FROM "order" o
  WHERE o.connection_id = r.connection_id AND o.external_id = r.order_id AND {ORDER_KNOWN})"""
# An order may hold a product in several lines; it is still one order of that product.
_FIRST_LINE = """NOT EXISTS (SELECT 1 FROM order_line k WHERE k.connection_id = l.connection_id
  AND k.order_id = l.order_id AND k.line_id < l.line_id AND COALESCE(k.product_id, '') = l.product_id)"""
_ONLY_PRODUCT = """NOT EXISTS (SELECT 1 FROM order_line k WHERE k.connection_id = l.connection_id
  AND k.order_id = l.order_id AND COALESCE(k.product_id, '') <> l.product_id)"""

_PRODUCT = f"""
line AS MATERIALIZED (
 SELECT l.connection_id, l.order_id, l.product_id, SUM(l.total) AS amount, SUM(l.quantity) AS units
 FROM {{line}} l WHERE {_NAMED} GROUP BY l.connection_id, l.order_id, l.product_id
),
sold AS (
 SELECT l.connection_id, l.product_id AS external_id, o.currency, l.amount, l.units, {_STATE}
 FROM line l CROSS JOIN "order" o
 WHERE o.connection_id = l.connection_id AND o.external_id = l.order_id AND {ORDER_KNOWN}
),
event AS MATERIALIZED (
 SELECT r.connection_id, r.product_id AS external_id, {_REVIEW}, {_SPOKEN}
 FROM {{review_by_product}} r WHERE r.product_id IS NOT NULL AND {REVIEW_KNOWN}
 UNION ALL
 SELECT r.connection_id, l.product_id, {_REVIEW}, {_SPOKEN}
 FROM {{review_by_order}} r CROSS JOIN order_line l
 WHERE {_SAME_ORDER} AND r.product_id IS NULL AND {_FIRST_LINE} AND {REVIEW_KNOWN} AND {_OF_ORDER}
 UNION ALL
 SELECT r.connection_id, l.product_id, {_REFUND},
  CASE WHEN r.line_id IS NOT NULL OR r.product_id IS NOT NULL OR {_ONLY_PRODUCT} THEN {MONEY_BACK} ELSE 0 END
 FROM {{refund_by_order}} r CROSS JOIN order_line l
 WHERE {_SAME_ORDER} AND {REFUND_KNOWN} AND {_OF_ORDER} AND (r.line_id = l.line_id
  OR (r.line_id IS NULL AND (r.product_id IS NULL OR r.product_id = l.product_id) AND {_FIRST_LINE}))
 UNION ALL
 SELECT o.connection_id, l.product_id, {_MARKED}, SUM(l.total)
 FROM {{order_by_order}} o CROSS JOIN order_line l
 WHERE l.connection_id = o.connection_id AND l.order_id = o.external_id AND {_NAMED}
  AND {REFUNDED_WITHOUT_RECORD}
 GROUP BY o.connection_id, l.product_id, o.external_id, o.updated_at, o.placed_at, o.currency
 UNION ALL
 SELECT c.connection_id, c.product_id, {_TALK}
 FROM {{talk_by_product}} c WHERE c.product_id IS NOT NULL AND c.type IS NOT NULL AND {TALK_KNOWN}
 UNION ALL
 SELECT c.connection_id, l.product_id, {_TALK}
 FROM {{talk_by_order}} c CROSS JOIN order_line l
 WHERE {_SAME_ORDER.replace("r.", "c.")} AND c.product_id IS NULL AND c.type IS NOT NULL AND {_FIRST_LINE}
  AND {TALK_KNOWN} AND {_OF_ORDER.replace("r.", "c.")}
),
together AS (
 SELECT l.connection_id, l.product_id AS external_id, k.product_id AS other,
  COUNT(DISTINCT l.order_id) AS times
 FROM line l CROSS JOIN "order" o CROSS JOIN order_line k
 WHERE o.connection_id = l.connection_id AND o.external_id = l.order_id AND {ORDER_KNOWN} AND {VALID} = 1
  AND k.connection_id = l.connection_id AND k.order_id = l.order_id AND COALESCE(k.product_id, '') <> ''
  AND k.product_id <> l.product_id
  AND (SELECT COUNT(DISTINCT b.product_id) FROM order_line b
   WHERE b.connection_id = l.connection_id AND b.order_id = l.order_id
    AND COALESCE(b.product_id, '') <> '') <= {BASKET}
 GROUP BY l.connection_id, l.product_id, k.product_id
),
companion AS (
 SELECT connection_id, external_id, {{companions}} AS companions FROM (
  SELECT connection_id, external_id, other || ' ' || CAST(times AS TEXT) AS line,
   ROW_NUMBER() OVER (PARTITION BY connection_id, external_id
    ORDER BY times DESC, other COLLATE {{binary}}) AS place
  FROM together
 ) placed GROUP BY connection_id, external_id
),
extra AS (
 SELECT s.connection_id, s.external_id, g.category, c.companions FROM fact_scope s
 LEFT JOIN product g ON g.connection_id = s.connection_id AND g.external_id = s.external_id
  AND {PRODUCT_KNOWN}
 LEFT JOIN companion c ON c.connection_id = s.connection_id AND c.external_id = s.external_id
)"""

_AGENT = f"""
sold AS (
 SELECT o.connection_id, o.agent_id AS external_id, o.currency, o.total AS amount, 0 AS units, {_STATE}
 FROM {{order_by_agent}} o WHERE o.agent_id IS NOT NULL AND {ORDER_KNOWN}
),
event AS MATERIALIZED (
 SELECT r.connection_id, o.agent_id AS external_id, {_REVIEW}, {_SPOKEN}
 FROM {{review_by_order}} r CROSS JOIN "order" o
 WHERE o.connection_id = r.connection_id AND o.external_id = r.order_id AND o.agent_id IS NOT NULL
  AND {REVIEW_KNOWN} AND {ORDER_KNOWN}
 UNION ALL
 SELECT r.connection_id, o.agent_id, {_REFUND}, {MONEY_BACK}
 FROM {{refund_by_order}} r CROSS JOIN "order" o
 WHERE o.connection_id = r.connection_id AND o.external_id = r.order_id AND o.agent_id IS NOT NULL
  AND {REFUND_KNOWN} AND {ORDER_KNOWN}
 UNION ALL
 SELECT o.connection_id, o.agent_id, {_MARKED}, o.total
 FROM {{order_by_agent}} o WHERE o.agent_id IS NOT NULL AND {REFUNDED_WITHOUT_RECORD}
 UNION ALL
 SELECT c.connection_id, c.agent_id, {_TALK}
 FROM {{talk_by_agent}} c WHERE c.agent_id IS NOT NULL AND c.type IS NOT NULL AND {TALK_KNOWN}
),
inquiry AS (
 SELECT c.connection_id, c.agent_id AS external_id, c.account_id, c.type, c.rating,
  CASE WHEN c.first_reply_at <= :until AND c.first_reply_at >= c.started_at
   THEN c.first_reply_at - c.started_at END AS response,
  CASE WHEN EXISTS (SELECT 1 FROM "order" o WHERE o.connection_id = c.connection_id
   AND o.account_id = c.account_id AND o.placed_at BETWEEN c.started_at AND c.started_at + :consult_window
   AND {ORDER_KNOWN} AND {VALID} = 1) THEN 1 ELSE 0 END AS bought
 FROM {{talk_by_agent}} c WHERE c.agent_id IS NOT NULL AND {TALK_KNOWN}
),
present AS (
 SELECT t.connection_id, t.agent_id AS external_id,
  COUNT(DISTINCT CASE WHEN t.attended THEN (t.day + z.shift) / {DAY} END) AS attendance_days,
  COUNT(DISTINCT CASE WHEN t.scheduled THEN (t.day + z.shift) / {DAY} END) AS scheduled_days
 FROM attendance t JOIN zone z ON z.connection_id = t.connection_id
 WHERE {ATTENDANCE_KNOWN} GROUP BY t.connection_id, t.agent_id
),
buyer AS (
 SELECT o.connection_id, o.agent_id AS external_id, COUNT(DISTINCT o.account_id) AS customers
 FROM {{order_by_agent}} o WHERE o.agent_id IS NOT NULL AND {ORDER_KNOWN} AND {VALID} = 1
 GROUP BY o.connection_id, o.agent_id
),
advice AS (
 SELECT connection_id, external_id, COUNT(*) AS inquiries, COUNT(response) AS answered,
  SUM(response) AS response_time, COUNT(DISTINCT account_id) AS consulted,
  COUNT(DISTINCT CASE WHEN bought = 1 THEN account_id END) AS converted, COUNT(rating) AS ratings,
  SUM(CASE WHEN rating <= 2 THEN 1 ELSE 0 END) AS bad_ratings,
  SUM(CASE WHEN rating <= 2 OR type = 'service' THEN 1 ELSE 0 END) AS troubled_inquiries
 FROM inquiry GROUP BY connection_id, external_id
),
extra AS (
 SELECT s.connection_id, s.external_id, advice.inquiries, advice.answered, advice.response_time,
  advice.consulted, advice.converted, advice.ratings, advice.bad_ratings, advice.troubled_inquiries,
  present.attendance_days, present.scheduled_days, buyer.customers
 FROM fact_scope s
 LEFT JOIN advice ON advice.connection_id = s.connection_id AND advice.external_id = s.external_id
 LEFT JOIN present ON present.connection_id = s.connection_id AND present.external_id = s.external_id
 LEFT JOIN buyer ON buyer.connection_id = s.connection_id AND buyer.external_id = s.external_id
)"""

_SHOP = f"""
sold AS (
 SELECT o.connection_id, '' AS external_id, o.currency, o.total AS amount, 0 AS units, {_STATE}
 FROM {{order_by_shop}} o WHERE {ORDER_KNOWN}
),
event AS MATERIALIZED (
 SELECT r.connection_id, '' AS external_id, {_REVIEW}, {_SPOKEN}
 FROM {{review_by_shop}} r WHERE {REVIEW_KNOWN}
 UNION ALL
 SELECT r.connection_id, '', {_REFUND}, {MONEY_BACK} FROM {{refund_by_shop}} r WHERE {REFUND_KNOWN}
 UNION ALL
 SELECT o.connection_id, '', {_MARKED}, o.total FROM {{order_by_shop}} o WHERE {REFUNDED_WITHOUT_RECORD}
 UNION ALL
 SELECT c.connection_id, '', {_TALK} FROM {{talk_by_shop}} c WHERE c.type IS NOT NULL AND {TALK_KNOWN}
),
extra AS (
 SELECT s.connection_id, s.external_id,
  (SELECT COUNT(DISTINCT o.account_id) FROM "order" o
   WHERE o.connection_id = s.connection_id AND {ORDER_KNOWN} AND {VALID} = 1) AS customers,
  (SELECT COUNT(*) FROM conversation c WHERE c.connection_id = s.connection_id AND {TALK_KNOWN}) AS inquiries
 FROM fact_scope s
)"""

_COMMON = f""",
sales_of_week AS (
 SELECT s.connection_id, s.external_id, s.currency, (s.placed_at + z.shift) / {WEEK} AS week,
  SUM(valid) AS orders, SUM(valid * delivered) AS delivered_orders,
  SUM(valid * delivered * late) AS late_orders, SUM(cancelled) AS cancelled_orders,
  SUM(valid * amount) AS gross, SUM(valid * units) AS units,
  MIN(CASE WHEN valid = 1 THEN placed_at END) AS first_order_at,
  MAX(CASE WHEN valid = 1 THEN placed_at END) AS last_order_at
 FROM sold s JOIN zone z ON z.connection_id = s.connection_id
 GROUP BY s.connection_id, s.external_id, s.currency, week
),
sales AS (
 SELECT connection_id, external_id, currency, SUM(orders) AS orders,
  SUM(delivered_orders) AS delivered_orders, SUM(late_orders) AS late_orders,
  SUM(cancelled_orders) AS cancelled_orders, SUM(gross) AS gross, SUM(units) AS units,
  MIN(first_order_at) AS first_order_at, MAX(last_order_at) AS last_order_at
 FROM sales_of_week GROUP BY connection_id, external_id, currency
),
ranked AS (
 SELECT sales.*, ROW_NUMBER() OVER (PARTITION BY connection_id, external_id
  ORDER BY orders DESC, gross DESC, currency) AS place FROM sales
),
total AS (
 SELECT connection_id, external_id, SUM(orders) AS orders, SUM(delivered_orders) AS delivered_orders,
  SUM(late_orders) AS late_orders, SUM(cancelled_orders) AS cancelled_orders, SUM(units) AS units,
  MIN(first_order_at) AS first_order_at, MAX(last_order_at) AS last_order_at,
  MAX(CASE WHEN place = 1 THEN currency END) AS currency,
  MAX(CASE WHEN place = 1 THEN orders END) AS currency_orders,
  MAX(CASE WHEN place = 1 THEN gross END) AS gross
 FROM ranked GROUP BY connection_id, external_id
),
back AS (
 SELECT connection_id, external_id, currency, SUM(amount) AS refunded
 FROM event WHERE what = 'refund' GROUP BY connection_id, external_id, currency
),
said AS (
 SELECT connection_id, external_id,
  SUM(CASE WHEN what = 'refund' THEN 1 ELSE 0 END) AS refunds,
  SUM(CASE WHEN what = 'refund' AND kind = 'return' THEN 1 ELSE 0 END) AS returns,
  SUM(CASE WHEN what = 'refund' AND kind = 'exchange' THEN 1 ELSE 0 END) AS exchanges,
  SUM(CASE WHEN what = 'review' THEN 1 ELSE 0 END) AS reviews,
  SUM(CASE WHEN what = 'review' AND kind = 'good' THEN 1 ELSE 0 END) AS good_reviews,
  SUM(CASE WHEN what = 'review' AND kind = 'neutral' THEN 1 ELSE 0 END) AS neutral_reviews,
  SUM(CASE WHEN what = 'review' AND kind = 'bad' THEN 1 ELSE 0 END) AS bad_reviews,
  COUNT(type) AS complaints, {counts("complaints", "type", COMPLAINT_TYPES)}
 FROM event GROUP BY connection_id, external_id
),
trouble AS (
 SELECT connection_id, external_id, order_id, MAX(at) AS at,
  MAX(CASE WHEN what = 'refund' THEN 1 ELSE 0 END) AS refunded
 FROM event
 WHERE order_id IS NOT NULL AND CASE what WHEN 'review' THEN kind = 'bad'
  WHEN 'talk' THEN type <> 'suggestion' ELSE 1 = 1 END
 GROUP BY connection_id, external_id, order_id
),
troubled_order AS (
 SELECT t.*, {DELIVERED} AS delivered, (o.placed_at + z.shift) / {WEEK} AS week,
  ROW_NUMBER() OVER (PARTITION BY t.connection_id, t.external_id
  ORDER BY t.at DESC, t.order_id COLLATE {{binary}}) AS place
 FROM trouble t CROSS JOIN "order" o CROSS JOIN zone z
 WHERE o.connection_id = t.connection_id AND o.external_id = t.order_id AND {ORDER_KNOWN} AND {VALID} = 1
  AND z.connection_id = t.connection_id
),
troubled AS (
 SELECT connection_id, external_id, COUNT(*) AS troubled_orders, SUM(delivered) AS troubled_delivered,
  SUM(refunded) AS refunded_orders, {{evidence}} AS evidence
 FROM (SELECT t.*, t.order_id AS line FROM troubled_order t) troubles GROUP BY connection_id, external_id
),
tally AS (
 SELECT connection_id, external_id, week, SUM(tries) AS tries, SUM(hits) AS hits FROM (
  SELECT connection_id, external_id, week, orders AS tries, 0 AS hits FROM sales_of_week
  UNION ALL
  SELECT connection_id, external_id, week, 0, 1 FROM troubled_order
 ) counted GROUP BY connection_id, external_id, week
),
history AS (
 SELECT connection_id, external_id, {{weekly}} AS weekly FROM (
  SELECT connection_id, external_id,
   CAST(week AS TEXT) || ' ' || CAST(tries AS TEXT) || ' '
    || CAST(CASE WHEN hits > tries THEN tries ELSE hits END AS TEXT) AS line,
   ROW_NUMBER() OVER (PARTITION BY connection_id, external_id ORDER BY week DESC) AS place
  FROM tally WHERE tries > 0
 ) told GROUP BY connection_id, external_id
)
SELECT s.connection_id, s.external_id, {{columns}}
FROM fact_scope s
LEFT JOIN total ON total.connection_id = s.connection_id AND total.external_id = s.external_id
LEFT JOIN back ON back.connection_id = s.connection_id AND back.external_id = s.external_id
 AND back.currency = total.currency
LEFT JOIN said ON said.connection_id = s.connection_id AND said.external_id = s.external_id
LEFT JOIN troubled ON troubled.connection_id = s.connection_id AND troubled.external_id = s.external_id
LEFT JOIN history ON history.connection_id = s.connection_id AND history.external_id = s.external_id
LEFT JOIN extra ON extra.connection_id = s.connection_id AND extra.external_id = s.external_id
WHERE 1 = 1"""


_SHARED = {
    **whole("total", "orders delivered_orders late_orders currency_orders gross"),
    **whole("back", "refunded"),
    **whole("said", "refunds returns exchanges reviews good_reviews neutral_reviews bad_reviews complaints"),
    **whole("said", " ".join(f"complaints_{type}" for type in COMPLAINT_TYPES)),
    **whole("troubled", "troubled_orders troubled_delivered refunded_orders"),
    "currency": "total.currency",
    "evidence": "troubled.evidence",
    "weekly": "history.weekly",
}
_OWN = {
    "product": {
        **whole("total", "units"),
        "category": "extra.category",
        "companions": "extra.companions",
    },
    "shop": {
        **whole("total", "cancelled_orders"),
        **whole("extra", "customers inquiries"),
        "first_order_at": "total.first_order_at",
        "last_order_at": "total.last_order_at",
    },
    "agent": {
        **whole("extra", "inquiries answered response_time consulted converted"),
        **whole("extra", "ratings bad_ratings troubled_inquiries"),
        **whole("extra", "attendance_days scheduled_days customers"),
    },
}
_RELATIONS = {"product": _PRODUCT, "shop": _SHOP, "agent": _AGENT}


def columns(subject: str) -> list[str]:
    """The fact columns of a product, shop or agent, in the order of `select`."""
    return [*_SHARED, *_OWN[subject]]


def select(subject: str, zones: Mapping[int, int], dialect: str, *, full: bool) -> str:
    """The facts of all subjects in `fact_scope`: connection_id, external_id and `columns(subject)`.

    `zones` gives each connection's day. Bound by `:until`, `:known`, `:consult_window` and `:newline`.
    `full` reads whole tables, which is cheaper when the scope is most of them.
    """
    text = f"WITH {shifts(zones)},{_RELATIONS[subject]}{_COMMON}"
    named = ", ".join(f"{sql} AS {name}" for name, sql in {**_SHARED, **_OWN[subject]}.items())
    return text.format(
        columns=named,
        binary=binary(dialect),
        evidence=_lines(range(1, 4)),
        weekly=_lines(range(WEEKS, 0, -1)),
        companions=_lines(range(1, COMPANIONS + 1)),
        **_tables(full=full),
    )


def shop_totals() -> str:
    """Each shop's connection_id, valid orders, main currency and what it sold in that."""
    return f"""SELECT connection_id, SUM(orders) OVER (PARTITION BY connection_id), currency, gross
FROM (SELECT o.connection_id, o.currency, COUNT(*) AS orders, SUM(o.total) AS gross FROM "order" o
 WHERE {ORDER_KNOWN} AND {VALID} = 1 GROUP BY o.connection_id, o.currency) spent
ORDER BY connection_id, orders, gross, currency DESC"""


def _lines(places: Iterable[int]) -> str:
    """The column `line` of a subject's rows with these places, one a line; NULL when there is none.

    Neither database's own joining of texts keeps an order that both promise.
    """
    joined = " || ".join(
        f"COALESCE(:newline || MAX(CASE WHEN place = {n} THEN line END), '')" for n in places
    )
    return f"NULLIF(SUBSTR({joined}, 2), '')"


def _tables(*, full: bool) -> dict[str, str]:
    own, orders = "fact_scope", "fact_scope_order"
    return {
        "line": relation("order_line", own, "product_id", full=full),
        "review_by_product": relation("review", own, "product_id", full=full),
        "review_by_order": relation("review", orders, "order_id", full=full),
        "refund_by_order": relation("refund", orders, "order_id", full=full),
        "order_by_order": relation("order", orders, "external_id", full=full),
        "order_by_agent": relation("order", own, "agent_id", full=full),
        "talk_by_product": relation("conversation", own, "product_id", full=full),
        "talk_by_order": relation("conversation", orders, "order_id", full=full),
        "talk_by_agent": relation("conversation", own, "agent_id", full=full),
        "order_by_shop": relation("order", own, "", full=full),
        "review_by_shop": relation("review", own, "", full=full),
        "refund_by_shop": relation("refund", own, "", full=full),
        "talk_by_shop": relation("conversation", own, "", full=full),
    }
