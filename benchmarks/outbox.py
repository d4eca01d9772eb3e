"""A store full of customers to write to, or of messages to send, for the benchmarks of delivery."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import func, insert, select

from crmsync.config import Campaign, Limits
from crmsync.store import Store
from crmsync.store import tables as t

CAMPAIGN = Campaign(
    name="bench",
    when="churn_risk",
    channel="bench",
    template="winback",
    approve="never",
    quiet_hours=None,
    daily_cap=10**9,
    expires="365d",
)
LIMITS = Limits(per_customer=10**6, service_per_customer=10**6)


def fill(store: Store, messages: int, now: datetime, *, medium: str, first: int = 0) -> None:
    """Queue so many messages of `CAMPAIGN`, each to a customer of its own who has agreed."""
    with store.write() as transaction:
        shop, ids = _customers(transaction, messages, now, first)
        transaction.execute(
            insert(t.Message), [_message(shop, n, customer, now, medium) for n, customer in ids.items()]
        )


def flag(store: Store, customers: int, now: datetime) -> None:
    """So many customers who have agreed, and whose flag gives `CAMPAIGN` a reason to write."""
    with store.write() as transaction:
        _, ids = _customers(transaction, customers, now, 0)
        transaction.execute(
            insert(t.Flag),
            [
                {
                    "rule": CAMPAIGN.when.flag,
                    "subject": "customer",
                    "subject_id": str(customer),
                    "level": "high",
                    "score": 0.9,
                    "reasons": "[]",
                    "raised_at": now,
                    "changed_at": now,
                }
                for customer in ids.values()
            ],
        )


def _customers(
    transaction: Transaction, customers: int, now: datetime, first: int
) -> tuple[int, dict[int, int]]:
    """New customers of the shop, each with an account and a consent: the shop, their ids by number."""
    shop = transaction.scalar(select(t.Connection.id).where(t.Connection.name == "shop"))
    if shop is None:
        row = {"name": "shop", "connector": "demo", "scope": "shop", "shop": "Shop", "zone": "UTC"}
        shop = transaction.scalar(insert(t.Connection).values(row).returning(t.Connection.id))
    highest = transaction.scalar(select(func.max(t.Customer.id))) or 0
    numbers = range(first + 1, first + customers + 1)
    ids = {number: highest + place for place, number in enumerate(numbers, 1)}
    transaction.execute(
        insert(t.Customer),
        [{"id": ids[n], "key": f"shop:c{n}", "learned_at": now} for n in numbers],
    )
    transaction.execute(insert(t.Account), [_account(shop, n, ids[n], now) for n in numbers])
    transaction.execute(
        insert(t.Consent),
        [
            {
                "connection_id": shop,
                "account_id": f"c{n}",
                "medium": "any",
                "purpose": "marketing",
                "granted": True,
                "at": now,
                "source": "bench",
                "learned_at": now,
            }
            for n in numbers
        ],
    )
    return shop, ids


def _account(shop: int, number: int, customer: int, now: datetime) -> dict[str, Any]:
    return {
        "connection_id": shop,
        "external_id": f"c{number}",
        "learned_at": now,
        "changed_at": now,
        "digest": number,
        "customer_id": customer,
        "name": f"Customer {number}",
        "email": f"c{number}@example.com",
        "email_verified": False,
        "phone_verified": False,
    }


def _message(shop: int, number: int, customer: int, now: datetime, medium: str) -> dict[str, Any]:
    key = hashlib.sha256(f"bench {number}".encode()).hexdigest()[:40]
    return {
        "key": key,
        "campaign": CAMPAIGN.name,
        "template": CAMPAIGN.template,
        "template_version": "1",
        "approve": "never",
        "purpose": "marketing",
        "channel": CAMPAIGN.channel,
        "medium": medium,
        "connection_id": shop,
        "account_id": f"c{number}",
        "customer_id": customer,
        "flag_id": 0,
        "level": "high",
        "journey": key,
        "language": "en",
        "subject": "Hello",
        "body": f"A word to customer {number}, who has not been here for a while.",
        "state": "queued",
        "planned_at": now,
        "expires_at": now + timedelta(days=365),
        "next_attempt_at": now,
        "changed_at": now,
    }
