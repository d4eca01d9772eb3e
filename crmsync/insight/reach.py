"""How far a count reaches: what the names in its statements (`share`) stand for.

`everything` reads whole tables; `connections` all rows of the connections in scope; `touched` what the
scopes of orders, of events without an order, and of accounts name, by index. CROSS JOIN keeps SQLite on the
way from the scope into the table's index; PostgreSQL reads it as an inner join.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

from crmsync.insight import share
from crmsync.insight.scope import relation

Reach = Literal["everything", "connections", "touched"]

_TABLES = {
    "orders": "order",
    "lines": "order_line",
    "reviews": "review",
    "refunds": "refund",
    "talks": "conversation",
    "account_orders": "order",
    "account_talks": "conversation",
    "order_tally": "order_tally",
    "event_tally": "event_tally",
    "trouble_tally": "trouble_tally",
    "account_tally": "account_tally",
}

_OF_ORDER = """SELECT x.* FROM fact_scope_order s CROSS JOIN {table} x
 WHERE x.connection_id = s.connection_id AND x.order_id = s.order_id"""
_ALONE = """SELECT x.* FROM fact_scope_event s CROSS JOIN {table} x
 WHERE s.what = '{what}' AND x.connection_id = s.connection_id AND x.external_id = s.id
 AND COALESCE(x.{owner}, '') = ''"""
_TALLIED_EVENTS = """SELECT x.* FROM fact_scope_event s CROSS JOIN event_tally x
 WHERE x.connection_id = s.connection_id AND x.order_id = '' AND x.what = s.what AND x.id = s.id"""
_TALLIED_TALKS = """SELECT x.* FROM fact_scope_event s CROSS JOIN account_tally x
 WHERE s.what = 'talk' AND x.connection_id = s.connection_id AND x.account_id = '' AND x.talk_id = s.id"""


def names(reach: Reach, past: str, subjects: Collection[str], dialect: str) -> dict[str, str]:
    """What to put into the braces of a count of these subjects; `past` stands before the kept tables."""
    found = {"past": past, **(_touched(dialect) if reach == "touched" else _whole(reach, past, dialect))}
    found["events"] = found["event_tally"]
    return {
        **found,
        "small": share.SMALL_ONE if reach == "touched" else share.SMALL,
        "concerned": " UNION ALL ".join(share.CONCERNED[subject].format(**found) for subject in subjects),
        "sold": " UNION ALL ".join(share.SOLD[subject].format(**found) for subject in subjects),
    }


def _whole(reach: Reach, past: str, dialect: str) -> dict[str, str]:
    if reach == "connections":
        scope = "fact_scope_connection"
        return {name: relation(table, scope, "", dialect) for name, table in _TABLES.items()}
    return {
        name: f"{past}{table}" if table.endswith("_tally") else f'"{table}"'
        for name, table in _TABLES.items()
    }


def _touched(dialect: str) -> dict[str, str]:
    of_orders = {
        name: _OF_ORDER.format(table=_TABLES[name])
        for name in ("lines", "reviews", "refunds", "order_tally", "event_tally", "trouble_tally")
    }
    complaints = f"{_OF_ORDER.format(table='conversation')} AND x.type IS NOT NULL"
    talks = relation("conversation", "fact_scope_account", "account_id", dialect)
    accounts = relation("account_tally", "fact_scope_account", "account_id", dialect)
    orders = {
        name: relation("order", f"fact_scope_{by}", column, dialect)
        for name, by, column in (
            ("orders", "order", "external_id"),
            ("account_orders", "account", "account_id"),
        )
    }
    found = {
        **of_orders,
        **{name: f"SELECT * FROM {select} x" for name, select in orders.items()},
        "reviews": _both(
            of_orders["reviews"], _ALONE.format(table="review", what="review", owner="order_id")
        ),
        "talks": _both(complaints, _ALONE.format(table="conversation", what="talk", owner="order_id")),
        "account_talks": _both(
            f"SELECT * FROM {talks} x", _ALONE.format(table="conversation", what="talk", owner="account_id")
        ),
        "event_tally": _both(of_orders["event_tally"], _TALLIED_EVENTS),
        "account_tally": _both(f"SELECT * FROM {accounts} x", _TALLIED_TALKS),
    }
    return {name: f"({select})" for name, select in found.items()}


def _both(one: str, other: str) -> str:
    return f"{one} UNION ALL {other}"


_BY_ORDER = ("fact_scope_order", {"connection_id": "connection_id", "order_id": "order_id"}, "1 = 1")
_BY_EVENT = (
    "fact_scope_event",
    {"connection_id": "connection_id", "order_id": "''", "what": "what", "id": "id"},
    "1 = 1",
)
_BY_ACCOUNT = ("fact_scope_account", {"connection_id": "connection_id", "account_id": "account_id"}, "1 = 1")
_BY_TALK = (
    "fact_scope_event",
    {"connection_id": "connection_id", "account_id": "''", "talk_id": "id"},
    "s.what = 'talk'",
)
_LEFT_BY = {
    "order_tally": (_BY_ORDER,),
    "line_tally": (_BY_ORDER,),
    "event_tally": (_BY_ORDER, _BY_EVENT),
    "trouble_tally": (_BY_ORDER,),
    "account_tally": (_BY_ACCOUNT, _BY_TALK),
}


def conditions(table: str, reach: Reach) -> Iterator[str]:
    """Which rows of a kept table to forget."""
    if reach == "everything":
        yield "1 = 1"
    elif reach == "connections":
        yield "connection_id IN (SELECT connection_id FROM fact_scope_connection)"
    else:
        for scope, columns, also in _LEFT_BY.get(table, ()):
            same = " AND ".join(f"{table}.{own} = {_of(theirs)}" for own, theirs in columns.items())
            # Column by column SQLite looks them up in the key; in pairs it would walk the whole connection.
            each = " AND ".join(
                f"{own} IN (SELECT {_of(theirs)} FROM {scope} s WHERE {also})"
                for own, theirs in columns.items()
            )
            yield f"{each} AND EXISTS (SELECT 1 FROM {scope} s WHERE {same} AND {also})"


def _of(column: str) -> str:
    return column if column == "''" else f"s.{column}"
