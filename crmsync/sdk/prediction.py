"""What a rule may say about the future, so that it can be held to what then happened."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from crmsync.sdk.rule import Facts, Model

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Every subject's place in the ranking, flagged or not: the higher the score, the likelier the outcome.

    NaN says nothing of a subject. `chance` is the probability of the outcome, where the rule has one.
    """

    score: Array
    chance: Array | None = None


class Predicts(ABC):
    """Beside `Rule`: the rule predicts an outcome, and can be backtested on the shop's own history.

    `outcome` and `thumb` say in a few words what is predicted and which rule of thumb it has to beat.
    """

    outcome: ClassVar[str]
    thumb: ClassVar[str]

    @property
    def horizon(self) -> timedelta | None:
        """How far ahead the rule looks; None leaves it to the backtest."""
        return None

    def over(self, horizon: timedelta) -> Self:
        """The same rule looking this far ahead."""
        return self

    @abstractmethod
    def forecast(self, facts: Facts, model: Model | None) -> Forecast:
        """Where each subject stands."""

    @abstractmethod
    def thumb_score(self, facts: Facts) -> Array:
        """The same by the rule of thumb: one fact that a shop would go by."""

    @abstractmethod
    def happened(self, then: Facts, later: Facts) -> Array:
        """Per subject of `then`, 1 where the outcome came true by `later` and 0 where not.

        Both hold the same subjects in the same order. NaN where it cannot be told.
        """

    def groups(self, facts: Facts) -> Mapping[str, Array]:
        """Subjects to be looked at on their own as well, by name: each a column of true and false."""
        return {}
