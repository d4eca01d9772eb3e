"""For which customers a selection holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmsync.config.selection import (
    Ago,
    Compare,
    Either,
    Every,
    Fact,
    Flagged,
    InState,
    Known,
    Money,
    Not,
    OneOf,
    Operator,
    Selection,
    Value,
)
from crmsync.sdk import Facts

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Flags:
    """The standing flags of one rule on customers: level and state by the customer's id."""

    levels: Mapping[str, str]
    states: Mapping[str, str | None]


def holds(selection: Selection, facts: Facts, flags: Mapping[str, Flags], now: datetime) -> Array:
    """True for each customer the selection holds for. What is not known fulfils no comparison."""
    import numpy as np

    if isinstance(selection, Every | Either):
        join = np.logical_and if isinstance(selection, Every) else np.logical_or
        return join.reduce([holds(part, facts, flags, now) for part in selection.parts])
    if isinstance(selection, Not):
        return ~holds(selection.part, facts, flags, now)
    if isinstance(selection, Compare):
        return _compared(facts, selection.fact, selection.operator, selection.value, now)
    if isinstance(selection, OneOf):
        found = [_compared(facts, selection.fact, "=", value, now) for value in selection.values]
        return np.logical_or.reduce(found)
    if isinstance(selection, Known):
        return _known(facts[selection.fact])
    standing = flags[selection.rule]
    if isinstance(selection, Flagged):
        return _each(facts, lambda id: standing.levels.get(id) in selection.levels)
    return _each(facts, lambda id: _in_state(selection, standing.states.get(id)))


def _in_state(selection: InState, state: str | None) -> bool:
    return state is not None and (state in selection.states) != selection.other


def _each(facts: Facts, holds_for: Any) -> Array:
    import numpy as np

    return np.fromiter((holds_for(id) for id in facts.ids), bool, len(facts))


def _known(column: Array) -> Array:
    import numpy as np

    return np.not_equal(column, None) if column.dtype == object else ~np.isnan(column)


def _compared(facts: Facts, fact: str, operator: Operator, value: Value, now: datetime) -> Array:
    import numpy as np

    column = facts[fact]
    known = _known(column)
    if isinstance(value, Money):
        known = known & (facts["currency"] == value.currency)
        value = value.amount
    elif isinstance(value, Ago):
        moment = (now - value.length).timestamp()
        value = moment // 86_400 if value.days else moment
    other: Any = value
    if isinstance(value, Fact):
        other = facts[value.name]
        known = known & _known(other)
    compare = {
        "=": np.equal,
        "!=": np.not_equal,
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
    }[operator]
    return known & compare(column, other).astype(bool)
