"""What the tables share: the time type, the naming of constraints, the columns of every pulled record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Constraints need names that migrations can refer to, the same on every database.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def to_instant(time: datetime) -> int:
    """Microseconds since 1970 in UTC. Exact: a float holds today's microseconds without loss."""
    return round(time.timestamp() * 1_000_000)


def from_instant(instant: int) -> datetime:
    """The aware UTC time of an instant."""
    return EPOCH + timedelta(microseconds=instant)


class Instant(TypeDecorator[datetime]):
    """An aware time stored as microseconds since 1970 in a BIGINT.

    One integer on both databases: the same arithmetic, order and equality in SQL everywhere,
    and no conversion in the write path.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | int | None, dialect: Dialect) -> int | None:
        return to_instant(value) if isinstance(value, datetime) else value

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_instant(value)


def instant(**options: Any) -> Any:
    """A column of type Instant; required unless `default=None` is given."""
    return Field(sa_type=Instant, **options)


class Pulled(SQLModel):
    """The columns of every record that a connector pulls.

    (connection_id, external_id) is the record's identity. `updated_at` is the platform's version
    of it, `digest` a 64-bit digest of its content: an equal digest costs no write. `learned_at` is
    when we first had the record, `changed_at` when it last changed here; `deleted_at` marks one
    that a complete read no longer listed.

    No foreign keys here: PostgreSQL checks them row by row, which costs as much as the write itself.
    Only sync writes these rows, in the transaction that holds their connection.
    """

    connection_id: int = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    updated_at: datetime | None = instant(default=None)
    learned_at: datetime = instant()
    changed_at: datetime = instant()
    deleted_at: datetime | None = instant(default=None)
    digest: int = Field(sa_type=BigInteger)


CLUSTERED = {"sqlite_with_rowid": False}
"""Rows live in the primary key's own tree: one tree to write instead of two."""
