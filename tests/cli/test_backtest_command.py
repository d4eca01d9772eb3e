"""`rules backtest`, and what `rules list` makes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from crmsync.testing import Shop


@pytest.fixture
def then(cli_shop: Shop, folder: Path) -> str:
    """A time with some history before it and some after; the rules of the folder are of this shop."""
    text = (folder / "crmsync.yaml").read_text()
    rules = "rules:\n  churn: {rule: churn_risk, minimum_customers: 5, minimum_repeat_buyers: 2,"
    rules += " minimum_history: 10d}\n  lifecycle: {}\n"
    (folder / "crmsync.yaml").write_text(text.replace("rules:\n", rules))
    return f"{cli_shop.now - timedelta(days=30):%Y-%m-%d}"


def test_a_backtest_is_printed_and_shown_in_the_list(crmsync, then: str) -> None:
    listed = crmsync("rules", "list").out
    assert "not yet" in listed
    assert listed.count("predicts nothing") == 1
    ran = crmsync("rules", "backtest", "vip", "--as-of", then, "--horizon", "20d")
    assert ran.code in (0, 3)
    assert "net spend so far" in ran.out
    assert "everyone" in ran.out
    listed = {row["name"]: row["backtest"] for row in crmsync("rules", "list", "--json").data["rules"]}
    assert listed["churn"] is None
    assert listed["vip"]["horizon_days"] == 20
    assert listed["vip"]["verdict"] in ("unproven", "refused")
    assert "not yet" in crmsync("rules", "list").out


def test_all_of_it_as_json(crmsync, then: str) -> None:
    ran = crmsync(
        "rules", "backtest", "churn", "--as-of", then, "--horizon", "20d", "--every", "3d", "--json"
    )
    made = ran.data["backtest"]
    assert ran.code == (0 if made["overall"] else 3)
    assert len(made["windows"]) > 1
    everyone = made["windows"][0]["groups"]["all"]
    assert 0 < everyone["base_rate"] <= 1
    assert everyone["everyone"]["flagged"] == everyone["n"] > 5
    assert {"precision", "recall", "lift", "auc", "gains"} <= everyone["rule"].keys()


def test_a_chart_into_a_file(crmsync, folder: Path, then: str) -> None:
    arguments = ["rules", "backtest", "churn", "--as-of", then, "--horizon", "20d", "--chart"]
    crmsync(*arguments, "gains.svg")
    drawn = (folder / "gains.svg").read_text("utf-8")
    assert drawn.startswith("<svg")
    assert drawn.count("<polyline") == 3
    assert crmsync(*arguments, "nowhere/gains.svg").code == 2


def test_it_is_told_in_chinese(crmsync, then: str) -> None:
    out = crmsync("rules", "backtest", "churn", "--as-of", then, "--horizon", "20d", "--language", "zh").out
    assert "距上次下单的天数" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nosuch", "--as-of", "2026-01-01"], "There is no rule nosuch"),
        (["churn", "--as-of", "soon"], "--as-of"),
        (["churn", "--as-of", "2026-01-01", "--horizon", "long"], "--horizon"),
        (["vip", "--as-of", "2026-01-01"], "Give --horizon"),
    ],
)
def test_what_cannot_be_asked_is_told(crmsync, then: str, arguments: list[str], told: str) -> None:
    ran = crmsync("rules", "backtest", *arguments)
    assert ran.code == 2
    assert told in ran.err
