"""Dividing columns: what has no denominator has no value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def ratio(part: Array, whole: Array) -> Array:
    """`part` ÷ `whole`, NaN where the whole is not above 0."""
    import numpy as np

    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)  # type: ignore[no-any-return]
