"""Vendure's words for crmsync's records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from crmsync.sdk import Customer, Order, OrderLine, Product, Refund, known, minor, to_time

Row = dict[str, Any]

STATES = {
    "PaymentAuthorized": "paid",
    "PaymentSettled": "paid",
    "Modifying": "paid",
    "ArrangingAdditionalPayment": "paid",
    "PartiallyShipped": "paid",
    "Shipped": "shipped",
    "PartiallyDelivered": "shipped",
    "Delivered": "delivered",
    "Cancelled": "cancelled",
}
REFUND_STATES = {"Pending": "approved", "Settled": "completed", "Failed": "refused"}


def changed_at(row: Row) -> datetime:
    """When the row last changed, as Vendure counts changes."""
    return to_time(row["updatedAt"])


def placed_at(row: Row) -> datetime:
    """When the order was placed."""
    return to_time(row["orderPlacedAt"])


def _minor(amount: int, currency: str) -> int:
    """Vendure keeps two decimals of every currency, also of those that have none or three."""
    return minor(Decimal(amount).scaleb(-2), currency)


def order(row: Row, own_states: Mapping[str, str]) -> Order | None:
    """None for a cart or a draft, which nobody has ordered yet."""
    if row["orderPlacedAt"] is None:
        return None
    currency = row["currencyCode"]
    parcels = [parcel for parcel in row["fulfillments"] or () if parcel["state"] != "Cancelled"]
    total = _minor(row["totalWithTax"], currency)
    return Order(
        external_id=row["id"],
        updated_at=changed_at(row),
        customer_id=row["customer"]["id"] if row["customer"] else None,
        status=known({**STATES, **own_states}, row, "state"),
        currency=currency,
        total=total,
        shipping=_minor(row["shippingWithTax"], currency),
        discount=-sum(_minor(discount["amountWithTax"], currency) for discount in row["discounts"]),
        tax=total - _minor(row["total"], currency),
        placed_at=placed_at(row),
        paid_at=_first(
            payment["createdAt"]
            for payment in row["payments"] or ()
            if payment["state"] in ("Authorized", "Settled")
        ),
        shipped_at=_first(
            parcel["createdAt"] for parcel in parcels if parcel["state"] in ("Shipped", "Delivered")
        ),
        delivered_at=_last(
            [parcel["updatedAt"] if parcel["state"] == "Delivered" else None for parcel in parcels]
        ),
        cancelled_at=_first(
            entry["createdAt"] for entry in row["history"]["items"] if entry["data"]["to"] == "Cancelled"
        ),
        lines=[
            OrderLine(
                line_id=line["id"],
                product_id=line["productVariant"]["product"]["id"],
                title=line["productVariant"]["name"],
                quantity=line["quantity"],
                price=_minor(line["unitPriceWithTax"], currency),
                total=_minor(line["discountedLinePriceWithTax"], currency),
            )
            for line in row["lines"]
        ],
    )


def refunds(order: Row) -> list[Row]:
    """The refunds of an order, each with what it needs to know of the order."""
    products = {line["id"]: line["productVariant"]["product"]["id"] for line in order["lines"]}
    found = []
    for refund in (refund for payment in order["payments"] or () for refund in payment["refunds"]):
        lines = [line["orderLineId"] for line in refund["lines"]]
        line = lines[0] if len(lines) == 1 else None
        found.append(
            {
                **refund,
                "orderId": order["id"],
                "customerId": order["customer"]["id"] if order["customer"] else None,
                "currencyCode": order["currencyCode"],
                "lineId": line,
                "productId": products.get(line),
            }
        )
    return found


def refund(row: Row) -> Refund:
    status = known(REFUND_STATES, row, "state")
    return Refund(
        external_id=row["id"],
        updated_at=changed_at(row),
        order_id=row["orderId"],
        line_id=row["lineId"],
        product_id=row["productId"],
        customer_id=row["customerId"],
        status=status,
        reason=row["reason"] or "",
        currency=row["currencyCode"],
        amount=_minor(row["total"], row["currencyCode"]),
        requested_at=to_time(row["createdAt"]),
        completed_at=changed_at(row) if status == "completed" else None,
    )


def customer(row: Row, proven: bool) -> Customer:
    addresses = row["addresses"] or []
    address = next(
        (each for each in addresses if each["defaultShippingAddress"]), addresses[0] if addresses else {}
    )
    return Customer(
        external_id=row["id"],
        updated_at=changed_at(row),
        name=" ".join(part for part in (row["firstName"], row["lastName"]) if part) or None,
        email=row["emailAddress"],
        email_verified=bool(proven and row["user"] and row["user"]["verified"]),
        phone=row["phoneNumber"],
        country=address["country"]["code"] if address else None,
        region=address.get("province") or None,
        city=address.get("city") or None,
        # A guest is a customer too, without a user.
        registered_at=to_time(row["createdAt"]) if row["user"] else None,
    )


def product(row: Row) -> Product:
    variant = row["variants"][0] if row["variants"] else None
    deepest = max(row["collections"], key=lambda collection: len(collection["breadcrumbs"]), default=None)
    return Product(
        external_id=row["id"],
        updated_at=changed_at(row),
        title=row["name"],
        category=deepest["name"] if deepest else None,
        currency=variant["currencyCode"] if variant else None,
        price=_minor(variant["priceWithTax"], variant["currencyCode"]) if variant else None,
        created_at=to_time(row["createdAt"]),
    )


def _first(times: Iterable[str]) -> datetime | None:
    return min((to_time(time) for time in times), default=None)


def _last(times: list[str | None]) -> datetime | None:
    """When the last of several came; None while one is on its way."""
    arrived = [to_time(time) for time in times if time]
    return max(arrived) if arrived and len(arrived) == len(times) else None
