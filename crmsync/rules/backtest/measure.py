"""Of one set of subjects: how the rule, its rule of thumb, and flagging everyone compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.rules.backtest.auc import Areas, Interval, areas

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MINIMUM_OF_EACH = 10
"""With fewer who had the outcome, or fewer who had not, no ranking is measured."""

_RECALL = 0.5
_BINS = 10
_STEPS = 20


@dataclass(frozen=True, slots=True)
class Ranker:
    """One way to choose. `precision`, `recall` and `lift` are of as many subjects as the rule flagged.

    Lift is precision in units of the base rate. `gains` is the share of all outcomes found among the
    first 5 %, 10 % … of the ranking. Where scores tie, any order of those is as likely.
    """

    flagged: int
    precision: float | None
    recall: float | None
    lift: float | None
    auc: Interval | None = None
    precision_at_recall_50: float | None = None
    gains: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """The subjects given a chance between `low` and `high`: the mean chance, and how often it came true."""

    low: float
    high: float
    n: int
    chance: float
    happened: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What a window showed of one set of subjects. `difference` is the rule's AUC less the thumb's."""

    n: int
    happened: int
    base_rate: float
    rule: Ranker
    thumb: Ranker
    everyone: Ranker
    difference: Interval | None
    calibration: tuple[Calibration, ...]
    brier: float | None


def measure(hit: Array, score: Array, thumb: Array, flagged: Array, chance: Array | None) -> Measured | None:
    """Compare; None where there is nobody. All columns are of the same subjects, without missing values."""
    n, happened = len(hit), int(hit.sum())
    if n == 0:
        return None
    base, count = happened / n, int(flagged.sum())
    found = int((hit & flagged).sum())
    enough = min(happened, n - happened) >= MINIMUM_OF_EACH
    compared: Areas | None = areas(score, thumb, hit) if enough else None
    by_rule, by_thumb = _Curve(score, hit), _Curve(thumb, hit)
    first, second = (compared.first, compared.second) if compared else (None, None)
    everyone = Interval(0.5, 0.5, 0.5) if compared else None
    calibrated = chance is not None and len(chance) > 0
    return Measured(
        n,
        happened,
        base,
        _ranker(count, found, happened, base, first, by_rule),
        _ranker(count, by_thumb.hits(count), happened, base, second, by_thumb),
        Ranker(n, base, 1.0 if happened else None, 1.0 if happened else None, everyone, base),
        compared.difference if compared else None,
        calibration(chance, hit) if calibrated else (),  # type: ignore[arg-type]
        float(((chance - hit) ** 2).mean()) if calibrated else None,
    )


def calibration(chance: Array, hit: Array) -> tuple[Calibration, ...]:
    """The chances in tenths, each against what happened."""
    import numpy as np

    bins = np.minimum((chance * _BINS).astype(int), _BINS - 1)
    return tuple(
        Calibration(
            place / _BINS,
            (place + 1) / _BINS,
            int((bins == place).sum()),
            float(chance[bins == place].mean()),
            float(hit[bins == place].mean()),
        )
        for place in range(_BINS)
        if (bins == place).any()
    )


class _Curve:
    """How many hits are among the first so many of a ranking."""

    def __init__(self, score: Array, hit: Array) -> None:
        import numpy as np

        _, place = np.unique(-score, return_inverse=True)
        self.taken = np.concatenate([[0], np.cumsum(np.bincount(place))])
        self.found = np.concatenate([[0], np.cumsum(np.bincount(place, weights=hit))])

    def hits(self, count: float) -> float:
        import numpy as np

        return float(np.interp(count, self.taken, self.found))

    def precision_at(self, recall: float) -> float | None:
        """Of the shortest beginning of the ranking that holds this share of all hits."""
        import numpy as np

        wanted = recall * self.found[-1]
        if wanted == 0:
            return None
        upto = int(np.searchsorted(self.found, wanted))
        steps = slice(upto - 1, upto + 1)
        return float(wanted / np.interp(wanted, self.found[steps], self.taken[steps]))

    def gains(self) -> tuple[float, ...]:
        everyone, total = self.taken[-1], self.found[-1]
        if total == 0:
            return ()
        return tuple(self.hits(step * everyone / _STEPS) / float(total) for step in range(_STEPS + 1))


def _ranker(
    count: int, found: float, happened: int, base: float, auc: Interval | None, curve: _Curve
) -> Ranker:
    precision = found / count if count else None
    return Ranker(
        count,
        precision,
        found / happened if happened else None,
        precision / base if precision is not None and base else None,
        auc,
        curve.precision_at(_RECALL) if auc else None,
        curve.gains(),
    )
