"""What the rules find of what is true in the built-in shop: `python benchmarks/truth.py --json`.

For each seed a shop of its own, pulled over HTTP as any shop is; then the rules judge, and are held to the
shop's truth: which products are faulty, which agent is slow, who does not buy within the next 90 days. Each
figure is the mean over the seeds with its 95 % interval (Student's t), beside that of the rule of thumb: the
raw rate (as many products as are faulty, the worst first) and days since the last order.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from crmsync.daemon.app import App
from crmsync.insight import load_facts
from crmsync.rules import standing_flags
from crmsync.sdk import Facts
from crmsync.store.tables import Account
from crmsync.testing import Shop

CONFIG = """\
connections:
  - {{id: shop, connector: demo, base_url: "{url}", client_secret: "${{file:secret}}"}}
rules:
  churn_risk: {{}}
  complaint_rate: {{}}
  slow_agents: {{rule: complaint_rate, subject: agent, threshold: 10%}}
"""

Array = np.ndarray[Any, Any]


class _Clock:
    """The shop's own time."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def now(self) -> Any:
        return self.shop.now

    def sleep(self, seconds: float, stop: Any = None) -> None:
        sys.exit("nothing here should wait")


def one(seed: int, customers: int) -> dict[str, float]:
    """The figures of one shop."""
    with Shop(seed=seed, customers=customers) as shop, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "secret").write_text(shop.credentials.client_secret)
        (folder / "crmsync.yaml").write_text(CONFIG.format(url=shop.url))
        app = App.open(folder / "crmsync.yaml", database=f"sqlite:///{folder}/shop.db", clock=_Clock(shop))
        try:
            for result in (app.sync("shop"), app.insight(), app.rules()):
                if result.failures:
                    sys.exit(str(result.failures))
            return {**_products(app, shop), **_agents(app, shop), **_churn(app, shop)}
        finally:
            app.close()


def _flagged(app: App, rule: str) -> set[str]:
    return {flag.subject_id.partition("/")[2] for flag in standing_flags(app.store, rule=rule)}


def _products(app: App, shop: Shop) -> dict[str, float]:
    faulty, flagged = set(shop.truth()["faulty_products"]), _flagged(app, "complaint_rate")
    facts = load_facts(app.store, "product", shop.now)
    worst = np.argsort(-np.nan_to_num(facts["trouble_rate"]), kind="stable")[: len(faulty)]
    by_rate = {str(facts.ids[row]).partition("/")[2] for row in worst}
    return {
        "faulty_precision": len(faulty & flagged) / len(flagged) if flagged else 1.0,
        "faulty_recall": len(faulty & flagged) / len(faulty),
        "faulty_recall_raw_rate": len(faulty & by_rate) / len(faulty),
    }


def _agents(app: App, shop: Shop) -> dict[str, float]:
    flagged = _flagged(app, "slow_agents")
    return {"slow_agent_alone": float(flagged == {shop.truth()["slow_agent"]})}


def _churn(app: App, shop: Shop) -> dict[str, float]:
    rule: Any = app.parts.rules["churn_risk"]
    facts = load_facts(app.store, "customer", shop.now)
    score = rule.forecast(facts, rule.fit(facts)).score
    away = ~np.isin(_accounts(app, facts), shop.truth()["buys_within"]["90"])
    ranked = ~np.isnan(score) & ~np.isnan(facts["recency_days"])
    repeat = ranked & (facts["x"] > 0)
    return {
        "churn_auc": auc(score[ranked], away[ranked]),
        "churn_auc_recency": auc(facts["recency_days"][ranked], away[ranked]),
        "churn_auc_repeat": auc(score[repeat], away[repeat]),
        "churn_auc_repeat_recency": auc(facts["recency_days"][repeat], away[repeat]),
    }


def _accounts(app: App, facts: Facts) -> Array:
    from sqlalchemy import select

    with app.store.read() as connection:
        rows = connection.execute(select(Account.customer_id, Account.external_id)).all()
    names = {str(customer): account for customer, account in rows}
    return np.array([names[id] for id in facts.ids])


def auc(score: Array, hit: Array) -> float:
    """The share of pairs, one it came true for and one not, that the score has in order."""
    from scipy.stats import rankdata

    ranks, hits = rankdata(score), int(hit.sum())
    return float((ranks[hit].sum() - hits * (hits + 1) / 2) / (hits * (len(hit) - hits)))


def summary(values: Array) -> dict[str, float]:
    """Mean and 95 % interval over the seeds."""
    from scipy.stats import t

    mean, low, high = float(values.mean()), float(values.mean()), float(values.mean())
    if len(values) > 1 and values.std() > 0:
        half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
        low, high = mean - half, mean + half
    return {"mean": mean, "low": low, "high": high}


def measured(seeds: int, customers: int) -> dict[str, Any]:
    shops = [one(seed, customers) for seed in range(1, seeds + 1)]
    figures = {name: summary(np.array([shop[name] for shop in shops])) for name in shops[0]}
    ahead = np.array([shop["churn_auc"] - shop["churn_auc_recency"] for shop in shops])
    return {"seeds": seeds, "customers": customers, **figures, "churn_ahead_of_recency": summary(ahead)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--seeds", type=int, default=20, help="how many shops")
    parser.add_argument("--customers", type=int, default=700, help="customers of each")
    options = parser.parse_args()
    found = measured(options.seeds, options.customers)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
