"""The lists in facts of products, shops and agents: latest orders in trouble, weeks, companions.

Of a subject that was sold for years no rows are read but those its lists name: they are reached by index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crmsync.insight.words import binary

MINE = "t.subject = '{subject}' AND t.connection_id = s.connection_id AND t.external_id = s.external_id"
"""The rows `t` of a count by subject that are those of a subject `s`."""


@dataclass(frozen=True, slots=True)
class _List:
    """The first `number` rows of a count by column `by`, descending; `after` decides between equals.

    Each is written as `line`; `latest_last` turns them round.
    """

    table: str
    mine: str
    by: str
    number: int
    line: str
    after: str = ""
    latest_last: bool = False


_LISTS = {
    "evidence": _List("trouble_tally", MINE, "at", 3, "t.order_id", "order_id"),
    "weekly": _List(
        "week_tally",
        f"{MINE} AND t.tries > 0",
        "week",
        26,
        """CAST(t.week AS TEXT) || ' ' || CAST(t.tries AS TEXT) || ' '
 || CAST(CASE WHEN t.hits > t.tries THEN t.tries ELSE t.hits END AS TEXT)""",
        latest_last=True,
    ),
    "companions": _List(
        "pair_tally",
        "t.connection_id = s.connection_id AND t.product_id = s.external_id AND t.times > 0",
        "times",
        20,
        "t.other_id || ' ' || CAST(t.times AS TEXT)",
        "other_id",
    ),
}


def names(subject: str) -> list[str]:
    """The lists of this kind of subject."""
    return [name for name in _LISTS if name != "companions" or subject == "product"]


def relations(subject: str, dialect: str, past: str) -> str:
    """For a WITH: a relation of each list's name, with one text of that name for each subject in scope that
    has any."""
    write = _joined if dialect == "postgresql" else _picked
    return ",\n".join(
        f"{name} AS ({write(name, _LISTS[name]).format(subject=subject, past=past, binary=binary(dialect))})"
        for name in names(subject)
    )


def _joined(name: str, of: _List) -> str:
    """By a function that joins texts in an order it is told."""
    order = ", ".join([f"t.{of.by} DESC", *([f"t.{of.after} COLLATE {{binary}}"] if of.after else [])])
    # Read from the first, joined from the last.
    joined = order.replace(" DESC", "") if of.latest_last else order
    return f"""
 SELECT s.connection_id, s.external_id, (SELECT STRING_AGG({of.line}, :newline ORDER BY {joined})
  FROM (SELECT * FROM {{past}}{of.table} t WHERE {of.mine} ORDER BY {order} LIMIT {of.number}) t) AS {name}
 FROM fact_scope s"""


def _picked(name: str, of: _List) -> str:
    """Place by place: SQLite's joining of texts promises no order.

    The last of the first rows is looked up before those are read. CROSS JOIN holds SQLite to the way from the
    scope into what was counted.
    """
    order = ", ".join([f"{of.by} DESC", *([f"{of.after} COLLATE {{binary}}"] if of.after else [])])
    places = range(of.number, 0, -1) if of.latest_last else range(1, of.number + 1)
    return f"""
 SELECT connection_id, external_id, {_lines(places)} AS {name} FROM (
  SELECT s.connection_id, s.external_id, {of.line} AS line,
   ROW_NUMBER() OVER (PARTITION BY s.connection_id, s.external_id ORDER BY {order}) AS place
  FROM (
   SELECT connection_id, external_id, (SELECT t.{of.by} FROM {{past}}{of.table} t WHERE {of.mine}
    ORDER BY t.{of.by} DESC LIMIT 1 OFFSET {of.number - 1}) AS last FROM fact_scope s
  ) s CROSS JOIN {{past}}{of.table} t
  WHERE {of.mine} AND t.{of.by} >= COALESCE(s.last, {-(2**62)})
 ) placed GROUP BY connection_id, external_id"""


def _lines(places: Iterable[int]) -> str:
    """The column `line` of a subject's rows with these places, one a line; NULL when there is none."""
    joined = " || ".join(
        f"COALESCE(:newline || MAX(CASE WHEN place = {n} THEN line END), '')" for n in places
    )
    return f"NULLIF(SUBSTR({joined}, 2), '')"
