"""A check: one thing a connector must do, and what its author does when it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from unittest import SkipTest

if TYPE_CHECKING:
    from crmsync.testing.conformance.bench import Bench


class Unmet(AssertionError):
    """The connector does not do what the check asks for."""


class NotApplicable(SkipTest):
    """The check says nothing about this connector, or its platform cannot be made to provoke it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `fix` tells the author what to do; `run` raises Unmet or NotApplicable."""

    id: str
    title: str
    fix: str
    run: Callable[[Bench], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check said of one connector, with the reason unless it is green."""

    check: str
    title: str
    status: Literal["green", "red", "skipped"]
    reason: str = ""
    fix: str = ""


CHECKS: dict[str, Check] = {}
"""Every check by its id, in the order in which an author meets them."""


def check(title: str, fix: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Decorator: the function is the check that bears its name."""

    def add(function: Callable[[Bench], None]) -> Callable[[Bench], None]:
        CHECKS[function.__name__] = Check(function.__name__, title, fix, function)
        return function

    return add
