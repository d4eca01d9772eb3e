"""What a person did, written in the transaction that does it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection as Transaction
from sqlalchemy import insert

from crmsync.store.tables import Audit


def audit(
    transaction: Transaction, at: datetime, actor: str, action: str, object: str, detail: str = ""
) -> None:
    """Keep it for ever. `object` and `detail` never hold contact data."""
    transaction.execute(insert(Audit).values(at=at, actor=actor, action=action, object=object, detail=detail))
