"""Did it help: customers who were written to, against those of the same campaign who were left alone.

Everybody who could have been written to was drawn into an arm by chance, and counts in the arm they were
drawn into, whether or not the message reached them in the end. Nothing is attributed to the last message
before an order: who would have come back anyway comes back in both groups.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, text

from crmsync.care.effect import (
    Effect,
    Group,
    Stratum,
    customers_needed,
    mean_effect,
    share_effect,
)
from crmsync.store import Store
from crmsync.store.tables import to_instant

Measure = Literal["returned", "complained", "unsubscribed"]
MEASURES: tuple[Measure, ...] = ("returned", "complained", "unsubscribed")

ALL = "*"
"""Stands for the campaigns together."""

_OUTCOMES = """WITH due AS (
 SELECT a.campaign, a.customer_id, a.arm, a.chance, a.assigned_at AS since,
  CAST(a.assigned_at + :span AS BIGINT) AS until
 FROM assignment a WHERE a.assigned_at <= :now - :span AND {who}
), bought AS (
 SELECT d.campaign, d.customer_id, o.connection_id, o.external_id, o.currency, o.total
 FROM due d JOIN account c ON c.customer_id = d.customer_id
 JOIN "order" o ON o.connection_id = c.connection_id AND o.account_id = c.external_id
  AND o.placed_at > d.since AND o.placed_at <= d.until
 WHERE o.status NOT IN ('pending', 'cancelled') AND o.deleted_at IS NULL
), back AS (
 SELECT b.campaign, b.connection_id, b.external_id, SUM(r.amount) AS amount
 FROM bought b JOIN refund r ON r.connection_id = b.connection_id AND r.order_id = b.external_id
  AND r.currency = b.currency
 WHERE r.status = 'completed' AND r.deleted_at IS NULL
 GROUP BY b.campaign, b.connection_id, b.external_id
), spent AS (
 SELECT b.campaign, b.customer_id, f.currency,
  SUM(CASE WHEN b.currency = f.currency THEN b.total - COALESCE(k.amount, 0) ELSE 0 END) AS net
 FROM bought b LEFT JOIN back k
  ON k.campaign = b.campaign AND k.connection_id = b.connection_id AND k.external_id = b.external_id
 LEFT JOIN customer_fact f ON f.customer_id = b.customer_id
 GROUP BY b.campaign, b.customer_id, f.currency
), complained AS (
 SELECT d.campaign, d.customer_id FROM due d JOIN account c ON c.customer_id = d.customer_id
 WHERE EXISTS (SELECT 1 FROM conversation t WHERE t.connection_id = c.connection_id
   AND t.account_id = c.external_id AND t.type IS NOT NULL AND t.type <> 'suggestion'
   AND t.deleted_at IS NULL AND t.started_at > d.since AND t.started_at <= d.until)
  OR EXISTS (SELECT 1 FROM "order" o JOIN review r ON r.connection_id = o.connection_id
    AND r.order_id = o.external_id
   WHERE o.connection_id = c.connection_id AND o.account_id = c.external_id AND r.level = 'bad'
    AND r.deleted_at IS NULL AND r.created_at > d.since AND r.created_at <= d.until)
 GROUP BY d.campaign, d.customer_id
), unsubscribed AS (
 SELECT d.campaign, d.customer_id FROM due d JOIN account c ON c.customer_id = d.customer_id
 JOIN consent s ON s.connection_id = c.connection_id AND s.account_id = c.external_id
 WHERE s.granted = {no} AND s.at > d.since AND s.at <= d.until
 GROUP BY d.campaign, d.customer_id
)
SELECT d.campaign, d.chance, d.arm, s.currency, COUNT(*) AS customers,
 SUM(CASE WHEN s.customer_id IS NULL THEN 0 ELSE 1 END) AS returned,
 SUM(CASE WHEN x.customer_id IS NULL THEN 0 ELSE 1 END) AS complained,
 SUM(CASE WHEN u.customer_id IS NULL THEN 0 ELSE 1 END) AS unsubscribed,
 CAST(COALESCE(SUM(s.net), 0) AS DOUBLE PRECISION) AS net,
 COALESCE(SUM(CAST(s.net AS DOUBLE PRECISION) * s.net), 0) AS squares
