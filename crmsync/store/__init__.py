"""The store: tables, transactions, bulk writes, migrations."""

from crmsync.store.database import Store, analyze, plan_for

__all__ = ["Store", "analyze", "plan_for"]
