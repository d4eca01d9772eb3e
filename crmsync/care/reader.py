"""Who opens a link in a message: the language they read, and the shop that wrote to them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from crmsync.care.link import Links
from crmsync.store import Store
from crmsync.store.tables import Account, Connection, Message


@dataclass(frozen=True, slots=True)
class Reader:
    """`language` as the message or the account has it; None where the platform does not tell."""

    language: str | None
    shop: str


def reader_of_message(store: Store, links: Links, token: str) -> Reader | None:
    """Who may unsubscribe by this link; None when it is none of ours."""
    key = links.unsubscribed(token)
    query = (
        select(Message.language, Connection.shop, Connection.name)
        .join(Connection, Connection.id == Message.connection_id)
        .where(Message.key == key)
    )
    with store.read() as transaction:
        found = transaction.execute(query).first() if key is not None else None
    return Reader(found.language, found.shop or found.name) if found else None


def reader_of_request(store: Store, links: Links, token: str) -> Reader | None:
    """Who may confirm by this link; None when it is none of ours, or the account is gone."""
    request = links.confirmed(token)
    if request is None:
        return None
    query = (
        select(Account.language, Connection.shop, Connection.name)
        .join(Connection, Connection.id == Account.connection_id)
        .where(
            Connection.name == request.connection,
            Account.external_id == request.account_id,
            Account.deleted_at.is_(None),
        )
    )
    with store.read() as transaction:
        found = transaction.execute(query).first()
    return Reader(found.language, found.shop or found.name) if found else None
