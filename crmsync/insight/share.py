"""What each order, event and account gives to the facts of products, shops and agents.

Four counts: of orders (`sold`), of what was said of them (`concerned`), of orders in trouble (`troubled`), of
accounts (`met`). Each statement names the tables it reads in braces; `tally` puts there whole tables or what
is in scope, the present or the past. All are bound by `:until`, `:known` and `:consult_window`.
"""

from __future__ import annotations

from crmsync.insight.words import (
    CANCELLED,
    COMPLAINT_TYPES,
    DELIVERED,
    LATE,
    MONEY_BACK,
    ORDER_KNOWN,
    REFUND_KNOWN,
    REFUNDED_WITHOUT_RECORD,
    REVIEW_KNOWN,
    TALK_KNOWN,
    VALID,
    WEEK,
    counts,
    known,
)

BASKET = 50
"""Orders of more different products say nothing of what is bought together."""

_ORDER = f"""
SELECT o.connection_id, o.external_id, o.agent_id, o.currency, o.total, o.placed_at,
 (o.placed_at + z.shift) / {WEEK}, {VALID}, {DELIVERED}, {LATE}, {CANCELLED}
FROM {{orders}} o CROSS JOIN zone z WHERE z.connection_id = o.connection_id AND {ORDER_KNOWN}"""

_LINE = """
SELECT l.connection_id, l.order_id, COALESCE(l.product_id, ''), SUM(l.total), SUM(l.quantity)
FROM {lines} l GROUP BY l.connection_id, l.order_id, COALESCE(l.product_id, '')"""

# A refund of a line concerns the product of that line; of a product, only if the order holds it.
_REFUNDED_PRODUCT = """CASE WHEN o.external_id IS NULL THEN ''
 WHEN r.line_id IS NOT NULL THEN COALESCE((SELECT l.product_id FROM order_line l
  WHERE l.connection_id = r.connection_id AND l.order_id = r.order_id AND l.line_id = r.line_id), '')
 WHEN r.product_id IS NOT NULL THEN COALESCE((SELECT MIN(l.product_id) FROM order_line l
  WHERE l.connection_id = r.connection_id AND l.order_id = r.order_id AND l.product_id = r.product_id), '')
 END"""
# What is said of an order tells of its products and agent only once the order itself is known.
_OWN_ORDER = f"""LEFT JOIN "order" o ON o.connection_id = r.connection_id AND o.external_id = r.order_id
 AND {ORDER_KNOWN}"""
_PRODUCT = "CASE WHEN r.product_id IS NULL AND o.external_id IS NULL THEN '' ELSE r.product_id END"

_EVENT = f"""
SELECT r.connection_id, COALESCE(r.order_id, ''), 'review', r.external_id, {_PRODUCT}, o.agent_id,
 r.created_at, r.level, CASE WHEN r.level = 'bad' THEN r.type END, '', 0
FROM {{reviews}} r {_OWN_ORDER} WHERE {REVIEW_KNOWN}
UNION ALL
SELECT r.connection_id, r.order_id, 'refund', r.external_id, {_REFUNDED_PRODUCT}, o.agent_id,
 r.requested_at, r.kind, r.type, r.currency, {MONEY_BACK}
FROM {{refunds}} r {_OWN_ORDER} WHERE {REFUND_KNOWN}
UNION ALL
SELECT o.connection_id, o.external_id, 'marked', o.external_id, NULL, o.agent_id,
 COALESCE(o.updated_at, o.placed_at), 'refund', NULL, o.currency, o.total
FROM {{orders}} o WHERE {REFUNDED_WITHOUT_RECORD}
UNION ALL
SELECT r.connection_id, COALESCE(r.order_id, ''), 'talk', r.external_id, {_PRODUCT}, r.agent_id,
 r.started_at, NULL, r.type, '', 0
FROM {{talks}} r {_OWN_ORDER} WHERE r.type IS NOT NULL AND {known("r", "started_at")}"""

_EVENT_COLUMNS = "e.connection_id, {id} AS external_id, e.order_id, e.what, e.at, e.kind, e.type, e.currency"
# Of a refund for a whole order nobody can say which of its products the money was for.
_ONES_MONEY = """CASE e.what WHEN 'marked' THEN l.amount WHEN 'refund' THEN
 CASE WHEN EXISTS (SELECT 1 FROM {past}line_tally k WHERE k.connection_id = l.connection_id
  AND k.order_id = l.order_id AND k.product_id <> l.product_id) THEN 0 ELSE e.amount END ELSE 0 END"""

