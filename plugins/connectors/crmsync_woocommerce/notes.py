"""Notes on orders: how the shop writes to a buyer, and how its staff leave word to each other."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import islice
from typing import Any

from crmsync.sdk import OutgoingMessage, PermanentError, Receipt, RecordError, Unconfirmed
from crmsync_woocommerce.account import account_of, buyer_email, orders_of
from crmsync_woocommerce.api import Api, Row
from crmsync_woocommerce.text import as_note, is_marked, mark, read
from crmsync_woocommerce.walk import utc

# The column of a comment takes 65,535 bytes, and fails with a 500 beyond.
_LONGEST = 65_535
_LATEST = 3


class Notes:
    """The notes of one shop's orders."""

    def __init__(self, api: Api, connection: str) -> None:
        self._api = api
        self._connection = connection

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        """Write to the buyer: the shop mails a customer note to the address of its order at once.

        Raises PermanentError when there is no order of theirs, or none with an address: the shop would take
        the note all the same, and mail nobody.
        """
        account = message.recipient.account_id
        order = self._order(message.order_id) if message.order_id else self._latest(account)
        if self._account(order) != account:
            raise PermanentError(
                f"The order {order.get('id')} belongs to another account than {account}.",
                fix="It was given to somebody else in the shop; the next sync learns of it.",
            )
        if not buyer_email(order):
            raise PermanentError(
                f"The order {order.get('id')} has no e-mail address.",
                fix="WooCommerce could not tell the buyer of the note; use another channel.",
            )
        return self._write(order, message.body, key, to_buyer=True)

    def add(self, account: str, text: str, key: str) -> Receipt:
        """Leave a private note on the latest order of an account."""
        return self._write(self._latest(account), text, key, to_buyer=False)

    def find(self, message: OutgoingMessage, key: str) -> Receipt | None:
        """The note that was written under this key, on the message's order or the latest ones.

        A shop that takes the mark out of its notes is searched for the same words.
        """
        words = read(escape(message.body))
        for order in self._candidates(message):
            for note in self._api.get(f"orders/{order}/notes", {"type": "any"}):
                html = str(note.get("note") or "")
                if mark(key) in html or (not is_marked(html) and read(html) == words):
                    return _receipt(note)
        return None

    def _candidates(self, message: OutgoingMessage) -> Iterator[str]:
        if message.order_id:
            yield _number(message.order_id)
        latest = orders_of(self._api, message.recipient.account_id, self._connection)
        for order in islice(latest, _LATEST):
            if str(order["id"]) != message.order_id:
                yield str(order["id"])

    def _write(self, order: Row, text: str, key: str, *, to_buyer: bool) -> Receipt:
        if not text.strip():
            raise PermanentError("The text is empty; WooCommerce would mail it all the same.")
        note = as_note(text, key)
        if len(note.encode()) > _LONGEST:
            raise PermanentError(f"The text is longer than the {_LONGEST:,} bytes that a note may have.")
        body = {"note": note, "customer_note": to_buyer}
        answer = self._api.post(f"orders/{order['id']}/notes", body, idempotent=False)
        if not isinstance(answer, dict) or not answer.get("id"):
            raise Unconfirmed(
                f"The shop took a note on the order {order['id']} and gave no id for it.",
                fix="Look at the order's notes before it is sent again.",
            )
        return _receipt(answer)

    def _order(self, order_id: str) -> Row:
        order: Row = self._api.get(f"orders/{_number(order_id)}")
        return order

    def _latest(self, account: str) -> Row:
        order = next(orders_of(self._api, account, self._connection), None)
        if order is None:
            raise PermanentError(
                f"The account {account} has no order to write a note on.",
                fix="WooCommerce has notes on orders alone; use another channel.",
            )
        return order

    def _account(self, order: Row) -> str:
        try:
            return account_of(order, self._connection)
        except RecordError as error:
            raise PermanentError(f"The order {order.get('id')} does not say whose it is: {error}") from None


def _receipt(note: Any) -> Receipt:
    try:
        at = utc(note.get("date_created_gmt"))
    except ValueError:
        at = None
    return Receipt(str(note["id"]), at)


def _number(order_id: str) -> str:
    if not order_id.isdecimal():
        raise PermanentError(f"{order_id[:40]!r} is not the number of an order.")
    return order_id
