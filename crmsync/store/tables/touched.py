"""What sync changed and insight has not looked at yet."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import CLUSTERED


class Touched(SQLModel, table=True):
    """One subject whose facts are stale: kind `account`, `product`, `order` (its account, products
    and sellers), `agent`, `review` (one without an order), `talk` (one without an order or an account),
    or `all` (everything of the connection: written once by a first sync instead of one row per subject).

    `stamp` grows each time the subject is touched again; whoever has refreshed the facts deletes
    the row only if the stamp is still the one it read.
    """

    __tablename__ = "touched"
    __table_args__ = (CLUSTERED,)

    connection_id: int = Field(primary_key=True, foreign_key="connection.id")
    kind: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    stamp: int = Field(sa_type=BigInteger)
