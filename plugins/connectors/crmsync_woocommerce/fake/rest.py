"""The shop's REST API: routes, pushes, errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crmsync_woocommerce.fake import listing, show
from crmsync_woocommerce.fake.listing import Invalid, Paged
from crmsync_woocommerce.fake.markup import filtered, unslashed
from crmsync_woocommerce.fake.shop import Entry, Shop
from crmsync_woocommerce.fake.signature import Gate, Refused

_LONGEST_NOTE = 65_535


@dataclass(slots=True)
class Reply:
    """A status, a body and headers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Rest:
    """Answers for one shop.

    `plain_permalinks`: only `?rest_route=` leads to the API. `before`, `behind`: bytes that PHP prints around
    every answer.
    """

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.gate = Gate(shop)
        self.plain_permalinks = False
        self.before = b""
        self.behind = b""
        self.calls: list[tuple[str, str, dict[str, str]]] = []

    def __call__(
        self, method: str, url: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """`url` has no query; header names are in lower case."""
        route = self._route(url, query)
        if route is None:
            return Reply(404, b"<!DOCTYPE html><title>Not found</title>", {"Content-Type": "text/html"})
        self.calls.append((method, route, dict(query)))
        try:
            reply = self._answer(method, route, url, query, headers, body)
        except Refused as refused:
            reply = _error(401, refused.code, refused.message)
        except Invalid as parameter:
            reply = _error(400, "rest_invalid_param", f"Invalid parameter(s): {parameter}")
        reply.body = self.before + reply.body + self.behind
        return reply

    def _route(self, url: str, query: Mapping[str, str]) -> str | None:
        if "rest_route" in query:
            return query["rest_route"].strip("/")
        _, found, route = url.partition("/wp-json/")
        return None if self.plain_permalinks or not found else route.strip("/")

    def _answer(
        self,
        method: str,
        route: str,
        url: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> Reply:
        if not route:
            # WordPress's own application passwords: whoever is not among its users is refused.
            if self.shop.secure and "authorization" in headers:
                return _error(401, "invalid_username", "Unknown username.")
            return _json(self._index())
        self.gate.admit(method, url, query, headers)
        path = route.removeprefix("wc/v3/")
        if method == "GET":
            return self._get(path, query)
        try:
            given = json.loads(body)
        except ValueError:
            return _error(400, "rest_invalid_json", "Invalid JSON body passed.")
        if path == "coupons":
            return self._add_coupon(given)
        if found := re.fullmatch(r"orders/(\d+)/notes", path):
            return self._add_note(int(found[1]), given)
        return _no_route()

    def _get(self, path: str, query: Mapping[str, str]) -> Reply:
        shop = self.shop
        lists: dict[str, tuple[Callable[..., Paged], Callable[..., show.Shown]]] = {
            "orders": (listing.orders, show.order),
            "products": (listing.products, show.product),
            "customers": (listing.customers, show.customer),
            "products/reviews": (listing.reviews, show.review),
            "coupons": (listing.coupons, show.coupon),
        }
        if path in lists:
            find, write = lists[path]
            return self._list(path, find(shop, query), write, query)
        if path == "refunds" and shop.version >= (9, 0):
            found = listing.refunds(shop, query)
            return self._list(path, found, lambda s, e: show.refund(s, e, with_parent=True), query)
        if match := re.fullmatch(r"orders/(\d+)/refunds", path):
            # An order that does not exist has no refunds; that is no error.
            found = listing.refunds(shop, query, int(match[1]))
            return self._list(path, found, lambda s, e: show.refund(s, e, with_parent=False), query)
        if match := re.fullmatch(r"orders/(\d+)/notes", path):
            return self._notes(int(match[1]), query)
        if match := re.fullmatch(r"(orders|customers)/(\d+)", path):
            return self._one(match[1], int(match[2]), query)
        if path == "data/currencies/current":
            return _json({"code": shop.currency, "name": "", "symbol": ""})
        return _no_route()

    def _list(
        self, path: str, found: Paged, write: Callable[[Shop, Entry], show.Shown], query: Mapping[str, str]
    ) -> Reply:
        rows = [_only(write(self.shop, entry), query) for entry in found.entries]
        headers = {"X-WP-Total": str(found.total), "X-WP-TotalPages": str(found.pages)}
        reply = _json(rows, headers=headers)
        self.shop.after_list(path)
        return reply

    def _one(self, kind: str, id: int, query: Mapping[str, str]) -> Reply:
        entries, write, code = {
            "orders": (self.shop.orders, show.order, "woocommerce_rest_shop_order_invalid_id"),
            "customers": (self.shop.customers, show.customer, "wc_user_invalid_id"),
        }[kind]
        if id not in entries:
            return _error(404, code, "Invalid ID.")
        return _json(_only(write(self.shop, entries[id]), query))

    def _notes(self, order: int, query: Mapping[str, str]) -> Reply:
        if order not in self.shop.orders:
            return _error(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.")
        wanted = {"customer": (True,), "internal": (False,)}.get(query.get("type", "any"), (True, False))
        notes = [n for n in self.shop.notes.values() if n["order"] == order and n["customer_note"] in wanted]
        return _json([show.note(self.shop, note) for note in reversed(notes)])

    def _add_note(self, order: int, given: Any) -> Reply:
        if order not in self.shop.orders:
            return _error(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.")
        if "note" not in given:
            return _error(400, "rest_missing_callback_param", "Missing parameter(s): note")
        if not isinstance(given.get("customer_note", False), bool):
            raise Invalid("customer_note")
        text = unslashed(given["note"])
        text = filtered(text) if self.shop.version >= (11, 0) else text
        if len(text.encode()) > _LONGEST_NOTE:
            return _error(500, "woocommerce_api_cannot_create_order_note", "Cannot create order note.")
        to_buyer = bool(given.get("customer_note", False))
        note = self._keep_note(order, text, to_buyer=to_buyer)
        email = self.shop.orders[order]["email"]
        if to_buyer and email:
            self.shop.mails.append((email, text.replace("\n", "<br />\n")))
            if self.shop.version >= (11, 0):
                self._keep_note(order, 'Email "Customer note" sent.', to_buyer=False)
        return _json(show.note(self.shop, note), 201)

    def _keep_note(self, order: int, text: str, *, to_buyer: bool) -> Entry:
        id = self.shop.next_id()
        self.shop.notes[id] = {
            "id": id,
            "order": order,
            "note": text,
            "customer_note": to_buyer,
            "created": self.shop.now,
        }
        return self.shop.notes[id]

    def _add_coupon(self, given: Any) -> Reply:
        code = str(given.get("code", "")).lower()
        if any(coupon["body"]["code"] == code for coupon in self.shop.coupons.values()):
            message = "The coupon code already exists"
            return _error(400, "woocommerce_rest_coupon_code_already_exists", message)
        id = self.shop.next_id()
        self.shop.coupons[id] = {"id": id, "created": self.shop.now, "body": {**given, "code": code}}
        return _json(show.coupon(self.shop, self.shop.coupons[id]), 201)

    def _index(self) -> dict[str, Any]:
        offset = self.shop.now.astimezone(self.shop.clock).utcoffset()
        return {
            "name": "Peer Woo",
            "home": "https://shop.test",
            "gmt_offset": offset.total_seconds() / 3600 if offset is not None else 0,
            "timezone_string": self.shop.zone,
            "namespaces": ["oembed/1.0", "wc/v3", "wc/v2", "wp/v2"],
        }


def _only(row: show.Shown, query: Mapping[str, str]) -> show.Shown:
    fields = {name.partition(".")[0] for name in query.get("_fields", "").split(",") if name}
    return {name: value for name, value in row.items() if name in fields} if fields else row


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    told = {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}
    return Reply(status, json.dumps(body, ensure_ascii=False).encode(), told)


def _error(status: int, code: str, message: str) -> Reply:
    return _json({"code": code, "message": message, "data": {"status": status}}, status)


def _no_route() -> Reply:
    return _error(404, "rest_no_route", "No route was found matching the URL and request method.")
