"""WooCommerce's words for crmsync's records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from crmsync.sdk import Consent, Customer, Order, OrderLine, Product, RecordError, Refund, Review, minor
from crmsync.sdk.convert import number_reader, to_text
from crmsync.sdk.records import OrderStatus
from crmsync_woocommerce.account import account_of, guest_account, part
from crmsync_woocommerce.api import Row
from crmsync_woocommerce.settings import WooSettings
from crmsync_woocommerce.text import plain, read
from crmsync_woocommerce.walk import utc

STATUS: Mapping[str, OrderStatus] = {
    "pending": "pending",
    "on-hold": "pending",
    "checkout-draft": "pending",
    "processing": "paid",
    "completed": "completed",
    "cancelled": "cancelled",
    "failed": "cancelled",
    "trash": "cancelled",
    "refunded": "refunded",
}

STAFF = frozenset({"administrator", "shop_manager", "editor", "author", "contributor"})

_count = number_reader("point")


class Mapper:
    """Makes records of one connection's rows."""

    def __init__(self, settings: WooSettings, connection: str) -> None:
        self._settings = settings
        self._connection = connection
        self._status = {**STATUS, **settings.statuses}

    def order(self, row: Row) -> Order:
        """Amounts of lines, shipping and discount are told with their tax, as `total` is."""
        currency = _word(row, "currency").upper()
        return Order(
            external_id=row["id"],
            updated_at=_time(row, "date_modified_gmt"),
            customer_id=account_of(row, self._connection),
            status=self._order_status(row),
            currency=currency,
            total=_amount(row, "total", currency),
            shipping=_sum(row, ("shipping_total", "shipping_tax"), currency),
            discount=_sum(row, ("discount_total", "discount_tax"), currency),
            tax=_sum(row, ("total_tax",), currency),
            placed_at=_needed(_time(row, "date_created_gmt"), "date_created_gmt"),
            paid_at=_time(row, "date_paid_gmt"),
            lines=[_line(line, currency) for line in _parts(row, "line_items")],
        )

    def refund(self, row: Row) -> Refund:
        order = row.get("order")
        if not isinstance(order, dict):
            raise RecordError("the order of this refund cannot be found.", field="order")
        currency = _word(order, "currency").upper()
        at = _needed(_time(row, "date_created_gmt"), "date_created_gmt")
        lines = [line for line in _parts(row, "line_items") if line.get("product_id")]
        only = lines[0] if len(lines) == 1 else {}
        return Refund(
            external_id=row["id"],
            updated_at=at,
            order_id=order["id"],
            line_id=_refunded_line(only),
            product_id=_reference(only, "product_id"),
            customer_id=account_of(order, self._connection),
            status="completed",
            reason=_text(row, "reason") or "",
            currency=currency,
            amount=abs(_amount(row, "amount", currency)),
            requested_at=at,
            completed_at=at,
        )

    def customer(self, row: Row) -> Customer | None:
        """A registered customer, or the guest of an order; None for staff who never bought."""
        if "guest_of" in row:
            return self._guest(row["guest_of"])
        if row.get("role") in STAFF and row.get("is_paying_customer") is not True:
            return None
        billing, shipping = part(row, "billing"), part(row, "shipping")
        updated_at = _time(row, "date_modified_gmt")
        return Customer(
            external_id=row["id"],
            updated_at=updated_at,
            name=_name(row) or _name(billing) or _name(shipping),
            email=_text(row, "email") or _text(billing, "email"),
            phone=_text(billing, "phone") or _text(shipping, "phone"),
            registered_at=_time(row, "date_created_gmt"),
            consents=list(self._consents(row, updated_at)),
            **_where(billing if billing.get("country") else shipping),
        )

    def _guest(self, order: Row) -> Customer:
        # The version is the time of the order: what the latest order says counts, whatever is edited later.
        placed_at = _needed(_time(order, "date_created_gmt"), "date_created_gmt")
        billing = part(order, "billing")
        return Customer(
            external_id=account_of(order, self._connection),
            updated_at=placed_at,
            name=_name(billing),
            email=_text(billing, "email"),
            phone=_text(billing, "phone"),
            consents=list(self._consents(order, placed_at)),
            **_where(billing),
        )

    def product(self, row: Row) -> Product:
        currency = row["currency"]
        categories = _parts(row, "categories")
        price = next((row[name] for name in ("regular_price", "price") if row.get(name)), None)
        return Product(
            external_id=row["id"],
            updated_at=_time(row, "date_modified_gmt"),
            title=plain(_needed(_text(row, "name"), "name")),
            category=plain(_word(categories[0], "name")) if categories else None,
            currency=currency,
            price=minor(price, currency) if price is not None and currency else None,
            created_at=_time(row, "date_created_gmt"),
        )

    def review(self, row: Row) -> Review:
        return Review(
            external_id=row["id"],
            product_id=_reference(row, "product_id"),
            customer_id=self._writer(row),
            score=_rating(row),
            text=read(_needed(row.get("review"), "review")),
            created_at=_needed(_time(row, "date_created_gmt"), "date_created_gmt"),
        )

    def _writer(self, row: Row) -> str | None:
        customer = row.get("customer_id")
        if customer == 0:
            return guest_account(_word(row, "reviewer_email"), self._connection)
        return None if customer is None else to_text(customer)

    def _order_status(self, row: Row) -> OrderStatus:
        word = _word(row, "status").removeprefix("wc-")
        if word not in self._status:
            raise RecordError(
                f"the status {word!r} is not known.",
                field="status",
                fix="Say what it means in the connection's `statuses`.",
            )
        if word == "refunded" and row.get("refunds") == []:
            # Its refund was deleted; the order keeps the word, and the shop keeps the money.
            return "completed" if _time(row, "date_completed_gmt") else "paid"
        return self._status[word]

    def _consents(self, row: Row, at: datetime | None) -> Iterator[Consent]:
        if not self._settings.consents:
            return
        said = {str(entry.get("key")): entry.get("value") for entry in _parts(row, "meta_data")}
        for field in self._settings.consents:
            value = said.get(field.meta)
            if value is None or value == "":
                continue
            word = str(value).strip().lower()
            if word not in (*field.granted, *field.refused):
                raise RecordError("it is neither among the words for yes nor for no.", field=field.meta)
            yield Consent(
                medium=field.medium,
                purpose=field.purpose,
                granted=word in field.granted,
                at=at,
                source=field.meta,
            )


