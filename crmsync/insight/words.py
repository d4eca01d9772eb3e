"""The words facts are defined by, once: what a valid order is, a late one, a refund that counts.

Each is an SQL expression bounded by `:until` (when it happened) and `:known` (when we learned of it),
so that the same text serves the present, where both are `FOREVER`, and any past time.
"""

from __future__ import annotations

from collections.abc import Iterable

FOREVER = 2**62
DAY = 86_400_000_000
WEEK = 7 * DAY


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

# What has been refunded is not waited for.
AWAITED = f"""CASE WHEN {VALID} = 1 AND {DELIVERED} = 0
 AND NOT (o.status = 'refunded' AND COALESCE(o.updated_at, o.placed_at) <= :until) THEN o.promised_at END"""

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

# A product that is sold no more keeps the category it was sold in.
PRODUCT_KNOWN = "g.learned_at <= :known"

ATTENDANCE_KNOWN = known("t", "day")

MESSAGE_KNOWN = "m.sent_at <= :until AND m.sent_at <= :known"

COMPLAINT_TYPES = ("product", "logistics", "service", "contract", "suggestion", "other")


def counts(prefix: str, column: str, values: Iterable[str]) -> str:
    """How many rows have each of these values, named `prefix_value`."""
    return ", ".join(
        f"SUM(CASE WHEN {column} = '{value}' THEN 1 ELSE 0 END) AS {prefix}_{value}" for value in values
    )


def whole(source: str, names: str) -> dict[str, str]:
    """These columns of a relation that may lack the subject, as whole numbers."""
    return {name: f"CAST(COALESCE({source}.{name}, 0) AS BIGINT)" for name in names.split()}


def binary(dialect: str) -> str:
    """The collation that tells ids apart by their bytes, whatever language the server sorts in."""
    return "BINARY" if dialect == "sqlite" else '"C"'
