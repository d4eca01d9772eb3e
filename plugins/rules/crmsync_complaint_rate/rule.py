"""Which products, shops or agents give customers too much trouble."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from crmsync.sdk import (
    Facts,
    Finding,
    Forecast,
    Model,
    NotEnoughEvidence,
    Predicts,
    Reason,
    Rule,
    Told,
    mark,
)
from crmsync.sdk.rule import Level, Subject
from crmsync.sdk.stats import BetaPrior, fit_prior, wilson
from crmsync_complaint_rate.settings import ComplaintRateSettings, Reading

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Per reading: what is counted, out of what, and how a person is told.
_READINGS: dict[Reading, tuple[tuple[str, ...], str, str]] = {
    "troubled_orders": (
        ("troubled_orders",),
        "orders",
        mark(
            "{hits} of {tries} orders had a bad review, a refund or a complaint: {rate}"
            " (95 % interval {low} to {high})."
        ),
    ),
    "troubled_delivered": (
        ("troubled_delivered",),
        "delivered_orders",
        mark(
            "{hits} of {tries} delivered orders had a bad review, a refund or a complaint: {rate}"
            " (95 % interval {low} to {high})."
        ),
    ),
    "refunded_orders": (
        ("refunded_orders",),
        "orders",
        mark(
            "{hits} of {tries} orders were refunded, returned or exchanged: {rate}"
            " (95 % interval {low} to {high})."
        ),
    ),
    "bad_reviews": (
        ("bad_reviews",),
        "reviews",
        mark("{hits} of {tries} reviews are bad: {rate} (95 % interval {low} to {high})."),
    ),
    "poor_reviews": (
        ("bad_reviews", "neutral_reviews"),
        "reviews",
        mark("{hits} of {tries} reviews are neutral or bad: {rate} (95 % interval {low} to {high})."),
    ),
    "troubled_inquiries": (
        ("troubled_inquiries",),
        "inquiries",
        mark(
            "{hits} of {tries} inquiries were badly rated or ended in a complaint of the service: {rate}"
            " (95 % interval {low} to {high})."
        ),
    ),
}
_TYPES = {
    "complaints_product": mark("Most complaints concern the product: {count} of {total}."),
    "complaints_logistics": mark("Most complaints concern delivery: {count} of {total}."),
    "complaints_service": mark("Most complaints concern the service: {count} of {total}."),
    "complaints_contract": mark("Most complaints concern what was agreed: {count} of {total}."),
}
CERTAIN = mark("The true rate is above {threshold} with a probability of {certainty}.")
NO_PRIOR = mark("Too few subjects to learn how rates differ here; each is judged by its own counts alone.")


class ComplaintRate(Rule[ComplaintRateSettings], Predicts):
    """Subjects whose true rate of trouble (投诉率) is too high, by more than chance."""

    name = "complaint_rate"
    title = "Complaint rate"
    Settings = ComplaintRateSettings
    outcome = mark("a rate above the threshold within the horizon")
    thumb = mark("the raw rate so far")

    @property
    def subject(self) -> Subject:
        return self.settings.subject

    @property
    def reading(self) -> Reading:
        """What is counted per what."""
        return self.settings.reading or (
            "troubled_inquiries" if self.settings.subject == "agent" else "troubled_orders"
        )

    def fit(self, facts: Facts) -> Model:
        try:
            prior = fit_prior(*self._counts(facts))
        except NotEnoughEvidence:
            # Jeffreys' prior: the least that can be assumed of a rate.
            return Model("jeffreys", {"alpha": 0.5, "beta": 0.5}, {}, Told(NO_PRIOR))
        return Model(
            "beta_binomial",
            {"alpha": prior.alpha, "beta": prior.beta},
            {"mean": prior.mean, "strength": prior.strength, "subjects": len(facts)},
        )

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        if model is None:
            return
        prior = BetaPrior(**model.parameters)
        hits, tries = self._counts(facts)
        threshold = self.settings.threshold
        above = prior.exceeds(hits, tries, threshold)
        far_above = prior.exceeds(hits, tries, min(2 * threshold, 1.0))
        rate = prior.rate(hits, tries)
        # A subject must be above the threshold itself, not only be one of a bad lot.
        worth = (
            (tries >= self.settings.minimum)
            & (hits > threshold * tries)
            & (above >= self.settings.certainty - self.settings.slack)
        )
        for row in worth.nonzero()[0]:
            level: Level = "high" if far_above[row] >= self.settings.certainty else "medium"
            yield Finding(
                str(facts.ids[row]),
                level,
                float(rate[row]),
                self._reasons(facts, row, float(hits[row]), float(tries[row]), float(above[row])),
                raises=bool(above[row] >= self.settings.certainty),
            )

    def forecast(self, facts: Facts, model: Model | None) -> Forecast:
        import numpy as np

        hits, tries = self._counts(facts)
        if model is None:
            return Forecast(np.full(len(facts), np.nan))
        return Forecast(np.where(tries > 0, BetaPrior(**model.parameters).rate(hits, tries), np.nan))

    def thumb_score(self, facts: Facts) -> Array:
        hits, tries = self._counts(facts)
        return _rate(hits, tries)

    def happened(self, then: Facts, later: Facts) -> Array:
        import numpy as np

        hits, tries = (
            after - before for before, after in zip(*map(self._counts, (then, later)), strict=True)
        )
        seen = tries >= self.settings.minimum
        return np.where(seen, _rate(hits, tries) > self.settings.threshold, np.nan)

    def _counts(self, facts: Facts) -> tuple[Array, Array]:
        import numpy as np

        counted, per, _ = _READINGS[self.reading]
        tries = facts[per]
        hits = sum((facts[name] for name in counted[1:]), start=facts[counted[0]])
        return np.minimum(hits, tries), tries

    def _reasons(self, facts: Facts, row: int, hits: float, tries: float, above: float) -> tuple[Reason, ...]:
        low, high = wilson(hits, tries)
        counts = {"hits": int(hits), "tries": int(tries), "rate": f"{hits / tries:.1%}"}
        interval = {"low": f"{low:.1%}", "high": f"{high:.1%}"}
        threshold = self.settings.threshold
        certainty = {"threshold": f"{threshold:.1%}", "certainty": f"{min(above, 0.999):.1%}"}
        evidence = tuple((facts["evidence"][row] or "").splitlines())
        reasons = [
            Reason(
                self.reading,
                hits / tries,
                Told(_READINGS[self.reading][2], {**counts, **interval}),
                threshold=threshold,
                evidence=evidence,
            ),
            Reason("probability", above, Told(CERTAIN, certainty), threshold=self.settings.certainty),
        ]
        total = int(facts["complaints"][row])
        kind = max(_TYPES, key=lambda name: float(facts[name][row]))
        if total and (count := int(facts[kind][row])) * 2 > total:
            reasons.append(Reason(kind, count, Told(_TYPES[kind], {"count": count, "total": total})))
        return tuple(reasons)


def _rate(hits: Array, tries: Array) -> Array:
    import numpy as np

    return np.divide(hits, tries, out=np.full(len(tries), np.nan), where=tries > 0)
