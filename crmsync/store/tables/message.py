"""What is written to customers: messages, each attempt to deliver them, and approved templates."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import CLUSTERED, instant
from crmsync.store.tables.sealed import SealedText

MessageState = Literal[
    "awaiting_approval",
    "queued",
    "claimed",
    "failed",
    "sent",
    "dead",
    "unknown",
    "suppressed",
    "expired",
    "cancelled",
]
"""`awaiting_approval`: a person decides. `queued`: due at `next_attempt_at`. `claimed`: in the hands
of the process with this `fence`. `failed`: not delivered, tried again at `next_attempt_at`. `sent`.
`dead`: given up. `unknown`: it may have been delivered and only a person can tell. `suppressed`: the
customer must not be written to. `expired`: too late. `cancelled`: by a person."""

DeliveryOutcome = Literal["sent", "failed", "dead", "unconfirmed", "refused"]
Arm = Literal["treated", "control", "holdout"]


class Message(SQLModel, table=True):
    """One message to one customer, from the moment it is planned; it is never deleted.

    `key` is made from the campaign, the text of the template, the customer, and the reason to write
    with its period, so that the same reason gives the same message. `subject` and `body` are final and
    sealed. `flag_id` and `level` are 0 and empty where no flag gave the reason. `journey` is the key of the
    first message of the same reason, `step` the place in the campaign's steps, from 0. `action` is
    what the connector is to do: send_message, or another of its pushes; `review_id` the review that a
    `reply_review` answers.
    `fence` grows with each claim: only the holder of the latest claim may say how it ended.
    `doubtful` is true from before an attempt leaves until it is known not to have reached the
    customer, or to have: only the same key, a lookup or a person may settle it. `held` says who
    stopped it before it was sent: `veto` or `error` of a plugin's review; `overruled` that a person
    let a vetoed one go.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index(None, "state", "next_attempt_at"),
        Index(None, "campaign", "customer_id", "planned_at"),
        Index(None, "campaign", "attempted_at"),
        Index(None, "attempted_at"),
        Index(None, "connection_id", "account_id"),
        Index(None, "customer_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    campaign: str
    template: str
    template_version: str
    approve: str
    purpose: str
    channel: str
    medium: str
    connection_id: int = Field(foreign_key="connection.id")
    account_id: str
    customer_id: int = Field(foreign_key="customer.id")
    flag_id: int
    level: str
    journey: str = ""
    step: int = 0
    action: str = "send_message"
    order_id: str | None = None
    review_id: str | None = None
    language: str
    subject: str = Field(default="", sa_type=SealedText("message.subject", "key"))
    body: str = Field(default="", sa_type=SealedText("message.body", "key"))
    state: str
    reason: str = Field(default="", sa_type=Text)
    held: str | None = None
    overruled: bool = False
    doubtful: bool = False
    attempts: int = 0
    fence: int = 0
    lease_until: datetime | None = instant(default=None)
    planned_at: datetime = instant()
    expires_at: datetime = instant()
    next_attempt_at: datetime = instant()
    attempted_at: datetime | None = instant(default=None)
    sent_at: datetime | None = instant(default=None)
    changed_at: datetime = instant()
    reference: str | None = None


class Assignment(SQLModel, table=True):
    """The arm of a campaign a customer is in, drawn when they first could have been written to and
    never changed: `treated`, `control` (left alone by this campaign) or `holdout` (by every marketing
    campaign). `chance` is the probability of `treated` with which it was drawn."""

    __tablename__ = "assignment"
    __table_args__ = (CLUSTERED,)

    campaign: str = Field(primary_key=True)
    customer_id: int = Field(primary_key=True, foreign_key="customer.id")
    arm: str
    chance: float
    assigned_at: datetime = instant()


class Delivery(SQLModel, table=True):
    """One attempt to deliver a message, written before anything leaves.

    `idempotency` is what the channel promised then. While `ended_at` is NULL the attempt is under
    way, or its process is gone. `outcome` is sent, failed (tried again), dead, unconfirmed (it may
    have arrived) or refused (the channel asked for a pause or for new credentials).
    """

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("message_id", "fence"),)

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id")
    fence: int
    idempotency: str
    started_at: datetime = instant()
    ended_at: datetime | None = instant(default=None)
    outcome: str | None = None
    reason: str = Field(default="", sa_type=Text)
    reference: str | None = None


class Approval(SQLModel, table=True):
    """A person has approved this text of this campaign's template, or with a `message_id` other than 0
    this message alone. Where a campaign asks for several approvals, each is of another person."""

    __tablename__ = "approval"

    campaign: str = Field(primary_key=True)
    template_version: str = Field(primary_key=True)
    message_id: int = Field(default=0, primary_key=True)
    actor: str = Field(primary_key=True)
    at: datetime = instant()


class Lane(SQLModel, table=True):
    """A channel on a connection that does not work: nothing goes out there before `open_until`, then one
    message tries. `pauses` counts how often that was in vain. Without a row all is well."""

    __tablename__ = "lane"

    channel: str = Field(primary_key=True)
    connection: str = Field(primary_key=True)
    pauses: int
    reason: str = Field(sa_type=Text)
    since: datetime = instant()
    open_until: datetime = instant()
