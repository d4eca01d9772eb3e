"""A sudden rise: the last weeks against the same subject's own past."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_WEEK = 7 * 86_400
# Of fewer troubled orders in the last weeks nobody would speak of a rise.
_HITS = 3


@dataclass(frozen=True, slots=True)
class Weeks:
    """Each subject's troubled orders and valid orders of the last weeks, and of those before."""

    hits: Array
    tries: Array
    hits_before: Array
    tries_before: Array

    def told(self, minimum: int) -> Array:
        """Where there is enough on both sides to compare."""
        return (self.tries >= minimum) & (self.tries_before >= minimum)  # type: ignore[no-any-return]

    def chance(self, minimum: int) -> Array:
        """How likely so many of the troubled orders fell into the last weeks by chance (Fisher's exact test).

        1 where there is too little to compare.
        """
        import numpy as np
        from scipy.stats import hypergeom

        chance = np.ones(len(self.hits))
        rows = (self.told(minimum) & (self.hits >= _HITS)).nonzero()[0]
        if len(rows):
            hits, tries = self.hits[rows], self.tries[rows]
            all_hits, all_tries = hits + self.hits_before[rows], tries + self.tries_before[rows]
            chance[rows] = hypergeom.sf(hits - 1, all_tries, all_hits, tries)
        return chance


def weeks(facts: Facts, recent: int) -> Weeks:
    """What `weekly` holds, split `recent` weeks ago; an order counts in the week it was placed in."""
    import numpy as np

    first = int(facts.as_of.timestamp() // _WEEK) - recent + 1
    sums = np.zeros((4, len(facts)))
    for row, text in enumerate(facts["weekly"]):
        # Lines of week, tries and hits, the latest last.
        told = list(map(int, text.split())) if text else []
        past = 3 * bisect_left(told[::3], first)
        now, before = told[past:], told[:past]
        sums[:, row] = sum(now[2::3]), sum(now[1::3]), sum(before[2::3]), sum(before[1::3])
    return Weeks(*sums)
