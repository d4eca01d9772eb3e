"""Medusa: how its admin API is called, paged and pushed to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests

from crmsync.sdk import (
    BasicAuth,
    Changes,
    Connector,
    Cursor,
    Customer,
    Order,
    Page,
    PermanentError,
    Product,
    Rate,
    Receipt,
    Refund,
    Review,
    Shop,
    listed,
    push,
    stream,
    to_time,
    walk_changes,
)
from crmsync.sdk.message import Idempotency
from crmsync_medusa import mapping
from crmsync_medusa.settings import MedusaSettings


class MedusaConnector(Connector[MedusaSettings]):
    """One shop on a Medusa server."""

    name = "medusa"
    title = "Medusa"
    platform = "medusa"
    Settings = MedusaSettings

    def auth(self) -> requests.auth.AuthBase:
        # Medusa takes a secret key as the user, with no password.
        return BasicAuth(self.settings.api_key.get_secret_value(), "")

    def rate_limits(self) -> Mapping[str, Rate]:
        return {"default": self.settings.rate} if self.settings.rate else {}

    def offers(self) -> Collection[str]:
        return [name for name in self.streams() if name != "reviews" or self.settings.reviews]

    def accepts(self) -> Mapping[str, Idempotency]:
        return {
            name: mode
            for name, mode in self.pushes().items()
            if name != "reply_review" or self.settings.reviews
        }

    def check(self) -> Shop:
        stores, _ = self._list("stores", {"limit": 1})
        if not stores:
            raise PermanentError("The Medusa server has no store.", fix="Create one in its admin.")
        currency = next(
            (c["currency_code"] for c in stores[0]["supported_currencies"] if c["is_default"]), None
        )
        return Shop(stores[0]["name"], currency=currency and currency.upper(), id=stores[0]["id"])

    @stream(Product, snapshot=True)
    def products(self, since: Cursor) -> Iterator[Page]:
        return self._changed("products", since)

    @stream(Customer, mapping.customer, snapshot=True)
    def customers(self, since: Cursor) -> Iterator[Page]:
        return self._changed("customers", since)

    @stream(Order, mapping.order)
    def orders(self, since: Cursor) -> Iterator[Page]:
        return self._changed("orders", since)

    @stream(Refund, mapping.refund)
    def refunds(self, since: Cursor) -> Iterator[Page]:
        """Those of the orders that changed: a refund changes its order."""
        for page in self._changed("orders", since, mapping.FIELDS["refunds"]):
            rows = [refund for order in page.payloads for refund in mapping.refunds(order)]
            yield replace(page, payloads=rows, total=None)

    @stream(Review, mapping.review, snapshot=True)
    def reviews(self, since: Cursor) -> Iterator[Page]:
        """What changed, and the latest ones once more: an answer of the shop does not change a review."""
        if since.at is not None and since.until is None:
            young = Cursor(at=since.at - self.settings.replies_within)
            for page in self._changed("product-reviews", young, by="created_at"):
                yield replace(page, cursor=since)
        yield from self._changed("product-reviews", since)

    @products.mapping
    def product(self, row: mapping.Row) -> Product:
        return mapping.product(row, self.settings.currency)

    def _changed(self, path: str, since: Cursor, fields: str = "", by: str = "updated_at") -> Iterator[Page]:
        def listing(changes: Changes) -> tuple[list[mapping.Row], int | None]:
            params = {
                "fields": fields or mapping.FIELDS[path],
                "limit": self.settings.page_size,
                "offset": changes.skip,
                "order": "id" if changes.by_id else by,
            }
            # A time that Medusa cannot read is a 500 there.
            if changes.since is not None:
                params[f"{by}[$gte]"] = _written(changes.since)
            if changes.until is not None:
                params[f"{by}[$lt]"] = _written(changes.until)
            return self._list(path, params)

        return walk_changes(since, listing, lambda row: to_time(row[by]))

    def _list(self, path: str, params: Mapping[str, Any]) -> tuple[list[Any], int | None]:
        body = self.http.get_json(self._url(path), params=params)
        return listed(body, path.replace("-", "_")), body.get("count")

    def _url(self, *parts: str) -> str:
        path = "/".join(quote(part, safe="") for part in parts)
        return f"{self.settings.base_url.rstrip('/')}/admin/{path}"

    @push("key")
    def add_note(self, account_id: str, text: str, key: str) -> Receipt:
        """Keep a note in the customer's metadata. Its name there is the key, so a second one is the first."""
        name = f"crmsync_{key}"
        self._post("customers", account_id, {"metadata": {name: text}})
        return Receipt(name)

    @push("key")
    def tag_customer(self, account_id: str, tag: str, key: str) -> Receipt:
        """Put the customer into the group of that name, which is made if there is none."""
        group = self._group(tag)
        self._post("customer-groups", group, {"add": [account_id]}, "customers")
        return Receipt(group)

    @push("key")
    def reply_review(self, review_id: str, text: str, key: str) -> Receipt:
        """Answer a review. Medusa keeps one answer for each, and refuses a second.

        Raises PermanentError when somebody has answered it in other words.
        """
        try:
            answer = self._post("product-reviews", review_id, {"content": text}, "response")
        except PermanentError:
            rows, _ = self._list("product-reviews", {"id": review_id, "fields": "id,*response"})
            response = rows[0]["response"] if rows else None
            if response is None or response["content"] != text:
                raise
            return Receipt(response["id"], to_time(response["created_at"]), repeated=True)
        response = answer["product_review_response"]
        return Receipt(response["id"], to_time(response["created_at"]))

    def _group(self, name: str) -> str:
        found = self._group_named(name)
        if found is None:
            try:
                answer = self.http.request_json(
                    "POST", self._url("customer-groups"), json={"name": name}, idempotent=True
                )
                return str(answer["customer_group"]["id"])
            except PermanentError:
                # Group names are unique: another process, or a try whose answer was lost, has made it.
                found = self._group_named(name)
                if found is None:
                    raise
        return found

    def _group_named(self, name: str) -> str | None:
        groups, _ = self._list("customer-groups", {"name": name, "fields": "id,name"})
        return next((group["id"] for group in groups if group["name"] == name), None)

    def _post(self, kind: str, id: str, body: Any, *rest: str) -> Any:
        # Each of these leaves the same behind when it is sent twice.
        return self.http.request_json("POST", self._url(kind, id, *rest), json=body, idempotent=True)


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
