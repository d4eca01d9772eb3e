"""The shop's words for crmsync's records. One function per stream; any fault in a row raises.

Rows of orders come by the hundred thousand, so these functions name every field once and convert
nothing twice; what the host checks of every record is not checked here.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal

from crmsync.sdk import (
    Consent,
    Conversation,
    Customer,
    Order,
    OrderLine,
    Product,
    Refund,
    Review,
    WebhookRequest,
    known,
    minor,
    to_birthday,
    to_time,
)

Row = dict[str, Any]

ORDER_STATUS = {
    "WAIT_PAY": "pending",
    "PAID": "paid",
    "SENT": "shipped",
    "SIGNED": "delivered",
    "FINISHED": "completed",
    "CLOSED": "cancelled",
    "REFUNDED": "refunded",
}
REFUND_KIND = {"REFUND_ONLY": "refund", "RETURN": "return", "EXCHANGE": "exchange"}
REFUND_STATUS = {
    "APPLIED": "requested",
    "AGREED": "approved",
    "REFUSED": "refused",
    "DONE": "completed",
}
REFUND_TYPE = {
    "QUALITY": "product",
    "NOT_AS_DESCRIBED": "product",
    "LOGISTICS": "logistics",
    "CHANGED_MIND": "other",
}
TALK_TYPE = {"PRODUCT": "product", "LOGISTICS": "logistics", "PRESALE": None}
TALK_OUTCOME = {"ORDERED": "ordered", "SOLVED": "resolved", "UNSOLVED": "unresolved", "LEFT": "abandoned"}


def changed_streams(request: WebhookRequest) -> list[str]:
    """The stream whose rows an event says have changed: its type is `orders.changed` and the like."""
    stream, _, what = json.loads(request.body)["type"].partition(".")
    return [stream] if what == "changed" else []


def changed_at(row: Row) -> datetime:
    """When the row last changed."""
    return to_time(row["updated_at"])


def order(row: Row) -> Order:
    currency = row["currency"]
    return Order(
        external_id=row["id"],
        updated_at=changed_at(row),
        customer_id=row["buyer_id"],
        status=known(ORDER_STATUS, row, "status"),
        currency=currency,
        total=minor(row["payable"], currency),
        shipping=minor(row["shipping"], currency),
        discount=minor(row["discount"], currency),
        placed_at=to_time(row["created_at"]),
        paid_at=to_time(row["paid_at"]),
        shipped_at=to_time(row["sent_at"]),
        promised_at=to_time(row["promised_at"]),
        delivered_at=to_time(row["signed_at"]),
        cancelled_at=to_time(row["closed_at"]),
        agent_id=row["agent_id"],
        lines=[
            OrderLine(
                line_id=line["id"],
                product_id=line["product_id"],
                title=line["title"],
                quantity=line["qty"],
                price=minor(line["unit_price"], currency),
                total=minor(line["paid"], currency),
            )
            for line in row["lines"]
        ],
    )


def product(row: Row) -> Product:
    return Product(
        external_id=row["id"],
        updated_at=to_time(row["updated_at"]),
        title=row["title"],
        category=row["category"],
        currency=row["currency"],
        price=minor(row["price"], row["currency"]),
        created_at=to_time(row["created_at"]),
    )


def customer(row: Row) -> Customer:
    return Customer(
        external_id=row["id"],
        updated_at=to_time(row["updated_at"]),
        name=row["nick"],
        email=row["email"],
        email_verified=row["email_verified"],
        phone=row["mobile"],
        language=row["lang"],
        country=row["country"],
        region=row["province"],
        city=row["city"],
        birthday=to_birthday(row["birthday"]),
        registered_at=to_time(row["registered_at"]),
        consents=_consents(row["permissions"]),
    )


def _consents(permissions: Row | None) -> list[Consent]:
    if permissions is None:
        return []
    return [_consent(permissions, "promo", "marketing"), _consent(permissions, "service", "service")]


def _consent(permissions: Row, name: str, purpose: Literal["marketing", "service"]) -> Consent:
    return Consent(
        medium="any",
        purpose=purpose,
        granted=known({"Y": True, "N": False}, permissions, name),
        at=to_time(permissions["asked_at"]),
        source="shop permissions",
    )


def refund(row: Row) -> Refund:
    currency = row["currency"]
    return Refund(
        external_id=row["id"],
        updated_at=to_time(row["updated_at"]),
        order_id=row["order_id"],
        line_id=row["line_id"],
        product_id=row["product_id"],
        customer_id=row["buyer_id"],
        kind=known(REFUND_KIND, row, "kind"),
        status=known(REFUND_STATUS, row, "state"),
        type=known(REFUND_TYPE, row, "cause"),
        reason=row["reason"],
        currency=currency,
        amount=minor(row["amount"], currency),
        requested_at=to_time(row["applied_at"]),
        completed_at=to_time(row["done_at"]),
    )


def review(row: Row) -> Review:
    return Review(
        external_id=row["id"],
        updated_at=to_time(row["updated_at"]),
        order_id=row["order_id"],
        product_id=row["product_id"],
        customer_id=row["buyer_id"],
        score=row["stars"],
        text=row["content"],
        language=row["lang"],
        created_at=to_time(row["created_at"]),
        replied_at=to_time(row["replied_at"]),
    )


def conversation(row: Row) -> Conversation:
    agent = row["agent"]
    return Conversation(
        external_id=row["id"],
        updated_at=to_time(row["updated_at"]),
        customer_id=row["buyer_id"],
        agent_id=agent["id"],
        agent_name=agent["name"],
        order_id=row["order_id"],
        product_id=row["product_id"],
        started_at=to_time(row["started_at"]),
        first_reply_at=to_time(row["first_reply_at"]),
        ended_at=to_time(row["ended_at"]),
        outcome=known(TALK_OUTCOME, row, "result") if row["result"] else None,
        type=known(TALK_TYPE, row, "topic"),
        rating=row["rating"],
    )
