"""Seeded chance, one draw at a time and fast: uniforms are taken from numpy in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """One independent stream of chance: the same seed and name give the same draws."""

    def __init__(self, seed: int, name: str) -> None:
        self.generator = np.random.default_rng([seed, *name.encode()])
        self._uniforms = self._draw()

    def _draw(self) -> Iterator[float]:
        while True:
            yield from self.generator.random(4096).tolist()

    def uniform(self) -> float:
        """From 0 up to 1."""
        return next(self._uniforms)

    def chance(self, probability: float) -> bool:
        return next(self._uniforms) < probability

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * next(self._uniforms)

    def seconds(self, low: float, high: float) -> int:
        """Whole seconds, from `low` up to `high`."""
        return int(self.between(low, high))

    def exponential(self, rate: float) -> float:
        return -math.log(1.0 - next(self._uniforms)) / rate

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(next(self._uniforms) * len(choices))]

    def weighted(self, choices: Sequence[T], weights: Sequence[float]) -> T:
        totals = list(accumulate(weights))
        at = next(self._uniforms) * totals[-1]
        return next((c for c, total in zip(choices, totals, strict=True) if at < total), choices[-1])
