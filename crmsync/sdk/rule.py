"""The contract of a rule: facts in, findings with reasons out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from crmsync.sdk.settings import Settings
from crmsync.sdk.text import Told, mark

if TYPE_CHECKING:
    import numpy as np

S = TypeVar("S", bound=Settings)

CLEARS = mark("It clears when {fact}, now {value}, is on the other side of {threshold}.")

Subject = Literal["customer", "product", "shop", "agent"]
Level = Literal["low", "medium", "high"]


class Facts:
    """What is known of all subjects of one kind at one time: columns of equal length.

    `facts["frequency"]` is a numpy array; missing values are NaN. `facts.ids` are the subjects' keys.
    Iterating gives one mapping per subject. The columns of each subject are listed in the
    documentation's reference of facts.
    """

    def __init__(
        self,
        subject: Subject,
        as_of: datetime,
        ids: np.ndarray[Any, Any],
        columns: Mapping[str, np.ndarray[Any, Any]],
        past: Callable[[datetime], Facts] | None = None,
    ) -> None:
        self.subject = subject
        self.as_of = as_of
        self.ids = ids
        self.columns = columns
        self._past = past

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        return self.columns[name]

    def earlier(self, moment: datetime) -> Facts | None:
        """The facts as they were at an earlier moment; None where nobody kept the records they come from.

        They are computed when asked for, at the cost of all subjects, and are for `fit` alone: what a
        rule learns from how things went on since then. A subject that came later has zeros there.
        """
        return self._past(moment) if self._past else None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = list(self.columns)
        for subject_id, *values in zip(self.ids, *self.columns.values(), strict=True):
            yield {"id": subject_id, **dict(zip(names, values, strict=True))}


@dataclass(frozen=True, slots=True)
class Within:
    """Those subjects alone that have a time in this stored column: at least and at most this long ago,
    where that is given."""

    column: str
    least: timedelta | None = None
    most: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One fact that speaks for a finding, with the threshold it passed and where to look."""

    fact: str
    value: float | str | None
    told: Told
    threshold: float | str | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's verdict on one subject.

    `raises=False` says: not enough to raise a flag, enough to keep one that stands (hysteresis).
    `state` is where the subject stands in the rule's own words (a stage, a type, a tier), marked for the
    catalogues; a change of state is a step in the flag's history. Where the state that already stands is
    `keeps`, it holds, with its level: hysteresis between states.
    """

    subject_id: str
    level: Level
    score: float
    reasons: tuple[Reason, ...]
    raises: bool = True
    state: str | None = None
    keeps: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """What `fit` learned: plain parameters, and diagnostics a person can judge it by.

    A model that is not usable says why in `refusal`; `judge` then uses the rule's named fallback.
    """

    kind: str
    parameters: dict[str, Any] = field(default_factory=dict)
    diagnostics: dict[str, Any] = field(default_factory=dict)
    refusal: Told | None = None


class Rule(ABC, Generic[S]):
    """Turns facts into findings.

    The verdict on a subject depends on its own facts, the model and the clock alone.

    `full_after` is how stale a verdict may get because of the clock: all subjects are judged again when
    the last time is as old as that. `only_with` names a column without which a subject is always clear,
    so that judging all of them reads those that have it; where the clock narrows it further, `within` does.
    A rule that `reads_scores` of customers (RFM) judges those too whose scores moved because others bought.
    The flags of a rule `for_a_person` are for somebody to decide on: no campaign may answer them.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    Settings: ClassVar[type[Settings]]
    version: ClassVar[int] = 1
    full_after: ClassVar[timedelta] = timedelta(days=1)
    only_with: ClassVar[str | None] = None
    reads_scores: ClassVar[bool] = True
    for_a_person: ClassVar[bool] = False

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @property
    @abstractmethod
    def subject(self) -> Subject:
        """Which facts it judges."""

    def fit(self, facts: Facts) -> Model | None:
        """Learn from all subjects' facts. May raise NotEnoughEvidence; the host then keeps the last model."""
        return None

    @property
    def within(self) -> Within | None:
        """Which subjects may have a finding; all others are clear, and need not be read."""
        return Within(self.only_with) if self.only_with else None

    @abstractmethod
    def judge(self, facts: Facts, model: Model | None) -> Iterable[Finding]:
        """The findings on these subjects, in any order; a subject without a finding is clear."""

    def clears(self, finding: Finding) -> Iterable[Told]:
        """What would clear a finding, for a person to read; by default each fact back past its threshold."""
        for reason in finding.reasons:
            if reason.threshold is not None:
                values = {"fact": reason.fact, "value": reason.value, "threshold": reason.threshold}
                yield Told(CLEARS, values)
