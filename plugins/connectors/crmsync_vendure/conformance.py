"""A Vendure server in memory that answers as a real one does, to try this connector against."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from crmsync.sdk import OutgoingMessage, Receipt
from crmsync.testing.conformance import Answer, OrderTruth, Platform, Request, answered
from crmsync_vendure import queries
from crmsync_vendure.connector import VendureConnector

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
KEY = "lookup-id:conformance-secret"
STATES = (
    ("Delivered", "delivered"),
    ("PaymentSettled", "paid"),
    ("Shipped", "shipped"),
    ("Cancelled", "cancelled"),
    ("PartiallyDelivered", "shipped"),
    ("ReadyToCollect", "delivered"),
)
Row = dict[str, Any]


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _stamped(n: int, **fields: Any) -> Row:
    """A row that was made and changed some hours ago; two in a row share their moment."""
    at = _iso(NOW - timedelta(hours=200 - n // 2))
    return {"id": str(n), "createdAt": at, "updatedAt": at, "notes": [], **fields}


def _order(n: int) -> Row:
    made = _stamped(
        n,
        state=STATES[n % len(STATES)][0],
        currencyCode="JPY" if n % 5 == 0 else "USD",
        total=2000 + 100 * n,
        totalWithTax=2500 + 100 * n,
        shippingWithTax=500,
        customer={"id": str(n % 12)},
        discounts=[{"amountWithTax": -300}],
        lines=[
            {
                "id": f"9{n}",
                "quantity": 2,
                "unitPriceWithTax": 1150,
                "discountedLinePriceWithTax": 2000,
                "productVariant": {"name": "Lamp 灯", "product": {"id": str(n % 12)}},
            }
        ],
    )
    at = made["orderPlacedAt"] = made["createdAt"]
    refund = {
        "createdAt": at,
        "updatedAt": at,
        "total": 700,
        "reason": "broken",
        "lines": [{"orderLineId": f"9{n}"}],
    }
    refunds = [{"id": f"7{n}", "state": "Settled", **refund}] if n % 2 else []
    made["payments"] = [{"createdAt": at, "state": "Settled", "refunds": refunds}]
    made["fulfillments"] = [{"createdAt": at, "updatedAt": at, "state": "Delivered"}]
    made["history"] = {"items": [{"createdAt": at, "data": {"from": "PaymentSettled", "to": made["state"]}}]}
    return made


class VendurePlatform(Platform):
    connector = VendureConnector

    def __enter__(self) -> VendurePlatform:
        address = {"city": "Łódź", "province": "", "country": {"code": "PL"}, "defaultShippingAddress": True}
        name = {"firstName": "Zoë", "lastName": "Łuczak"}
        self.tables: dict[str, list[Row]] = {
            "orders": [_order(n) for n in range(24)],
            "customers": [
                _stamped(
                    n,
                    emailAddress=f"zoe{n}@example.com",
                    phoneNumber=f"+44113222{n:04d}",
                    user={"verified": True},
                    addresses=[address],
                    customFields={"tags": None},
                    **name,
                )
                for n in range(16)
            ],
            "products": [
                _stamped(
                    n,
                    name=f"Lamp {n}",
                    collections=[{"name": "Lamps", "breadcrumbs": [{"id": "1"}]}],
                    variants=[{"priceWithTax": 1150, "currencyCode": "USD"}],
                )
                for n in range(16)
            ],
        }
        # A cart is in the list of orders too.
        self.tables["orders"].append({**_order(24), "state": "AddingItems", "orderPlacedAt": None})
        return self

    def settings(self) -> Mapping[str, Any]:
        return {
            "url": "https://vendure.test/admin-api",
            "api_key": KEY,
            "tag_field": "tags",
            "states": {"ReadyToCollect": "delivered"},
            "page_size": self.page_size,
            "rate": "10/s",
        }

    def now(self) -> datetime:
        return NOW

    def answer(self, request: Request) -> Answer:
        if request.headers.get("vendure-api-key") != KEY:
            return _error("FORBIDDEN")
        body = json.loads(request.body)
        return self._resolve(body["query"], body["variables"])

    def _resolve(self, query: str, variables: Mapping[str, Any]) -> Answer:
        for path, document in queries.LISTS.values():
            if query == document:
                return self._list(path, variables)
        given = variables.get("input", variables)
        if query == queries.SHOP:
            channel = {"id": "1", "code": "__default_channel__", "defaultCurrencyCode": "USD"}
            return answered({"data": {"activeChannel": channel}})
        table = "orders" if query in (queries.NOTE_ON_ORDER, queries.ORDER_NOTES) else "customers"
        row = next((row for row in self.tables[table] if row["id"] == given["id"]), None)
        if row is None:
            return _error("ENTITY_NOT_FOUND")
        if query == queries.tags("tags"):
            return answered({"data": {"customer": row}})
        if query == queries.TAG:
            row.update(customFields=given["customFields"], updatedAt=_iso(NOW))
            return answered({"data": {"updateCustomer": {"__typename": "Customer", "id": row["id"]}}})
        if "note" in given:
            entry = {"createdAt": _iso(NOW), "data": {"note": given["note"]}}
            row["notes"].insert(0, {"id": f"{row['id']}-{len(row['notes'])}", **entry})
        return answered({"data": {"written": {"history": {"items": row["notes"]}}}})

    def _list(self, path: str, variables: Mapping[str, Any]) -> Answer:
        if variables["take"] > 1000:
            return _error("USER_INPUT_ERROR")
        rows = self.tables[path]
        for condition in variables["filter"].get("_and", ()):
            [(field, operators)] = condition.items()
            rows = [row for row in rows if _holds(row[field], operators)]
        [field] = variables["sort"]
        rows = sorted(rows, key=lambda row: (row[field] is not None, row[field]))
        page = rows[variables["skip"] : variables["skip"] + variables["take"]]
        return answered({"data": {path: {"totalItems": len(rows), "items": page}}})

    def _refunds(self) -> list[tuple[list[Row], Row]]:
        lists = [order["payments"][0]["refunds"] for order in self.tables["orders"]]
        return [(refunds, refund) for refunds in lists for refund in refunds]

    def count(self, stream: str) -> int:
        return len(self._refunds()) if stream == "refunds" else len(self.tables[stream])

    def orders(self) -> Mapping[str, OrderTruth]:
        return {
            row["id"]: OrderTruth(
                STATES[n % len(STATES)][1],
                25 + n if row["currencyCode"] == "JPY" else 2500 + 100 * n,
                row["currencyCode"],
                len(row["lines"]),
            )
            for n, row in enumerate(self.tables["orders"])
            if row["orderPlacedAt"]
        }

    def keep(self, stream: str, count: int) -> bool:
        if stream == "refunds":
            for refunds, refund in self._refunds()[count:]:
                refunds.remove(refund)
            return len(self._refunds()) == count
        enough = len(self.tables[stream]) >= count
        del self.tables[stream][count:]
        return enough

    def tie(self, stream: str, count: int) -> Collection[str]:
        if stream == "refunds":
            return ()
        for row in self.tables[stream][:count]:
            row["updatedAt"] = _iso(NOW)
        return [row["id"] for row in self.tables[stream][:count]]

    def change(self, stream: str) -> Collection[str]:
        if stream != "refunds":
            return self.tie(stream, 1)
        at = {"createdAt": _iso(NOW), "updatedAt": _iso(NOW)}
        made = {"id": "799", "state": "Pending", "total": 100, "reason": None, "lines": [], **at}
        self.tables["orders"][0]["payments"][0]["refunds"].append(made)
        return ["799"]

    def account(self) -> str:
        return "3"

    def message(self) -> OutgoingMessage:
        return replace(super().message(), order_id="5")

    def push(self, connector: VendureConnector, name: str, key: str) -> Receipt:
        if name == "tag_customer":
            # A tag that is there already has no second effect, whatever its key.
            return connector.tag_customer(self.account(), f"tag {key}", key)
        return super().push(connector, name, key)

    def effects(self, push: str) -> int:
        if push == "tag_customer":
            return sum(len(row["customFields"]["tags"] or ()) for row in self.tables["customers"])
        table = {"send_message": "orders", "add_note": "customers"}[push]
        return sum(len(row["notes"]) for row in self.tables[table])


def _error(code: str) -> Answer:
    return answered({"errors": [{"message": "…", "extensions": {"code": code}}], "data": None})


def _holds(value: str | None, operators: Mapping[str, Any]) -> bool:
    """Vendure's operators on dates; both bounds are strict."""
    if "isNull" in operators:
        return (value is None) == operators["isNull"]
    if value is None:
        return False
    if "after" in operators:
        return value > operators["after"]
    return value < str(operators["before"])
