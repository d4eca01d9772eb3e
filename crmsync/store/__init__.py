"""The store: tables, transactions, bulk writes, migrations."""

from crmsync.store.database import Store

__all__ = ["Store"]
