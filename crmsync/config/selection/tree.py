"""What a selection says, once it has been read: values are in the units of the columns they stand beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from crmsync.sdk.columns import COLUMNS

Operator = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units; it compares with amounts in its own currency only."""

    amount: float
    currency: str


@dataclass(frozen=True, slots=True)
class Ago:
    """So long before now; `days` where the fact beside it counts days and not seconds."""

    length: timedelta
    days: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """The value of another fact of the same customer."""

    name: str


Value = float | str | Money | Ago | Fact


@dataclass(frozen=True, slots=True)
class Compare:
    """`orders > 3`. False where the fact is not known."""

    fact: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    """`currency in (CNY, HKD)`."""

    fact: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """`known(last_order_at)`."""

    fact: str


@dataclass(frozen=True, slots=True)
class Flagged:
    """A flag of this rule stands, with one of these levels."""

    rule: str
    levels: frozenset[str]


@dataclass(frozen=True, slots=True)
class InState:
    """A flag of this rule stands, in one of these states, or in another state than these."""

    rule: str
    states: frozenset[str]
    other: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """What does not hold."""

    part: Selection


@dataclass(frozen=True, slots=True)
class Every:
    """All of them hold."""

    parts: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of them holds."""

    parts: tuple[Selection, ...]


Leaf = Compare | OneOf | Known | Flagged | InState
Selection = Leaf | Not | Every | Either

_DERIVED = frozenset(column.name for column in COLUMNS["customer"] if column.derived)


def leaves(selection: Selection) -> Iterator[Leaf]:
    """Every comparison in it, from left to right."""
    if isinstance(selection, Every | Either):
        for part in selection.parts:
            yield from leaves(part)
    elif isinstance(selection, Not):
        yield from leaves(selection.part)
    else:
        yield selection


def facts_in(selection: Selection) -> tuple[str, ...]:
    """The facts it looks at, each once, in the order in which it names them."""
    names = []
    for leaf in leaves(selection):
        if not isinstance(leaf, Flagged | InState):
            names.append(leaf.fact)
            names += [value.name for value in _values(leaf) if isinstance(value, Fact)]
    return tuple(dict.fromkeys(names))


def flags_in(selection: Selection) -> tuple[str, ...]:
    """The rules whose flags it looks at."""
    return tuple(
        dict.fromkeys(leaf.rule for leaf in leaves(selection) if isinstance(leaf, Flagged | InState))
    )


def follows_the_clock(selection: Selection) -> bool:
    """Whether somebody may come to belong to it though no record of theirs changes."""
    ago = any(isinstance(value, Ago) for leaf in leaves(selection) for value in _values(leaf))
    return ago or not _DERIVED.isdisjoint(facts_in(selection))


def _values(leaf: Leaf) -> tuple[Value, ...]:
    if isinstance(leaf, Compare):
        return (leaf.value,)
    return leaf.values if isinstance(leaf, OneOf) else ()
