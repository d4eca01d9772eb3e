"""An event that a platform sent: verified, counted once, and turned into the names of streams.

An event is only ever a reason to look. What happened is read from the platform by the stream's own pull,
so a lost event costs nothing but time, and a forged one could not bring in a record even if it were believed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import text

from crmsync.sdk import Webhook, WebhookRequest
from crmsync.store import Store
from crmsync.store.tables import to_instant

TOLERANCE = timedelta(minutes=5)
"""How far the time a platform signed may be from ours."""
REMEMBERED = timedelta(days=7)
"""How long an event is known again. Platforms try again for two days at the most."""

_KNOWN = text("SELECT 1 FROM webhook_event WHERE connection = :connection AND digest = :digest")
_FORGET = text("DELETE FROM webhook_event WHERE received_at < :since")
_REMEMBER = text(
    "INSERT INTO webhook_event (connection, digest, received_at) VALUES (:connection, :digest, :at)"
    " ON CONFLICT DO NOTHING"
)

Outcome = Literal["accepted", "repeated", "ping", "forged", "stale"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an event is, and the streams to pull because of it."""

    outcome: Outcome
    streams: frozenset[str] = frozenset()


def receive(
    store: Store,
    connection: str,
    webhook: Webhook,
    offered: Collection[str],
    request: WebhookRequest,
    now: datetime,
) -> Verdict:
    """Judge an event for one of `offered` streams, and remember it if it is genuine.

    What counts as the same event is what the platform signed: unsigned headers can be altered.
    """
    if not webhook.genuine(request):
        return Verdict("ping" if webhook.is_ping(request) else "forged")
    sent_at = webhook.sent_at(request)
    if sent_at is not None and abs(sent_at - now) > TOLERANCE:
        return Verdict("stale")
    streams = frozenset(webhook.streams(request)) & frozenset(offered)
    digest = hashlib.sha256(webhook.signed(request)).hexdigest()
    event = {"connection": connection, "digest": digest, "at": to_instant(now)}
    with store.read() as transaction:
        # Most repeats end here, so that a flood of them does not hold up who writes.
        if transaction.execute(_KNOWN, event).first():
            return Verdict("repeated")
    with store.write() as transaction:
        transaction.execute(_FORGET, {"since": to_instant(now - REMEMBERED)})
        new = transaction.execute(_REMEMBER, event).rowcount
    return Verdict("accepted", streams) if new else Verdict("repeated")
