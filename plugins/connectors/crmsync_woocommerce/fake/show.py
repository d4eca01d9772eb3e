"""The shop's entries as its API writes them: local times beside UTC, money as text, nulls here and there."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from crmsync_woocommerce.fake.shop import Entry, Shop

Shown = dict[str, Any]


def order(shop: Shop, entry: Entry) -> Shown:
    goods = Decimal(entry["quantity"]) * entry["price"]
    address = {
        "first_name": entry["first_name"],
        "last_name": entry["last_name"],
        "company": "",
        "address_1": "人民路4号",
        "city": "广州",
        "state": "CN19",
        "postcode": "510004",
        "country": "CN",
    }
    return {
        "id": entry["id"],
        "parent_id": 0,
        "status": entry["status"],
        "currency": entry["currency"],
        "prices_include_tax": False,
        **_times(shop, entry, "created", "modified", "paid", "completed"),
        "discount_total": _money(shop, 0),
        "discount_tax": _money(shop, 0),
        "shipping_total": _money(shop, entry["shipping"]),
        "shipping_tax": _money(shop, 0),
        "total": _money(shop, shop.total(entry)),
        "total_tax": _money(shop, entry["tax"]),
        "customer_id": entry["customer_id"],
        "billing": {**address, "email": entry["email"], "phone": entry["phone"]},
        "shipping": {**address, "phone": entry["phone"]},
        "number": str(entry["id"]),
        "meta_data": _meta(entry),
        "line_items": [
            {
                "id": entry["id"] * 10,
                "name": "T恤 (variable) - S",
                "product_id": entry["product_id"],
                "variation_id": 0,
                "quantity": entry["quantity"],
                "subtotal": _money(shop, goods),
                "subtotal_tax": _money(shop, entry["tax"]),
                "total": _money(shop, goods),
                "total_tax": _money(shop, entry["tax"]),
                "taxes": [],
                "meta_data": [],
                "sku": "SKU-1",
                "price": float(entry["price"]),
                "image": {"id": "", "src": ""},
                "parent_name": None,
            }
        ],
        "fee_lines": [],
        "refunds": [
            {"id": r["id"], "reason": r["reason"], "total": f"-{_money(shop, r['amount'])}"}
            for r in shop.refunds.values()
            if r["order"] == entry["id"]
        ],
        "currency_symbol": "¥",
        "_links": {"self": [{"href": f"http://shop.test/wp-json/wc/v3/orders/{entry['id']}"}]},
    }


def refund(shop: Shop, entry: Entry, *, with_parent: bool) -> Shown:
    return {
        "id": entry["id"],
        **({"parent_id": entry["order"]} if with_parent else {}),
        **_times(shop, entry, "created"),
        "amount": _money(shop, entry["amount"]),
        "reason": entry["reason"],
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": [
            {
                "id": entry["id"] * 10,
                "product_id": shop.orders[entry["order"]]["product_id"],
                "quantity": -1,
                "total": f"-{_money(shop, entry['amount'])}",
                "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(entry["order"] * 10)}],
            }
        ]
        if entry["order"] in shop.orders
        else [],
    }


def customer(shop: Shop, entry: Entry) -> Shown:
    names = {"first_name": entry["first_name"], "last_name": entry["last_name"]}
    address = {**names, "company": "", "city": "广州", "state": "CN19", "country": "CN"}
    return {
        "id": entry["id"],
        **_times(shop, entry, "created", "modified"),
        "email": entry["email"],
        **names,
        "role": entry["role"],
        "username": f"u{entry['id']}",
        "billing": {**address, "email": entry["email"], "phone": entry["phone"]},
        "shipping": {**address, "phone": ""},
        "is_paying_customer": any(o["customer_id"] == entry["id"] for o in shop.orders.values()),
        "meta_data": _meta(entry),
    }


def product(shop: Shop, entry: Entry) -> Shown:
    return {
        "id": entry["id"],
        "name": entry["name"],
        **_times(shop, entry, "created", "modified"),
        "type": "simple",
        "status": "publish",
        "price": _money(shop, entry["price"]),
        "regular_price": _money(shop, entry["price"]),
        "sale_price": "",
        "categories": [{"id": 15, "name": "Uncategorized", "slug": "uncategorized"}],
        "description": "",
        "meta_data": [],
    }


def review(shop: Shop, entry: Entry) -> Shown:
    return {
        "id": entry["id"],
        **_times(shop, entry, "created"),
        "product_id": entry["product_id"],
        "status": entry["status"],
        "reviewer": entry["reviewer"],
        "reviewer_email": entry["email"],
        "review": f"<p>{entry['text']}</p>\n",
        "rating": entry["rating"],
        "verified": entry["verified"],
    }


def note(shop: Shop, entry: Entry) -> Shown:
    return {
        "id": entry["id"],
        "author": "WooCommerce",
        **_times(shop, entry, "created"),
        "note": entry["note"],
        "customer_note": entry["customer_note"],
    }


def coupon(shop: Shop, entry: Entry) -> Shown:
    return {"id": entry["id"], "usage_count": 0, **_times(shop, entry, "created"), **entry["body"]}


_NAMES = {"created": "date_created", "modified": "date_modified", "paid": "date_paid"}


def _times(shop: Shop, entry: Entry, *names: str) -> Shown:
    shown: Shown = {}
    for name in names:
        field, time = _NAMES.get(name, f"date_{name}"), entry[name]
        shown[field] = None if time is None else _written(shop.wall(time))
        shown[f"{field}_gmt"] = None if time is None else _written(time.astimezone(UTC).replace(tzinfo=None))
    return shown


def _written(naive: datetime) -> str:
    return naive.strftime("%Y-%m-%dT%H:%M:%S")


def _money(shop: Shop, amount: Decimal | int) -> str:
    return f"{amount:.{shop.decimals}f}"


def _meta(entry: Entry) -> list[Shown]:
    return [{"id": n, "key": key, "value": value} for n, (key, value) in enumerate(entry["meta"].items())]