FROM due d
LEFT JOIN spent s ON s.campaign = d.campaign AND s.customer_id = d.customer_id
LEFT JOIN complained x ON x.campaign = d.campaign AND x.customer_id = d.customer_id
LEFT JOIN unsubscribed u ON u.campaign = d.campaign AND u.customer_id = d.customer_id
GROUP BY d.campaign, d.chance, d.arm, s.currency
ORDER BY d.campaign, d.chance, d.arm, s.currency"""

_WAITING = """SELECT campaign, COUNT(*) AS customers FROM assignment
WHERE assigned_at > :now - :span AND arm <> 'holdout' GROUP BY campaign"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure: how much of each group, and the effect of being written to."""

    treated: float | None
    control: float | None
    effect: Effect | None


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """What a campaign changed, of customers drawn at least `within` ago.

    `shares` are of customers, `revenue` is net per customer in minor units, by currency. `needed` is how
    many customers would show the difference asked for; `waiting` were drawn too recently to count yet.
    """

    campaign: str
    treated: int
    control: int
    waiting: int
    shares: Mapping[Measure, Comparison]
    revenue: Mapping[str, Comparison]
    needed: int | None


@dataclass(frozen=True, slots=True)
class CareReport:
    """All campaigns, those together (`pooled`), and all marketing against the holdout (`holdout`)."""

    within: timedelta
    detect: float
    campaigns: tuple[CampaignReport, ...]
    pooled: CampaignReport
    holdout: CampaignReport | None


def report(
    store: Store, *, now: datetime, within: timedelta = timedelta(days=30), detect: float = 0.03
) -> CareReport:
    """Compare the arms of every campaign over the time `within` after each customer was drawn.

    `detect` is the difference in the share of returning customers that would be worth knowing of.
    """
    bound = {"now": to_instant(now), "span": within // timedelta(microseconds=1)}
    no = "0" if store.dialect == "sqlite" else "false"
    drawn = "a.arm <> 'holdout'"
    # Of all campaigns the first that a customer was drawn for; nobody is in the holdout of one alone.
    first = """NOT EXISTS (SELECT 1 FROM assignment e WHERE e.customer_id = a.customer_id
 AND (e.assigned_at < a.assigned_at OR (e.assigned_at = a.assigned_at AND e.campaign < a.campaign)))
 AND a.campaign IN (SELECT campaign FROM assignment WHERE arm = 'holdout')"""
    with store.read() as transaction:
        rows = transaction.execute(text(_OUTCOMES.format(who=drawn, no=no)), bound).all()
        held = transaction.execute(text(_OUTCOMES.format(who=first, no=no)), bound).all()
        recent = transaction.execute(text(_WAITING), bound).all()
    waiting = {row.campaign: row.customers for row in recent}
    by_campaign: dict[str, list[Row[Any]]] = {name: [] for name in sorted(waiting)}
    for row in rows:
        by_campaign.setdefault(row.campaign, []).append(row)
    campaigns = tuple(
        _report(name, by_campaign[name], waiting.get(name, 0), detect) for name in sorted(by_campaign)
    )
    return CareReport(
        within,
        detect,
        campaigns,
        _report(ALL, rows, sum(waiting.values()), detect),
        _report(ALL, held, 0, detect, against="holdout") if held else None,
    )


def _report(
    name: str, rows: Iterable[Row[Any]], waiting: int, detect: float, against: str = "control"
) -> CampaignReport:
    rows = list(rows)
    shares = {measure: _strata(rows, against, measure, measure) for measure in MEASURES}
    currencies = sorted({row.currency for row in rows if row.currency})
    revenue = {each: _strata(rows, against, "net", "squares", each) for each in currencies}
    treated = sum(stratum.treated.count for stratum in shares["returned"])
    control = sum(stratum.control.count for stratum in shares["returned"])
    base = _mean(stratum.control for stratum in shares["returned"])
    share = treated / (treated + control) if treated + control else 0.0
    return CampaignReport(
        name,
        treated,
        control,
        waiting,
        {measure: _compared(strata, share_effect(strata)) for measure, strata in shares.items()},
        {each: _compared(strata, mean_effect(strata)) for each, strata in revenue.items()},
        customers_needed(base, detect, share) if base is not None else None,
    )


def _strata(
    rows: Iterable[Row[Any]], against: str, total: str, squares: str, currency: str | None = None
) -> list[Stratum]:
    """Who bought nothing has no currency, and counts in each with nothing."""
    groups: dict[tuple[str, float], dict[bool, Group]] = defaultdict(lambda: {True: Group(), False: Group()})
    for row in rows:
        counts = currency is None or row.currency == currency
        group = Group(
            row.customers,
            float(getattr(row, total)) if counts else 0.0,
            float(getattr(row, squares)) if counts else 0.0,
        )
        groups[row.campaign, row.chance][row.arm != against] += group
    return [Stratum(treated=pair[True], control=pair[False]) for pair in groups.values()]


def _compared(strata: list[Stratum], effect: Effect | None) -> Comparison:
    return Comparison(_mean(s.treated for s in strata), _mean(s.control for s in strata), effect)


def _mean(groups: Iterable[Group]) -> float | None:
    return sum(groups, Group()).mean
