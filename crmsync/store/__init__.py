"""The store: tables, transactions, bulk writes, migrations."""

from crmsync.store.database import Store, analyze

__all__ = ["Store", "analyze"]
