"""Vendure: how its Admin API is asked, paged and pushed to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import requests

from crmsync.sdk import (
    AuthError,
    Changes,
    Connector,
    Cursor,
    Customer,
    HeaderKey,
    Listing,
    Order,
    OutgoingMessage,
    Page,
    PermanentError,
    Product,
    Rate,
    Receipt,
    Refund,
    Shop,
    TransientError,
    Unconfirmed,
    listed,
    push,
    stream,
    to_time,
    walk_changes,
)
from crmsync.sdk.message import Idempotency
from crmsync_vendure import mapping, queries
from crmsync_vendure.settings import VendureSettings

_MOMENT = timedelta(milliseconds=1)
_REFUSED = {"FORBIDDEN", "UNAUTHORIZED"}
_WRONG = {"USER_INPUT_ERROR", "ENTITY_NOT_FOUND", "GRAPHQL_VALIDATION_FAILED", "CHANNEL_NOT_FOUND"}


class VendureConnector(Connector[VendureSettings]):
    """One channel of a Vendure server."""

    name = "vendure"
    title = "Vendure"
    platform = "vendure"
    Settings = VendureSettings

    def auth(self) -> requests.auth.AuthBase:
        return HeaderKey("vendure-api-key", self.settings.api_key)

    def rate_limits(self) -> Mapping[str, Rate]:
        return {"default": self.settings.rate} if self.settings.rate else {}

    def accepts(self) -> Mapping[str, Idempotency]:
        return {
            name: mode
            for name, mode in self.pushes().items()
            if name != "tag_customer" or self.settings.tag_field
        }

    def inspect(self, response: requests.Response) -> None:
        """Vendure tells errors in the body of a 200."""
        body = response.json()
        errors = body.get("errors") if isinstance(body, dict) else None
        if not errors:
            return
        code = errors[0].get("extensions", {}).get("code", "")
        what = f"Vendure answered with the error {code or 'INTERNAL_SERVER_ERROR'}."
        if code in _REFUSED:
            raise AuthError(what, fix="Check the API key and what its role may do.")
        if code in _WRONG:
            raise PermanentError(what, fix="Check the ids and the version of Vendure.")
        raise TransientError(what)

    def check(self) -> Shop:
        channel = self._ask(queries.SHOP)["activeChannel"]
        return Shop(channel["code"], currency=channel["defaultCurrencyCode"], id=channel["id"])

    @stream(Product, mapping.product, snapshot=True)
    def products(self, since: Cursor) -> Iterator[Page]:
        return self._changed("products", since)

    @stream(Customer, snapshot=True)
    def customers(self, since: Cursor) -> Iterator[Page]:
        return self._changed("customers", since)

    @stream(Order)
    def orders(self, since: Cursor) -> Iterator[Page]:
        return self._changed("orders", since)

    @stream(Refund, mapping.refund)
    def refunds(self, since: Cursor) -> Iterator[Page]:
        """Those of all orders placed lately: a refund does not change its order, and has no list."""
        started = self.clock.now()
        back = Cursor(at=since.at - self.settings.refunds_within) if since.at else Cursor()
        for page in walk_changes(back, self._listing("refunds", "orderPlacedAt"), mapping.placed_at):
            rows = [refund for order in page.payloads for refund in mapping.refunds(order)]
            yield Page(rows, since)
        yield Page([], replace(since, at=since.until or started))

    @customers.mapping
    def customer(self, row: mapping.Row) -> Customer:
        return mapping.customer(row, self.settings.proven_addresses)

    @orders.mapping
    def order(self, row: mapping.Row) -> Order | None:
        return mapping.order(row, self.settings.states)

    def _changed(self, name: str, since: Cursor) -> Iterator[Page]:
        return walk_changes(since, self._listing(name, "updatedAt"), mapping.changed_at)

    def _listing(self, name: str, by: str) -> Listing:
        """Pages of a list in the order of one of its times."""
        path, query = queries.LISTS[name]

        def listing(changes: Changes) -> tuple[list[mapping.Row], int | None]:
            asked: list[Mapping[str, Any]] = []
            if changes.since is not None:
                # `after` leaves out the very moment.
                asked.append({by: {"after": _written(changes.since - _MOMENT)}})
            if changes.until is not None:
                asked.append({by: {"before": _written(changes.until)}})
            if by == "orderPlacedAt":
                asked.append({by: {"isNull": False}})
            variables = {
                "filter": {"_and": asked} if asked else {},
                "sort": {"id" if changes.by_id else by: "ASC"},
                "skip": changes.skip,
                "take": self.settings.page_size,
            }
            data = self._ask(query, **variables)
            return listed(data, path, "items"), data[path].get("totalItems")

        return listing

    def _ask(self, query: str, **variables: Any) -> Any:
        return self._send(query, variables, idempotent=True)

    def _send(self, query: str, variables: Mapping[str, Any], *, idempotent: bool) -> Any:
        channel = self.settings.channel
        body = self.http.request_json(
            "POST",
            self.settings.url,
            json={"query": query, "variables": variables},
            headers={"vendure-token": channel} if channel else {},
            idempotent=idempotent,
        )
        try:
            return body["data"]
        except (KeyError, TypeError):
            raise TransientError("Vendure's answer has no data.") from None

    @push("lookup")
    def send_message(self, message: OutgoingMessage, key: str) -> Receipt:
        """Write a public note on the order, which its buyer sees in the shop.

        Raises PermanentError for a message about no order: Vendure has no other inbox.
        """
        if message.order_id is None:
            raise PermanentError(
                "Vendure takes messages on an order only, and this one is about none.",
                fix="Send it by e-mail or another channel.",
            )
        note = {"id": message.order_id, "note": _marked(message.body, key), "isPublic": True}
        return self._write(queries.NOTE_ON_ORDER, note, "ORDER_NOTE", key)

    @push("lookup")
    def add_note(self, account_id: str, text: str, key: str) -> Receipt:
        """Write a note on the customer, for the shop's own staff."""
        note = {"id": account_id, "note": _marked(text, key), "isPublic": False}
        return self._write(queries.NOTE_ON_CUSTOMER, note, "CUSTOMER_NOTE", key)

    def lookup_message(self, message: OutgoingMessage, key: str) -> Receipt | None:
        """The note that bears this key, among those of the message's order and of its recipient."""
        places = [(queries.CUSTOMER_NOTES, message.recipient.account_id, "CUSTOMER_NOTE")]
        if message.order_id is not None:
            places.append((queries.ORDER_NOTES, message.order_id, "ORDER_NOTE"))
        for query, id, kind in places:
            written = self._ask(query, id=id, type=kind)["written"]
            if written is not None and (receipt := _receipt(written, key)) is not None:
                return receipt
        return None

    @push("key")
    def tag_customer(self, account_id: str, tag: str, key: str) -> Receipt:
        """Add the tag to the customer's own; one that is there already stays alone."""
        field = self.settings.tag_field
        if field is None:
            raise PermanentError(
                "No custom field holds tags.", fix="Name one in the connection's `tag_field`."
            )
        customer = self._ask(queries.tags(field), id=account_id)["customer"]
        if customer is None:
            raise PermanentError(f"Vendure has no customer {account_id!r}.")
        tags = customer["customFields"][field] or []
        if tag in tags:
            return Receipt(account_id, repeated=True)
        changed = {"id": account_id, "customFields": {field: [*tags, tag]}}
        answer = self._send(queries.TAG, {"input": changed}, idempotent=True)["updateCustomer"]
        if answer["__typename"] != "Customer":
            raise PermanentError(f"Vendure refused the tag with the error {answer['errorCode']}.")
        return Receipt(account_id)

    def _write(self, mutation: str, note: Mapping[str, Any], kind: str, key: str) -> Receipt:
        written = self._send(mutation, {"input": note, "type": kind}, idempotent=False)["written"]
        receipt = _receipt(written, key)
        if receipt is None:
            raise Unconfirmed("Vendure took the note and does not show it.")
        return receipt


def _marked(text: str, key: str) -> str:
    return f"{text}\n\n{_mark(key)}"


def _mark(key: str) -> str:
    """What a note is found by: Vendure keeps no keys. Short, for buyers read it too."""
    return f"(Ref. {blake2b(key.encode(), digest_size=5).hexdigest()})"


def _receipt(written: mapping.Row, key: str) -> Receipt | None:
    for entry in written["history"]["items"]:
        if entry["data"]["note"].endswith(_mark(key)):
            return Receipt(entry["id"], to_time(entry["createdAt"]))
    return None


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
