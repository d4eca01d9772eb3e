"""What a real marketplace says of rates and lateness: `python benchmarks/olist.py --json`.

The sample of Olist (`../shared/data/olist`, `config/examples/olist.yaml`) goes through the connector `files`
into a database; what is measured is read from there. Only delivered orders with a review count, because the
sample holds all undelivered orders of the public set and one in nineteen of the others. An order is its
first seller's; a review of two stars or fewer is bad; of several reviews of one order the worst counts.

`sellers`: from the first half of the orders each seller's rate of bad reviews is estimated, and held to the
second half by log-loss and Brier score: by empirical Bayes, the population's mean, the raw rate, and Wilson's
lower bound. `flagged` is what complaint_rate says of the first half, and what raw rates above 30 % would.
`late`: how many reviews are bad after a late delivery, and after one on time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text

from crmsync.daemon.app import App
from crmsync.plugins import load_plugins
from crmsync.sdk import Facts
from crmsync.sdk.columns import COLUMNS, TEXT
from crmsync.sdk.stats import fit_prior, wilson
from crmsync.store import Store

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config" / "examples" / "olist.yaml"
SHARED = Path(os.environ.get("CRMSYNC_SHARED", ROOT.parent / "shared"))
THRESHOLD, MINIMUM = 0.15, 3

Array = np.ndarray[Any, Any]

_ORDERS = """SELECT l.seller_id, CASE WHEN o.delivered_at > o.promised_at THEN 1 ELSE 0 END AS late,
 MAX(CASE WHEN r.level = 'bad' THEN 1 ELSE 0 END) AS bad
FROM "order" o JOIN order_line l ON l.connection_id = o.connection_id AND l.order_id = o.external_id
JOIN review r ON r.connection_id = o.connection_id AND r.order_id = o.external_id
WHERE o.status = 'delivered'
 AND NOT EXISTS (SELECT 1 FROM order_line k WHERE k.connection_id = l.connection_id
  AND k.order_id = l.order_id AND k.line_id < l.line_id)
GROUP BY o.placed_at, o.external_id, l.seller_id, o.delivered_at, o.promised_at
ORDER BY o.placed_at, o.external_id"""


@contextmanager
def imported() -> Iterator[Store]:
    """The sample in a database of its own."""
    os.environ["CRMSYNC_SHARED"] = str(SHARED.resolve())
    with tempfile.TemporaryDirectory() as folder:
        app = App.open(EXAMPLE, database=f"sqlite:///{folder}/olist.db")
        try:
            if failures := app.sync("olist").failures:
                sys.exit(str(failures))
            yield app.store
        finally:
            app.close()


def losses(estimate: Array, bad: Array) -> dict[str, float]:
    """Log-loss and Brier score of each order's estimate."""
    log_loss = float(_costs(estimate, bad).mean())
    return {"log_loss": log_loss, "brier": float(((estimate - bad) ** 2).mean())}


def _costs(estimate: Array, bad: Array) -> Array:
    """Each order's log-loss; a rate of nothing or everything would cost infinitely much, once."""
    p = np.clip(estimate, 1e-3, 1 - 1e-3)
    costs: Array = -(bad * np.log(p) + (1 - bad) * np.log(1 - p))
    return costs


def _interval(costs: Array, seller: Array) -> dict[str, float]:
    """The mean with its 95 % interval; what befell one seller is taken together."""
    mean = float(costs.mean())
    apart = np.bincount(seller, weights=costs - mean)
    half = 1.96 * float(np.sqrt((apart**2).sum())) / len(costs)
    return {"mean": mean, "low": mean - half, "high": mean + half}


def sellers(seller: Array, bad: Array) -> dict[str, Any]:
    """Estimates from the first half of the orders, held to the second."""
    half = len(seller) // 2
    names, first = np.unique(seller[:half], return_inverse=True)
    tries = np.bincount(first, minlength=len(names)).astype(float)
    hits = np.bincount(first, weights=bad[:half], minlength=len(names))
    place = {name: number for number, name in enumerate(names)}
    later = np.array([n for n in range(half, len(seller)) if seller[n] in place])
    of = np.array([place[seller[n]] for n in later])
    prior = fit_prior(hits, tries)
    lower = np.array([wilson(k, n)[0] for k, n in zip(hits, tries, strict=True)])
    estimates = {
        "empirical_bayes": prior.rate(hits, tries),
        "population_mean": np.full(len(names), hits.sum() / tries.sum()),
        "raw_rate": hits / tries,
        "wilson_lower": lower,
    }
    found = {name: losses(estimate[of], bad[later]) for name, estimate in estimates.items()}
    worse = _costs(estimates["empirical_bayes"][of], bad[later])
    worse -= _costs(estimates["population_mean"][of], bad[later])
    return {
        "sellers": len(names),
        "in_both_halves": len(set(of.tolist())),
        "orders_held_to": len(later),
        "prior": {"mean": prior.mean, "strength": prior.strength},
        **found,
        "empirical_bayes_less_population_mean": _interval(worse, of),
        "flagged": {
            "complaint_rate": flagged(_by_rule(names, hits, tries), tries),
            "raw_rate_above_30": flagged(hits / tries > 0.3, tries),
            "wilson_lower_above_15": flagged(lower > THRESHOLD, tries),
        },
    }


def flagged(flags: Array, tries: Array) -> dict[str, int]:
    return {
        "sellers": int(flags.sum()),
        "with_three_orders_or_fewer": int((flags & (tries <= MINIMUM)).sum()),
    }


def _by_rule(names: Array, hits: Array, tries: Array) -> Array:
    """Whom the rule complaint_rate flags as it comes, but for the threshold."""
    zeros: dict[str, Array] = {
        column.name: np.full(len(names), None, object) if column.name in TEXT else np.zeros(len(names))
        for column in COLUMNS["product"]
    }
    known = {"orders": tries, "troubled_orders": hits, "bad_reviews": hits, "reviews": tries}
    facts = Facts("product", datetime(2018, 1, 1, tzinfo=UTC), names.astype(object), {**zeros, **known})
    rule_class = load_plugins().rules["complaint_rate"]
    rule = rule_class(rule_class.Settings(threshold=THRESHOLD))
    found = {finding.subject_id for finding in rule.judge(facts, rule.fit(facts)) if finding.raises}
    return np.array([name in found for name in names])


def measured() -> dict[str, Any]:
    with imported() as store, store.read() as connection:
        rows = connection.execute(text(_ORDERS)).all()
    seller, late, bad = (np.array(column) for column in zip(*rows, strict=True))
    bad, late = bad.astype(float), late.astype(bool)
    return {
        "orders": len(rows),
        "bad_share": float(bad.mean()),
        "late": {
            "share_of_orders": float(late.mean()),
            "bad_when_late": float(bad[late].mean()),
            "bad_on_time": float(bad[~late].mean()),
            "share_of_bad_that_were_late": float(late[bad == 1].mean()),
        },
        "sellers": sellers(seller, bad),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if not (SHARED / "data" / "olist").is_dir():
        sys.exit(f"The files are not in {SHARED}/data/olist: set CRMSYNC_SHARED.")
    found = measured()
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
