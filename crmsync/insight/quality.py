"""Facts of products, shops and agents, from what was counted for them (`tally`)."""

from __future__ import annotations

from collections.abc import Mapping

from crmsync.insight import listing
from crmsync.insight.listing import MINE
from crmsync.insight.words import (
    ATTENDANCE_KNOWN,
    COMPLAINT_TYPES,
    DAY,
    ORDER_KNOWN,
    PRODUCT_KNOWN,
    VALID,
    binary,
    whole,
)
from crmsync.insight.zone import shifts
from crmsync.store.tables import SUMS

_JOIN = "LEFT JOIN {list} ON {list}.connection_id = s.connection_id AND {list}.external_id = s.external_id"
_EXTRA = {
    "product": f""",
extra AS (
 SELECT s.connection_id, s.external_id, g.category FROM fact_scope s CROSS JOIN product g
 WHERE g.connection_id = s.connection_id AND g.external_id = s.external_id AND {PRODUCT_KNOWN}
)""",
    "agent": f""",
extra AS (
 SELECT t.connection_id, t.agent_id AS external_id,
  COUNT(DISTINCT CASE WHEN t.attended THEN (t.day + z.shift) / {DAY} END) AS attendance_days,
  COUNT(DISTINCT CASE WHEN t.scheduled THEN (t.day + z.shift) / {DAY} END) AS scheduled_days
 FROM fact_scope s CROSS JOIN attendance t CROSS JOIN zone z
 WHERE t.connection_id = s.connection_id AND t.agent_id = s.external_id AND z.connection_id = t.connection_id
  AND {ATTENDANCE_KNOWN} GROUP BY t.connection_id, t.agent_id
)""",
    "shop": """,
extra AS (
 SELECT s.connection_id, s.external_id,
  (SELECT MIN(t.placed_at) FROM {past}order_tally t
   WHERE t.connection_id = s.connection_id AND t.valid = 1) AS first_order_at,
  (SELECT MAX(t.placed_at) FROM {past}order_tally t
   WHERE t.connection_id = s.connection_id AND t.valid = 1) AS last_order_at
 FROM fact_scope s
)""",
}

# CROSS JOIN holds SQLite to the way from the scope into what was counted.
_FACTS = f"""WITH {{shifts}},
{{lists}},
ranked AS (
 SELECT t.*, ROW_NUMBER() OVER (PARTITION BY t.connection_id, t.external_id
  ORDER BY CASE WHEN t.sold > 0 THEN 0 ELSE 1 END, t.orders DESC, t.gross DESC,
   t.currency COLLATE {{binary}}) AS place
 FROM fact_scope s CROSS JOIN {{past}}sum_tally t WHERE {MINE}
),
total AS (
 SELECT connection_id, external_id, {{sums}},
  MAX(CASE WHEN place = 1 AND sold > 0 THEN currency END) AS main_currency,
  MAX(CASE WHEN place = 1 AND sold > 0 THEN orders END) AS currency_orders,
  MAX(CASE WHEN place = 1 AND sold > 0 THEN gross END) AS main_gross,
  MAX(CASE WHEN place = 1 AND sold > 0 THEN refunded END) AS main_refunded
 FROM ranked GROUP BY connection_id, external_id
){{extra}}
SELECT s.connection_id, s.external_id, {{columns}}
FROM fact_scope s
LEFT JOIN total ON total.connection_id = s.connection_id AND total.external_id = s.external_id
{{joins}}
LEFT JOIN extra ON extra.connection_id = s.connection_id AND extra.external_id = s.external_id
WHERE 1 = 1"""


_SHARED = {
    **whole("total", "orders delivered_orders late_orders currency_orders"),
    "gross": "CAST(COALESCE(total.main_gross, 0) AS BIGINT)",
    "refunded": "CAST(COALESCE(total.main_refunded, 0) AS BIGINT)",
    **whole("total", "refunds returns exchanges reviews good_reviews neutral_reviews bad_reviews complaints"),
    **whole("total", " ".join(f"complaints_{type}" for type in COMPLAINT_TYPES)),
    **whole("total", "troubled_orders troubled_delivered refunded_orders"),
    "currency": "total.main_currency",
    "evidence": "evidence.evidence",
    "weekly": "weekly.weekly",
}
_OWN = {
    "product": {
        **whole("total", "units"),
        "category": "extra.category",
        "companions": "companions.companions",
    },
    "shop": {
        **whole("total", "cancelled_orders customers inquiries"),
        "first_order_at": "extra.first_order_at",
        "last_order_at": "extra.last_order_at",
    },
    "agent": {
        **whole("total", "inquiries answered response_time consulted converted"),
        **whole("total", "ratings bad_ratings troubled_inquiries customers"),
        **whole("extra", "attendance_days scheduled_days"),
    },
}


def columns(subject: str) -> list[str]:
    """The fact columns of a product, shop or agent, in the order of `select`."""
    return [*_SHARED, *_OWN[subject]]


def select(subject: str, zones: Mapping[int, int], dialect: str, *, past: str = "") -> str:
    """The facts of all subjects in `fact_scope`: connection_id, external_id and `columns(subject)`.

    `zones` gives each connection's day, `past` the tables that hold the count. Bound by `:until`, `:known`
    and `:newline`.
    """
    named = ", ".join(f"{sql} AS {name}" for name, sql in {**_SHARED, **_OWN[subject]}.items())
    own = {"past": past, "subject": subject, "binary": binary(dialect)}
    return _FACTS.format(
        shifts=shifts(zones),
        lists=listing.relations(subject, dialect, past),
        columns=named,
        sums=", ".join(f"SUM({name}) AS {name}" for name in SUMS),
        extra=_EXTRA[subject].format(**own),
        joins="\n".join(_JOIN.format(list=name) for name in listing.names(subject)),
        **own,
    )


def shop_totals() -> str:
    """Each shop's connection_id, valid orders, main currency and what it sold in that."""
    return f"""SELECT connection_id, SUM(orders) OVER (PARTITION BY connection_id), currency, gross
FROM (SELECT o.connection_id, o.currency, COUNT(*) AS orders, SUM(o.total) AS gross FROM "order" o
 WHERE {ORDER_KNOWN} AND {VALID} = 1 GROUP BY o.connection_id, o.currency) spent
ORDER BY connection_id, orders, gross, currency DESC"""
