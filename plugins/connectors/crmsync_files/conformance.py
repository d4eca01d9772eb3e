"""A folder of small exports, to try this connector against."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from crmsync.testing.conformance import OrderTruth, Platform
from crmsync_files.connector import FilesConnector

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
STATUS = {"PAID": "paid", "SENT": "shipped", "CLOSED": "cancelled", "REFUNDED": "refunded"}
Row = dict[str, str]


class FilesPlatform(Platform):
    """Orders and customers in two files, each written anew when it changes."""

    connector = FilesConnector
    page_size = 4

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory()
        self.tables = {
            "customers": [_customer(n) for n in range(17)],
            "orders": [_order(n) for n in range(17)],
        }
        for stream in self.tables:
            self._write(stream)
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def settings(self) -> dict[str, Any]:
        customers = {"name": "name", "email": "email", "city": "city", "updated_at": "changed"}
        orders = {
            "customer_id": "buyer",
            "status": {"column": "status", "values": STATUS},
            "total": "total",
            "placed_at": "placed",
            "updated_at": "changed",
        }
        return {
            "currency": "EUR",
            "page_size": self.page_size,
            "times": {"zone": "UTC"},
            "exports": {
                "customers": {"file": self._file("customers"), "identity": "id", "fields": customers},
                "orders": {"file": self._file("orders"), "identity": "id", "fields": orders},
            },
        }

    def now(self) -> datetime:
        return NOW

    def count(self, stream: str) -> int:
        return len(self.tables[stream])

    def orders(self) -> Mapping[str, OrderTruth]:
        return {
            row["id"]: OrderTruth(STATUS[row["status"]], int(row["total"].replace(".", "")), "EUR")
            for row in self.tables["orders"]
        }

    def keep(self, stream: str, count: int) -> bool:
        del self.tables[stream][count:]
        self._write(stream)
        return len(self.tables[stream]) == count

    def tie(self, stream: str, count: int) -> Collection[str]:
        for row in self.tables[stream][:count]:
            row["changed"] = NOW.isoformat()
        self._write(stream)
        return [row["id"] for row in self.tables[stream][:count]]

    def change(self, stream: str) -> Collection[str]:
        return self.tie(stream, 1)

    def _file(self, stream: str) -> Path:
        return Path(self._folder.name) / f"{stream}.csv"

    def _write(self, stream: str) -> None:
        names = list(_customer(0) if stream == "customers" else _order(0))
        with self._file(stream).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.tables[stream])


def _changed(number: int) -> str:
    return (NOW - timedelta(days=30 - number)).isoformat()


def _customer(number: int) -> Row:
    return {
        "id": f"C{number}",
        "name": f"客户 Customer {number}",
        "email": f"customer{number}@example.com",
        "city": "杭州 Hangzhou",
        "changed": _changed(number),
    }


def _order(number: int) -> Row:
    return {
        "id": f"O{number}",
        "buyer": f"C{number}",
        "status": list(STATUS)[number % len(STATUS)],
        "total": f"{number + 10}.{number % 10}9",
        "placed": _changed(number),
        "changed": _changed(number),
    }
