"""The models and churn_risk on a real history, against what is published and what they must reach."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def found(shared: Path) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("cdnow_benchmark", ROOT / "benchmarks" / "cdnow.py")
    assert spec
    assert spec.loader
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    with benchmark.imported(shared / "data" / "cdnow" / "CDNOW_sample.txt.xz") as app:
        measured: dict[str, Any] = benchmark.measured(app)
    return measured


@pytest.mark.shared
@pytest.mark.parametrize(
    ("model", "published", "within"),
    [
        ("bgnbd", (0.2426, 4.4136, 0.7929, 2.4259, -9582.43), (0.002, 0.02, 0.01, 0.04, 0.1)),
        ("mbgnbd", (0.5248, 6.1831, 0.8914, 1.6140, -9582.14), (0.002, 0.02, 0.01, 0.04, 0.1)),
    ],
)
def test_the_published_purchases(
    found: dict[str, Any], model: str, published: tuple[float, ...], within: tuple[float, ...]
) -> None:
    for name, value, tolerance in zip(("r", "alpha", "a", "b", "ll"), published, within, strict=True):
        assert found[model][name] == pytest.approx(value, abs=tolerance), name


@pytest.mark.shared
def test_the_published_spend(found: dict[str, Any]) -> None:
    spend = found["gamma_gamma"]
    assert spend["n"] == 946
    for name, value, tolerance in (
        ("p", 6.25, 0.02),
        ("q", 3.745, 0.02),
        ("v", 15.448, 0.05),
        ("ll", -4055.92, 0.1),
    ):
        assert spend[name] == pytest.approx(value, abs=tolerance), name


@pytest.mark.shared
def test_the_published_forecast(found: dict[str, Any]) -> None:
    assert found["week78_actual"] == 4339
    assert abs(found["week78_error"]) <= 0.05
    assert found["holdout_correlation"] >= 0.62


@pytest.mark.shared
@pytest.mark.parametrize(
    ("figure", "least"), [("auc_all", 0.775), ("auc_repeat", 0.728), ("precision_at_recall_50", 0.69)]
)
def test_the_ranking(found: dict[str, Any], figure: str, least: float) -> None:
    churn = found["churn_risk"]
    assert churn["n"] == found["customers"] == 2357
    assert churn[figure] >= least
    assert churn[figure] > churn[f"{figure}_recency"]


@pytest.mark.shared
def test_one_time_buyers_are_told_apart_too(found: dict[str, Any]) -> None:
    assert found["churn_risk"]["auc_once"] > 0.55
