"""What is wrong in a selection, and at which character."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crmsync.sdk import ConfigError


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `at` counts the characters before it."""

    at: int
    message: str
    fix: str


class InvalidSelection(ConfigError):
    """A segment's expression means nothing."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(f"Character {f.at + 1}: {f.message} {f.fix}" for f in self.faults))
