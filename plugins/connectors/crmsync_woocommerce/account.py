"""Which account of ours a buyer is: a registered customer by id, a guest by what the order says."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from crmsync.sdk import RecordError
from crmsync_woocommerce.api import Api, Row
from crmsync_woocommerce.walk import by_id

GUEST = "guest-"
BUYER_FIELDS = "id,customer_id,billing,date_created_gmt"

_MOST_PAGES = 3


def account_of(order: Row, connection: str) -> str:
    """The account that an order belongs to.

    A guest is known by the e-mail address of the order, without one by the phone number, and without either
    by the order itself. The id is a digest of it, keyed with the connection's name, so that nobody reads the
    address off it and two connections give different ids.

    Raises RecordError when the order does not say whose it is.
    """
    customer = order.get("customer_id")
    if customer in (None, "", "0", 0):
        return _guest(order, connection)
    if isinstance(customer, bool) or not str(customer).isdecimal():
        raise RecordError("it is not the number of a customer.", field="customer_id")
    return str(customer)


def guest_account(email: str, connection: str) -> str:
    """The account of the guest with this e-mail address."""
    return GUEST + _digest(f"email:{email.strip().lower()}", connection)


def buyer_email(order: Row) -> str:
    """The address that the shop writes to about an order, or nothing."""
    return _text(part(order, "billing"), "email")


def orders_of(api: Api, account: str, connection: str) -> Iterator[Row]:
    """The latest orders of an account, newest first; a guest is looked for among the newest of all guests."""
    guest = account.startswith(GUEST)
    query = {"customer": 0 if guest else account, "_fields": BUYER_FIELDS}
    walk = by_id(lambda page: api.list("orders", {**query, **page}), 100, newest_first=True)
    for number, batch in enumerate(walk, 1):
        for row in batch.rows:
            if _belongs(row, account, connection):
                yield row
        if number == _MOST_PAGES:
            return


def part(row: Row, name: str) -> Row:
    """An object inside a row. An empty one may come as a list, because PHP writes both alike.

    Raises RecordError when it is neither.
    """
    value = row.get(name)
    if value is None or value == [] or value == "":
        return {}
    if not isinstance(value, dict):
        raise RecordError(f"a {type(value).__name__} is not an address.", field=name)
    return value


def _belongs(order: Row, account: str, connection: str) -> bool:
    try:
        return account_of(order, connection) == account
    except RecordError:
        return False


def _guest(order: Row, connection: str) -> str:
    if email := buyer_email(order):
        return guest_account(email, connection)
    if phone := "".join(filter(str.isalnum, _text(part(order, "billing"), "phone"))):
        return GUEST + _digest(f"phone:{phone}", connection)
    return GUEST + _digest(f"order:{order.get('id')}", connection)


def _text(row: Row, name: str) -> str:
    value: Any = row.get(name)
    if value is not None and not isinstance(value, str):
        raise RecordError(f"a {type(value).__name__} is not text.", field=f"billing.{name}")
    return (value or "").strip()


def _digest(text: str, connection: str) -> str:
    return blake2b(text.encode(), key=connection.encode()[:64], digest_size=12).hexdigest()
