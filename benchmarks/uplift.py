"""Whether `care report` finds an uplift that is there and claims none that is not.

`python benchmarks/uplift.py --json`. For each seed a built-in shop of its own, all its customers and orders
in a store, and every customer drawn into an arm as care draws them. Thirty days go by, in which the shop's
own process decides who buys. In half of the runs an uplift is planted: of the treated customers who would
not have come back, so many are given an order that treated customers return 5 points more often. Then the
report is asked. `covered` counts the intervals that hold the planted 5 points, `false_claims` the runs
without an uplift whose report shows an effect on returning customers.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any

from sqlalchemy import insert

from crmsync.care.arm import Arms
from crmsync.care.report import CampaignReport, report
from crmsync.config import Campaign, Limits
from crmsync.sdk import minor
from crmsync.store import Store
from crmsync.store.schema import upgrade
from crmsync.store.tables import Account, Connection, Customer, Order
from crmsync.testing import Shop

WITHIN = timedelta(days=30)
CONTROL = 0.5


def filled(store: Store, shop: Shop) -> dict[str, int]:
    """The shop's customers in the store; their numbers by the shop's ids."""
    base = {"learned_at": shop.now, "changed_at": shop.now, "digest": 1}
    ids = {row["id"]: number for number, row in enumerate(shop.rows("customers"), 1)}
    with store.write() as transaction:
        transaction.execute(insert(Connection).values(id=1, name="shop", connector="demo", scope="shop"))
        transaction.execute(
            insert(Customer),
            [{"id": number, "key": f"shop:{id}", "learned_at": shop.now} for id, number in ids.items()],
        )
        transaction.execute(
            insert(Account),
            [
                {**base, "connection_id": 1, "external_id": id, "customer_id": number}
                | {"email_verified": False, "phone_verified": False}
                for id, number in ids.items()
            ],
        )
    return ids


def ordered(store: Store, rows: Iterable[dict[str, Any]], now: datetime) -> None:
    """These orders of the shop in the store."""
    kept = [
        {
            "connection_id": 1,
            "external_id": row["id"],
            "account_id": row["buyer_id"],
            "status": "cancelled" if row["status"] == "CLOSED" else "paid",
            "currency": row["currency"],
            "total": minor(row["payable"], row["currency"]),
            "placed_at": datetime.fromisoformat(row["created_at"]),
            "shipping": 0,
            "discount": 0,
            "tax": 0,
            "learned_at": now,
            "changed_at": now,
            "digest": 1,
        }
        for row in rows
        if row["status"] != "WAIT_PAY"
    ]
    with store.write() as transaction:
        transaction.execute(insert(Order), kept)


def run(template: Path, folder: Path, seed: int, uplift: float, customers: int) -> CampaignReport:
    path = folder / f"{seed}.db"
    shutil.copy(template, path)
    store = Store(f"sqlite:///{path}")
    shop = Shop(seed=seed, customers=customers, history_days=200, future_days=40)
    ids = filled(store, shop)
    start = shop.now
    arms = Arms(
        Campaign(name=f"win-back-{seed}", when="churn_risk", template="winback", control_group=CONTROL),
        Limits(),
    )
    drawn = {number: arms.draw(f"shop:{id}") for id, number in ids.items()}
    with store.write() as transaction:
        arms.assign(transaction, drawn, start)
    before = {row["id"] for row in shop.rows("orders")}
    shop.advance(WITHIN)
    new = [row for row in shop.rows("orders") if row["id"] not in before]
    ordered(store, [*new, *planted(shop, new, ids, drawn, uplift, seed)], shop.now)
    [found] = report(store, now=shop.now, within=WITHIN).campaigns
    store.close()
    path.unlink()
    return found


def planted(
    shop: Shop,
    new: list[dict[str, Any]],
    ids: dict[str, int],
    drawn: dict[int, Any],
    uplift: float,
    seed: int,
) -> list[dict[str, Any]]:
    """Orders of treated customers who would have bought nothing: their share grows by `uplift`."""
    dice = random.Random(seed)
    bought = {row["buyer_id"] for row in new if row["status"] not in ("WAIT_PAY", "CLOSED")}
    treated = [id for id, number in ids.items() if drawn[number] == "treated"]
    idle = [id for id in treated if id not in bought]
    chance = uplift * len(treated) / len(idle)
    like = new[0]
    at = (shop.now - timedelta(days=3)).isoformat()
    return [
        {**like, "id": f"planted-{id}", "buyer_id": id, "status": "PAID", "created_at": at}
        for id in idle
        if dice.random() < chance
    ]


def measure(seeds: int, uplift: float, customers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store(f"sqlite:///{folder}/template.db")
        upgrade(store)
        store.close()
        effects, nothing = [], []
        for seed in range(1, seeds + 1):
            effects.append(run(folder / "template.db", folder, seed, uplift, customers))
            nothing.append(run(folder / "template.db", folder, 10_000 + seed, 0.0, customers))
            sys.stderr.write(f"\r{seed} of {seeds}")
        sys.stderr.write("\n")
    found = [each.shares["returned"].effect for each in effects]
    none = [each.shares["returned"].effect for each in nothing]
    return {
        "seeds": seeds,
        "uplift": uplift,
        "customers": customers,
        "covered": sum(e is not None and e.low <= uplift <= e.high for e in found),
        "found": sum(e is not None and e.low > 0 for e in found),
        "mean_difference": round(mean(e.difference for e in found if e), 4),
        "mean_half_width": round(mean((e.high - e.low) / 2 for e in found if e), 4),
        "false_claims": sum(e is not None and e.shown for e in none),
        "customers_needed": round(mean(each.needed for each in effects if each.needed)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--uplift", type=float, default=0.05)
    parser.add_argument("--customers", type=int, default=1_200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.seeds, options.uplift, options.customers)
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
