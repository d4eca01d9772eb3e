"""The real Olist files through the whole house: every row kept, nothing done twice, both databases alike."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from crmsync.daemon.app import App
from crmsync.store import Store
from crmsync.testing import FakeClock

EXAMPLE = Path(__file__).parent.parent.parent / "config" / "examples" / "olist.yaml"
NOW = datetime(2018, 10, 18, tzinfo=UTC)
STATUS = {
    "created": "pending",
    "approved": "paid",
    "invoiced": "paid",
    "processing": "paid",
    "shipped": "shipped",
    "delivered": "delivered",
    "canceled": "cancelled",
    "unavailable": "cancelled",
}

pytestmark = pytest.mark.shared


def rows(shared: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(
        shared / "data" / "olist" / f"olist_{name}_dataset.csv.gz", "rt", encoding="utf-8-sig"
    ) as f:
        return list(csv.DictReader(f))


def one_pass(database: str) -> Any:
    app = App.open(EXAMPLE, database=database, clock=FakeClock(NOW))
    try:
        return app.full_pass()
    finally:
        app.close()


def ask(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


@pytest.fixture(scope="session")
def on_sqlite(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """The URL of an SQLite database after a first pass, and the pass."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRMSYNC_SHARED", str(shared.resolve()))
        url = f"sqlite:///{tmp_path_factory.mktemp('olist')}/olist.db"
        yield url, one_pass(url)


def test_every_row_is_kept_and_the_second_pass_does_nothing(shared: Path, on_sqlite: tuple[str, Any]) -> None:
    store = Store(on_sqlite[0])
    check(shared, *on_sqlite, store)
    store.close()


@pytest.mark.postgres
def test_postgresql_keeps_the_same_and_raises_the_same_flags(
    shared: Path, on_sqlite: tuple[str, Any], postgres_store: Store
) -> None:
    url = postgres_store.url.set(drivername="postgresql").render_as_string(hide_password=False)
    check(shared, url, one_pass(url), postgres_store)
    sqlite = Store(on_sqlite[0])
    assert flags(postgres_store) == flags(sqlite)
    assert len(flags(sqlite)) > 1000
    sqlite.close()


def check(shared: Path, url: str, first: Any, store: Store) -> None:
    assert {run.stream: run.status for run in first.runs} == dict.fromkeys(
        ("products", "customers", "orders", "reviews"), "ok"
    )
    counts = {
        table: ask(store, f"SELECT count(*) FROM {table}")[0][0]
        for table in ('"order"', "review", "order_line", "quarantine")
    }
    assert counts == {'"order"': 8135, "review": 8225, "order_line": 8365, "quarantine": 0}
    assert sums_by_status(store) == expected_sums(shared)

    before = everything(store)
    second = one_pass(url)
    assert sum(run.inserted + run.updated + run.deleted for run in second.runs) == 0
    assert sum(r.raised + r.changed + r.cleared for r in second.rules.rules.values()) == 0
    assert sum(sum(c.planned.values()) for c in second.plan.campaigns.values()) == 0
    assert everything(store) == before


def sums_by_status(store: Store) -> dict[str, tuple[int, int]]:
    found = ask(store, 'SELECT status, count(*), sum(total) FROM "order" GROUP BY status')
    return {status: (count, int(total)) for status, count, total in found}


def expected_sums(shared: Path) -> dict[str, tuple[int, int]]:
    """Orders and what was paid for them, per status, straight from the files."""
    paid: defaultdict[str, Decimal] = defaultdict(Decimal)
    for payment in rows(shared, "order_payments"):
        paid[payment["order_id"]] += Decimal(payment["payment_value"])
    count, total = Counter[str](), Counter[str]()
    for order in rows(shared, "orders"):
        status = STATUS[order["order_status"]]
        count[status] += 1
        total[status] += int(paid[order["order_id"]] * 100)
    return {status: (count[status], total[status]) for status in count}


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All that a pass without news must leave as it is."""
    tables = ('"order"', "order_line", "review", "product", "account", "customer_fact", "flag", "message")
    return {table: sorted(ask(store, f"SELECT * FROM {table}"), key=repr) for table in tables}


def flags(store: Store) -> dict[tuple[str, str], tuple[str, float, list[Any]]]:
    """Level, score and reasons of every flag, by rule and by what it stands on."""
    customers = dict(ask(store, "SELECT CAST(id AS varchar(20)), key FROM customer"))
    found = ask(store, "SELECT rule, subject, subject_id, level, score, reasons FROM flag")
    return {
        (rule, customers[subject_id] if subject == "customer" else subject_id): (
            level,
            round(score, 9),
            json.loads(reasons),
        )
        for rule, subject, subject_id, level, score, reasons in found
    }
