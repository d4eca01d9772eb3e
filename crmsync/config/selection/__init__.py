"""The language of segments: comparisons of a customer's facts and flags, checked before anything is read."""

from crmsync.config.selection.parse import parse
from crmsync.config.selection.problem import Fault, InvalidSelection
from crmsync.config.selection.tree import (
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
    facts_in,
    flags_in,
    follows_the_clock,
)

__all__ = [
    "Ago",
    "Compare",
    "Either",
    "Every",
    "Fact",
    "Fault",
    "Flagged",
    "InState",
    "InvalidSelection",
    "Known",
    "Money",
    "Not",
    "OneOf",
    "Operator",
    "Selection",
    "Value",
    "facts_in",
    "flags_in",
    "follows_the_clock",
    "parse",
]
