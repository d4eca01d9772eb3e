"""Giving a store its keys, and replacing them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    String,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy import Connection as Transaction
from sqlmodel import SQLModel

from crmsync.sdk import UsageError
from crmsync.store.audit import ROTATED, audit
from crmsync.store.cleaning import clean_after_change
from crmsync.store.database import Store
from crmsync.store.sealing import sealed_columns
from crmsync.store.tables import EncryptionKey
from crmsync.store.tables.sealed import AddressIndex, KeyId
from crmsync.store.upsert import upsert
from crmsync.store.vault import Vault, missing_key, row_of

_AT_ONCE = 500
_PATIENCE = 0.2

Progress = Callable[[str, int], None]
"""Told after every batch: the table, and how many of its rows have been encrypted anew so far."""


def unlock(store: Store, secrets: Sequence[str], now: datetime) -> None:
    """Give the store its keys, the present one first. That a key is in use from now on is written down.

    Raises ConfigError when something in the database is encrypted with a key that is not among them.
    """
    vault = Vault(secrets)
    used = _used(store)
    if missing := sorted(used - vault.key_ids):
        raise missing_key(missing, "something in the database")
    store.vault = vault
    if vault.key_id and vault.key_id not in used:
        key = {"id": vault.key_id, "since": now}
        with store.write() as transaction:
            new = transaction.execute(upsert(store, EncryptionKey, key).on_conflict_do_nothing()).rowcount
            if new:
                audit(transaction, now, "crmsync", "use_key", f"encryption key {vault.key_id}")


def _used(store: Store) -> set[str]:
    with store.read() as reading:
        return set(reading.scalars(select(EncryptionKey.id)))


@dataclass(frozen=True, slots=True)
class Rotated:
    """`rows` were encrypted anew, by table, all with the key `key_id`; `retired` are the ids of keys that
    nothing is encrypted with any more."""

    key_id: str
    rows: dict[str, int]
    retired: tuple[str, ...]


def rotate_keys(
    store: Store, *, actor: str, now: Callable[[], datetime], progress: Progress = lambda table, rows: None
) -> Rotated:
    """Encrypt everything with the present key that is not yet: what is under an earlier one, and what is
    plain. In small transactions, while others are at work; what one that was cut short has done, the next
    one need not do.

    Raises UsageError when no key is configured.
    """
    vault = store.vault
    if not vault.key_id:
        raise UsageError(
            "There is no key to encrypt with.",
            fix="Make one, and name it under encryption.key in the configuration.",
        )
    rows = {}
    for table in SQLModel.metadata.sorted_tables:
        if sealed_columns(table):
            rows[table.name] = _Renewal(store, table).run(progress)
    with store.write() as transaction:
        earlier = EncryptionKey.id != vault.key_id
        retired = tuple(sorted(transaction.scalars(select(EncryptionKey.id).where(earlier))))
        transaction.execute(EncryptionKey.__table__.delete().where(earlier))  # type: ignore[attr-defined]
        detail = f"{sum(rows.values())} rows"
        audit(transaction, now(), actor, ROTATED, f"encryption key {vault.key_id}", detail)
    clean_after_change(store)
    return Rotated(vault.key_id, rows, retired)


def stale_tables(store: Store) -> list[str]:
    """The tables in which something is not encrypted with the present key."""
    tables = [table for table in SQLModel.metadata.sorted_tables if sealed_columns(table)]
    return [table.name for table in tables if _Renewal(store, table).left()]


class _Renewal:
    """Everything of one table, batch by batch along its primary key."""

    def __init__(self, store: Store, table: Table) -> None:
        self.store = store
        self.vault = store.vault
        self.table = table
        self.key = list(table.primary_key)
        self.sealed = sealed_columns(table)
        self.indexes = {c.name: c.type for c in table.columns if isinstance(c.type, AddressIndex)}
        self.key_id = next((column for column in table.columns if isinstance(column.type, KeyId)), None)
        # Numbers stay numbers, and what is sealed comes as it is stored.
        self.query = select(*(self._raw(column.name) for column in self._columns())).where(self._stale())

    def run(self, progress: Progress) -> int:
        done = 0
        while True:
            changed, last = 0, None
            while rows := self._batch(last):
                last = rows[-1]
                changed += len(rows)
                progress(self.table.name, done + changed)
            done += changed
            if not self.left():
                return done
            if not changed:
                time.sleep(_PATIENCE)  # others hold what is left

    def _columns(self) -> list[Any]:
        wanted = {*self.sealed, *(column.name for column in self.key)}
        for type in self.sealed.values():
            wanted.update(type.row)
        if self.key_id is not None:
            wanted |= {self.key_id.name, "digest"}
        return [column for column in self.table.columns if column.name in wanted]

    def _raw(self, name: str) -> ColumnElement[Any]:
        column = self.table.c[name]
        raw = String if name in self.sealed or isinstance(column.type, String) else BigInteger
        return type_coerce(column, raw).label(name)

    def _stale(self) -> ColumnElement[bool]:
        """What the present key has not made."""
        mark = self.vault.mark
        stale = [
            and_(text != "", func.substr(text, 1, len(mark)) != mark)
            for text in (type_coerce(self.table.c[name], String) for name in self.sealed)
        ]
        if self.key_id is not None:
            stale.append(self.key_id.not_in(["", self.vault.key_id]))
        return or_(*stale)

    def _batch(self, last: Row[Any] | None) -> Sequence[Row[Any]]:
        query = self.query.order_by(*self.key).limit(_AT_ONCE).with_for_update(skip_locked=True)
        if last is not None:
            query = query.where(tuple_(*self.key) > tuple(getattr(last, column.name) for column in self.key))
        with self.store.write() as transaction:
            rows = transaction.execute(query).all()
            self._renew(transaction, rows)
        return rows

    def _renew(self, transaction: Transaction, rows: Sequence[Row[Any]]) -> None:
        if not rows:
            return
        changes = [self._renewed(row) for row in rows]
        names = [name for name in changes[0] if not name.startswith("its_")]
        transaction.execute(
            update(self.table)
            .where(*(column == bindparam(f"its_{column.name}") for column in self.key))
            .values({name: bindparam(name) for name in names}),
            changes,
        )

    def _renewed(self, row: Row[Any]) -> dict[str, Any]:
        stored, vault = row._mapping, self.vault
        change = {f"its_{column.name}": stored[column.name] for column in self.key}
        texts = {}
        for name, type in self.sealed.items():
            identity = row_of(*(stored[own] for own in type.row))
            texts[name] = vault.open(type.place, identity, stored[name]) if stored[name] else stored[name]
            change[name] = vault.seal(type.place, identity, texts[name])
        if self.key_id is not None:
            for name, index in self.indexes.items():
                change[name] = vault.index(index.kind, texts[index.of]) if texts[index.of] else None
            pads = vault.pad(stored[self.key_id.name], identity) ^ vault.pad(vault.key_id, identity)
            change |= {"digest": stored["digest"] ^ pads, self.key_id.name: vault.key_id}
        return change

    def left(self) -> bool:
        with self.store.read() as reading:
            return reading.execute(self.query.limit(1)).first() is not None
