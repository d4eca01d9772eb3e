"""The audit: what people did, each entry bound to the one before it.

An entry's seal is the SHA-256 of its content and of the seal before it. So an entry cannot be changed,
removed or put in between without another seal for all that follow. Whoever can write the table can work
those out anew; but not sign them, where a key is configured: the signature is the seal's HMAC under it.
One good signature vouches for all entries before it. What no key can tell is that entries are missing
from the end: that shows only against a seal that was noted elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, LargeBinary, Row, cast, insert, select, text, type_coerce
from sqlalchemy import Connection as Transaction
from sqlalchemy.exc import OperationalError

from crmsync.store.tables import Audit, from_instant, to_instant
from crmsync.store.vault import vault_of

if TYPE_CHECKING:
    from crmsync.store.database import Store

ENTRIES = "crmsync_audit"
"""Execution option of a writing transaction: the entries it will append."""

ROTATED = "rotate_keys"
"""The action after which no earlier key signs any more."""

SHORTEST_SEAL = 12
"""So many first characters of a seal tell it from others."""

_BEGINNING = ""
_AT_ONCE = 5000

# Any number, as long as every version of crmsync uses the same one.
_ADVISORY_KEY = 0x6175646974

_KEPT = (
    Audit.id,
    type_coerce(Audit.at, BigInteger).label("at"),
    Audit.actor,
    Audit.action,
    Audit.object,
    Audit.detail,
    Audit.seal,
    Audit.signature,
)
_AS_BYTES = tuple(cast(column, LargeBinary).label(column.name) for column in _KEPT)


class Entry(NamedTuple):
    """What was done: by whom, to what."""

    at: int
    actor: str
    action: str
    object: str
    detail: str


def audit(
    transaction: Transaction, at: datetime, actor: str, action: str, object: str, detail: str = ""
) -> None:
    """Keep it for ever, if this transaction of `Store.write` commits. `object` and `detail` never hold
    contact data."""
    transaction.get_execution_options()[ENTRIES].append(Entry(to_instant(at), actor, action, object, detail))


def append(transaction: Transaction, entries: Sequence[Entry]) -> None:
    """Bind the entries to the end of the chain. The last thing a transaction does: from here on every
    other one that has entries waits for it, so it must not wait for them."""
    if transaction.dialect.name == "postgresql":
        transaction.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
    last, seal = _head(transaction)
    rows = []
    for id, entry in enumerate(entries, last + 1):
        seal = _seal(seal, (id, *entry))
        signature = vault_of(transaction).sign(seal)
        rows.append({"id": id, **entry._asdict(), "seal": seal, "signature": signature})
    transaction.execute(insert(Audit), rows)


def _head(transaction: Transaction) -> tuple[int, str]:
    row = transaction.execute(select(Audit.id, Audit.seal).order_by(Audit.id.desc()).limit(1)).first()
    return (row.id, row.seal) if row else (0, _BEGINNING)


def _seal(before: str, content: Sequence[Any]) -> str:
    # What is no text or number can only be there by somebody's hand; it must not stop the look at it.
    written = json.dumps([before, *content], ensure_ascii=False, separators=(",", ":"), default=repr)
    return hashlib.sha256(written.encode(errors="replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action, as it is listed."""

    id: int
    at: datetime
    actor: str
    action: str
    object: str
    detail: str


def list_audit(
    store: Store,
    *,
    actor: str | None = None,
    action: str | None = None,
    object: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """The latest entries that meet all of this, latest first."""
    query = select(Audit.id, Audit.at, Audit.actor, Audit.action, Audit.object, Audit.detail)
    for column, wanted in ((Audit.actor, actor), (Audit.action, action), (Audit.object, object)):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(Audit.at >= since)
    with store.read() as reading:
        return [AuditEntry(*row) for row in reading.execute(query.order_by(Audit.id.desc()).limit(limit))]


@dataclass(frozen=True, slots=True)
class AuditState:
    """How the chain was found. `entries` were looked at and are `whole`, or the first fault came after
    them; `head` is the seal of the last of them. Up to the entry `signed_to` a signature vouches for
    them, 0 for none. `broken_at` is the entry that does not follow from those before it, `why` what is
    wrong; both are None when all is well."""

    whole: bool
    entries: int
    head: str
    signed_to: int = 0
    broken_at: int | None = None
    why: str | None = None


def verify_audit(store: Store, noted: str | None = None) -> AuditState:
    """Work every seal out again. `noted` is a seal that was the head at some time, or its beginning: a
    chain it is no longer part of has lost its end, or is another one."""
    entries, seal, last, signed_to = 0, _BEGINNING, None, 0
    found = noted is None
    # Keys that are configured no more signed before the present ones, and beside them until all was
    # encrypted anew; whoever has none could name any other.
    retired: set[str] = set()
    with store.read() as reading:
        while rows := _after(reading, last):
            for row in rows:
                signed = store.vault.signed(row.seal, row.signature) if row.signature else None
                signer = str(row.signature).partition(":")[0]
                if row.signature and signed is None and not signed_to:
                    retired.add(signer)
                if row.seal != _seal(seal, _content(row)):
                    why = _CHANGED
                elif signed is False or (signed_to and signed is None and signer not in retired):
                    why = _UNSIGNED
                else:
                    entries, seal, last = entries + 1, row.seal, row.id
                    signed_to = row.id if signed else signed_to
                    if signed and row.action == ROTATED:
                        retired.clear()
                    found = found or seal.startswith(str(noted))
                    continue
                return AuditState(False, entries, seal, signed_to, row.id, _broken(row, why))
    if not found:
        why = f"No entry has the seal {noted}: entries were removed from the end, or all were replaced."
        return AuditState(False, entries, seal, signed_to, why=why)
    return AuditState(True, entries, seal, signed_to)


def _after(reading: Transaction, last: int | None) -> Sequence[Row[Any]]:
    query = select(*_KEPT).order_by(Audit.id).limit(_AT_ONCE)
    if last is not None:
        query = query.where(Audit.id > last)
    try:
        return reading.execute(query).all()
    except OperationalError:
        # SQLite keeps what is no text where text belongs, and fails on it only when it is read.
        return [_text(row) for row in reading.execute(query.with_only_columns(*_AS_BYTES))]


def _text(row: Row[Any]) -> Any:
    told = {name: value.decode(errors="backslashreplace") for name, value in row._mapping.items()}
    numbers = {name: int(told[name]) for name in ("id", "at") if told[name].isdecimal()}
    return SimpleNamespace(**told | numbers)


def _content(row: Any) -> tuple[Any, ...]:
    return row.id, row.at, row.actor, row.action, row.object, row.detail


_CHANGED = (
    "does not follow from what stands before it: it was changed, or entries before it were removed or put "
    "in between"
)
_UNSIGNED = (
    "follows from what stands before it, but is not signed with the key: somebody without it wrote it, or "
    "wrote it and those before it anew"
)


def _broken(row: Any, why: str) -> str:
    try:
        when = f"{from_instant(row.at):%Y-%m-%d %H:%M:%S} UTC"
    except (TypeError, OverflowError):
        when = "at no time"
    return f"Entry {row.id} ({when}, {row.actor} {row.action} {row.object}) {why}."
