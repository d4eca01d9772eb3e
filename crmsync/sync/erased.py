"""Erased customers in what a platform tells again: recognised by keyed hashes, and stored without the person.

Their orders, refunds and ratings are stored, under a pseudonym; their profile and their own words are not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, text

from crmsync.sdk import ConfigError, Customer, Record
from crmsync.store.address import AddressKind, hashed, normal
from crmsync.store.bulk import among, many
from crmsync.store.keyring import Keyring
from crmsync.sync.kind import Kind
from crmsync.sync.page import Rejected

WITHHELD = ""
"""The payload of a quarantined record that is kept no more."""
WHY_WITHHELD = "its customer was erased, and the payload is not kept"

_PSEUDONYM = "erased-"
_EMAIL = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_FEWEST_DIGITS = 7
_ADDRESSES: tuple[AddressKind, ...] = ("email", "phone")


@dataclass(frozen=True, slots=True)
class Screened:
    """A page's records as they may be stored.

    `bare` are the ids of those whose words are left out, `found` the accounts in which an erased person was
    recognised by a proved address; `dropped` counts the profiles that are not stored.
    """

    records: Sequence[Record]
    digests: Sequence[int]
    bare: frozenset[str] = frozenset()
    found: tuple[str, ...] = ()
    dropped: int = 0


def pseudonym(tombstone: str) -> str:
    """What stands for the external id of an account with this tombstone."""
    return f"{_PSEUDONYM}{tombstone[:24]}"


def account_hashes(keyring: Keyring, scope: str, external_id: str) -> list[str]:
    """The tombstone of an account under each key, the present one first."""
    return hashed(keyring, "account", f"{scope}:{external_id}")


def keyed(keyring: Keyring, digest: int) -> int:
    """A record's digest as it is kept of an erased customer: nobody can try contents against it."""
    mac = keyring.current.digest("record", str(digest))
    return int.from_bytes(bytes.fromhex(mac[:16]), "big", signed=True)


def erasures(connection: Connection, keyring: Keyring | None) -> Keyring | None:
    """The keyring by which erased customers are recognised; None where nobody was erased.

    Raises ConfigError when somebody was erased under a key that is not configured: they could not be
    recognised, and would come back.
    """
    used = connection.execute(text("SELECT DISTINCT key_id FROM tombstone")).scalars().all()
    if not used:
        return None
    if keyring is None or any(not keyring.knows(id) for id in used):
        raise ConfigError(
            "Customers were erased under a key that is not configured.",
            fix="Put the earlier key back, under consent.key or consent.old_keys.",
        )
    return keyring


