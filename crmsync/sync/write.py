"""Writing one page: what is new or changed, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, text

from crmsync.sdk import Customer, Order, Record
from crmsync.store import tables
from crmsync.store.bulk import Bulk, among, many
from crmsync.store.keyring import Keyring
from crmsync.store.tables import from_instant
from crmsync.store.vault import row_of, vault_of
from crmsync.sync.account import ensure_accounts
from crmsync.sync.erased import Screen, Screened, screen
from crmsync.sync.keep import CONTACT, KEEP_ALL, Keep, expired_contacts, keep_contacts
from crmsync.sync.kind import KINDS, LINES, Kind, Touch, account_ids, at, line_rows, names_accounts
from crmsync.sync.pseudonym import leave_to_erasure, silence

AGENTS = Bulk(tables.Agent, ("connection_id", "external_id", "name", "learned_at"), keep=("learned_at",))
CONSENTS = Bulk(
    tables.Consent,
    (
        "connection_id",
        "account_id",
        "medium",
        "purpose",
        "granted",
        "confirmed",
        "at",
        "source",
        "proof",
        "learned_at",
    ),
)
TOUCHED = Bulk(tables.Touched, ("connection_id", "kind", "external_id", "stamp"))
SEEN = Bulk(tables.Seen, ("run_id", "external_id"))

EVERYTHING = ("all", "")


class Written(NamedTuple):
    """How many records of a page were new, changed, or as they were stored."""

    inserted: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where a stream's records go. `first`: no walk of this stream has ever reached its end, so that
    one touch of everything says more cheaply what a touch per subject would. Erased customers are
    recognised by the `keyring`; it is only needed where there are any. `keep` says what has expired."""

    connection_id: int
    scope: str
    stream: str
    first: bool
    keyring: Keyring | None = None
    keep: Keep = KEEP_ALL

    @property
    def kind(self) -> Kind:
        return KINDS[self.stream]

    def screen(self, connection: Connection) -> Screen | None:
        """What to look through at what is to be stored; None where nobody was ever erased."""
        return screen(connection, self.connection_id, self.scope, self.kind, self.keyring)


class Sorted(NamedTuple):
    """A page's records with their digests, by what writing them would do."""

    new: list[tuple[Record, int]]
    changed: list[tuple[Record, int]]
    unchanged: int


def write_records(connection: Connection, target: Target, page: Screened, now: int) -> Written:
    """Store what differs from what is stored, and note whose facts that makes stale."""
    found = compare(connection, target, page)
    pairs = [*found.new, *found.changed]
    if pairs:
        touches = {EVERYTHING}
        if not target.first:
            touches = {touch for record, _ in pairs for touch in target.kind.touches(record)}
            # Whoever a record no longer names has lost something too.
            changed = many(connection, [record.external_id for record, _ in found.changed])
            touches |= named(connection, target, among(connection, "ids"), {"ids": changed})
        _store(connection, target, found, page.bare, now)
        touch(connection, target, touches)
    if page.found:
        leave_to_erasure(connection, target.connection_id, target.scope, page.found, now)
    return Written(len(found.new), len(found.changed), found.unchanged)


def compare(connection: Connection, target: Target, page: Screened) -> Sorted:
    """Sort a page's records into new, changed and unchanged; of an id given twice the newest counts."""
    latest: dict[str, tuple[Record, int]] = {}
    for record, digest in zip(page.records, page.digests, strict=True):
        earlier = latest.get(record.external_id)
        if earlier is None or not _older(at(record.updated_at), at(earlier[0].updated_at)):
            latest[record.external_id] = (record, digest)
    stored = _stored(connection, target, latest)
    new, changed = [], []
    for external_id, pair in latest.items():
        known = stored.get(external_id)
        if known is None or not known[0]:  # an account that was only named so far
            new.append(pair)
        else:
            digest, updated_at, deleted_at = known
            if (digest != pair[1] or deleted_at is not None) and not _older(
                at(pair[0].updated_at), updated_at
            ):
                changed.append(pair)
    unchanged = len(page.records) + page.dropped - len(new) - len(changed)
    return Sorted(new, changed, unchanged)


def _older(given: int | None, stored: int | None) -> bool:
    return given is not None and stored is not None and given < stored


def _stored(
    connection: Connection, target: Target, ids: Iterable[str]
) -> dict[str, tuple[int, int | None, int | None]]:
    hidden = target.stream == "customers"
    rows = connection.execute(
        text(
            f"SELECT external_id, digest, updated_at, deleted_at{', key_id' if hidden else ''} "
            f'FROM "{target.kind.table}" '
            f"WHERE connection_id = :connection_id AND external_id IN {among(connection, 'ids')}"
        ),
        {"connection_id": target.connection_id, "ids": many(connection, ids)},
    )
    if not hidden:
        return {row[0]: (row[1], row[2], row[3]) for row in rows}
    pad = vault_of(connection).pad
    return {
        row[0]: (row[1] ^ pad(row[4], row_of(target.connection_id, row[0])), row[2], row[3]) for row in rows
    }