# The events with whom they concern: a row for each of these.
CONCERNED = {
    "product": f"""
SELECT 'product' AS subject, {_EVENT_COLUMNS.format(id="e.product_id")}, e.amount
FROM {{events}} e WHERE e.product_id <> ''
UNION ALL
SELECT 'product', {_EVENT_COLUMNS.format(id="l.product_id")}, {_ONES_MONEY}
FROM {{events}} e CROSS JOIN {{past}}line_tally l
WHERE e.product_id IS NULL AND e.order_id <> '' AND l.connection_id = e.connection_id
 AND l.order_id = e.order_id AND l.product_id <> ''""",
    "agent": f"""
SELECT 'agent' AS subject, {_EVENT_COLUMNS.format(id="e.agent_id")}, e.amount
FROM {{events}} e WHERE e.agent_id <> ''""",
    "shop": f"""
SELECT 'shop' AS subject, {_EVENT_COLUMNS.format(id="''")}, e.amount FROM {{events}} e""",
}

_TROUBLE = """
SELECT e.connection_id, e.order_id, e.subject, e.external_id, MAX(e.at),
 MAX(CASE WHEN e.what IN ('refund', 'marked') THEN 1 ELSE 0 END), MAX(t.delivered), MAX(t.week)
FROM ({concerned}) e CROSS JOIN {past}order_tally t
WHERE e.order_id <> ''
 AND CASE e.what WHEN 'review' THEN e.kind = 'bad' WHEN 'talk' THEN e.type <> 'suggestion' ELSE 1 = 1 END
 AND t.connection_id = e.connection_id AND t.order_id = e.order_id AND t.valid = 1
GROUP BY e.connection_id, e.order_id, e.subject, e.external_id"""

_NO_TALK = (
    "0 AS inquiries, 0 AS answered, 0 AS response_time, 0 AS bought, 0 AS ratings, 0 AS bad, 0 AS troubled"
)
_TALK_ID = "CASE WHEN COALESCE(c.account_id, '') = '' THEN c.external_id ELSE '' END"
_TALK_ACCOUNT = "c.connection_id, COALESCE(c.account_id, '')"
_ANSWERED = "c.first_reply_at <= :until AND c.first_reply_at >= c.started_at"
_BOUGHT = f"""CASE WHEN EXISTS (SELECT 1 FROM "order" o WHERE o.connection_id = c.connection_id
 AND o.account_id = c.account_id AND o.placed_at BETWEEN c.started_at AND c.started_at + :consult_window
 AND {ORDER_KNOWN} AND {VALID} = 1) THEN 1 ELSE 0 END"""
_ACCOUNT = f"""
SELECT connection_id, account_id, talk_id, agent_id, SUM(orders), SUM(inquiries), SUM(answered),
 SUM(response_time), SUM(bought), SUM(ratings), SUM(bad), SUM(troubled)
FROM (
 SELECT o.connection_id, o.account_id, '' AS agent_id, '' AS talk_id, 1 AS orders, {_NO_TALK}
 FROM {{account_orders}} o WHERE o.account_id <> '' AND {ORDER_KNOWN} AND {VALID} = 1
 UNION ALL
 SELECT o.connection_id, o.account_id, o.agent_id, '', 1, {_NO_TALK}
 FROM {{account_orders}} o WHERE o.account_id <> '' AND o.agent_id <> '' AND {ORDER_KNOWN} AND {VALID} = 1
 UNION ALL
 SELECT {_TALK_ACCOUNT}, '', {_TALK_ID}, 0, 1, 0, 0, 0, 0, 0, 0
 FROM {{account_talks}} c WHERE {TALK_KNOWN}
 UNION ALL
 SELECT {_TALK_ACCOUNT}, c.agent_id, {_TALK_ID}, 0, 1, CASE WHEN {_ANSWERED} THEN 1 ELSE 0 END,
  CASE WHEN {_ANSWERED} THEN c.first_reply_at - c.started_at ELSE 0 END, {_BOUGHT},
  CASE WHEN c.rating IS NULL THEN 0 ELSE 1 END, CASE WHEN c.rating <= 2 THEN 1 ELSE 0 END,
  CASE WHEN c.rating <= 2 OR c.type = 'service' THEN 1 ELSE 0 END
 FROM {{account_talks}} c WHERE c.agent_id <> '' AND {TALK_KNOWN}
) given GROUP BY connection_id, account_id, talk_id, agent_id"""

FILLS = {
    "order_tally": _ORDER,
    "line_tally": _LINE,
    "event_tally": _EVENT,
    "trouble_tally": _TROUBLE,
    "account_tally": _ACCOUNT,
}

