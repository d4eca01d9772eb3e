"""Keeping what was counted for the facts of products, shops and agents, and adding it up.

The rows counted are kept (`store/tables/tally.py`), so that of what is touched the old share can be taken
away and the new one added: a refresh costs what changed, not what is stored. Counting everything and
counting what is touched are the same statements. The past is counted by them too, into temporary tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.schema import CreateIndex, CreateTable

from crmsync.insight import share
from crmsync.insight.reach import Reach, conditions, names
from crmsync.insight.zone import shifts
from crmsync.store import analyze, tables
from crmsync.store.tables import SUMS

SUBJECTS = ("product", "agent", "shop")

PRESENT, PAST = "", "past_"
"""Before the names of the tables that hold a count: those that are kept, and those of one past moment."""

_KEPT: tuple[Table, ...] = tuple(
    model.__table__  # type: ignore[attr-defined]
    for model in (
        *(tables.OrderTally, tables.LineTally, tables.EventTally, tables.TroubleTally, tables.AccountTally),
        *(tables.PairTally, tables.SumTally, tables.WeekTally),
    )
)
_SUBJECT = "subject, connection_id, external_id"
_PAIR = "connection_id, product_id, other_id"


def count_whole(
    connection: Connection, reach: Reach, zones: Mapping[int, int], bounds: Mapping[str, Any]
) -> None:
    """Count everything, or all of the connections in scope, anew."""
    _forget(connection, reach)
    _fill(connection, reach, zones, bounds)
    _give(connection, reach, 1)


def count_touched(connection: Connection, zones: Mapping[int, int], bounds: Mapping[str, Any]) -> None:
    """Count what is touched anew: what it gave is taken away, what it gives now is added."""
    _give(connection, "touched", -1)
    _forget(connection, "touched")
    _fill(connection, "touched", zones, bounds)
    _give(connection, "touched", 1)


def count_past(
    connection: Connection, subject: str, zones: Mapping[int, int], bounds: Mapping[str, Any]
) -> None:
    """Count for all subjects of a kind as of the time in `bounds`, into tables of this session alone."""
    for table in _KEPT:
        past = table.to_metadata(MetaData(), name=f"{PAST}{table.name}")
        past._prefixes = ["TEMPORARY"]
        connection.execute(text(f"DROP TABLE IF EXISTS {past.name}"))
        connection.execute(CreateTable(past))
        for index in past.indexes:
            index.name = f"{PAST}{index.name}"
            connection.execute(CreateIndex(index))
    _fill(connection, "everything", zones, bounds, past=PAST, subjects=(subject,))
    _give(connection, "everything", 1, past=PAST, subjects=(subject,))
    add_up(connection, past=PAST, whole=True, empty=True)


def add_up(connection: Connection, *, past: str = PRESENT, whole: bool, empty: bool = False) -> None:
    """Add what was given and taken away to the sums; `whole` says that much was counted, `empty` that
    everything was: there are no sums yet."""
    key = f"{_SUBJECT}, currency"
    given = ", ".join(f"COALESCE(SUM({name}), 0)" for name in SUMS)
    _add(
        connection,
        f"{past}sum_tally",
        key,
        SUMS,
        f"SELECT {key}, {given} FROM fact_delta GROUP BY {key}",
        empty=empty,
    )
    week = f"{_SUBJECT}, week"
    _add(
        connection,
        f"{past}week_tally",
        week,
        ("tries", "hits"),
        f"SELECT {week}, SUM(COALESCE(orders, 0)), SUM(COALESCE(troubled_orders, 0)) FROM fact_delta"
        f" WHERE week IS NOT NULL GROUP BY {week}",
        empty=empty,
    )
    _add(
        connection,
        f"{past}pair_tally",
        _PAIR,
        ("times",),
        f"SELECT {_PAIR}, SUM(times) FROM fact_pair GROUP BY {_PAIR} HAVING SUM(times) <> 0",
    )
    if whole:
        analyze(connection, [f"{past}{name}" for name in ("sum_tally", "week_tally", "pair_tally")])


def _add(
    connection: Connection,
    table: str,
    key: str,
    own: Collection[str],
    select: str,
    *,
    empty: bool = False,
) -> None:
    """Insert the rows of the select, or add their `own` columns to those that are there.

    `empty` says that there are none: PostgreSQL then does not look for each.
    """
    sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in own)
    connection.execute(
        text(
            f"INSERT INTO {table} ({key}, {', '.join(own)}) {select}"
            + ("" if empty else f" ON CONFLICT ({key}) DO UPDATE SET {sums}")
        )
    )


def _forget(connection: Connection, reach: Reach) -> None:
    for table in _KEPT:
        if reach == "everything" and connection.dialect.name == "postgresql":
            connection.execute(text(f"TRUNCATE {table.name}"))
            continue
        for condition in conditions(table.name, reach):
            connection.execute(text(f"DELETE FROM {table.name} WHERE {condition}"))


def _fill(
    connection: Connection,
    reach: Reach,
    zones: Mapping[int, int],
    bounds: Mapping[str, Any],
    *,
    past: str = PRESENT,
    subjects: Collection[str] = SUBJECTS,
) -> None:
    """Count what the records say now, or said at the time in `bounds`."""
    found = names(reach, past, subjects, connection.dialect.name)
    for table, select in share.FILLS.items():
        if _concerns(table, subjects):
            connection.execute(
                text(f"INSERT INTO {past}{table} WITH {shifts(zones)} {select.format(**found)}"), bounds
            )
            if reach != "touched":
                analyze(connection, [f"{past}{table}"])


def _give(
    connection: Connection,
    reach: Reach,
    sign: Literal[1, -1],
    *,
    past: str = PRESENT,
    subjects: Collection[str] = SUBJECTS,
) -> None:
    """Put what was counted into the scope's deltas, or (-1) take it away there."""
    found = names(reach, past, subjects, connection.dialect.name)
    for source, (columns, select) in share.SHARES.items():
        if not _concerns(source, subjects):
            continue
        signed = ", ".join(f"{sign} * {name}" if name in SUMS else name for name in columns.split())
        named = ", ".join((_SUBJECT, *columns.split()))
        connection.execute(
            text(
                f"INSERT INTO fact_delta ({named}) SELECT {_SUBJECT}, {signed}"
                f" FROM (WITH given({named}) AS ({select.format(**found)}) SELECT * FROM given) shares"
            )
        )
    if "product" in subjects:
        pairs = f"WITH {share.LARGE.format(**found)}," if reach != "touched" else "WITH"
        pairs += f" pair({_PAIR}, times) AS ({share.PAIR.format(**found)}) SELECT * FROM pair"
        target = "fact_pair" if reach == "touched" else f"{past}pair_tally"
        connection.execute(text(f"INSERT INTO {target} SELECT {_PAIR}, {sign} * times FROM ({pairs}) pairs"))


def _concerns(count: str, subjects: Collection[str]) -> bool:
    """Whether facts of these subjects follow from this count."""
    own = {"line_tally": {"product"}, "account_tally": {"agent", "shop"}, "met": {"agent", "shop"}}
    return count not in own or not own[count].isdisjoint(subjects)
