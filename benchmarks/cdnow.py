"""What the models and churn_risk make of a real history: `python benchmarks/cdnow.py --json`.

The CDNOW sample (2,357 customers who first bought in early 1997) goes through the whole house: the
connector `files` reads it, sync stores it, facts are made as of the end of the calibration, 1997-09-30,
and churn_risk is backtested there against the 39 weeks after, just as `crmsync rules backtest` does it.
Purchases on one day count once. The published fits are those of Fader, Hardie and Lee (2005) and of
Batislam, Denizel and Filiztekin (2007).
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text

from crmsync.daemon.app import App
from crmsync.daemon.backtest import backtest
from crmsync.insight import past_facts
from crmsync.rules.backtest import Measured, Replay
from crmsync.sdk import Facts
from crmsync.sdk.stats import PurchaseModel, fit_purchases, fit_spend

SHARED = Path(os.environ.get("CRMSYNC_SHARED", Path(__file__).parent.parent.parent / "shared"))
SAMPLE = SHARED / "data" / "cdnow" / "CDNOW_sample.txt.xz"
END = datetime(1997, 9, 30, tzinfo=UTC)
HOLDOUT = timedelta(days=273)

CONFIG = """\
connections:
  - id: cdnow
    connector: files
    currency: USD
    times: {zone: UTC, format: "%Y%m%d"}
    page_size: 5000
    exports:
      orders:
        file: purchases.csv
        identity: id
        fields:
          customer_id: customer
          status: {constant: completed}
          placed_at: date
          total: dollars
rules:
  churn_risk: {}
  vip: {}
"""


@contextmanager
def imported(sample: Path = SAMPLE) -> Iterator[App]:
    """The sample, pulled into a database of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with lzma.open(sample, "rt") as lines:
            rows = [line.split() for line in lines if line.strip()]
        purchases = (f"{n},{row[1]},{row[2]},{row[4]}" for n, row in enumerate(rows))
        (folder / "purchases.csv").write_text("\n".join(["id,customer,date,dollars", *purchases]) + "\n")
        (folder / "crmsync.yaml").write_text(CONFIG)
        app = App.open(folder / "crmsync.yaml", database=f"sqlite:///{folder}/cdnow.db")
        try:
            for result in (app.sync("cdnow"), app.insight()):
                if result.failures:
                    sys.exit(str(result.failures))
            yield app
        finally:
            app.close()


def fitted(model: PurchaseModel) -> dict[str, float]:
    return {
        "r": model.r,
        "alpha": model.alpha,
        "a": model.a,
        "b": model.b,
        "ll": model.log_likelihood,
    }


def gamma_gamma(app: App) -> dict[str, float]:
    """On repeat purchases alone, as published: what each of them was worth on average."""
    query = text(
        'SELECT account_id, placed_at, SUM(total) AS spent FROM "order" WHERE placed_at <= :end'
        " GROUP BY account_id, placed_at ORDER BY account_id, placed_at"
    )
    spent: dict[str, list[float]] = {}
    with app.store.read() as connection:
        for row in connection.execute(query, {"end": round(END.timestamp() * 1e6)}):
            spent.setdefault(row.account_id, []).append(float(row.spent) / 100)
    repeats = [purchases[1:] for purchases in spent.values() if len(purchases) > 1]
    model = fit_spend(
        np.array([len(each) for each in repeats]), np.array([np.mean(each) for each in repeats])
    )
    return {"p": model.p, "q": model.q, "v": model.v, "ll": model.log_likelihood, "n": model.customers}


def forecast(model: PurchaseModel, then: Facts, later: Facts) -> dict[str, float]:
    """How far the forecast of all repeat purchases by week 78 is off, and how it goes with the real ones."""
    history = then["x"], then["t_x"], then["T"]
    came = later["purchase_days"] - then["purchase_days"]
    expected = model.expected(*history, HOLDOUT / timedelta(days=1))
    # Forecast from nothing but the day each customer came, as the published figure is.
    none = np.zeros(1)
    ages, customers = np.unique(then["T"] + HOLDOUT.days, return_counts=True)
    unknown = PurchaseModel("bgnbd", model.r, model.alpha, model.a, model.b)
    cumulative = sum(
        count * float(unknown.expected(none, none, none, float(age))[0])
        for age, count in zip(ages, customers, strict=True)
    )
    actual = float(later["x"].sum())
    return {
        "week78_error": cumulative / actual - 1,
        "week78_forecast": cumulative,
        "week78_actual": actual,
        "holdout_correlation": float(np.corrcoef(expected, came)[0, 1]),
        "holdout_forecast": float(expected.sum()),
        "holdout_actual": float(came.sum()),
    }


def churn_risk(made: Replay) -> dict[str, Any]:
    window = made.windows[0]
    everyone, repeat = window.groups["all"], window.groups["repeat"]
    return {
        "model": window.model,
        "n": everyone.n,
        "base_rate": everyone.base_rate,
        **ranking("auc_all", everyone),
        **ranking("auc_repeat", repeat),
        "auc_once": _auc(window.groups["once"].rule),
        "precision_at_recall_50": repeat.rule.precision_at_recall_50,
        "precision_at_recall_50_recency": repeat.thumb.precision_at_recall_50,
        "flagged": everyone.rule.flagged,
        "precision": everyone.rule.precision,
        "recall": everyone.rule.recall,
        "brier": everyone.brier,
        "verdict": made.verdict,
    }


def ranking(name: str, measured: Measured, beside: str = "recency") -> dict[str, Any]:
    auc, thumb, ahead = measured.rule.auc, measured.thumb.auc, measured.difference
    assert auc is not None
    assert thumb is not None
    assert ahead is not None
    return {
        name: auc.value,
        f"{name}_interval": [auc.low, auc.high],
        f"{name}_{beside}": thumb.value,
        f"{name}_ahead": [ahead.value, ahead.low, ahead.high],
    }


def _auc(ranker: Any) -> float | None:
    return ranker.auc.value if ranker.auc else None


def measured(app: App) -> dict[str, Any]:
    then, later = (past_facts(app.store, "customer", at) for at in (END, END + HOLDOUT))
    models = {kind: fit_purchases(then["x"], then["t_x"], then["T"], kind) for kind in ("bgnbd", "mbgnbd")}
    vip = backtest(app, "vip", as_of=END, horizon=HOLDOUT)
    return {
        "customers": len(then),
        **{kind: fitted(model) for kind, model in models.items()},
        "gamma_gamma": gamma_gamma(app),
        **forecast(models["bgnbd"], then, later),
        "churn_risk": churn_risk(backtest(app, "churn_risk", as_of=END, horizon=HOLDOUT)),
        "churn_risk_90_days": churn_risk(backtest(app, "churn_risk", as_of=END)),
        "vip": ranking("auc", vip.windows[0].groups["all"], "past_spend"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if not SAMPLE.exists():
        print(f"{SAMPLE} is not here: set CRMSYNC_SHARED to the folder of the real data.", file=sys.stderr)
        return 2
    with imported() as app:
        found = measured(app)
    print(json.dumps(found) if options.json else json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
