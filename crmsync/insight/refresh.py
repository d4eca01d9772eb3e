"""Bringing the facts up to date with what sync has touched, and no more than that."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from crmsync.insight import customer, quality, scope
from crmsync.insight.words import CONSULT_WINDOW, FOREVER
from crmsync.insight.zone import day_shifts
from crmsync.store import Store
from crmsync.store.tables import to_instant

log = logging.getLogger("crmsync.insight")

# Any number, the same in every process: two refreshes at once would do the work twice.
_LOCK = 0x63726D66
# From this share of the subjects on, reading whole tables beats reaching rows by index.
_WHOLE_TABLES = 0.1

_PRESENT = {"until": FOREVER, "known": FOREVER, "consult_window": CONSULT_WINDOW, "newline": "\n"}


@dataclass(frozen=True, slots=True)
class FactsResult:
    """What a refresh did, per kind of subject: how many it worked out anew, how many of them changed.

    `full` says that whole tables were read, because every connection was touched as a whole.
    """

    full: bool = False
    recomputed: Mapping[str, int] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)


def refresh_facts(store: Store, now: datetime) -> FactsResult:
    """Work out anew the facts of everything `touched` names, in one transaction.

    What is touched again meanwhile stays touched.
    """
    with store.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        scope.prepare(connection)
        if not scope.take_touched(connection):
            return FactsResult()
        full = scope.everything_touched(connection)
        if full and connection.dialect.name == "postgresql":
            connection.execute(text('ANALYZE account, "order", order_line, refund, review, conversation'))
        refresh = connection.execute(
            text('INSERT INTO fact_refresh (at, "full", changed) VALUES (:at, :full, 0) RETURNING id'),
            {"at": to_instant(now), "full": full},
        ).scalar_one()
        recomputed, changed = {}, {}
        recomputed["customer"], changed["customer"] = _customers(connection, refresh, full)
        for subject in ("product", "agent", "shop"):
            recomputed[subject], changed[subject] = _quality(connection, subject, refresh, full)
        _close(connection, refresh, sum(changed.values()))
        scope.release_touched(connection)
    log.info(
        "facts refreshed",
        extra={"action": "facts_refreshed", "full": full, "recomputed": recomputed, "changed": changed},
    )
    return FactsResult(full, recomputed, changed)


def _customers(connection: Connection, refresh: int, full: bool) -> tuple[int, int]:
    size = scope.fill(connection, "customer", every=full)
    if full:
        _forget(connection, "customer_fact", "fact_scope_customer", ["customer_id"])
    if not size:
        return 0, 0
    zones = day_shifts(connection)
    changed = _upsert(
        connection, "customer_fact", ["customer_id"], customer.columns(), customer.select(zones), refresh
    )
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
            + customer.select_other_currencies(zones)
        ),
        _PRESENT,
    )
    return size, changed


def _quality(connection: Connection, subject: str, refresh: int, full: bool) -> tuple[int, int]:
    table = f"{subject}_fact"
    key = ["connection_id"] if subject == "shop" else ["connection_id", "external_id"]
    size = scope.fill(connection, subject, every=full)
    if full:
        _forget(connection, table, "fact_scope", key)
    if not size:
        return 0, 0
    known = connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one()
    whole = full or size >= _WHOLE_TABLES * known
    if not whole:
        scope.fill_orders(connection, subject)
    select = quality.select(subject, connection.dialect.name, full=whole)
    return size, _upsert(connection, table, key, quality.columns(subject), select, refresh)


def _upsert(
    connection: Connection, table: str, key: list[str], columns: list[str], select: str, refresh: int
) -> int:
    """Store the rows of the select; the number that were new or different."""
    names = ", ".join([*key, *columns])
    news = ", ".join(f"{name} = excluded.{name}" for name in [*columns, "refresh_id"])
    distinct = "IS NOT" if connection.dialect.name == "sqlite" else "IS DISTINCT FROM"
    differs = " OR ".join(f"{table}.{name} {distinct} excluded.{name}" for name in columns)
    values: dict[str, Any] = {**_PRESENT, "refresh": refresh}
    return connection.execute(
        text(
            f"INSERT INTO {table} ({names}, refresh_id)"
            f" SELECT {names}, CAST(:refresh AS INTEGER) FROM ({select}) AS fresh WHERE 1 = 1"
            f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {news} WHERE {differs}"
        ),
        values,
    ).rowcount


def _forget(connection: Connection, table: str, scope_table: str, key: list[str]) -> None:
    """Delete the facts of subjects that are no more."""
    same = " AND ".join(f"s.{name} = {table}.{name}" for name in key)
    connection.execute(
        text(f"DELETE FROM {table} WHERE NOT EXISTS (SELECT 1 FROM {scope_table} s WHERE {same})")
    )


def _close(connection: Connection, refresh: int, changed: int) -> None:
    statement = (
        "UPDATE fact_refresh SET changed = :changed WHERE id = :id"
        if changed
        else "DELETE FROM fact_refresh WHERE id = :id AND :changed = 0"
    )
    connection.execute(text(statement), {"changed": changed, "id": refresh})
