"""Facts of products, shops and agents, from what was counted for them (`tally`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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

EVIDENCE = 3
"""How many orders in trouble `evidence` names, the latest first."""
WEEKS = 26
"""How many weeks `weekly` tells of."""
COMPANIONS = 20
"""How many other products `companions` names."""


_MINE = "t.subject = '{subject}' AND t.connection_id = s.connection_id AND t.external_id = s.external_id"
_MY_PAIRS = "t.connection_id = s.connection_id AND t.product_id = s.external_id AND t.times > 0"
_MY_WEEKS = f"{_MINE} AND t.tries > 0"


def _last(table: str, mine: str, by: str, number: int) -> str:
    """The value of the last of a subject's first rows by this column; NULL where there are fewer."""
    return f"""
 (SELECT t.{by} FROM {{past}}{table} t WHERE {mine} ORDER BY t.{by} DESC LIMIT 1 OFFSET {number - 1})"""


def _first(table: str, mine: str, by: str, columns: str, last: str) -> str:
    """The first rows of each subject in scope by this column, and those that equal the last of them."""
    return f"""
  SELECT s.connection_id, s.external_id, {columns} FROM last s CROSS JOIN {{past}}{table} t
  WHERE {mine} AND t.{by} >= COALESCE(s.{last}, {-(2**62)})"""


_LATEST_TROUBLES = _first("trouble_tally", _MINE, "at", "t.order_id AS line, t.at", "trouble")
_LATEST_WEEKS = _first("week_tally", _MY_WEEKS, "week", "t.week, t.tries, t.hits", "week")
_TOP_PAIRS = _first("pair_tally", _MY_PAIRS, "times", "t.other_id, t.times", "pair")
_LAST_PAIR = _last("pair_tally", _MY_PAIRS, "times", COMPANIONS)

_EXTRA = {
    "product": f""",
companion AS (
 SELECT connection_id, external_id, {{companions}} AS companions FROM (
  SELECT connection_id, external_id, other_id || ' ' || CAST(times AS TEXT) AS line,
   ROW_NUMBER() OVER (PARTITION BY connection_id, external_id
    ORDER BY times DESC, other_id COLLATE {{binary}}) AS place
  FROM ({_TOP_PAIRS}) pairs
 ) placed GROUP BY connection_id, external_id
),
extra AS (
 SELECT s.connection_id, s.external_id, g.category, c.companions FROM fact_scope s
 LEFT JOIN product g ON g.connection_id = s.connection_id AND g.external_id = s.external_id
  AND {PRODUCT_KNOWN}
 LEFT JOIN companion c ON c.connection_id = s.connection_id AND c.external_id = s.external_id
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
# The last of the first rows is looked up by index before those are read, once a subject: of a product that
# was sold for years no rows are read but those its facts name.
_FACTS = f"""WITH {{shifts}},
last AS MATERIALIZED (
 SELECT s.connection_id, s.external_id,{_last("trouble_tally", _MINE, "at", EVIDENCE)} AS trouble,
 {_last("week_tally", _MY_WEEKS, "week", WEEKS)} AS week,{{last_pair}} AS pair
 FROM fact_scope s
),
ranked AS (
 SELECT t.*, ROW_NUMBER() OVER (PARTITION BY t.connection_id, t.external_id
  ORDER BY CASE WHEN t.sold > 0 THEN 0 ELSE 1 END, t.orders DESC, t.gross DESC,
   t.currency COLLATE {{binary}}) AS place
 FROM fact_scope s CROSS JOIN {{past}}sum_tally t WHERE {_MINE}
),
total AS (
 SELECT connection_id, external_id, {{sums}},
  MAX(CASE WHEN place = 1 AND sold > 0 THEN currency END) AS main_currency,
  MAX(CASE WHEN place = 1 AND sold > 0 THEN orders END) AS currency_orders,
  MAX(CASE WHEN place = 1 AND sold > 0 THEN gross END) AS main_gross,
  MAX(CASE WHEN place = 1 AND sold > 0 THEN refunded END) AS main_refunded
 FROM ranked GROUP BY connection_id, external_id
),
troubled AS (
 SELECT connection_id, external_id, {{evidence}} AS evidence FROM (
  SELECT connection_id, external_id, line, ROW_NUMBER() OVER (PARTITION BY connection_id, external_id
   ORDER BY at DESC, line COLLATE {{binary}}) AS place
  FROM ({_LATEST_TROUBLES}) troubles
 ) placed GROUP BY connection_id, external_id
),
history AS (
 SELECT connection_id, external_id, {{weekly}} AS weekly FROM (
  SELECT connection_id, external_id,
   CAST(week AS TEXT) || ' ' || CAST(tries AS TEXT) || ' '
    || CAST(CASE WHEN hits > tries THEN tries ELSE hits END AS TEXT) AS line,
   ROW_NUMBER() OVER (PARTITION BY connection_id, external_id ORDER BY week DESC) AS place
  FROM ({_LATEST_WEEKS}) weeks
 ) told GROUP BY connection_id, external_id
){{extra}}
SELECT s.connection_id, s.external_id, {{columns}}
FROM fact_scope s
LEFT JOIN total ON total.connection_id = s.connection_id AND total.external_id = s.external_id
LEFT JOIN troubled ON troubled.connection_id = s.connection_id AND troubled.external_id = s.external_id
LEFT JOIN history ON history.connection_id = s.connection_id AND history.external_id = s.external_id
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
    own = {
        "past": past,
        "subject": subject,
        "binary": binary(dialect),
        "companions": _lines(range(1, COMPANIONS + 1)),
    }
    return _FACTS.format(
        shifts=shifts(zones),
        columns=named,
        sums=", ".join(f"SUM({name}) AS {name}" for name in SUMS),
        evidence=_lines(range(1, EVIDENCE + 1)),
        weekly=_lines(range(WEEKS, 0, -1)),
        extra=_EXTRA[subject].format(**own),
        last_pair=_LAST_PAIR.format(**own) if subject == "product" else " NULL",
        **own,
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
