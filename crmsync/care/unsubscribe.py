"""What a customer says back: to stop writing, or that it was really them who agreed.

A link needs no login (RFC 8058 asks for one click); the signature in it says that we made it, the message
it came with whose it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, delete, select

from crmsync.care.addressee import ACCOUNT_COLUMNS, addressed
from crmsync.care.consent import known_account, state_will
from crmsync.care.link import Links
from crmsync.care.suppression import add
from crmsync.sdk import UsageError
from crmsync.sdk.records import Medium, Purpose
from crmsync.store import Store
from crmsync.store.address import AddressKind, hashed
from crmsync.store.audit import audit
from crmsync.store.keyring import Keyring
from crmsync.store.tables import Account, Connection, Message, Suppression

CUSTOMER = "customer"
"""The actor of what customers do themselves."""

_BY_LINK, _BY_REPLY = "unsubscribed by link", "unsubscribed by reply"
_REACHED_BY: dict[str, tuple[AddressKind, ...]] = {
    "email": ("account", "email"),
    "sms": ("account", "phone"),
    "phone": ("account", "phone"),
    "any": ("account", "email", "phone"),
}
_MEDIUM_OF: dict[AddressKind, Medium] = {"email": "email", "phone": "sms", "account": "any"}


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """What was withdrawn: for which purposes, by which medium. `new` is False when it had been before."""

    medium: str
    purposes: tuple[Purpose, ...]
    new: bool


def unsubscribe(store: Store, links: Links, token: str, *, now: datetime) -> Unsubscribed:
    """Do what the link in a message promises: no more marketing by its medium, nor more service messages
    where it was one. It holds for the account and for the address itself, and for what is queued already.

    Raises UsageError when the link is none of ours.
    """
    key = links.unsubscribed(token)
    with store.write() as transaction:
        message = None
        if key is not None:
            message = transaction.execute(
                select(
                    Message.id, Message.medium, Message.purpose, Message.connection_id, Message.account_id
                ).where(Message.key == key)
            ).first()
        if message is None:
            raise UsageError("This is no link of ours.", fix="Copy the whole link from the message.")
        purposes: tuple[Purpose, ...] = (
            ("marketing",) if message.purpose == "marketing" else ("service", "marketing")
        )
        new = _stop(store, transaction, links.keyring, message, purposes, now)
        audit(transaction, now, CUSTOMER, "unsubscribe", f"message {message.id}", message.medium)
    return Unsubscribed(message.medium, purposes, new)


def _stop(
    store: Store,
    transaction: Transaction,
    keyring: Keyring,
    message: Row[Any],
    purposes: tuple[Purpose, ...],
    now: datetime,
) -> bool:
    account = transaction.execute(
        select(*ACCOUNT_COLUMNS)
        .join(Connection, Connection.id == Account.connection_id)
        .where(Account.connection_id == message.connection_id, Account.external_id == message.account_id)
    ).first()
    if account is None:
        return False
    for purpose in purposes:
        state_will(
            store,
            transaction,
            account,
            message.medium,
            purpose,
            granted=False,
            now=now,
            source=_BY_LINK,
            proof=f"message {message.id}",
        )
    covered = "any" if "service" in purposes else "marketing"
    kinds = _REACHED_BY.get(message.medium, ("account",))
    added = [
        add(
            store,
            transaction,
            keyring,
            kind,
            value,
            why=_BY_LINK,
            actor=CUSTOMER,
            now=now,
            medium=message.medium,
            purpose=covered,
        )
        for kind, value in addressed(account).addresses()
        if kind in kinds
    ]
    return any(added)


def unsubscribe_by_reply(
    store: Store,
    keyring: Keyring,
    text: str,
    kind: AddressKind,
    value: str,
    keywords: Collection[str],
    *,
    now: datetime,
    medium: Medium | None = None,
) -> bool:
    """Take a customer's reply; whether it was one of the words by which they unsubscribe from marketing.

    The address the reply came from stops being written to by `medium` (an e-mail by e-mail, a phone by
    SMS, an account by whatever reaches it). A word inside a longer text is none: 怎么退订 asks how.
    """
    if plain(text) not in {plain(word) for word in keywords}:
        return False
    by = medium or _MEDIUM_OF[kind]
    with store.write() as transaction:
        if kind == "account":
            connection, _, account_id = value.partition(":")
            account = known_account(transaction, connection, account_id)
            state_will(store, transaction, account, by, "marketing", granted=False, now=now, source=_BY_REPLY)
        add(
            store,
            transaction,
            keyring,
            kind,
            value,
            why=_BY_REPLY,
            actor=CUSTOMER,
            now=now,
            medium=by,
            purpose="marketing",
        )
        audit(transaction, now, CUSTOMER, "unsubscribe", "reply", by)
    return True


def plain(text: str) -> str:
    """A reply as it is compared: one width, no case, no marks or spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LN")


def confirm(store: Store, links: Links, token: str, *, now: datetime) -> Medium:
    """Record that a customer confirmed a grant from the address itself; the medium it is for. An earlier
    unsubscription of that address by a link or a reply is over.

    Raises UsageError when the link is none of ours, is too old, or its account is gone.
    """
    request = links.confirmed(token)
    if request is None:
        raise UsageError("This is no link of ours.", fix="Copy the whole link from the message.")
    if request.expires_at <= now:
        raise UsageError("This link is too old.", fix="Ask for another one.")
    with store.write() as transaction:
        account = known_account(transaction, request.connection, request.account_id)
        state_will(
            store,
            transaction,
            account,
            request.medium,
            "marketing",
            granted=True,
            confirmed=True,
            now=now,
            source="confirmed by link",
            proof=token.rpartition(".")[2],
        )
        whole = transaction.execute(
            select(*ACCOUNT_COLUMNS)
            .join(Connection, Connection.id == Account.connection_id)
            .where(
                Account.connection_id == account.connection_id,
                Account.external_id == account.external_id,
            )
        ).one()
        digests = [
            digest
            for kind, value in addressed(whole).addresses()
            for digest in hashed(links.keyring, kind, value)
        ]
        transaction.execute(
            delete(Suppression).where(
                Suppression.value.in_(digests),
                Suppression.medium == request.medium,
                Suppression.purpose == "marketing",
                Suppression.reason.in_((_BY_LINK, _BY_REPLY)),
            )
        )
        audit(
            transaction,
            now,
            CUSTOMER,
            "confirm_consent",
            f"customer {account.customer_id}",
            request.medium,
        )
    return request.medium
