"""Lists: which entries a question is about, in which order, and the part of them on one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crmsync_woocommerce.fake.dates import InvalidDate, bound, column
from crmsync_woocommerce.fake.shop import Entry, Shop

Query = Mapping[str, str]


class Invalid(Exception):
    """A 400 `rest_invalid_param`, naming the parameter."""


_UNLISTED = frozenset({"trash", "checkout-draft", "auto-draft"})
_ORDERINGS = {
    "orders": ("date", "id", "include", "title", "slug", "modified"),
    "refunds": ("date", "id", "include", "title", "slug", "modified"),
    "products": ("date", "id", "include", "title", "slug", "modified", "price"),
    "customers": ("id", "include", "name", "registered_date"),
    "products/reviews": ("date", "date_gmt", "id", "include", "product"),
    "coupons": ("date", "id", "include", "title", "slug", "modified"),
}


@dataclass(frozen=True, slots=True)
class Paged:
    entries: list[Entry]
    total: int
    pages: int


def orders(shop: Shop, query: Query) -> Paged:
    asked = [word for word in query.get("status", "any").split(",") if word] or ["any"]
    for word in asked:
        if word not in ("any", "trash", "auto-draft", *shop.statuses):
            raise Invalid("status")
    kept: Iterable[Entry] = [
        entry
        for entry in shop.orders.values()
        if (entry["status"] not in _UNLISTED if "any" in asked else entry["status"] in asked)
    ]
    if "customer" in query:
        if not query["customer"].isdecimal():
            raise Invalid("customer")
        kept = [entry for entry in kept if entry["customer_id"] == int(query["customer"])]
    return _page(shop, "orders", _dated(shop, kept, query), query)


def refunds(shop: Shop, query: Query, order: int | None = None) -> Paged:
    kept = [entry for entry in shop.refunds.values() if order is None or entry["order"] == order]
    entries = [{**entry, "modified": entry["created"]} for entry in kept]
    return _page(shop, "refunds", _dated(shop, entries, query), query)


def products(shop: Shop, query: Query) -> Paged:
    return _page(shop, "products", shop.products.values(), query)


def customers(shop: Shop, query: Query) -> Paged:
    role = query.get("role", "customer")
    kept = [entry for entry in shop.customers.values() if role in ("all", entry["role"])]
    if "email" in query:
        if "@" not in query["email"]:
            raise Invalid("email")
        kept = [entry for entry in kept if entry["email"].lower() == query["email"].lower()]
    return _page(shop, "customers", kept, query)


def reviews(shop: Shop, query: Query) -> Paged:
    status = query.get("status", "approved")
    asked = ("approved", "hold") if status == "all" else (status,)
    kept: Iterable[Entry] = [entry for entry in shop.reviews.values() if entry["status"] in asked]
    # No `modified_after`, no `dates_are_gmt`: what is not known is ignored, and the wall clock is compared.
    for name, keeps in _BOUNDS:
        if name in query and not name.startswith("modified"):
            limit = _limit(shop, query, name, gmt=False, hpos=False)
            kept = [e for e in kept if keeps(column(e["created"], shop.clock, gmt=False), limit)]
    return _page(shop, "products/reviews", kept, query)


def coupons(shop: Shop, query: Query) -> Paged:
    kept = [e for e in shop.coupons.values() if query.get("code", e["body"]["code"]) == e["body"]["code"]]
    return _page(shop, "coupons", kept, query)


_BOUNDS: tuple[tuple[str, Callable[[datetime, datetime], bool]], ...] = (
    ("after", datetime.__gt__),
    ("before", datetime.__lt__),
    ("modified_after", datetime.__gt__),
    ("modified_before", datetime.__lt__),
)


def _dated(shop: Shop, entries: Iterable[Entry], query: Query) -> list[Entry]:
    gmt = query.get("dates_are_gmt", "false") in ("true", "1")
    kept = list(entries)
    for name, keeps in _BOUNDS:
        if name in query:
            field = "modified" if name.startswith("modified") else "created"
            limit = _limit(shop, query, name, gmt=gmt, hpos=shop.hpos)
            kept = [e for e in kept if keeps(column(e[field], shop.clock, gmt=gmt), limit)]
    return kept


def _limit(shop: Shop, query: Query, name: str, *, gmt: bool, hpos: bool) -> datetime:
    try:
        return bound(query[name], shop.clock, gmt=gmt, hpos=hpos)
    except InvalidDate:
        raise Invalid(name) from None


def _page(shop: Shop, path: str, entries: Iterable[Entry], query: Query) -> Paged:
    size, page = _number(query, "per_page", 10, 100), _number(query, "page", 1, 10**9)
    offset = int(query["offset"]) if query.get("offset") else size * (page - 1)
    if "include" in query:
        wanted = {int(id) for id in query["include"].split(",")}
        entries = [entry for entry in entries if entry["id"] in wanted]
    default = {"customers": "name", "products/reviews": "date_gmt"}.get(path, "date")
    orderby = query.get("orderby", default)
    if orderby not in _ORDERINGS[path] or query.get("order", "desc") not in ("asc", "desc"):
        raise Invalid("orderby")
    ordered = sorted(entries, key=_place(shop, path, orderby), reverse=query.get("order", "desc") == "desc")
    total = len(ordered)
    shown = ordered[offset : offset + size]
    if not shown and offset and shop.hpos and path in ("orders", "refunds"):
        return Paged([], 0, 0)
    return Paged(shown, total, -(-total // size))


def _place(shop: Shop, path: str, orderby: str) -> Callable[[Entry], Any]:
    """Own order tables hold UTC alone; posts are sorted by the wall clock."""
    utc = (shop.hpos and path in ("orders", "refunds")) or orderby == "date_gmt"
    if orderby == "modified":
        return lambda entry: (column(entry["modified"], shop.clock, gmt=utc), entry["id"])
    if orderby in ("date", "date_gmt"):
        return lambda entry: (column(entry["created"], shop.clock, gmt=utc), entry["id"])
    if orderby == "name":
        return lambda entry: (entry["first_name"], entry["id"])
    return lambda entry: entry["id"]


def _number(query: Query, name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Invalid(name)
    return int(text)
