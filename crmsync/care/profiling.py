"""A customer's will to be profiled or not, recorded by hand."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from crmsync.sdk import UsageError
from crmsync.store import Store
from crmsync.store.audit import audit
from crmsync.store.tables import Account, Consent
from crmsync.store.upsert import upsert


def set_profiling(store: Store, customer_id: int, *, granted: bool, actor: str, now: datetime) -> int:
    """Record that the customer allows or refuses to be profiled, for each of their accounts; how many.

    It holds from the next judging on. Raises UsageError when the customer has no account.
    """
    query = select(Account.connection_id, Account.external_id).where(Account.customer_id == customer_id)
    with store.write() as transaction:
        accounts = transaction.execute(query).all()
        if not accounts:
            raise UsageError(f"There is no customer {customer_id}.", fix="Look it up with: crmsync flags.")
        for connection_id, account_id in accounts:
            statement = {
                "connection_id": connection_id,
                "account_id": account_id,
                "medium": "any",
                "purpose": "profiling",
                "granted": granted,
                "confirmed": False,
                "proof": "",
                "at": now,
                "source": f"by hand: {actor}",
                "learned_at": now,
            }
            transaction.execute(upsert(store, Consent, statement).on_conflict_do_nothing())
        action = "allow_profiling" if granted else "refuse_profiling"
        audit(transaction, now, actor, action, f"customer {customer_id}")
    return len(accounts)
