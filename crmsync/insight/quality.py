"""Facts of products, shops and agents: what they sold, and what was said of it.

Each subject gives relations of its own: `sold` (its order lines or orders), `event` (a row per
review, refund or complaint that concerns it) and `extra`; what follows from them is the same for all.
"""

from __future__ import annotations

from crmsync.insight.scope import relation
from crmsync.insight.words import (
    CANCELLED,
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

_STATE = f"{VALID} AS valid, {DELIVERED} AS delivered, {LATE} AS late, {CANCELLED} AS cancelled, o.placed_at"

# The columns of `event` after its subject: id, order_id, at, what, kind, type, currency, amount.
_REVIEW = "r.external_id AS id, r.order_id, r.created_at AS at, 'review' AS what, r.level AS kind"
_NO_MONEY = "CAST(NULL AS TEXT) AS type, CAST(NULL AS TEXT) AS currency, 0 AS amount"
_REFUND = "r.external_id, r.order_id, r.requested_at, 'refund', r.kind, r.type, r.currency"
_MARKED = (
    "o.external_id, o.external_id, COALESCE(o.updated_at, o.placed_at), 'refund', 'refund', NULL, o.currency"
)
_TALK = "c.external_id, c.order_id, c.started_at, 'talk', NULL, c.type, NULL, 0"

# COALESCE keeps SQLite on the primary key: it takes any word on the product alone for the better index.
_NAMED = "COALESCE(l.product_id, '') <> ''"
_SAME_ORDER = f"l.connection_id = r.connection_id AND l.order_id = r.order_id AND {_NAMED}"
# An order may hold a product in several lines; it is still one order of that product.
_FIRST_LINE = """NOT EXISTS (SELECT 1 FROM order_line k WHERE k.connection_id = l.connection_id
  AND k.order_id = l.order_id AND k.line_id < l.line_id AND COALESCE(k.product_id, '') = l.product_id)"""
_ONLY_PRODUCT = """NOT EXISTS (SELECT 1 FROM order_line k WHERE k.connection_id = l.connection_id
  AND k.order_id = l.order_id AND COALESCE(k.product_id, '') <> l.product_id)"""

_PRODUCT = f"""
sold AS MATERIALIZED (
 SELECT l.connection_id, l.product_id AS external_id, o.currency, l.total AS amount, l.quantity AS units,
  CASE WHEN {_FIRST_LINE} THEN 1 ELSE 0 END AS one, {_STATE}
 FROM {{line}} l CROSS JOIN "order" o
 WHERE o.connection_id = l.connection_id AND o.external_id = l.order_id AND {_NAMED}
  AND {ORDER_KNOWN}
),
event AS MATERIALIZED (
 SELECT r.connection_id, r.product_id AS external_id, {_REVIEW}, {_NO_MONEY}
 FROM {{review_by_product}} r WHERE r.product_id IS NOT NULL AND {REVIEW_KNOWN}
 UNION ALL
 SELECT r.connection_id, l.product_id, {_REVIEW}, {_NO_MONEY}
 FROM {{review_by_order}} r CROSS JOIN order_line l
 WHERE {_SAME_ORDER} AND r.product_id IS NULL AND {_FIRST_LINE} AND {REVIEW_KNOWN}
 UNION ALL
 SELECT r.connection_id, l.product_id, {_REFUND},
  CASE WHEN r.line_id IS NOT NULL OR r.product_id IS NOT NULL OR {_ONLY_PRODUCT} THEN {MONEY_BACK} ELSE 0 END
 FROM {{refund_by_order}} r CROSS JOIN order_line l
 WHERE {_SAME_ORDER} AND {REFUND_KNOWN} AND (r.line_id = l.line_id
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
  AND {TALK_KNOWN}
),
extra AS (SELECT connection_id, external_id FROM fact_scope)"""

_AGENT = f"""
sold AS (
 SELECT o.connection_id, o.agent_id AS external_id, o.currency, o.total AS amount, 0 AS units, 1 AS one,
  {_STATE}
 FROM {{order_by_agent}} o WHERE o.agent_id IS NOT NULL AND {ORDER_KNOWN}
),
event AS MATERIALIZED (
 SELECT r.connection_id, o.agent_id AS external_id, {_REVIEW}, {_NO_MONEY}
 FROM {{review_by_order}} r CROSS JOIN "order" o
 WHERE o.connection_id = r.connection_id AND o.external_id = r.order_id AND o.agent_id IS NOT NULL
  AND {REVIEW_KNOWN}
 UNION ALL
 SELECT r.connection_id, o.agent_id, {_REFUND}, {MONEY_BACK}
 FROM {{refund_by_order}} r CROSS JOIN "order" o
 WHERE o.connection_id = r.connection_id AND o.external_id = r.order_id AND o.agent_id IS NOT NULL
  AND {REFUND_KNOWN}
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
extra AS (
 SELECT connection_id, external_id, COUNT(*) AS inquiries, COUNT(response) AS answered,
  SUM(response) AS response_time, COUNT(DISTINCT account_id) AS consulted,
  COUNT(DISTINCT CASE WHEN bought = 1 THEN account_id END) AS converted, COUNT(rating) AS ratings,
  SUM(CASE WHEN rating <= 2 THEN 1 ELSE 0 END) AS bad_ratings,
  SUM(CASE WHEN rating <= 2 OR type = 'service' THEN 1 ELSE 0 END) AS troubled_inquiries
 FROM inquiry GROUP BY connection_id, external_id
)"""

_SHOP = f"""
sold AS (
 SELECT o.connection_id, '' AS external_id, o.currency, o.total AS amount, 0 AS units, 1 AS one, {_STATE}
 FROM {{order_by_shop}} o WHERE {ORDER_KNOWN}
),
event AS MATERIALIZED (
 SELECT r.connection_id, '' AS external_id, {_REVIEW}, {_NO_MONEY}
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
sales AS (
 SELECT connection_id, external_id, currency, SUM(valid * one) AS orders,
  SUM(valid * delivered * one) AS delivered_orders, SUM(valid * delivered * late * one) AS late_orders,
  SUM(cancelled * one) AS cancelled_orders, SUM(valid * amount) AS gross, SUM(valid * units) AS units,
  MIN(CASE WHEN valid = 1 THEN placed_at END) AS first_order_at,
  MAX(CASE WHEN valid = 1 THEN placed_at END) AS last_order_at
 FROM sold GROUP BY connection_id, external_id, currency
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
  COUNT(type) AS complaints,
  SUM(CASE WHEN type = 'product' THEN 1 ELSE 0 END) AS complaints_product,
  SUM(CASE WHEN type = 'logistics' THEN 1 ELSE 0 END) AS complaints_logistics,
  SUM(CASE WHEN type = 'service' THEN 1 ELSE 0 END) AS complaints_service,
  SUM(CASE WHEN type = 'contract' THEN 1 ELSE 0 END) AS complaints_contract,
  SUM(CASE WHEN type = 'suggestion' THEN 1 ELSE 0 END) AS complaints_suggestion,
  SUM(CASE WHEN type = 'other' THEN 1 ELSE 0 END) AS complaints_other
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
 SELECT t.*, {DELIVERED} AS delivered, ROW_NUMBER() OVER (PARTITION BY t.connection_id, t.external_id
  ORDER BY t.at DESC, t.order_id COLLATE {{binary}}) AS place
 FROM trouble t CROSS JOIN "order" o
 WHERE o.connection_id = t.connection_id AND o.external_id = t.order_id AND {ORDER_KNOWN} AND {VALID} = 1
),
troubled AS (
 SELECT connection_id, external_id, COUNT(*) AS troubled_orders, SUM(delivered) AS troubled_delivered,
  SUM(refunded) AS refunded_orders, MAX(CASE WHEN place = 1 THEN order_id END)
   || COALESCE(:newline || MAX(CASE WHEN place = 2 THEN order_id END), '')
   || COALESCE(:newline || MAX(CASE WHEN place = 3 THEN order_id END), '') AS evidence
 FROM troubled_order GROUP BY connection_id, external_id
)
SELECT s.connection_id, s.external_id, {{columns}}
FROM fact_scope s
LEFT JOIN total ON total.connection_id = s.connection_id AND total.external_id = s.external_id
LEFT JOIN back ON back.connection_id = s.connection_id AND back.external_id = s.external_id
 AND back.currency = total.currency
LEFT JOIN said ON said.connection_id = s.connection_id AND said.external_id = s.external_id
LEFT JOIN troubled ON troubled.connection_id = s.connection_id AND troubled.external_id = s.external_id
LEFT JOIN extra ON extra.connection_id = s.connection_id AND extra.external_id = s.external_id
WHERE 1 = 1"""


def _of(source: str, names: str) -> dict[str, str]:
    return {name: f"CAST(COALESCE({source}.{name}, 0) AS BIGINT)" for name in names.split()}


_SHARED = {
    **_of("total", "orders delivered_orders currency_orders gross"),
    **_of("back", "refunded"),
    **_of("said", "refunds returns exchanges reviews good_reviews neutral_reviews bad_reviews complaints"),
    **_of("said", "complaints_product complaints_logistics complaints_service"),
    **_of("said", "complaints_contract complaints_suggestion complaints_other"),
    **_of("troubled", "troubled_orders troubled_delivered refunded_orders"),
    "currency": "total.currency",
    "evidence": "troubled.evidence",
}
_OWN = {
    "product": _of("total", "units"),
    "shop": {
        **_of("total", "late_orders cancelled_orders"),
        **_of("extra", "customers inquiries"),
        "first_order_at": "total.first_order_at",
        "last_order_at": "total.last_order_at",
    },
    "agent": {
        **_of("extra", "inquiries answered response_time consulted converted"),
        **_of("extra", "ratings bad_ratings troubled_inquiries"),
    },
}
_RELATIONS = {"product": _PRODUCT, "shop": _SHOP, "agent": _AGENT}


def columns(subject: str) -> list[str]:
    """The fact columns of a product, shop or agent, in the order of `select`."""
    return [*_SHARED, *_OWN[subject]]


def select(subject: str, dialect: str, *, full: bool) -> str:
    """The facts of all subjects in `fact_scope`: connection_id, external_id and `columns(subject)`.

    Bound by `:until`, `:known` and `:consult_window`. `full` reads whole tables, which is cheaper
    when the scope is most of them.
    """
    text = f"WITH {_RELATIONS[subject].strip()}{_COMMON}"
    named = ", ".join(f"{sql} AS {name}" for name, sql in {**_SHARED, **_OWN[subject]}.items())
    # Ids are told apart by their bytes on both databases, whatever language the server sorts in.
    binary = "BINARY" if dialect == "sqlite" else '"C"'
    return text.format(columns=named, binary=binary, **_tables(full=full))


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
