"""Chances learned from outcomes: logistic regression with a ridge, on standardized columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Weights are of standardized columns; one of 1 moves a typical subject's odds by a factor of e.
_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted regression: log-odds are `intercept` plus `weights` per unit away from `centre`."""

    intercept: float
    centre: tuple[float, ...]
    weights: tuple[float, ...]
    loss: float = 0.0

    def odds(self, columns: Array) -> Array:
        """Each row's log-odds; `columns` has one column per weight."""
        import numpy as np

        return self.intercept + (columns - np.array(self.centre)) @ np.array(self.weights)  # type: ignore[no-any-return]

    def chance(self, columns: Array) -> Array:
        """Each row's chance."""
        from scipy.special import expit

        return expit(self.odds(columns))  # type: ignore[no-any-return]


def fit_logistic(columns: Array, outcome: Array, offset: Array | None = None) -> Logistic:
    """The regression under which these outcomes are most likely; `offset` are log-odds known beforehand.

    A column that does not vary has no weight. `loss` is the negative log-likelihood.
    """
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit

    hit = outcome.astype(float)
    known = np.zeros(len(hit)) if offset is None else offset
    centre, spread = columns.mean(axis=0), columns.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    x = np.where(spread > 0, columns - centre, 0.0) / scale

    def loss(at: Array) -> tuple[float, Array]:
        odds = known + at[0] + x @ at[1:]
        error = expit(odds) - hit
        value = (np.logaddexp(0, odds) - odds * hit).sum() + _RIDGE / 2 * (at[1:] ** 2).sum()
        return float(value), np.concatenate([[error.sum()], x.T @ error + _RIDGE * at[1:]])

    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    odds = known + found[0] + x @ found[1:]
    return Logistic(
        float(found[0]),
        tuple(centre.tolist()),
        tuple((found[1:] / scale).tolist()),
        float((np.logaddexp(0, odds) - odds * hit).sum()),
    )