def _store(connection: Connection, target: Target, found: Sorted, bare: Collection[str], now: int) -> None:
    pairs = [*found.new, *found.changed]
    records = [record for record, _ in pairs]
    connection_id, kind, values = target.connection_id, target.kind, target.kind.values
    moment = from_instant(now)
    if target.stream == "customers":
        ids = [record.external_id for record in records]
        customers = ensure_accounts(connection, connection_id, target.scope, ids, now)
        _consents(connection, connection_id, cast("list[Customer]", records), now)
    elif names_accounts(type(records[0])):
        ensure_accounts(connection, connection_id, target.scope, account_ids(records), now)
    rows: list[tuple[Any, ...]] = [
        (
            connection_id,
            record.external_id,
            at(record.updated_at),
            now,
            now,
            None,
            digest,
            *((customers[record.external_id],) if target.stream == "customers" else ()),
            *values(record),
        )
        for record, digest in pairs
    ]
    if kind.words and (bare or target.keep.words):
        silent = {*bare, *(r.external_id for r in records if _too_old(target, r, moment))}
        rows = _without(kind, rows, silent, dict.fromkeys(kind.words, ""))
    elif target.keep.contact is not None and target.stream == "customers":
        rows = _without(kind, rows, expired_contacts(connection, connection_id, customers), CONTACT)
    kind.bulk.upsert(connection, rows)
    if target.stream == "orders":
        if target.keep.contact is not None:
            orders = cast("list[Order]", records)
            lately = {o.customer_id for o in orders if target.keep.ordered_lately(o.placed_at, moment)}
            keep_contacts(connection, connection_id, lately - {None})
        _lines(connection, target, found)
        if bare:
            silence(connection, connection_id, bare)
    if "agent_id" in kind.columns:
        _agents(connection, connection_id, records, now)


def _without(
    kind: Kind, rows: list[tuple[Any, ...]], ids: Collection[str], blank: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """The rows; those with these ids have `blank` in its columns."""
    if not ids:
        return rows
    places = {kind.bulk.columns.index(column): value for column, value in blank.items()}
    own = kind.bulk.columns.index("external_id")

    def blanked(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(places.get(place, value) for place, value in enumerate(row))

    return [blanked(row) if row[own] in ids else row for row in rows]


def _too_old(target: Target, record: Record, now: datetime) -> bool:
    return target.keep.said_too_long_ago(target.stream, getattr(record, target.kind.said_at), now)


def _consents(connection: Connection, connection_id: int, customers: Sequence[Customer], now: int) -> None:
    CONSENTS.insert(
        connection,
        [
            (
                connection_id,
                customer.external_id,
                consent.medium,
                consent.purpose,
                consent.granted,
                consent.confirmed,
                at(consent.at) or at(customer.updated_at) or now,
                consent.source,
                consent.proof,
                now,
            )
            for customer in customers
            for consent in customer.consents
        ],
    )


def _lines(connection: Connection, target: Target, found: Sorted) -> None:
    orders = cast("list[tuple[Order, int]]", [*found.new, *found.changed])
    if found.changed:
        where = f"WHERE connection_id = :connection_id AND order_id IN {among(connection, 'ids')}"
        changed = {
            "connection_id": target.connection_id,
            "ids": many(connection, [record.external_id for record, _ in found.changed]),
        }
        connection.execute(text(f"DELETE FROM order_line {where}"), changed)
    LINES.upsert(connection, [row for order, _ in orders for row in line_rows(target.connection_id, order)])


def _agents(connection: Connection, connection_id: int, records: Sequence[Any], now: int) -> None:
    named = {r.agent_id: getattr(r, "agent_name", None) for r in records if r.agent_id}
    rows = [(connection_id, agent, name, now) for agent, name in named.items()]
    AGENTS.insert(connection, rows)
    AGENTS.upsert(connection, [row for row in rows if row[2] is not None])


def named(connection: Connection, target: Target, ids: str, parameters: Mapping[str, Any]) -> set[Touch]:
    """The subjects that stored records name; `ids` is SQL for which records."""
    where = f"WHERE connection_id = :connection_id AND external_id IN {ids}"
    queries = [
        f"SELECT DISTINCT '{kind}', {column} FROM \"{target.kind.table}\" {where} AND {column} IS NOT NULL"
        for kind, column in target.kind.subjects.items()
    ]
    if target.kind.alone:
        missing = " OR ".join(f"COALESCE({column}, '') = ''" for column in target.kind.owners)
        queries.append(
            f"SELECT '{target.kind.alone}', external_id FROM \"{target.kind.table}\" {where} AND ({missing})"
        )
    if target.stream == "orders":
        where = f"WHERE connection_id = :connection_id AND order_id IN {ids}"
        queries.append(
            f"SELECT DISTINCT 'product', product_id FROM order_line {where} AND product_id IS NOT NULL"
        )
    rows = connection.execute(
        text(" UNION ".join(queries)), {"connection_id": target.connection_id, **parameters}
    )
    return {(kind, subject) for kind, subject in rows}


def touch(connection: Connection, target: Target, touches: Iterable[Touch]) -> None:
    """Note that the facts of these subjects are stale."""
    stamp = time.time_ns() // 1000
    TOUCHED.upsert(connection, [(target.connection_id, *touch, stamp) for touch in sorted(touches)])


def bury_unseen(connection: Connection, target: Target, run_id: int, now: int) -> int:
    """Mark what a complete read did not list as deleted; how many records."""
    table = f'"{target.kind.table}"'
    unseen = (
        f"(SELECT external_id FROM {table} AS stored WHERE connection_id = :connection_id "
        "AND deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM seen "
        "WHERE seen.run_id = :run_id AND seen.external_id = stored.external_id))"
    )
    touch(connection, target, named(connection, target, unseen, {"run_id": run_id}))
    return connection.execute(
        text(
            f"UPDATE {table} SET deleted_at = :now, changed_at = :now "
            f"WHERE connection_id = :connection_id AND external_id IN {unseen}"
        ),
        {"now": now, "connection_id": target.connection_id, "run_id": run_id},
    ).rowcount
