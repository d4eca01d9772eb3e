"""What is true of the shop at its clock, whatever its records say: for tests and for the demo."""

from __future__ import annotations

from collections import Counter
from typing import Any

from crmsync.testing.almanac import DAY, iso
from crmsync.testing.history import History
from crmsync.testing.ledger import Ledger

HORIZONS = (30, 60, 90, 180)


def buyers_within(history: History, now: int, days: float) -> list[str]:
    """Who buys in the days to come, of those who are registered now."""
    end = now + days * DAY
    return [
        buyer.id
        for buyer in history.buyers
        if buyer.registered_at <= now and any(now < at <= end for at in buyer.purchases)
    ]


def truth(history: History, ledger: Ledger, now: int, end: int) -> dict[str, Any]:
    """All of it, as plain data.

    `churned`: bought, and never will again. `buys_within`: by days from now, as far as the shop's
    future is known. `top_spenders`: the fifth that paid most, most first. `late_orders`: delivered
    after the promised date, or still not delivered. `consented`: agrees to marketing now.
    """
    known = [buyer for buyer in history.buyers if buyer.registered_at <= now]
    spent: Counter[str] = Counter()
    for row in ledger["orders"].rows.values():
        if row["status"] not in ("WAIT_PAY", "CLOSED"):
            spent[row["buyer_id"]] += int(row["payable"].replace(".", ""))
    ranked = sorted(spent, key=lambda id: (-spent[id], id))
    return {
        "now": iso(now),
        "counts": {stream: len(table.rows) for stream, table in ledger.tables.items()},
        "churned": [buyer.id for buyer in known if buyer.left_at is not None and buyer.left_at <= now],
        "buys_within": {
            str(days): buyers_within(history, now, days) for days in HORIZONS if now + days * DAY <= end
        },
        "faulty_products": [product.id for product in history.products if product.faulty],
        "late_orders": [
            purchase.id
            for purchase in history.purchases
            if purchase.promised_at < now and purchase.late and purchase.placed_at <= now
        ],
        "slow_agent": history.slow_agent,
        "top_spenders": ranked[: -(-len(ranked) // 5)],
        "consented": [
            id
            for id, row in ledger["customers"].rows.items()
            if row["permissions"] and row["permissions"]["promo"] == "Y"
        ],
    }
