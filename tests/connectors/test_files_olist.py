"""The example configuration of the Olist exports, on the real files."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from crmsync_files.connector import FilesConnector
from files_case import Exports, pull, records
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("CRMSYNC_SHARED", ROOT.parent / "shared"))
OLIST = SHARED / "data" / "olist"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not OLIST.is_dir(), reason="the Olist files are not beside the project (CRMSYNC_SHARED)"
    ),
]


@pytest.fixture(scope="module")
def olist(tmp_path_factory: pytest.TempPathFactory) -> FilesConnector:
    text = (ROOT / "config" / "examples" / "olist.yaml").read_text("utf-8")
    text = text.replace("${env:CRMSYNC_SHARED:-../../../shared}", str(SHARED.resolve()))
    (connection,) = YAML(typ="safe").load(text)["connections"]
    settings = {key: value for key, value in connection.items() if key not in ("id", "connector")}
    return Exports(tmp_path_factory.mktemp("olist")).open(**settings)


def rows(name: str) -> list[dict[str, str]]:
    with gzip.open(OLIST / f"olist_{name}_dataset.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_order_is_read_and_its_money_adds_up(olist: FilesConnector) -> None:
    orders: list[Any] = records(olist)
    assert len({order.external_id for order in orders}) == 8135
    assert sum(len(order.lines) for order in orders) == 8365
    words = {"created": "pending", "canceled": "cancelled", "unavailable": "cancelled"}
    words |= dict.fromkeys(("approved", "invoiced", "processing"), "paid")
    status = {row["order_id"]: words.get(row["order_status"], row["order_status"]) for row in rows("orders")}
    paid: Counter[str] = Counter()
    for row in rows("order_payments"):
        paid[status[row["order_id"]]] += int(Decimal(row["payment_value"]) * 100)
    totals: Counter[str] = Counter()
    for order in orders:
        totals[order.status] += order.total
    assert totals == paid
    freight = sum(int(Decimal(row["freight_value"]) * 100) for row in rows("order_items"))
    assert sum(order.shipping for order in orders) == freight


def test_every_review_product_and_person_is_read(olist: FilesConnector) -> None:
    reviews: list[Any] = records(olist, "reviews")
    assert len({review.external_id for review in reviews}) == 8225
    assert all(review.customer_id for review in reviews)
    assert Counter(int(r.score) for r in reviews) == Counter(
        int(r["review_score"]) for r in rows("order_reviews")
    )
    assert len(records(olist, "products")) == 5460
    people = {order.customer_id for order in records(olist)}
    assert {customer.external_id for customer in records(olist, "customers")} == people
    assert len(people) == 8016


def test_the_second_run_reads_nothing(olist: FilesConnector) -> None:
    for stream in olist.offers():
        cursor = pull(olist, stream)[-1].cursor
        assert not any(page.payloads for page in pull(olist, stream, cursor))
