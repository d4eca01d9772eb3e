"""The store: tables, transactions, bulk writes, migrations."""

from crmsync.store.database import Store, analyze, reach_by_index

__all__ = ["Store", "analyze", "reach_by_index"]
