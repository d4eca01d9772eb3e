"""The score interval of a share (Wilson 1927)."""

from __future__ import annotations

from math import sqrt


def wilson(hits: float, tries: float, z: float = 1.959964) -> tuple[float, float]:
    """The interval in which the true share lies, 95 % of the time at the default `z`.

    `wilson(1, 1) == (0.2065, 1.0)`, rounded; nothing tried tells nothing: (0, 1).
    """
    if tries <= 0:
        return 0.0, 1.0
    share = hits / tries
    weight = z * z / tries
    middle = share + weight / 2
    half = z * sqrt(share * (1 - share) / tries + weight / (4 * tries))
    return max(0.0, (middle - half) / (1 + weight)), min(1.0, (middle + half) / (1 + weight))
