"""Customers, and their accounts on each platform."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import CLUSTERED, Pulled, instant
from crmsync.store.tables.sealed import AddressIndex, KeyId, Sealed


class Customer(SQLModel, table=True):
    """One person. `key` is (platform scope, opaque id) of the account it was first known by."""

    __tablename__ = "customer"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    learned_at: datetime = instant()


# What is worked out for customers leaves the erased ones out; they are few.
_ERASED = text("erased_at IS NOT NULL")


def _sealed(name: str) -> Any:
    return Sealed(f"account.{name}", "connection_id", "external_id")


class Account(Pulled, table=True):
    """A customer's identity on one connection, with what the platform tells of it.

    An account that was only named by an order has digest 0 and no profile yet. One of an erased customer
    (`erased_at`) has a pseudonym for its id and tells nothing more. From `contact_expired_at` on its contact
    data are not kept, until it orders again.

    Name, e-mail and phone are sealed where a key is configured; `email_index` and `phone_index` find them
    without them being read. Both, and the pad that hides `digest`, are made with the key `key_id`, or none.
    """

    __tablename__ = "account"
    __table_args__ = (
        Index(
            "ix_account_erased",
            "customer_id",
            sqlite_where=_ERASED,
            postgresql_where=_ERASED,
        ),
        CLUSTERED,
    )

    customer_id: int = Field(foreign_key="customer.id", index=True)
    name: str | None = Field(default=None, sa_type=_sealed("name"))
    email: str | None = Field(default=None, sa_type=_sealed("email"))
    email_verified: bool = False
    phone: str | None = Field(default=None, sa_type=_sealed("phone"))
    phone_verified: bool = False
    language: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    zone: str | None = None
    birthday: str | None = Field(default=None, index=True)
    registered_at: datetime | None = instant(default=None)
    erased_at: datetime | None = instant(default=None)
    contact_expired_at: datetime | None = instant(default=None)
    email_index: int | None = Field(default=None, sa_type=AddressIndex("email", "email"), index=True)
    phone_index: int | None = Field(default=None, sa_type=AddressIndex("phone", "phone"), index=True)
    key_id: str = Field(sa_type=KeyId, sa_column_kwargs={"server_default": ""})


# Every reading of facts asks who refuses to be profiled; they are few.
_PROFILING = text("purpose = 'profiling'")


_STATEMENT = ("connection_id", "account_id", "medium", "purpose", "at")


class Consent(SQLModel, table=True):
    """The ledger of a customer's will: each statement once, the latest one counts.

    `confirmed`: it was said a second time, from the address itself. `proof` is what shows that it was
    said, sealed. Nothing here is ever changed; a change of will is another statement.
    """

    __tablename__ = "consent"
    __table_args__ = (
        UniqueConstraint(
            "connection_id",
            "account_id",
            "medium",
            "purpose",
            "at",
            "granted",
            "confirmed",
            name="uq_consent_statement",
        ),
        Index(
            "ix_consent_profiling",
            "connection_id",
            "account_id",
            sqlite_where=_PROFILING,
            postgresql_where=_PROFILING,
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    connection_id: int = Field(foreign_key="connection.id")
    account_id: str
    medium: str
    purpose: str
    granted: bool
    confirmed: bool = False
    at: datetime = instant()
    source: str
    proof: str = Field(default="", sa_type=Sealed("consent.proof", *_STATEMENT))
    learned_at: datetime = instant()


class Suppression(SQLModel, table=True):
    """Nobody writes to this address (kind `account`, `email` or `phone`), whatever consent says.

    The address itself is not kept, so that an entry outlives the erasure of its person: `value` is its
    keyed hash (HMAC-SHA256) and `key_id` says under which key. `medium` is one medium or `any`,
    `purpose` `marketing` or `any`. An account's address is `connection name:external id`.
    """

    __tablename__ = "suppression"
    __table_args__ = (UniqueConstraint("value", "medium", "purpose"),)

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    value: str
    key_id: str
    medium: str = "any"
    purpose: str = "any"
    reason: str
    at: datetime = instant()


class EncryptionKey(SQLModel, table=True):
    """A key that contact data here are encrypted with. Only its id is known here: without the key itself,
    which stands elsewhere, the database is not opened."""

    __tablename__ = "encryption_key"

    id: str = Field(primary_key=True)
    since: datetime = instant()


class HashKey(SQLModel, table=True):
    """The key crmsync made for itself, for those who configure none: addresses are hashed under it, and
    links signed. It stands here so that a backup without it cannot exist."""

    __tablename__ = "hash_key"

    id: int = Field(primary_key=True)
    value: str
