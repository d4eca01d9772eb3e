"""The words facts are defined by, once: what a valid order is, a late one, a refund that counts.

Each is an SQL expression bounded by `:until` (when it happened) and `:known` (when we learned of it),
so that the same text serves the present, where both are `FOREVER`, and any past time.
"""

from __future__ import annotations

FOREVER = 2**62
DAY = 86_400_000_000
CONSULT_WINDOW = 3 * DAY
"""A customer who buys within this time after asking an agent was converted by that agent."""


def known(row: str, happened: str) -> str:
    """The row was there: it had happened, we had learned of it, and it had not been taken away."""
    return (
        f"{row}.{happened} <= :until AND {row}.learned_at <= :known"
        f" AND ({row}.deleted_at IS NULL OR {row}.deleted_at > :known)"
    )


ORDER_KNOWN = known("o", "placed_at")

VALID = """CASE WHEN o.status <> 'pending' AND (o.status <> 'cancelled' OR o.cancelled_at > :until)
 AND (o.paid_at IS NULL OR o.paid_at <= :until) THEN 1 ELSE 0 END"""

CANCELLED = """CASE WHEN o.status = 'cancelled' AND (o.cancelled_at IS NULL OR o.cancelled_at <= :until)
 THEN 1 ELSE 0 END"""

DELIVERED = """CASE WHEN o.delivered_at <= :until OR (o.delivered_at IS NULL
 AND o.status IN ('delivered', 'completed') AND COALESCE(o.updated_at, o.placed_at) <= :until)
 THEN 1 ELSE 0 END"""

LATE = "CASE WHEN o.delivered_at <= :until AND o.delivered_at > o.promised_at THEN 1 ELSE 0 END"

REFUND_KNOWN = known("r", "requested_at") + " AND r.status NOT IN ('refused', 'cancelled')"

MONEY_BACK = """CASE WHEN r.status = 'completed' AND (r.completed_at IS NULL OR r.completed_at <= :until)
 THEN r.amount ELSE 0 END"""

# Some platforms only mark the order; it then stands for a refund of its whole amount.
REFUNDED_WITHOUT_RECORD = f"""o.status = 'refunded' AND {ORDER_KNOWN}
 AND COALESCE(o.updated_at, o.placed_at) <= :until
 AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.connection_id = o.connection_id
  AND r.order_id = o.external_id AND {REFUND_KNOWN})"""

REVIEW_KNOWN = known("r", "created_at")

TALK_KNOWN = known("c", "started_at")

TALK_ABOUT_SHOP = "c.type IS NOT NULL"
