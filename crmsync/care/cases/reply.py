"""The shop's public answer to the review a case is about: a message like any other, written by a person."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, and_, insert, select

from crmsync.care.cases.handling import open_row, record
from crmsync.care.push import PushChannel, channel_of
from crmsync.config import Campaign, Trigger
from crmsync.sdk import UsageError
from crmsync.store import Store
from crmsync.store.sealing import sealed
from crmsync.store.tables import Account, Case, Connection, Message, Review
from crmsync.store.vault import vault_of

REPLY = "reply_review"
EXPIRES = timedelta(days=7)

REPLIES = Campaign.model_construct(
    # A name that no campaign of a configuration can have.
    name="cases:reply",
    when=Trigger(case="received"),
    purpose="service",
    quiet_hours=None,
    on_holidays=True,
    daily_cap=10**6,
    approve="never",
)
"""The campaign under which answers are sent. It plans nothing: a person writes each of them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that waits to be sent: its message, and the review it is for."""

    message: int
    review: str


def reply(
    store: Store,
    case: int,
    text: str,
    channel: PushChannel,
    *,
    actor: str,
    now: datetime,
    review: str | None = None,
) -> Reply:
    """Answer the review a case is about: the latest of its order, or else the customer's latest; or the one
    of this id. `channel` is the one of `reply_review`.

    Raises UsageError when the case is closed or not there, there is no such review of this customer, it has
    been answered, its platform takes no answers, or the text is empty.
    """
    if not text.strip():
        raise UsageError("There is nothing to answer with.", fix="Give the text.")
    with store.write() as transaction:
        row = open_row(transaction, case)
        found = _review(transaction, case, review)
        _must_accept(channel, found.connection, case)
        message = _queue(transaction, case, found, text.strip(), now)
        record(transaction, case, now, actor, "replied", row.stage, f"{found.external_id}: {text.strip()}")
    return Reply(message, found.external_id)


def _review(transaction: Transaction, case: int, review: str | None) -> Row[Any]:
    about = transaction.execute(select(Case.customer_id, Case.order_id).where(Case.id == case)).one()
    query = (
        select(
            Review.external_id,
            Review.order_id,
            Review.language,
            Review.replied_at,
            Account.connection_id,
            Account.external_id.label("account_id"),
            Account.customer_id,
            Account.language.label("own_language"),
            Connection.name.label("connection"),
        )
        .join(
            Account,
            and_(Account.connection_id == Review.connection_id, Account.external_id == Review.account_id),
        )
        .join(Connection, Connection.id == Review.connection_id)
        .where(Account.customer_id == about.customer_id, Review.deleted_at.is_(None))
        .order_by(Review.created_at.desc(), Review.external_id)
        .limit(1)
    )
    if review is not None:
        query = query.where(Review.external_id == review)
    elif about.order_id is not None:
        query = query.where(Review.order_id == about.order_id)
    found = transaction.execute(query).first()
    if found is None:
        told = f"of the id {review}" if review else f"of the order {about.order_id}" if about.order_id else ""
        raise UsageError(
            f"No review {told} of customer {about.customer_id} is known.".replace("  ", " "),
            fix="Name another with --review, or answer it on the platform and note that: crmsync cases note.",
        )
    if found.replied_at is not None:
        raise UsageError(
            f"The review {found.external_id} was answered on {found.replied_at:%Y-%m-%d}.",
            fix="Change the answer on the platform.",
        )
    return found


def _must_accept(channel: PushChannel, connection: str, case: int) -> None:
    try:
        channel.idempotency_for(connection)
    except UsageError as error:
        raise UsageError(
            f"The connection {connection} cannot answer reviews.",
            fix=f"Answer it on the platform, and note that: crmsync cases note {case} TEXT.",
        ) from error


def _queue(transaction: Transaction, case: int, review: Row[Any], text: str, now: datetime) -> int:
    given_up = ("dead", "cancelled", "expired", "suppressed")
    earlier = transaction.execute(
        select(Message.id, Message.state).where(
            Message.campaign == REPLIES.name,
            Message.connection_id == review.connection_id,
            Message.review_id == review.external_id,
        )
    ).all()
    for message in earlier:
        if message.state not in given_up:
            raise UsageError(
                f"Message {message.id} answers this review already; it is {message.state}.",
                fix=f"See: crmsync cases show {case}, or crmsync messages list.",
            )
    parts = (REPLIES.name, str(review.connection_id), review.external_id, str(len(earlier)))
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
    values = {
        "key": key,
        "campaign": REPLIES.name,
        "template": "",
        "template_version": "",
        "approve": REPLIES.approve,
        "purpose": REPLIES.purpose,
        "channel": channel_of(REPLY),
        "medium": PushChannel.medium,
        "connection_id": review.connection_id,
        "account_id": review.account_id,
        "customer_id": review.customer_id,
        "flag_id": 0,
        "level": "",
        "journey": key,
        "action": REPLY,
        "order_id": review.order_id,
        "review_id": review.external_id,
        "language": review.language or review.own_language or "",
        "body": text,
        "state": "queued",
        "planned_at": now,
        "expires_at": now + EXPIRES,
        "next_attempt_at": now,
        "changed_at": now,
    }
    values = sealed(vault_of(transaction), Message, values)
    added = transaction.execute(insert(Message).values(values).returning(Message.id))
    return int(added.scalar_one())
