"""The backtests that were made, and what the last one of each rule says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from crmsync.rules.backtest.replay import Replay
from crmsync.rules.reasons import dump_told, load_told, plain
from crmsync.sdk import Told, mark, translate
from crmsync.store import Store
from crmsync.store.tables import Backtest

BETTER = mark("Ranks better than {thumb}: AUC {auc} against {thumb_auc} ({low} to {high} ahead).")
UNPROVEN = mark("Not shown to beat {thumb}: AUC {auc} against {thumb_auc} ({low} to {high} ahead).")
WORSE = mark("Worse than {thumb}: AUC {auc} against {thumb_auc} ({low} to {high} ahead).")
REFUSED = mark("Could not be measured: {why}")
_MESSAGES = {"better": BETTER, "unproven": UNPROVEN, "worse": WORSE}


@dataclass(frozen=True, slots=True)
class KnownBacktest:
    """A backtest as the faces show it."""

    rule: str
    ran_at: datetime
    settings_digest: str
    first_as_of: datetime
    last_as_of: datetime
    horizon_days: float
    windows: int
    verdict: str
    thumb: str
    auc: float | None
    thumb_auc: float | None
    difference_low: float | None
    difference_high: float | None
    refused: Told | None

    def told(self, language: str) -> str:
        """The verdict in a sentence."""
        return verdict(
            self.verdict,
            self.thumb,
            (self.auc, self.thumb_auc, self.difference_low, self.difference_high),
            self.refused,
            language,
        )


def verdict(
    verdict: str,
    thumb: str,
    figures: tuple[float | None, ...],
    refused: Told | None,
    language: str,
) -> str:
    """A verdict in a sentence; `figures` are the AUC, the rule of thumb's, and the interval between."""
    if verdict not in _MESSAGES:
        return Told(REFUSED, {"why": refused.text(language) if refused else ""}).text(language)
    shown = [f"{figure or 0:.3f}" for figure in figures[:2]] + [
        f"{figure or 0:+.3f}" for figure in figures[2:]
    ]
    names = ("auc", "thumb_auc", "low", "high")
    values = {"thumb": translate(thumb, language), **dict(zip(names, shown, strict=True))}
    return Told(_MESSAGES[verdict], values).text(language)


def store_backtest(store: Store, made: Replay, digest: str, now: datetime) -> None:
    """Keep it: the latest of a rule is what `rules list` shows."""
    overall = made.overall
    with store.write() as connection:
        connection.execute(
            insert(Backtest).values(
                rule=made.rule,
                ran_at=now,
                settings_digest=digest,
                first_as_of=made.windows[0].as_of,
                last_as_of=made.windows[-1].as_of,
                horizon_days=made.horizon / timedelta(days=1),
                windows=len(made.windows),
                verdict=made.verdict,
                thumb=made.thumb,
                auc=overall.auc if overall else None,
                thumb_auc=overall.thumb_auc if overall else None,
                difference_low=overall.difference.low if overall else None,
                difference_high=overall.difference.high if overall else None,
                refusal=json.dumps(dump_told(made.refused), ensure_ascii=False) if made.refused else None,
                result=json.dumps(_kept(made), ensure_ascii=False, sort_keys=True),
            )
        )


def last_backtests(store: Store) -> dict[str, KnownBacktest]:
    """The latest backtest of each rule."""
    names = [field.name for field in fields(KnownBacktest) if field.name != "refused"]
    latest = select(func.max(Backtest.id)).group_by(Backtest.rule)
    columns = [getattr(Backtest, name) for name in (*names, "refusal")]
    with store.read() as connection:
        rows = connection.execute(select(*columns).where(Backtest.id.in_(latest))).all()  # type: ignore[union-attr]
    return {
        row.rule: KnownBacktest(
            **{name: getattr(row, name) for name in names},
            refused=load_told(json.loads(row.refusal)) if row.refusal else None,
        )
        for row in rows
    }


def _kept(value: Any) -> Any:
    if isinstance(value, Told):
        return dump_told(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _kept(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _kept(member) for key, member in value.items()}
    if isinstance(value, tuple):
        return [_kept(member) for member in value]
    return plain(value)
