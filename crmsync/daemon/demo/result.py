"""What a demo showed, as data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from crmsync.sdk import Told


@dataclass(frozen=True, slots=True)
class Example:
    """One flag, and why it was raised. `about` names the subject as a person of the shop knows it."""

    rule: str
    level: str
    subject: str
    subject_id: str
    about: str
    reasons: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A rule's flags beside what the shop knows to be true of `among` subjects.

    `precision`: the share of the flagged of whom it is true. `recall`: the share of the true that is
    flagged. `base`: the share of all of whom it is true, which is what guessing would give.
    """

    truth: str
    flagged: int
    true: int
    hits: int
    among: int

    @classmethod
    def of(cls, truth: str, flagged: Collection[str], true: Collection[str], among: int) -> Comparison:
        return cls(truth, len(flagged), len(true), len(set(flagged) & set(true)), among)

    @property
    def precision(self) -> float | None:
        return self.hits / self.flagged if self.flagged else None

    @property
    def recall(self) -> float | None:
        return self.hits / self.true if self.true else None

    @property
    def base(self) -> float | None:
        return self.true / self.among if self.among else None


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The end of the tour: what is in the store, what went out, and how it compares with the truth."""

    shop: str
    weeks: int
    streams: dict[str, int]
    quarantined: int
    flags: dict[str, int]
    examples: tuple[Example, ...]
    messages: dict[str, int]
    messages_received: int
    letter: tuple[str, str] | None
    truth: dict[str, Comparison]
    config: Path
    database: Path
    seconds: float