def _line(row: Row, currency: str) -> OrderLine:
    full = _sum(row, ("subtotal", "subtotal_tax"), currency)
    quantity = _quantity(row)
    return OrderLine(
        line_id=row["id"],
        product_id=_reference(row, "product_id"),
        title=plain(_text(row, "name") or "") or None,
        quantity=quantity,
        price=(2 * full + quantity) // (2 * quantity) if quantity else full,
        total=_sum(row, ("total", "total_tax"), currency),
    )


def _quantity(row: Row) -> int:
    """How many pieces. Some plugins sell by weight: 2.5 kg are one piece."""
    try:
        count = _count(row.get("quantity", 1))
    except ValueError as error:
        raise RecordError(f"{error}.", field="quantity") from None
    return int(count) if count.is_integer() else 1


def _rating(row: Row) -> float | None:
    """The stars; 0 stands for none given."""
    try:
        return _count(row.get("rating") or 0) or None
    except ValueError as error:
        raise RecordError(f"{error}.", field="rating") from None


def _refunded_line(row: Row) -> str | None:
    for entry in _parts(row, "meta_data"):
        if entry.get("key") == "_refunded_item_id":
            return to_text(entry["value"])
    return None


def _where(address: Row) -> dict[str, str | None]:
    return {
        "country": _text(address, "country"),
        "region": _text(address, "state"),
        "city": _text(address, "city"),
    }


def _name(row: Row) -> str | None:
    names = (_text(row, "first_name"), _text(row, "last_name"))
    return " ".join(filter(None, names)) or None


def _reference(row: Row, field: str) -> str | None:
    """Another record's id; 0 stands for none."""
    value = row.get(field)
    return None if value in (None, "", 0, "0") else _word(row, field)


def _word(row: Row, field: str) -> str:
    try:
        return _needed(to_text(row.get(field) if row.get(field) is not None else ""), field)
    except ValueError as error:
        raise RecordError(f"{error}.", field=field) from None


def _text(row: Row, field: str) -> str | None:
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise RecordError(f"a {type(value).__name__} is not text.", field=field)
    return (value or "").strip() or None


def _needed(value: Any, field: str) -> Any:
    if value is None or value == "":
        raise RecordError("it is empty.", field=field)
    return value


def _time(row: Row, field: str) -> datetime | None:
    try:
        return utc(row.get(field))
    except ValueError:
        raise RecordError("it is not a time.", field=field) from None


def _amount(row: Row, field: str, currency: str) -> int:
    try:
        return minor(row.get(field), currency)  # type: ignore[arg-type]
    except RecordError:
        raise RecordError("it is not an amount of money.", field=field) from None


def _sum(row: Row, fields: tuple[str, ...], currency: str) -> int:
    """The sum of amounts, of which a shop may leave some empty."""
    return sum(_amount(row, field, currency) for field in fields if row.get(field) not in (None, ""))


def _parts(row: Row, field: str) -> list[Row]:
    """A list inside a row. One from which a plugin took entries comes as an object with numbers for keys."""
    value = row.get(field)
    if value is None or value == "":
        return []
    parts = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(parts, list) or not all(isinstance(entry, dict) for entry in parts):
        raise RecordError(f"a {type(value).__name__} is not a list of entries.", field=field)
    return parts