_SALE = "t.currency, t.week, t.valid, t.delivered, t.late, t.cancelled"
SOLD = {
    "product": f"""
SELECT 'product' AS subject, t.connection_id, l.product_id AS external_id, {_SALE}, l.amount, l.units
FROM {{order_tally}} t CROSS JOIN {{past}}line_tally l
WHERE l.connection_id = t.connection_id AND l.order_id = t.order_id AND l.product_id <> ''""",
    "agent": f"""
SELECT 'agent' AS subject, t.connection_id, t.agent_id AS external_id, {_SALE}, t.total AS amount, 0 AS units
FROM {{order_tally}} t WHERE t.agent_id <> ''""",
    "shop": f"""
SELECT 'shop' AS subject, t.connection_id, '' AS external_id, {_SALE}, t.total AS amount, 0 AS units
FROM {{order_tally}} t""",
}

_GOING_BACK = "what IN ('refund', 'marked')"


def _when(condition: str) -> str:
    return f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END)"


_SOLD_SUMS = """
SELECT subject, connection_id, external_id, currency, week, COUNT(*), SUM(valid), SUM(valid * delivered),
 SUM(valid * delivered * late), SUM(cancelled), SUM(valid * amount), SUM(valid * units)
FROM ({sold}) s GROUP BY subject, connection_id, external_id, currency, week"""

_EVENT_SUMS = f"""
SELECT subject, connection_id, external_id, currency, {_when(_GOING_BACK)}, {_when("kind = 'return'")},
 {_when("kind = 'exchange'")}, SUM(amount), {_when("what = 'review'")}, {_when("kind = 'good'")},
 {_when("kind = 'neutral'")}, {_when("kind = 'bad'")}, COUNT(type),
 {counts("complaints", "type", COMPLAINT_TYPES)}
FROM ({{concerned}}) e GROUP BY subject, connection_id, external_id, currency"""

_TROUBLE_SUMS = """
SELECT subject, connection_id, external_id, '', week, COUNT(*), SUM(delivered), SUM(refunded)
FROM {trouble_tally} t GROUP BY subject, connection_id, external_id, week"""

_ACCOUNT_SUMS = f"""
SELECT CASE WHEN agent_id = '' THEN 'shop' ELSE 'agent' END AS subject, connection_id, agent_id, '',
 {_when("orders > 0")}, SUM(inquiries), SUM(answered), SUM(response_time),
 {_when("inquiries > 0 AND account_id <> ''")}, {_when("bought > 0")}, SUM(ratings), SUM(bad_ratings),
 SUM(troubled_inquiries)
FROM {{account_tally}} m GROUP BY connection_id, agent_id"""

# What is added up: the columns of `fact_delta` after the subject, and the sums of each count.
SHARES = {
    "sold": (
        "currency week sold orders delivered_orders late_orders cancelled_orders gross units",
        _SOLD_SUMS,
    ),
    "concerned": (
        "currency refunds returns exchanges refunded reviews good_reviews neutral_reviews bad_reviews"
        " complaints " + " ".join(f"complaints_{type}" for type in COMPLAINT_TYPES),
        _EVENT_SUMS,
    ),
    "troubled": ("currency week troubled_orders troubled_delivered refunded_orders", _TROUBLE_SUMS),
    "met": (
        """currency customers inquiries answered response_time consulted converted ratings bad_ratings
 troubled_inquiries""",
        _ACCOUNT_SUMS,
    ),
}

# Orders of too many products: looked for once where all orders are counted.
LARGE = f"""large AS MATERIALIZED (
 SELECT connection_id, order_id FROM {{past}}line_tally WHERE product_id <> ''
 GROUP BY connection_id, order_id HAVING COUNT(*) > {BASKET}
)"""
SMALL = """NOT EXISTS (SELECT 1 FROM large b
  WHERE b.connection_id = t.connection_id AND b.order_id = t.order_id)"""
SMALL_ONE = f"""(SELECT COUNT(*) FROM line_tally b WHERE b.connection_id = t.connection_id
  AND b.order_id = t.order_id AND b.product_id <> '') <= {BASKET}"""

PAIR = """
SELECT l.connection_id, l.product_id, k.product_id, COUNT(*)
FROM {order_tally} t CROSS JOIN {past}line_tally l CROSS JOIN {past}line_tally k
WHERE t.valid = 1 AND l.connection_id = t.connection_id AND l.order_id = t.order_id AND l.product_id <> ''
 AND k.connection_id = t.connection_id AND k.order_id = t.order_id AND k.product_id <> ''
 AND k.product_id <> l.product_id
 AND {small}
GROUP BY l.connection_id, l.product_id, k.product_id"""
