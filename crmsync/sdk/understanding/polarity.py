"""Content or discontent, learned from texts whose level is known: logistic regression on single units and
pairs of them, where a unit is a Chinese character, a word in Latin letters, or a sign. Each is counted once.

The loss is the log-loss with a ridge on the weights, its minimum found by L-BFGS. Of the weights the heaviest
are kept, as whole numbers: what was learned is some hundred kilobytes, and says which words spoke.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from crmsync.sdk.errors import NotEnoughEvidence
from crmsync.sdk.records import ReviewLevel

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_UNIT = re.compile(r"[a-z']+|[^\s\w]|[^\W\da-z_]")
_STEPS = 64
"""Weights are kept in steps of 1/64."""
MINIMUM = 200
"""Fewer texts of either kind teach nothing."""


@dataclass(frozen=True, slots=True)
class Polarity:
    """What was learned: the weight of each unit and pair, positive where it speaks for content."""

    weights: dict[str, int]
    bias: int

    def chance(self, text: str) -> float:
        """The chance that the text is content."""
        from math import exp

        score = self.bias + sum(self.weights.get(unit, 0) for unit in units(text))
        return 1 / (1 + exp(-max(-700.0, min(700.0, score / _STEPS))))

    def level(self, text: str) -> ReviewLevel | None:
        """Good, bad, or neutral where the text says too little for either; None where it says nothing."""
        if not any(unit in self.weights for unit in units(text)):
            return None
        chance = self.chance(text)
        return "good" if chance > 0.6 else "bad" if chance < 0.4 else "neutral"

    def words(self, text: str, most: int = 5) -> tuple[str, ...]:
        """The units and pairs that spoke most for the verdict."""
        sign = 1 if self.chance(text) >= 0.5 else -1
        spoke = {unit: sign * self.weights.get(unit, 0) for unit in units(text)}
        best = sorted((unit for unit in spoke if spoke[unit] > 0), key=lambda unit: (-spoke[unit], unit))
        return tuple(best[:most])


def units(text: str) -> set[str]:
    """The units of a text and the pairs of neighbours."""
    found = _UNIT.findall(text.lower())
    return {*found, *(_pair(*both) for both in pairwise(found))}


def _pair(first: str, second: str) -> str:
    return f"{first} {second}" if first.isascii() and second.isascii() else first + second


class Lessons:
    """Texts taken apart once, to be learned from."""

    def __init__(self, texts: Iterable[str]) -> None:
        import numpy as np
        from scipy.sparse import csr_array

        known: dict[str, int] = {}
        parts = [[known.setdefault(unit, len(known)) for unit in _UNIT.findall(t.lower())] for t in texts]
        self.names = list(known)
        sizes = np.array([len(part) for part in parts])
        flat = np.fromiter((unit for part in parts for unit in part), np.int64, int(sizes.sum()))
        rows = np.repeat(np.arange(len(parts)), sizes)
        # A pair is numbered after all units; no pair reaches from one text into the next.
        pairs = len(known) * (flat[:-1] + 1) + flat[1:]
        within = rows[:-1] == rows[1:]
        said = np.concatenate([flat, pairs[within]])
        who = np.concatenate([rows, rows[:-1][within]])
        numbers, columns, times = np.unique(said, return_inverse=True, return_counts=True)
        often = times >= 2
        columns, who = (np.cumsum(often) - 1)[columns[often[columns]]], who[often[columns]]
        self.numbers = numbers[often]
        matrix = csr_array((np.ones(len(who), np.float32), (who, columns)), (len(parts), len(self.numbers)))
        matrix.data[:] = 1
        self.matrix = matrix

    def learn(
        self, good: Array, *, kept: int = 20_000, ridge: float = 1.0, of: Array | None = None
    ) -> Polarity:
        """What the texts (those at the places `of`, or all) teach whose level `good` tells.

        Raises NotEnoughEvidence with fewer than `MINIMUM` of either kind.
        """
        import numpy as np
        from scipy.optimize import minimize

        matrix = self.matrix if of is None else self.matrix[of]
        labels = np.asarray(good, float)
        if min(labels.sum(), len(labels) - labels.sum()) < MINIMUM:
            raise NotEnoughEvidence(f"Fewer than {MINIMUM} texts of either kind.")
        turned = matrix.T.tocsr()

        def loss(parameters: Array) -> tuple[float, Array]:
            weights, bias = parameters[:-1], parameters[-1]
            score = matrix @ weights + bias
            wrong = 1 / (1 + np.exp(-score)) - labels
            value = np.logaddexp(0, score).sum() - labels @ score + ridge / 2 * weights @ weights
            return float(value), np.append(turned @ wrong + ridge * weights, wrong.sum())

        start = np.zeros(len(self.numbers) + 1)
        parameters = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 30}).x
        steps = np.rint(parameters * _STEPS).astype(int)
        heaviest = np.argsort(-np.abs(steps[:-1]), kind="stable")[:kept]
        return Polarity({self._name(i): int(steps[i]) for i in sorted(heaviest) if steps[i]}, int(steps[-1]))

    def _name(self, column: int) -> str:
        number, size = int(self.numbers[column]), len(self.names)
        if number < size:
            return self.names[number]
        return _pair(self.names[number // size - 1], self.names[number % size])


def learn_polarity(texts: Iterable[str], good: Array) -> Polarity:
    """Learn from texts that are known to be content (True) or not. Raises NotEnoughEvidence."""
    return Lessons(texts).learn(good)
