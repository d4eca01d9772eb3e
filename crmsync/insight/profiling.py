"""Customers who refuse to be profiled, or were erased: no rule judges them or learns from them, no segment
holds them.

A refusal is a statement of purpose `profiling` in the ledger of consents, by a connector or by hand. The
latest statement of an account counts; who refuses by one of their accounts refuses by all.
"""

from __future__ import annotations

from sqlalchemy import text

from crmsync.store import Store

REFUSING = """SELECT a.customer_id FROM consent c
 JOIN account a ON a.connection_id = c.connection_id AND a.external_id = c.account_id
 WHERE c.purpose = 'profiling' AND NOT c.granted AND NOT EXISTS (SELECT 1 FROM consent later
  WHERE later.connection_id = c.connection_id AND later.account_id = c.account_id
  AND later.purpose = 'profiling' AND later.granted AND later.at > c.at)
 UNION SELECT customer_id FROM account WHERE erased_at IS NOT NULL"""
"""The customers who refuse or were erased, as a query."""


def refuses_profiling(store: Store, customer_id: int) -> bool:
    """Whether this customer does."""
    with store.read() as connection:
        query = text(f"SELECT 1 FROM ({REFUSING}) refusing WHERE customer_id = :customer LIMIT 1")
        return connection.execute(query, {"customer": customer_id}).first() is not None
