"""Who was erased, known by nothing but keyed hashes."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant


class Erasure(SQLModel, table=True):
    """A customer who was erased, or is to be: sync has recognised another account of an erased person.

    `files_at` is when the files of the database were last cleaned after it; NULL while that is still to be
    done.
    """

    __tablename__ = "erasure"

    customer_id: int = Field(primary_key=True, foreign_key="customer.id")
    at: datetime = instant()
    files_at: datetime | None = instant(default=None)


class Tombstone(SQLModel, table=True):
    """What an erased person is recognised by when a platform tells of them again (kind `account`, `email` or
    `phone`).

    `value` is the keyed hash (HMAC-SHA256) of it and `key_id` says under which key. An account's is that of
    `identity scope:external id`; the pseudonym its orders now carry is made from it. Of an address `proved`
    says that the platform had shown it to be theirs.
    """

    __tablename__ = "tombstone"

    value: str = Field(primary_key=True)
    kind: str
    key_id: str = Field(index=True)
    proved: bool = True
    customer_id: int = Field(foreign_key="customer.id", index=True)
    at: datetime = instant()
