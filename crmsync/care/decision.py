"""What a person decides about messages: approve, cancel, settle an unknown one. All of it is audited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy import Connection as Transaction

from crmsync.care import reason
from crmsync.insight import message_sent
from crmsync.sdk import UsageError
from crmsync.store import Store
from crmsync.store.audit import audit
from crmsync.store.tables import Approval, Message
from crmsync.store.upsert import upsert

Resolution = Literal["sent", "resend", "dead"]


def approve(
    store: Store,
    *,
    actor: str,
    now: datetime,
    ids: Iterable[int] = (),
    campaign: str | None = None,
    needed: Mapping[str, int] | None = None,
) -> int:
    """Let messages go: these, or all of a campaign that a review does not hold. Returns how many.

    In a campaign with `approve: first` this approves the template's text: all others with the same
    text go too, now and later. One that a review held must be named; approving it overrules a veto.
    `needed` says of campaigns how many people must approve, where it is more than one: what lacks
    another's approval goes on waiting. Raises UsageError when one of the ids does not await approval, or
    this actor has approved it before.
    """
    needed = needed or {}
    with store.write() as transaction:
        chosen = _chosen(transaction, ids, campaign, ("awaiting_approval",), "awaits approval")
        released = 0
        texts = set()
        for message in chosen:
            if campaign is not None and message.held:
                continue
            version, of_text = message.template_version, message.approve == "first" and not message.held
            audit(transaction, now, actor, "approve", f"message {message.id}", message.reason)
            if message.approve == "first":
                texts.add((message.campaign, version))
            must = needed.get(message.campaign, 1)
            if must > 1 and not of_text:
                if not _sign(store, transaction, message.campaign, version, message.id, actor, now) and ids:
                    raise UsageError(
                        f"You have approved message {message.id} before.", fix="Another person must too."
                    )
                if _signatures(transaction, message.campaign, version, message.id) < must:
                    _wait_for_another(transaction, message.id, now)
                    continue
            if must == 1 or not of_text:
                released += _queue(
                    transaction, Message.id == message.id, now, overruled=message.held == "veto"
                )
        for name, version in sorted(texts):
            if _sign(store, transaction, name, version, 0, actor, now):
                audit(transaction, now, actor, "approve", f"template text {version} of {name}")
            elif needed.get(name, 1) > 1 and ids:
                raise UsageError(f"You have approved this text of {name} before.", fix="Another must too.")
            if _signatures(transaction, name, version, 0) < needed.get(name, 1):
                continue
            same = and_(
                Message.campaign == name,
                Message.template_version == version,
                Message.approve == "first",
                Message.state == "awaiting_approval",
                Message.held.is_(None),
            )
            released += _queue(transaction, same, now)
    return released


def cancel(
    store: Store, *, actor: str, now: datetime, ids: Iterable[int] = (), campaign: str | None = None
) -> int:
    """Send these no more. One that may have arrived becomes `unknown`. Returns how many.

    Raises UsageError when one of the ids is not waiting.
    """
    with store.write() as transaction:
        chosen = _chosen(
            transaction, ids, campaign, ("awaiting_approval", "queued", "failed"), "waits to be sent"
        )
        for message in chosen:
            doubtful = message.doubtful
            transaction.execute(
                update(Message)
                .where(Message.id == message.id)
                .values(
                    state="unknown" if doubtful else "cancelled",
                    reason=reason.MAY_HAVE_ARRIVED if doubtful else reason.CANCELLED,
                    changed_at=now,
                )
            )
            audit(transaction, now, actor, "cancel", f"message {message.id}")
    return len(chosen)


def resolve(store: Store, id: int, outcome: Resolution, *, actor: str, now: datetime) -> None:
    """Settle an `unknown` message: it arrived (`sent`), it did not and shall go out again under its
    key (`resend`), or it did not and shall not (`dead`).

    Raises UsageError when it is not unknown, or is to be sent again after it has expired.
    """
    with store.write() as transaction:
        (message,) = _chosen(transaction, [id], None, ("unknown",), "is unknown")
        values: dict[str, Any] = {"doubtful": False, "reason": "", "changed_at": now}
        if outcome == "sent":
            values |= {"state": "sent", "sent_at": message.attempted_at}
        elif outcome == "dead":
            values |= {"state": "dead"}
        elif message.expires_at <= now:
            raise UsageError(
                f"Message {id} expired on {message.expires_at:%Y-%m-%d %H:%M} UTC.",
                fix="Resolve it as dead; its campaign writes again after the cooldown.",
            )
        else:
            values |= {"state": "queued", "next_attempt_at": now, "attempts": 0}
        transaction.execute(update(Message).where(Message.id == id).values(values))
        if outcome == "sent":
            message_sent(transaction, id)
        audit(transaction, now, actor, "resolve", f"message {id}", outcome)


def _sign(
    store: Store,
    transaction: Transaction,
    campaign: str,
    version: str,
    message_id: int,
    actor: str,
    now: datetime,
) -> bool:
    """Note an approval, of a text when `message_id` is 0. Returns whether it is this actor's first."""
    row = {
        "campaign": campaign,
        "template_version": version,
        "message_id": message_id,
        "actor": actor,
        "at": now,
    }
    insertion = upsert(store, Approval, row).on_conflict_do_nothing().returning(Approval.actor)
    return transaction.scalar(insertion) is not None


def _signatures(transaction: Transaction, campaign: str, version: str, message_id: int) -> int:
    count = select(func.count()).where(
        Approval.campaign == campaign,
        Approval.template_version == version,
        Approval.message_id == message_id,
    )
    return transaction.scalar(count) or 0


def _wait_for_another(transaction: Transaction, message_id: int, now: datetime) -> None:
    transaction.execute(
        update(Message).where(Message.id == message_id).values(reason=reason.SECOND_APPROVAL, changed_at=now)
    )


def _queue(transaction: Transaction, which: ColumnElement[bool], now: datetime, **values: Any) -> int:
    return transaction.execute(
        update(Message).where(which).values(state="queued", reason="", held=None, changed_at=now, **values)
    ).rowcount


def _chosen(
    transaction: Transaction,
    ids: Iterable[int],
    campaign: str | None,
    states: tuple[str, ...],
    told: str,
) -> list[Any]:
    wanted = sorted(set(ids))
    if bool(wanted) == (campaign is not None):
        raise UsageError("Name messages by their ids, or one campaign.", fix="See: crmsync messages list.")
    which = Message.campaign == campaign if campaign is not None else Message.id.in_(wanted)
    rows = transaction.execute(
        select(
            Message.id,
            Message.campaign,
            Message.template_version,
            Message.approve,
            Message.held,
            Message.reason,
            Message.doubtful,
            Message.attempted_at,
            Message.expires_at,
        )
        .where(which, Message.state.in_(states))
        .order_by(Message.id)
        .with_for_update()
    ).all()
    missing = set(wanted) - {row.id for row in rows}
    if missing:
        numbers = ", ".join(map(str, sorted(missing)))
        raise UsageError(f"No message {numbers} {told}.", fix="See: crmsync messages list.")
    return list(rows)
