"""Who may abuse refunds or reviews: for a person to decide on, never for a message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, Finding, Model, NotEnoughEvidence, Reason, Rule, Told, mark
from crmsync.sdk.rule import Level, Subject
from crmsync.sdk.stats import RatePrior, fit_prior
from crmsync_abusive_customer.settings import AbusiveCustomerSettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

REFUNDS = mark(
    "{hits} of {tries} delivered orders were refunded after delivery ({rate}; here usually {usual})."
)
BAD_REVIEWS = mark("{hits} of {tries} reviews are bad ({rate}; here usually {usual}).")
CERTAIN = mark("The true share is above {threshold} with a probability of {certainty}.")
DECIDE = mark(
    "This is a pattern and no proof: faulty goods look the same. A person decides; nothing is sent or refused"
    " because of it."
)
TOO_FEW = mark("Too few refunds and bad reviews to learn what is usual here.")


# Who abuses a shop is not drawn from what is usual in it: their own orders must be able to speak.
_STRENGTH = 4.0


@dataclass(frozen=True, slots=True)
class _Habit:
    """What somebody may do too often, out of what, and how it is told."""

    hits: str
    tries: str
    told: str


_HABITS = {
    "refunds": _Habit("refunds_after_delivery", "delivered_orders", REFUNDS),
    "bad_reviews": _Habit("bad_reviews", "reviews", BAD_REVIEWS),
}


class AbusiveCustomer(Rule[AbusiveCustomerSettings]):
    """Repeated refunds after delivery and serial bad reviews (恶意客户), far beyond what is usual here."""

    name = "abusive_customer"
    title = "Possible abuse"
    Settings = AbusiveCustomerSettings
    reads_scores = False
    version = 2
    for_a_person = True

    @property
    def subject(self) -> Subject:
        return "customer"

    def fit(self, facts: Facts) -> Model:
        priors: dict[str, Any] = {}
        for name in _HABITS:
            try:
                prior = fit_prior(*_counts(facts, name))
            except NotEnoughEvidence:
                continue
            priors[name] = prior.at_most(_STRENGTH).dumped()
        if not priors:
            return Model("none", refusal=Told(TOO_FEW))
        usual = {name: prior["mean"] for name, prior in priors.items()}
        return Model("beta_binomial", priors, {"usual": usual})

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        import numpy as np

        kept = model.parameters if model else {}
        priors = {name: RatePrior.loaded(prior) for name, prior in kept.items()}
        certain = {name: self._certainty(facts, name, prior) for name, prior in priors.items()}
        if not certain:
            return
        highest = np.max(list(certain.values()), axis=0)
        least = self.settings.certainty - self.settings.slack
        for row in (highest >= least).nonzero()[0].tolist():
            reasons = [
                reason
                for name, above in certain.items()
                if above[row] >= least
                for reason in self._reasons(facts, row, name, float(above[row]), priors[name])
            ]
            sure = sum(above[row] >= self.settings.certainty for above in certain.values())
            level: Level = "medium" if sure == len(_HABITS) else "low"
            reasons.append(Reason("decision", None, Told(DECIDE)))
            raises = bool(highest[row] >= self.settings.certainty)
            yield Finding(facts.ids[row], level, float(highest[row]), tuple(reasons), raises=raises)

    def _certainty(self, facts: Facts, name: str, prior: RatePrior) -> Array:
        """The probability that each true share is above the acceptable; -1 with too little to tell."""
        import numpy as np

        hits, tries = _counts(facts, name)
        threshold = getattr(self.settings, name)
        enough = (hits >= self.settings.minimum) & (hits > threshold * tries)
        return np.where(enough, prior.exceeds(hits, tries, threshold), -1.0)

    def _reasons(
        self, facts: Facts, row: int, name: str, above: float, prior: RatePrior
    ) -> tuple[Reason, Reason]:
        hits, tries = (float(counts[row]) for counts in _counts(facts, name))
        threshold = getattr(self.settings, name)
        told = {
            "hits": int(hits),
            "tries": int(tries),
            "rate": f"{hits / tries:.0%}",
            "usual": f"{prior.mean:.1%}",
        }
        certainty = {"threshold": f"{threshold:.0%}", "certainty": f"{min(above, 0.999):.1%}"}
        return (
            Reason(_HABITS[name].hits, hits / tries, Told(_HABITS[name].told, {**told}), threshold=threshold),
            Reason("probability", above, Told(CERTAIN, {**certainty}), threshold=self.settings.certainty),
        )


def _counts(facts: Facts, name: str) -> tuple[Array, Array]:
    import numpy as np

    habit = _HABITS[name]
    return np.minimum(facts[habit.hits], facts[habit.tries]), facts[habit.tries]
