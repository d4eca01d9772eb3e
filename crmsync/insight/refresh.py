"""Bringing the facts up to date with what sync has touched, and no more than that."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from crmsync.insight import customer, quality, rfm, scope, tally
from crmsync.insight.windows import USUAL, Windows, windows_of_facts
from crmsync.insight.words import FOREVER
from crmsync.insight.zone import day_shifts
from crmsync.store import Store, analyze, plan_for
from crmsync.store.tables import to_instant

log = logging.getLogger("crmsync.insight")

# Any number, the same in every process: two refreshes at once would do the work twice.
_LOCK = 0x63726D66
# From this share of a connection's orders on, counting all of them beats reaching rows by index.
_WHOLE = 0.25

_PRESENT = {"until": FOREVER, "known": FOREVER, "newline": "\n"}


@dataclass(frozen=True, slots=True)
class FactsResult:
    """What a refresh did, per kind of subject: how many it worked out anew, how many of them changed.

    `full` says that whole tables were read, because every connection was touched as a whole.
    """

    full: bool = False
    recomputed: Mapping[str, int] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Refresh:
    """The refresh under way: its id, whether it works out everything, each shop's days, and what its
    statements bind."""

    id: int
    full: bool
    zones: Mapping[int, int]
    bounds: Mapping[str, Any]


def refresh_facts(store: Store, now: datetime, windows: Windows = USUAL) -> FactsResult:
    """Work out anew the facts of everything `touched` names, in one transaction.

    With other windows than the last time, that is everything. What is touched again meanwhile stays
    touched.
    """
    with store.write(lock=_LOCK) as connection:
        scope.prepare(connection)
        moved = windows_of_facts(connection) not in (None, windows)
        if moved:
            scope.touch_everything(connection)
        if not scope.take_touched(connection):
            return FactsResult()
        full = scope.everything_touched(connection)
        if full:
            analyze(connection, ("account", "order", "order_line", "refund", "review", "conversation"))
        plan_for(connection, few=not full)
        id = connection.execute(
            text(
                'INSERT INTO fact_refresh (at, "full", changed, consult_window, answer_window)'
                " VALUES (:at, :full, 0, :consult_window, :answer_window) RETURNING id"
            ),
            {"at": to_instant(now), "full": full, **windows.bounds()},
        ).scalar_one()
        refresh = _Refresh(id, full, day_shifts(connection), {**_PRESENT, **windows.bounds()})
        recomputed, changed = {}, {}
        recomputed["customer"], changed["customer"] = _customers(connection, refresh)
        _count(connection, refresh)
        for subject in tally.SUBJECTS:
            recomputed[subject], changed[subject] = _quality(connection, subject, refresh)
        _close(connection, refresh.id, sum(changed.values()), keep=moved)
        scope.release_touched(connection)
    log.info(
        "facts refreshed",
        extra={"action": "facts_refreshed", "full": full, "recomputed": recomputed, "changed": changed},
    )
    return FactsResult(full, recomputed, changed)


def _customers(connection: Connection, refresh: _Refresh) -> tuple[int, int]:
    size = scope.fill_customers(connection, every=refresh.full)
    gone = _forget(connection, "customer_fact", "fact_scope_customer", ["customer_id"]) if refresh.full else 0
    if not size and not gone:
        return 0, 0
    zones, dialect = refresh.zones, connection.dialect.name
    select = customer.select(zones, dialect)
    changed = _upsert(connection, "customer_fact", ["customer_id"], customer.columns(), select, refresh)
    if changed or gone:
        changed += rfm.score_customers(connection, refresh.id)
    # Nearly nobody pays in two currencies; only those who do are looked at again.
    connection.execute(
        text("DELETE FROM customer_spend WHERE customer_id IN (SELECT customer_id FROM fact_scope_customer)")
    )
    connection.execute(
        text("""DELETE FROM fact_scope_customer WHERE NOT EXISTS (SELECT 1 FROM customer_fact f
 WHERE f.customer_id = fact_scope_customer.customer_id AND f.currency_orders < f.orders)""")
    )
    connection.execute(
        text(
            "INSERT INTO customer_spend (customer_id, currency, orders, gross, refunded) "
            + customer.select_other_currencies(zones, dialect)
        ),
        refresh.bounds,
    )
    return size, changed


def _count(connection: Connection, refresh: _Refresh) -> None:
    """Bring what is counted for products, agents and shops up to date."""
    zones, whole = refresh.zones, refresh.full
    if refresh.full:
        tally.count_whole(connection, "everything", zones, refresh.bounds)
    else:
        whole, touched = scope.fill_counts(connection, _WHOLE)
        if whole:
            tally.count_whole(connection, "connections", zones, refresh.bounds)
        if touched:
            tally.count_touched(connection, zones, refresh.bounds)
    tally.add_up(connection, whole=whole, empty=refresh.full)


def _quality(connection: Connection, subject: str, refresh: _Refresh) -> tuple[int, int]:
    table = f"{subject}_fact"
    key = ["connection_id"] if subject == "shop" else ["connection_id", "external_id"]
    if refresh.full:
        size = scope.fill_every(connection, subject, refresh.bounds)
        _forget(connection, table, "fact_scope", key)
    else:
        size = scope.fill_stale(connection, subject)
    if not size:
        return 0, 0
    select = quality.select(subject, refresh.zones, connection.dialect.name)
    return size, _upsert(connection, table, key, quality.columns(subject), select, refresh)


def _upsert(
    connection: Connection, table: str, key: list[str], columns: list[str], select: str, refresh: _Refresh
) -> int:
    """Store the rows of the select; the number that were new or different."""
    names = ", ".join([*key, *columns])
    news = ", ".join(f"{name} = excluded.{name}" for name in [*columns, "refresh_id"])
    distinct = "IS NOT" if connection.dialect.name == "sqlite" else "IS DISTINCT FROM"
    differs = " OR ".join(f"{table}.{name} {distinct} excluded.{name}" for name in columns)
    return connection.execute(
        text(
            f"INSERT INTO {table} ({names}, refresh_id)"
            f" SELECT {names}, CAST(:refresh AS INTEGER) FROM ({select}) AS fresh WHERE 1 = 1"
            f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {news} WHERE {differs}"
        ),
        {**refresh.bounds, "refresh": refresh.id},
    ).rowcount


def _forget(connection: Connection, table: str, scope_table: str, key: list[str]) -> int:
    """Delete the facts of subjects that are no more; how many."""
    same = " AND ".join(f"s.{name} = {table}.{name}" for name in key)
    return connection.execute(
        text(f"DELETE FROM {table} WHERE NOT EXISTS (SELECT 1 FROM {scope_table} s WHERE {same})")
    ).rowcount


def _close(connection: Connection, refresh: int, changed: int, *, keep: bool) -> None:
    statement = (
        "UPDATE fact_refresh SET changed = :changed WHERE id = :id"
        if changed or keep
        else "DELETE FROM fact_refresh WHERE id = :id AND :changed = 0"
    )
    connection.execute(text(statement), {"changed": changed, "id": refresh})