@dataclass(slots=True)
class Screen:
    """What one transaction of a connection's stream is looked at through."""

    connection: Connection
    connection_id: int
    scope: str
    kind: Kind
    keyring: Keyring

    def records(self, records: Sequence[Record], digests: Sequence[int]) -> Screened:
        """The records as they may be stored."""
        if not records:
            return Screened(records, digests)
        if isinstance(records[0], Customer):
            return self._profiles(cast("Sequence[Customer]", records), digests)
        if "customer_id" not in records[0].__struct_fields__:
            return Screened(records, digests)
        return self._of_accounts(records, digests)

    def payloads(self, rejected: Iterable[Rejected]) -> list[Rejected]:
        """Rejected payloads, without those that name an erased person anywhere."""
        return [self._payload(entry) for entry in rejected]

    def _profiles(self, records: Sequence[Customer], digests: Sequence[int]) -> Screened:
        ids = {r.external_id for r in records}
        gone = self._pseudonyms(ids).keys() | self._erased_accounts(ids)
        hashes = {
            (kind, value): hashed(self.keyring, kind, value)
            for r in records
            for kind in _ADDRESSES
            if (value := getattr(r, kind))
        }
        known = self._known(digest for digests in hashes.values() for digest in digests)

        def erased(kind: AddressKind, value: str | None) -> bool | None:
            """Whether an erased person had this address with proof; None where nobody had it."""
            found = [known[digest] for digest in hashes.get((kind, value or ""), ()) if digest in known]
            return any(found) if found else None

        kept: list[Record] = []
        kept_digests: list[int] = []
        found: list[str] = []
        for record, digest in zip(records, digests, strict=True):
            if record.external_id in gone:
                continue
            email, phone = erased("email", record.email), erased("phone", record.phone)
            if (email and record.email_verified) or (phone and record.phone_verified):
                found.append(record.external_id)
                continue
            # Whoever has proved an address that the erased person only gave is another, and keeps it. Where
            # nothing is proved nobody is the same; but an address nobody is ever written to is not kept.
            changes: dict[str, Any] = {}
            if email is not None and not record.email_verified:
                changes |= {"email": None}
            if phone is not None and not record.phone_verified:
                changes |= {"phone": None}
            if changes:
                record, digest = msgspec.structs.replace(record, **changes), keyed(self.keyring, digest)
            kept.append(record)
            kept_digests.append(digest)
        dropped = len(records) - len(kept)
        return Screened(kept, kept_digests, found=tuple(dict.fromkeys(found)), dropped=dropped)

    def _of_accounts(self, records: Sequence[Any], digests: Sequence[int]) -> Screened:
        ids = {r.customer_id for r in records if r.customer_id is not None}
        names = self._pseudonyms(ids)
        gone = self._erased_accounts(ids)
        orders = self._erased_orders(
            {r.order_id for r in records if r.customer_id is None and getattr(r, "order_id", None)}
        )
        kept, kept_digests, bare = [], [], set()
        for record, digest in zip(records, digests, strict=True):
            account = record.customer_id
            if account in names or account in gone or (account is None and _order(record) in orders):
                if account in names:
                    record = msgspec.structs.replace(record, customer_id=names[account])
                digest = keyed(self.keyring, digest)
                bare.add(record.external_id)
            kept.append(record)
            kept_digests.append(digest)
        return Screened(kept, kept_digests, frozenset(bare))

    def _pseudonyms(self, ids: Collection[str]) -> dict[str, str]:
        """The pseudonyms of those accounts that were erased."""
        hashes = {digest: id for id in ids for digest in account_hashes(self.keyring, self.scope, id)}
        return {hashes[value]: pseudonym(value) for value in self._known(hashes)}

    def _known(self, hashes: Iterable[str]) -> dict[str, bool]:
        """The tombstones among these hashes, each with whether it was proved."""
        wanted = list(hashes)
        if not wanted:
            return {}
        rows = self.connection.execute(
            text(f"SELECT value, proved FROM tombstone WHERE value IN {among(self.connection, 'hashes')}"),
            {"hashes": many(self.connection, wanted)},
        )
        return {value: bool(proved) for value, proved in rows}

    def _erased_accounts(self, ids: Collection[str]) -> set[str]:
        return self._ids(
            "SELECT external_id FROM account WHERE connection_id = :connection_id AND erased_at IS NOT NULL"
            " AND external_id IN",
            ids,
        )

    def _erased_orders(self, ids: Collection[str]) -> set[str]:
        return self._ids(
            'SELECT o.external_id FROM "order" o JOIN account a ON a.connection_id = o.connection_id'
            " AND a.external_id = o.account_id WHERE o.connection_id = :connection_id"
            " AND a.erased_at IS NOT NULL AND o.external_id IN",
            ids,
        )

    def _ids(self, query: str, ids: Collection[str]) -> set[str]:
        if not ids:
            return set()
        rows = self.connection.execute(
            text(f"{query} {among(self.connection, 'ids')}"),
            {"connection_id": self.connection_id, "ids": many(self.connection, ids)},
        )
        return set(rows.scalars())

    def _payload(self, entry: Rejected) -> Rejected:
        payload = json.loads(entry.payload)
        texts = {text for text in texts_of(payload) if len(text) <= 1000}
        if not self._known(digest for text in texts for digest in self._hashes(text)):
            return entry
        named = entry.external_id if self.kind.table != "account" else None
        return replace(
            entry,
            payload=WITHHELD,
            digest=keyed(self.keyring, entry.digest),
            external_id=named,
            reason=WHY_WITHHELD,
        )

    def _hashes(self, text: str) -> Iterator[str]:
        if len(text) <= 200:
            yield from account_hashes(self.keyring, self.scope, text)
        for address in _EMAIL.findall(text):
            yield from hashed(self.keyring, "email", address)
        if len(normal("phone", text)) >= _FEWEST_DIGITS:
            yield from hashed(self.keyring, "phone", text)


def screen(
    connection: Connection, connection_id: int, scope: str, kind: Kind, keyring: Keyring | None
) -> Screen | None:
    """What to look through at records of this stream; None where nobody was ever erased.

    In a transaction that writes, nobody is erased before it ends. Raises ConfigError as `erasures` does.
    """
    known = erasures(connection, keyring)
    return None if known is None else Screen(connection, connection_id, scope, kind, known)


def screened(screen: Screen | None, records: Sequence[Record], digests: Sequence[int]) -> Screened:
    """The records as they may be stored; as they are where there is nothing to look through."""
    return Screened(records, digests) if screen is None else screen.records(records, digests)


def texts_of(value: Any) -> Iterator[str]:
    """Every text and number in a payload, as text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from texts_of(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts_of(member)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _order(record: Any) -> str | None:
    order: str | None = getattr(record, "order_id", None)
    return order
