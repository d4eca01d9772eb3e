"""What facts and rules cost: `python benchmarks/facts.py --json`.

A shop's history (`history.py`) of 100,000, 300,000 and 1,000,000 orders on SQLite and PostgreSQL: all facts
and every bundled rule from nothing, beside the same figures by plain SQL alone (`plain.py`) in a copy of
that shop; then one customer in a hundred orders again and has an old order refunded, and only what that
touches is worked out and judged. Every step runs in a process of its own. CPU is user and system time of
that process plus that of the PostgreSQL processes that served it, without parallel workers, which cannot be
told from others'. As in a daemon, imports are done: each process has evaluated a tiny shop before.

`growth_5x` is the time of the largest size against the smallest, scaled to five times the orders. The fit of
BG/NBD on 200,000 customers is compared with the `lifetimes` package where that is installed.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import math
import subprocess
import sys
from datetime import timedelta
from typing import Any

import history
import plain
from sync import fresh_database, measured


def _rules() -> dict[str, Any]:
    """Every rule that works without being told anything, and complaint_rate for each of its subjects."""
    from crmsync.plugins import load_plugins

    kinds = load_plugins().rules
    rules = {name: kind(kind.Settings()) for name, kind in kinds.items() if _needs_nothing(kind)}
    rate = kinds["complaint_rate"]
    for subject in ("shop", "agent"):
        rules[f"complaint_rate_{subject}"] = rate(rate.Settings(subject=subject))
    return rules


def _needs_nothing(kind: Any) -> bool:
    return not any(field.is_required() for field in kind.Settings.model_fields.values())


def run(task: str, database: str, orders: int) -> dict[str, Any]:
    """One step, measured."""
    from sqlalchemy import text

    from crmsync.insight import refresh_facts
    from crmsync.rules import judge_rules
    from crmsync.store import Store
    from crmsync.store.schema import upgrade
    from crmsync.store.tables import from_instant

    logging.disable()
    store = Store(database)
    if task == "make":
        upgrade(store)
        if store.dialect == "postgresql":
            with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                name = connection.execute(text("SELECT current_database()")).scalar_one()
                connection.exec_driver_sql(f"ALTER DATABASE {name} SET max_parallel_workers_per_gather = 0")
        history.make(store, orders)
        return {}
    if task == "change":
        return {"customers": history.change(store, orders)}
    now, rules, told = from_instant(history.NOW), _rules(), {}

    def evaluate() -> None:
        # An hour later the same day: nothing but what changed is due.
        moment = now if task == "full" else now + timedelta(hours=1)
        facts = refresh_facts(store, moment)
        judged = judge_rules(store, rules, moment)
        if judged.failed:
            raise SystemExit(str(dict(judged.failed)))
        told.update(recomputed=dict(facts.recomputed), rules=len(rules))

    def figures() -> None:
        with store.write() as connection:
            plain.run(connection.exec_driver_sql)

    _warm_up(rules)
    with store.read() as connection:
        # A session must be there before the first reading of its clock.
        connection.execute(text("SELECT 1"))
    cost = measured(figures if task == "plain" else evaluate, database)
    return {**cost, **told}


def _warm_up(rules: dict[str, Any]) -> None:
    """Evaluate a tiny shop, so that everything is imported.

    What that leaves is collected here: a collection of all that was imported takes as long as several rules,
    and would fall into whatever step makes the next few thousand objects.
    """
    from crmsync.insight import refresh_facts
    from crmsync.rules import judge_rules
    from crmsync.store import Store
    from crmsync.store.schema import upgrade
    from crmsync.store.tables import from_instant

    with fresh_database("sqlite") as database:
        store, now = Store(database), from_instant(history.NOW)
        upgrade(store)
        history.make(store, 300)
        refresh_facts(store, now)
        judge_rules(store, rules, now)
        history.change(store, 300)
        refresh_facts(store, now + timedelta(hours=1))
        judge_rules(store, rules, now + timedelta(hours=1))
        store.close()
    gc.collect()


def child(task: str, database: str, orders: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--task", task, "--database", database, "--orders", str(orders)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def one_size(kind: str, orders: int) -> dict[str, Any]:
    """Full, plain and incremental at one size."""
    with fresh_database(kind) as database:
        child("make", database, orders)
        full = child("full", database, orders)
        child("change", database, orders)
        some = child("incremental", database, orders)
    with fresh_database(kind) as database:
        child("make", database, orders)
        base = child("plain", database, orders)
    return {
        "full_cpu": full["cpu"],
        "plain_cpu": base["cpu"],
        "full_cpu_ratio": full["cpu"] / base["cpu"],
        "full_wall": full["wall"],
        "incremental_cpu": some["cpu"],
        "incremental_share": some["cpu"] / full["cpu"],
        "peak_mb": full["rss_kb"] / 1024,
        "plain_peak_mb": base["rss_kb"] / 1024,
        "incremental_peak_mb": some["rss_kb"] / 1024,
    }


def growth(sizes: dict[int, dict[str, Any]]) -> float | None:
    """How much longer five times the orders take, by the smallest and the largest size."""
    small, large = min(sizes), max(sizes)
    if small == large:
        return None
    ratio = sizes[large]["full_cpu"] / sizes[small]["full_cpu"]
    return float(ratio ** (math.log(5) / math.log(large / small)))


def fit_ratio(customers: int) -> dict[str, Any]:
    """Our BG/NBD fit against that of `lifetimes`, on customers drawn from the model."""
    import time

    import numpy as np

    from crmsync.sdk.stats import fit_purchases

    chance = np.random.default_rng(1)
    T = chance.integers(30, 540, customers).astype(float)
    rate = chance.gamma(0.55, 1 / 42.0, customers)
    leaving = chance.beta(0.8, 2.5, customers)
    x, last, at = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    alive = np.ones(customers, bool)
    while alive.any():
        at[alive] += chance.exponential(1 / rate[alive])
        alive &= at <= T
        x[alive] += 1
        last[alive] = at[alive]
        alive &= chance.random(customers) >= leaving
    t_x = np.floor(last)
    few = slice(0, 2000)
    # As everywhere here, imports are done: ours come with the first fit, those of `lifetimes` with itself.
    fit_purchases(x[few], t_x[few], T[few], "bgnbd")
    began = time.process_time()
    ours = fit_purchases(x, t_x, T, "bgnbd")
    cost = time.process_time() - began
    found: dict[str, Any] = {"customers": customers, "cpu": cost, "r": ours.r, "a": ours.a, "b": ours.b}
    try:
        from lifetimes import BetaGeoFitter
    except ImportError as error:
        return {**found, "ratio": None, "why": f"no package to compare with: {error}"}
    BetaGeoFitter().fit(x[few], t_x[few] / 7, T[few] / 7)
    began = time.process_time()
    theirs = BetaGeoFitter().fit(x, t_x / 7, T / 7)
    other = time.process_time() - began
    return {
        **found,
        "lifetimes_cpu": other,
        "ratio": cost / other,
        "lifetimes": {name: float(value) for name, value in theirs.params_.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.add_argument("--sizes", default="100000,300000,1000000", help="orders, from small to large")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--fit-customers", type=int, default=200_000)
    parser.add_argument(
        "--task", choices=["make", "full", "change", "incremental", "plain", "fit"], help=argparse.SUPPRESS
    )
    parser.add_argument("--database", default="", help=argparse.SUPPRESS)
    parser.add_argument("--orders", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task == "fit":
        print(json.dumps(fit_ratio(args.orders)))
        return
    if args.task:
        print(json.dumps(run(args.task, args.database, args.orders)))
        return
    report: dict[str, Any] = {"version": 1}
    for kind in args.databases.split(","):
        sizes: dict[int, dict[str, Any]] = {}
        for orders in map(int, args.sizes.split(",")):
            sizes[orders] = one_size(kind, orders)
            print(f"{kind} {orders}: {_line(sizes[orders])}", file=sys.stderr)
        report[kind] = {
            **{str(orders): _rounded(figures) for orders, figures in sizes.items()},
            "growth_5x": growth(sizes),
        }
    report["bgnbd_fit"] = child("fit", "", args.fit_customers)
    print(json.dumps(report) if args.json else json.dumps(report, indent=2))


def _rounded(figures: dict[str, Any]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


def _line(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in figures.items())


if __name__ == "__main__":
    main()
