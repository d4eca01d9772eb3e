"""The built-in shop: how its API is called, paged and pushed to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
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
    push,
    standard_webhook,
    stream,
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

    @stream(Product, snapshot=True)
    def products(self, since: Cursor) -> Iterator[Page]:
        return self._walk("products", since)

    @stream(Customer)
    def customers(self, since: Cursor) -> Iterator[Page]:
        return self._walk("customers", since)

    @stream(Order)
    def orders(self, since: Cursor) -> Iterator[Page]:
        return self._walk("orders", since)

    @stream(Refund)
    def refunds(self, since: Cursor) -> Iterator[Page]:
        return self._walk("refunds", since)

    @stream(Review)
    def reviews(self, since: Cursor) -> Iterator[Page]:
        return self._walk("reviews", since)

    @stream(Conversation)
    def conversations(self, since: Cursor) -> Iterator[Page]:
        return self._walk("conversations", since)

    @products.mapping
    def product(self, row: mapping.Row) -> Product:
        return mapping.product(row)

    @customers.mapping
    def customer(self, row: mapping.Row) -> Customer:
        return mapping.customer(row)

    @orders.mapping
    def order(self, row: mapping.Row) -> Order:
        return mapping.order(row)

    @refunds.mapping
    def refund(self, row: mapping.Row) -> Refund:
        return mapping.refund(row)

    @reviews.mapping
    def review(self, row: mapping.Row) -> Review:
        return mapping.review(row)

    @conversations.mapping
    def conversation(self, row: mapping.Row) -> Conversation:
        return mapping.conversation(row)

    def _walk(self, path: str, since: Cursor) -> Iterator[Page]:
        """Pages in the order in which records changed, from `since` on.

        The shop sorts by (updated_at, id) and its cursor stands behind the last record of a page, so
        everything that changed before that record is stored with the page. Others may have changed in
        the same second: `at` is that second, and `updated_since` includes it.
        """
        params: dict[str, Any] = {"limit": self.settings.page_size}
        if since.token is not None:
            params["cursor"] = since.token
        else:
            if since.at is not None:
                params["updated_since"] = since.at.isoformat()
            if since.until is not None:
                params["updated_before"] = since.until.isoformat()
        at, seen, got = since.at, {since.token}, 0
        while True:
            body = self.http.get_json(f"{self.settings.base_url}/{path}", params=params)
            rows, token = self._page(path, body)
            if token is not None and token in seen:
                raise TransientError(
                    f"The shop gave the same page of {path} twice.",
                    fix="The next run goes on from the last page that was stored.",
                )
            seen.add(token)
            got += len(rows)
            if token is None and since.token is None and got < body.get("total", got):
                # Stored, the page would say that all before it is stored too.
                raise TransientError(
                    f"The shop ended its list of {path} after {got} of {body['total']} records.",
                    fix="The next run goes on from the last page that was stored.",
                )
            if rows:
                at = self._last_change(path, rows, at)
            yield Page(rows, Cursor(at=at, token=token, until=since.until), total=body.get("total"))
            if token is None:
                return
            params = {"limit": self.settings.page_size, "cursor": token}

    def _page(self, path: str, body: Any) -> tuple[list[mapping.Row], str | None]:
        try:
            rows, token = body["data"], body["next_cursor"]
        except (KeyError, TypeError):
            rows, token = None, None
        if not isinstance(rows, list) or not isinstance(token, str | None):
            raise TransientError(f"The shop's answer to GET /{path} is not a page of records.")
        return rows, token

    def _last_change(self, path: str, rows: list[mapping.Row], at: datetime | None) -> datetime:
        try:
            last = datetime.fromisoformat(rows[-1]["updated_at"])
            return last if at is None else max(last, at)
        except (KeyError, TypeError, ValueError):
            raise TransientError(f"The shop does not say when the last record of {path} changed.") from None

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
        return Receipt(row["id"], datetime.fromisoformat(row["at"]), row.get("repeated", False))
