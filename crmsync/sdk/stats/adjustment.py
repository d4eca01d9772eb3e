"""What the past teaches beyond a model: its chances, moved as far as the evidence asks for.

A model gave every subject a chance at an earlier time; since then the outcome has been seen. Where
facts tell outcomes apart better than the model did, by more than chance, the log-odds of its next
chances are moved accordingly (logistic regression with the model's log-odds as offset).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.sdk.stats.logistic import fit_logistic

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# A model is set right only when its errors would come by chance once in a thousand times.
_SIGNIFICANCE = 0.001
_MINIMUM_OF_EACH = 30
_CERTAIN = 1e-9


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How log-odds move with facts: `weights` per unit away from `centre`, where they stay as they are."""

    centre: tuple[float, ...]
    weights: tuple[float, ...]
    p_value: float = 0.0

    def moves(self, facts: Array) -> Array:
        """What is to be added to each subject's log-odds; `facts` has one column per weight."""
        import numpy as np

        return (facts - np.array(self.centre)) @ np.array(self.weights)  # type: ignore[no-any-return]


def log_odds(chance: Array) -> Array:
    """Of chances as near to 0 and 1 as they may be."""
    import numpy as np

    inside = np.clip(chance, _CERTAIN, 1 - _CERTAIN)
    return np.log(inside) - np.log1p(-inside)  # type: ignore[no-any-return]


def chances(odds: Array) -> Array:
    """The chances that have these log-odds."""
    from scipy.special import expit

    return expit(odds)  # type: ignore[no-any-return]


def fit_adjustment(chance: Array, facts: Array, outcome: Array) -> Adjustment | None:
    """How the model's chances should have been moved for the outcomes that came; None to leave them alone.

    Left alone are models with fewer than thirty outcomes of either kind, and those the facts do not
    contradict beyond chance. How common the outcome was in that one stretch of time is not carried on.
    """
    from scipy.special import chdtrc

    happened = int(outcome.sum())
    if min(happened, len(outcome) - happened) < _MINIMUM_OF_EACH:
        return None
    offset = log_odds(chance)
    found = fit_logistic(facts, outcome, offset)
    unexplained = fit_logistic(facts[:, :0], outcome, offset).loss
    p_value = float(chdtrc(facts.shape[1], max(2 * (unexplained - found.loss), 0.0)))
    return Adjustment(found.centre, found.weights, p_value) if p_value <= _SIGNIFICANCE else None
