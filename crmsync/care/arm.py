"""Who is left alone on purpose: the control group of a campaign, and the holdout of all of them.

Drawn by a digest of the customer's key, so that it needs no order and no memory; written down all the
same, so that another share later moves nobody who was drawn already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection as Transaction
from sqlalchemy import select

from crmsync.care import reason
from crmsync.config import Campaign, Limits
from crmsync.store.membership import one_of
from crmsync.store.tables import Arm, Assignment
from crmsync.store.upsert import upsert_many

WHY: Mapping[Arm, str] = {"control": reason.CONTROL_GROUP, "holdout": reason.HOLDOUT}
"""Why nobody writes to a customer in this arm."""


class Arms:
    """The arms of one campaign. Nobody is held out of service messages."""

    def __init__(self, campaign: Campaign, limits: Limits) -> None:
        self.campaign = campaign.name
        self.control = campaign.control_group
        self.holdout = limits.holdout if campaign.purpose == "marketing" else 0.0

    @property
    def chance(self) -> float:
        """The probability of being written to."""
        return (1 - self.holdout) * (1 - self.control)

    def draw(self, customer: str) -> Arm:
        """The arm of the customer with this key."""
        if _below("holdout", customer, self.holdout):
            return "holdout"
        return "control" if _below(f"control\0{self.campaign}", customer, self.control) else "treated"

    def known(self, transaction: Transaction, customers: Iterable[int]) -> dict[int, Arm]:
        """The arms that were drawn already."""
        rows = transaction.execute(
            select(Assignment.customer_id, Assignment.arm).where(
                Assignment.campaign == self.campaign, one_of(Assignment.customer_id, customers)
            )
        )
        return {row.customer_id: cast(Arm, row.arm) for row in rows}

    def assign(self, transaction: Transaction, drawn: Mapping[int, Arm], now: datetime) -> None:
        """Write these arms down; one that is known stays."""
        rows: list[dict[str, Any]] = [
            {
                "campaign": self.campaign,
                "customer_id": customer,
                "arm": arm,
                "chance": self.chance,
                "assigned_at": now,
            }
            for customer, arm in drawn.items()
        ]
        if rows:
            upsert_many(transaction, Assignment, rows, lambda insert: insert.on_conflict_do_nothing())


def _below(salt: str, customer: str, share: float) -> bool:
    digest = hashlib.sha256(f"{salt}\0{customer}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
