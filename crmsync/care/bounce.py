"""Addresses that turned out to be no good are written to no more."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import select

from crmsync.care.suppression import suppress
from crmsync.sdk import Bounce, Channel
from crmsync.store import Store
from crmsync.store.address import normal
from crmsync.store.tables import Account, Message

log = logging.getLogger("crmsync.care")


def take_bounces(store: Store, id: str, channel: Channel[Any], *, now: datetime) -> int:
    """Suppress what the channel says is no good; how many addresses are new on the list.

    A bounce counts only when it names a message of this channel and the address that message's account
    has: a report can be written by anybody, and must not silence somebody else. Raises what the channel does.
    """
    suppressed = 0
    for bounce in channel.bounces():
        if not _is_ours(store, id, bounce):
            log.warning("bounce of no message", extra={"action": "bounce_ignored", "channel": id})
            continue
        suppressed += suppress(
            store, "email", bounce.address, why=bounce.why, actor=f"channel {id}", now=now, medium="email"
        )
    return suppressed


def _is_ours(store: Store, id: str, bounce: Bounce) -> bool:
    query = (
        select(Account.email)
        .join(
            Message,
            (Message.connection_id == Account.connection_id) & (Message.account_id == Account.external_id),
        )
        .where(Message.key == bounce.key, Message.channel == id)
    )
    with store.read() as reading:
        address = reading.scalar(query)
    return address is not None and normal("email", address) == normal("email", bounce.address)
