"""The built-in shop: how its API is called, paged and pushed to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import requests

from crmsync.sdk import (
    Connector,
    Conversation,
    Cursor,
    Customer,
    OAuth2ClientCredentials,
    Order,
    OutgoingMessage,
    Page,
    Product,
    Rate,
    Receipt,
    Refund,
    Review,
    Shop,
    TransientError,
    Webhook,
    listed,
    push,
    standard_webhook,
    stream,
    to_time,
    walk_cursors,
)
from crmsync_demo import mapping
from crmsync_demo.settings import DemoSettings


class DemoConnector(Connector[DemoSettings]):
    name = "demo"
    title = "Built-in shop"
    platform = "demo"
    Settings = DemoSettings

    def auth(self) -> requests.auth.AuthBase:
        return OAuth2ClientCredentials(
            f"{self.settings.base_url}/oauth/token",
            self.settings.client_id,
            self.settings.client_secret,
            self.tokens,
            clock=self.clock,
        )

    def rate_limits(self) -> Mapping[str, Rate]:
        return {"default": self.settings.rate} if self.settings.rate else {}

    def accepts(self) -> Mapping[str, Any]:
        return {"send_message": self.settings.idempotency, "add_note": "key"}

    def webhook(self) -> Webhook | None:
        secret = self.settings.webhook_secret
        return standard_webhook([secret], mapping.changed_streams) if secret else None

    def inspect(self, response: requests.Response) -> None:
        body = response.json()
        if isinstance(body, dict) and "error" in body:
            code = body["error"].get("code") if isinstance(body["error"], dict) else body["error"]
            raise TransientError(f"The shop answered {response.status_code} with the error {code!r}.")

    def check(self) -> Shop:
        shop = self.http.get_json(f"{self.settings.base_url}/shop")
        return Shop(name=shop["name"], currency=shop["currency"], zone=shop["timezone"], id=shop["id"])

    @stream(Product, mapping.product, snapshot=True)
    def products(self, since: Cursor) -> Iterator[Page]:
        return self._walk("products", since)

    @stream(Customer, mapping.customer)
    def customers(self, since: Cursor) -> Iterator[Page]:
        return self._walk("customers", since)

    @stream(Order, mapping.order)
    def orders(self, since: Cursor) -> Iterator[Page]:
        return self._walk("orders", since)

    @stream(Refund, mapping.refund)
    def refunds(self, since: Cursor) -> Iterator[Page]:
        return self._walk("refunds", since)

    @stream(Review, mapping.review)
    def reviews(self, since: Cursor) -> Iterator[Page]:
        return self._walk("reviews", since)

    @stream(Conversation, mapping.conversation)
    def conversations(self, since: Cursor) -> Iterator[Page]:
        return self._walk("conversations", since)

    def _walk(self, path: str, since: Cursor) -> Iterator[Page]:
        """Pages in the order of (updated_at, id); the shop's cursor stands behind a page's last record."""

        def listing(cursor: Cursor) -> tuple[list[mapping.Row], str | None, int | None]:
            params: dict[str, Any] = {"limit": self.settings.page_size, "cursor": cursor.token}
            if cursor.token is None:
                params |= {"updated_since": cursor.at, "updated_before": cursor.until}
            body = self.http.get_json(f"{self.settings.base_url}/{path}", params=params)
            return listed(body, "data"), body.get("next_cursor"), body.get("total")

        return walk_cursors(since, listing, mapping.changed_at)

    @push("key")
    def send_message(self, message: OutgoingMessage, key: str) -> Receipt:
        """Deliver a message to the buyer's inbox in the shop."""
        body = {"buyer_id": message.recipient.account_id, "text": message.body}
        return self._push("messages", body, key, self.settings.idempotency == "key")

    def lookup_message(self, message: OutgoingMessage, key: str) -> Receipt | None:
        """The shop's receipt for this key, where the shop keeps them."""
        found = self.http.get_json(f"{self.settings.base_url}/messages", params={"key": key})["data"]
        return self._receipt(found[0]) if found else None

    @push("key")
    def add_note(self, account_id: str, text: str, key: str) -> Receipt:
        """Put a note on the customer for the shop's own staff."""
        return self._push(f"customers/{quote(account_id, safe='')}/notes", {"text": text}, key, True)

    def _push(self, path: str, body: dict[str, Any], key: str, idempotent: bool) -> Receipt:
        answer = self.http.request(
            "POST",
            f"{self.settings.base_url}/{path}",
            json=body,
            headers={"Idempotency-Key": key},
            idempotent=idempotent,
        )
        return self._receipt(answer.json())

    def _receipt(self, row: mapping.Row) -> Receipt:
        return Receipt(row["id"], to_time(row["at"]), row.get("repeated", False))
