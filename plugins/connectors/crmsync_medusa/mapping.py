"""Medusa's words for crmsync's records, and the fields that are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from crmsync.sdk import (
    Customer,
    Order,
    OrderLine,
    Product,
    RecordError,
    Refund,
    Review,
    known,
    minor,
    to_time,
)

Row = dict[str, Any]

FIELDS = {
    "orders": "id,status,payment_status,fulfillment_status,created_at,updated_at,canceled_at,currency_code,"
    "customer_id,total,credit_line_total,tax_total,discount_total,shipping_total,*items,"
    "fulfillments.shipped_at,fulfillments.delivered_at,fulfillments.canceled_at,"
    "payment_collections.payments.captured_at",
    "refunds": "id,customer_id,currency_code,updated_at,*payment_collections.payments.refunds,"
    "*payment_collections.payments.refunds.refund_reason",
    "customers": "id,email,first_name,last_name,company_name,phone,has_account,created_at,updated_at,"
    "*addresses",
    "products": "id,title,created_at,updated_at,categories.name,collection.title,*variants.prices",
    "product-reviews": "id,rating,content,product_id,order_id,created_at,updated_at,response.created_at,"
    "order.customer_id",
}

PAYMENT_STATUS = {
    "not_paid": "pending",
    "awaiting": "pending",
    "requires_action": "pending",
    "partially_authorized": "pending",
    "authorized": "paid",
    "partially_captured": "paid",
    "captured": "paid",
    "partially_refunded": "paid",
    "refunded": "refunded",
    "canceled": "pending",
}
FULFILLMENT_STATUS = {
    "not_fulfilled": None,
    "partially_fulfilled": None,
    "fulfilled": None,
    "partially_shipped": None,
    "shipped": "shipped",
    "partially_delivered": "shipped",
    "delivered": "delivered",
    "canceled": None,
}
REFUND_TYPE = {
    "shipping_issue": "logistics",
    "pricing_error": "contract",
    "customer_care_adjustment": "service",
}


def changed_at(row: Row) -> datetime:
    """When the row last changed, as Medusa counts changes."""
    return to_time(row["updated_at"])


def order(row: Row) -> Order | None:
    status = _status(row)
    if status is None:
        return None
    currency = row["currency_code"].upper()
    payments = [payment for group in row["payment_collections"] for payment in group["payments"]]
    parcels = [parcel for parcel in row["fulfillments"] if not parcel["canceled_at"]]
    return Order(
        external_id=row["id"],
        updated_at=changed_at(row),
        customer_id=row["customer_id"],
        status=status,  # type: ignore[arg-type]
        currency=currency,
        # A refund makes a credit line and so lowers Medusa's total; what the buyer owed stays what it was.
        total=minor(row["total"], currency) + minor(row["credit_line_total"] or 0, currency),
        shipping=minor(row["shipping_total"], currency),
        discount=minor(row["discount_total"], currency),
        tax=minor(row["tax_total"], currency),
        placed_at=to_time(row["created_at"]),
        paid_at=_first(payment["captured_at"] for payment in payments),
        shipped_at=_first(parcel["shipped_at"] for parcel in parcels),
        delivered_at=_last([parcel["delivered_at"] for parcel in parcels]) if status != "shipped" else None,
        cancelled_at=to_time(row["canceled_at"]),
        lines=[
            OrderLine(
                line_id=line["id"],
                product_id=line["product_id"],
                title=line["product_title"] or line["title"],
                quantity=line["quantity"],
                price=minor(line["unit_price"], currency),
                total=minor(line["total"], currency),
            )
            for line in row["items"]
        ],
    )


def _status(row: Row) -> str | None:
    """One word for Medusa's three: what became of the order, of its payment and of its parcels."""
    payment = known(PAYMENT_STATUS, row, "payment_status")
    parcel = known(FULFILLMENT_STATUS, row, "fulfillment_status")
    match row["status"]:
        case "canceled":
            return "cancelled"
        case "draft":
            return None
        case _ if payment == "refunded":
            return "refunded"
        case "completed" | "archived":
            return "completed"
        case "pending" | "requires_action":
            return parcel or payment
        case word:
            raise RecordError(f"unknown word {word!r}.", field="status")


def refunds(order: Row) -> list[Row]:
    """The refunds of an order, each with what it needs to know of the order."""
    return [
        {
            **refund,
            "order_id": order["id"],
            "customer_id": order["customer_id"],
            "currency_code": order["currency_code"],
        }
        for group in order["payment_collections"]
        for payment in group["payments"]
        for refund in payment["refunds"]
    ]


def refund(row: Row) -> Refund:
    currency = row["currency_code"].upper()
    at, reason = to_time(row["created_at"]), row["refund_reason"]
    return Refund(
        external_id=row["id"],
        updated_at=changed_at(row),
        order_id=row["order_id"],
        customer_id=row["customer_id"],
        status="completed",
        type=REFUND_TYPE.get(reason["code"]) if reason else None,  # type: ignore[arg-type]
        reason=row["note"] or (reason["label"] if reason else ""),
        currency=currency,
        amount=minor(row["amount"], currency),
        requested_at=at,
        completed_at=at,
    )


def customer(row: Row) -> Customer:
    addresses = row["addresses"]
    address = next(
        (each for each in addresses if each["is_default_shipping"]), addresses[0] if addresses else {}
    )
    name = " ".join(part for part in (row["first_name"], row["last_name"]) if part)
    return Customer(
        external_id=row["id"],
        updated_at=changed_at(row),
        name=name or row["company_name"],
        email=row["email"],
        phone=row["phone"],
        country=address["country_code"].upper() if address.get("country_code") else None,
        region=address.get("province"),
        city=address.get("city"),
        # A guest is a customer too, who never registered.
        registered_at=to_time(row["created_at"]) if row["has_account"] else None,
    )


def product(row: Row, currency: str | None) -> Product:
    prices = [
        price
        for variant in row["variants"]
        for price in variant["prices"]
        if currency is None or price["currency_code"].upper() == currency
    ]
    price = prices[0] if prices else None
    category = row["categories"][0]["name"] if row["categories"] else None
    return Product(
        external_id=row["id"],
        updated_at=changed_at(row),
        title=row["title"],
        category=category or (row["collection"]["title"] if row["collection"] else None),
        currency=price["currency_code"].upper() if price else None,
        price=minor(price["amount"], price["currency_code"].upper()) if price else None,
        created_at=to_time(row["created_at"]),
    )


def review(row: Row) -> Review:
    return Review(
        external_id=row["id"],
        updated_at=changed_at(row),
        order_id=row["order_id"],
        product_id=row["product_id"],
        customer_id=row["order"]["customer_id"] if row["order"] else None,
        score=row["rating"],
        text=row["content"] or "",
        created_at=to_time(row["created_at"]),
        replied_at=to_time(row["response"]["created_at"]) if row["response"] else None,
    )


def _first(times: Iterable[str | None]) -> datetime | None:
    return min((to_time(time) for time in times if time), default=None)


def _last(times: list[str | None]) -> datetime | None:
    """When the last of several came; None while one is on its way."""
    return max(to_time(time) for time in times if time) if times and all(times) else None
