"""A Medusa server in memory that answers as a real one does, to try this connector against."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from crmsync.sdk import Receipt
from crmsync.testing.conformance import Answer, OrderTruth, Platform, Request, answered
from crmsync_medusa.connector import MedusaConnector

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
KEY = "sk_conformance"
STATES = (
    ("completed", "captured", "delivered", "completed"),
    ("pending", "not_paid", "not_fulfilled", "pending"),
    ("pending", "captured", "shipped", "shipped"),
    ("canceled", "canceled", "canceled", "cancelled"),
    ("completed", "refunded", "delivered", "refunded"),
    ("pending", "captured", "delivered", "delivered"),
    ("pending", "partially_refunded", "partially_fulfilled", "paid"),
)
Row = dict[str, Any]


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _stamped(id: str, n: int, **fields: Any) -> Row:
    """A row that was made and changed some hours ago; two in a row share their moment."""
    at = _iso(NOW - timedelta(hours=200 - n // 2))
    return {"id": id, "created_at": at, "updated_at": at, **fields}


def _order(n: int) -> Row:
    status, payment, parcel, _ = STATES[n % len(STATES)]
    line = {"id": f"ordli_{n}", "product_id": f"prod_{n % 12}", "product_title": "Jar 罐", "title": "Jar"}
    made = _stamped(
        f"order_{n}",
        n,
        status=status,
        payment_status=payment,
        fulfillment_status=parcel,
        customer_id=f"cus_{n % 12}",
        currency_code="eur",
        total=20.5 + n,
        credit_line_total=0,
        tax_total=0,
        discount_total=0,
        shipping_total=4,
        items=[{**line, "quantity": 2, "unit_price": 8.25, "total": 16.5}],
    )
    at = made["created_at"]
    refund = {"id": f"ref_{n}", "amount": 3.2, "note": "broken", "refund_reason": None}
    refunds = [{**refund, "created_at": at, "updated_at": at}] if n % 7 >= 3 else []
    made["canceled_at"] = at if status == "canceled" else None
    made["fulfillments"] = [{"shipped_at": at, "delivered_at": at, "canceled_at": None}]
    made["payment_collections"] = [{"payments": [{"captured_at": at, "refunds": refunds}]}]
    return made


class MedusaPlatform(Platform):
    connector = MedusaConnector

    def __enter__(self) -> MedusaPlatform:
        address = {"country_code": "gb", "province": None, "city": "Leeds", "is_default_shipping": True}
        name = {"first_name": "Zoë", "last_name": "Łuczak", "company_name": None}
        self.tables: dict[str, list[Row]] = {
            "orders": [_order(n) for n in range(24)],
            "customers": [
                _stamped(
                    f"cus_{n}",
                    n,
                    email=f"zoe{n}@example.com",
                    phone=f"+44113222{n:04d}",
                    has_account=True,
                    addresses=[address],
                    metadata=None,
                    **name,
                )
                for n in range(16)
            ],
            "products": [
                _stamped(
                    f"prod_{n}",
                    n,
                    title=f"Jar {n}",
                    categories=[{"name": "Jars"}],
                    collection=None,
                    variants=[{"prices": [{"amount": 8.25, "currency_code": "eur"}]}],
                )
                for n in range(16)
            ],
            "product-reviews": [
                _stamped(
                    f"prev_{n}",
                    n,
                    rating=1 + n % 5,
                    content="Good 好",
                    product_id=f"prod_{n % 12}",
                    order_id=f"order_{n}",
                    order={"customer_id": f"cus_{n % 12}"},
                    response=None,
                )
                for n in range(16)
            ],
            "customer-groups": [],
            "stores": [
                _stamped(
                    "store_1",
                    0,
                    name="Medusa Store",
                    supported_currencies=[{"currency_code": "eur", "is_default": True}],
                )
            ],
        }
        self.members: set[tuple[str, str]] = set()
        self.answered_for: dict[str, str] = {}
        return self

    def settings(self) -> Mapping[str, Any]:
        return {
            "base_url": "https://medusa.test",
            "api_key": KEY,
            "reviews": True,
            "page_size": self.page_size,
            "rate": "10/s",
        }

    def now(self) -> datetime:
        return NOW

    def answer(self, request: Request) -> Answer:
        signed = base64.b64encode(f"{KEY}:".encode()).decode()
        if request.headers.get("authorization") != f"Basic {signed}":
            return answered({"message": "Unauthorized"}, 401)
        body = json.loads(request.body) if request.body else {}
        match request.method, request.path.removeprefix("/admin/").split("/"):
            case "GET", [path] if path in self.tables:
                return self._list(path, request.query)
            case "POST", ["customers", id]:
                row = self._row("customers", id)
                row["metadata"] = {**(row["metadata"] or {}), **body["metadata"]}
                row["updated_at"] = _iso(NOW)
                return answered({"customer": row})
            case "POST", ["customer-groups"]:
                return self._new_group(body["name"])
            case "POST", ["customer-groups", id, "customers"]:
                self.members |= {(id, customer) for customer in body["add"]}
                return answered({"customer_group": self._row("customer-groups", id)})
            case "POST", ["product-reviews", id, "response"]:
                return self._respond(self._row("product-reviews", id), body["content"])
        return answered({"type": "not_found", "message": "Not found"}, 404)

    def _row(self, path: str, id: str) -> Row:
        return next(row for row in self.tables[path] if row["id"] == id)

    def _list(self, path: str, query: Mapping[str, str]) -> Answer:
        rows = self.tables[path]
        for field in ("created_at", "updated_at"):
            low, high = query.get(f"{field}[$gte]"), query.get(f"{field}[$lt]")
            try:
                rows = [
                    row
                    for row in rows
                    if (not low or datetime.fromisoformat(row[field]) >= datetime.fromisoformat(low))
                    and (not high or datetime.fromisoformat(row[field]) < datetime.fromisoformat(high))
                ]
            except ValueError:
                return answered({"code": "unknown_error", "message": "An unknown error occurred."}, 500)
        rows = [
            row for row in rows if all(row[name] == query[name] for name in ("id", "name") if name in query)
        ]
        rows = sorted(rows, key=lambda row: str(row[query.get("order", "id")]))
        skip, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
        told = {"count": len(rows), "offset": skip, "limit": limit}
        return answered({path.replace("-", "_"): rows[skip : skip + limit], **told})

    def _new_group(self, name: str) -> Answer:
        if any(group["name"] == name for group in self.tables["customer-groups"]):
            message = f"Customer group with name: {name}, already exists."
            return answered({"type": "invalid_data", "message": message}, 400)
        group = _stamped(f"cusgroup_{len(self.tables['customer-groups'])}", 0, name=name)
        self.tables["customer-groups"].append(group)
        return answered({"customer_group": group})

    def _respond(self, review: Row, content: str) -> Answer:
        if review["response"]:
            return answered(
                {"type": "invalid_data", "message": "Product review response … already exists."}, 400
            )
        review["response"] = {"id": f"prr_{review['id']}", "content": content, "created_at": _iso(NOW)}
        return answered({"product_review_response": review["response"]})

    def _table(self, stream: str) -> list[Row]:
        return self.tables["product-reviews" if stream == "reviews" else stream]

    def _refunds(self) -> list[tuple[list[Row], Row]]:
        lists = [order["payment_collections"][0]["payments"][0]["refunds"] for order in self.tables["orders"]]
        return [(refunds, refund) for refunds in lists for refund in refunds]

    def count(self, stream: str) -> int:
        return len(self._refunds()) if stream == "refunds" else len(self._table(stream))

    def orders(self) -> Mapping[str, OrderTruth]:
        return {
            row["id"]: OrderTruth(STATES[n % len(STATES)][3], 2050 + 100 * n, "EUR", len(row["items"]))
            for n, row in enumerate(self.tables["orders"])
        }

    def keep(self, stream: str, count: int) -> bool:
        if stream == "refunds":
            for refunds, refund in self._refunds()[count:]:
                refunds.remove(refund)
            return len(self._refunds()) == count
        rows = self._table(stream)
        enough = len(rows) >= count
        del rows[count:]
        return enough

    def tie(self, stream: str, count: int) -> Collection[str]:
        if stream == "refunds":
            return ()
        for row in self._table(stream)[:count]:
            row["updated_at"] = _iso(NOW)
        return [row["id"] for row in self._table(stream)[:count]]

    def change(self, stream: str) -> Collection[str]:
        if stream != "refunds":
            return self.tie(stream, 1)
        order = self.tables["orders"][1]
        at = order["updated_at"] = _iso(NOW)
        made = {"id": "ref_new", "amount": 1, "note": None, "refund_reason": None}
        refunds = order["payment_collections"][0]["payments"][0]["refunds"]
        refunds.append({**made, "created_at": at, "updated_at": at})
        return ["ref_new"]

    def account(self) -> str:
        return "cus_3"

    def push(self, connector: MedusaConnector, name: str, key: str) -> Receipt:
        match name:
            case "tag_customer":
                # A tag that is there already has no second effect, whatever its key.
                return connector.tag_customer(self.account(), f"tag {key}", key)
            case "reply_review":
                review = self.answered_for.setdefault(key, f"prev_{len(self.answered_for)}")
                return connector.reply_review(review, "Thank you 谢谢", key)
            case _:
                return super().push(connector, name, key)

    def effects(self, push: str) -> int:
        match push:
            case "add_note":
                notes = [row["metadata"] or {} for row in self.tables["customers"]]
                return sum(name.startswith("crmsync_") for names in notes for name in names)
            case "tag_customer":
                return len(self.members)
            case _:
                return sum(row["response"] is not None for row in self.tables["product-reviews"])
