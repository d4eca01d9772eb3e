"""The bundled rules against a shop whose truth is known, pulled over real HTTP."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from crmsync_churn_risk.rule import ChurnRisk
from crmsync_complaint_rate.rule import ComplaintRate
from crmsync_demo.connector import DemoConnector
from crmsync_demo.settings import DemoSettings
from sqlalchemy import text

from crmsync.insight import load_facts, refresh_facts
from crmsync.plugins import load_plugins
from crmsync.rules import judge_rules, retire_rules, standing_flags
from crmsync.store import Store
from crmsync.sync.connection import open_source, sync_connection
from crmsync.testing.shop import Shop

RULES = {
    "churn": ChurnRisk(ChurnRisk.Settings()),
    "products": ComplaintRate(ComplaintRate.Settings()),
    "agents": ComplaintRate(ComplaintRate.Settings(subject="agent", threshold="10%")),
}


@dataclass
class ShopClock:
    shop: Shop

    def now(self) -> datetime:
        return self.shop.now

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        raise AssertionError("nothing here should wait")


@dataclass
class Pulled:
    shop: Shop
    store: Store

    def flagged(self, rule: str) -> set[str]:
        return {flag.subject_id.split("/")[-1] for flag in standing_flags(self.store, rule=rule)}

    def customers(self) -> dict[str, str]:
        with self.store.read() as connection:
            rows = connection.execute(text("SELECT customer_id, external_id FROM account"))
            return {str(row.customer_id): row.external_id for row in rows}


@pytest.fixture(scope="module")
def pulled(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulled]:
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite:///{path}")
    with Shop(seed=4, customers=700) as shop:
        clock = ShopClock(shop)
        settings = DemoSettings(base_url=shop.url, client_secret="demo-secret")
        source = open_source(store, "shop", DemoConnector, settings, clock)
        runs = sync_connection(store, source, clock)
        assert {run.status for run in runs} == {"ok"}
        refresh_facts(store, shop.now)
        assert not judge_rules(store, RULES, shop.now).failed
        yield Pulled(shop, store)
    store.close()


def test_the_faulty_products_are_flagged(pulled: Pulled) -> None:
    faulty = set(pulled.shop.truth()["faulty_products"])
    assert faulty <= pulled.flagged("products")
    assert len(pulled.flagged("products") - faulty) <= 2


def test_the_slow_agent_is_flagged_alone(pulled: Pulled) -> None:
    assert pulled.flagged("agents") == {pulled.shop.truth()["slow_agent"]}


def test_those_at_risk_buy_less_and_the_chance_told_is_true(pulled: Pulled) -> None:
    names = pulled.customers()
    buys = set(pulled.shop.truth()["buys_within"]["90"])
    flags = standing_flags(pulled.store, rule="churn")
    stayed_away = np.array([names[flag.subject_id] not in buys for flag in flags])
    told = np.array([flag.reasons[-1].value for flag in flags], float)
    everybody = load_facts(pulled.store, "customer", pulled.shop.now)
    away_of_all = np.mean([names[id] not in buys for id in everybody.ids])
    assert len(flags) > 100
    assert stayed_away.mean() > away_of_all + 0.15
    assert stayed_away.mean() == pytest.approx(told.mean(), abs=0.06)


def test_the_ranking_beats_plain_recency(pulled: Pulled) -> None:
    names = pulled.customers()
    buys = set(pulled.shop.truth()["buys_within"]["90"])
    facts = load_facts(pulled.store, "customer", pulled.shop.now)
    everyone = ChurnRisk(ChurnRisk.Settings(medium=0, slack=0))
    scores = {found.subject_id: found.score for found in everyone.judge(facts, everyone.fit(facts))}
    rows = [row for row, id in enumerate(facts.ids) if id in scores]
    away = np.array([names[facts.ids[row]] not in buys for row in rows])
    by_score = np.array([scores[facts.ids[row]] for row in rows])
    assert _auc(by_score, away) > _auc(facts["recency_days"][rows], away)


def test_every_bundled_rule_judges_it(pulled: Pulled) -> None:
    rules = {f"all_{name}": kind(kind.Settings()) for name, kind in load_plugins().rules.items()}
    lifecycle = load_plugins().rules["lifecycle"]
    rules["all_types"] = lifecycle(lifecycle.Settings(view="type"))
    result = judge_rules(pulled.store, rules, pulled.shop.now)
    assert not result.failed
    everybody = load_facts(pulled.store, "customer", pulled.shop.now)
    stages = {flag.subject_id: flag.state for flag in standing_flags(pulled.store, rule="all_lifecycle")}
    assert stages.keys() == set(everybody.ids[everybody["orders"] > 0])
    assert set(stages.values()) == {"exploration", "build_up", "stable", "decline"}
    types = {flag.state for flag in standing_flags(pulled.store, rule="all_types")}
    assert types >= {"potential", "first", "repeat", "loyal", "lost", "won_back"}
    late = standing_flags(pulled.store, rule="all_late_delivery")
    assert {flag.reasons[0].evidence[0] for flag in late} <= set(pulled.shop.truth()["late_orders"])
    retire_rules(pulled.store, RULES, pulled.shop.now)


def test_a_second_pass_changes_nothing(pulled: Pulled) -> None:
    source = open_source(
        pulled.store,
        "shop",
        DemoConnector,
        DemoSettings(base_url=pulled.shop.url, client_secret="demo-secret"),
        ShopClock(pulled.shop),
    )
    sync_connection(pulled.store, source, ShopClock(pulled.shop))
    assert refresh_facts(pulled.store, pulled.shop.now).recomputed == {}
    result = judge_rules(pulled.store, RULES, pulled.shop.now + timedelta(hours=1))
    assert [(r.judged, r.raised, r.cleared) for r in result.rules.values()] == [(0, 0, 0)] * 3


def _auc(score: np.ndarray, hit: np.ndarray) -> float:
    from scipy.stats import rankdata

    ranks, hits = rankdata(score), int(hit.sum())
    return float((ranks[hit].sum() - hits * (hits + 1) / 2) / (hits * (len(hit) - hits)))
