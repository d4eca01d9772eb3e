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
from crmsync.sdk.stats import RatePrior, fit_prior, ratio, wilson
from crmsync_complaint_rate.fault import FAULTS, recurring, usual_faults
from crmsync_complaint_rate.reading import READINGS, counts
from crmsync_complaint_rate.rise import Weeks, weeks
from crmsync_complaint_rate.settings import ComplaintRateSettings, Reading

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_TYPES = {
    "complaints_product": mark("Most complaints concern the product: {count} of {total}."),
    "complaints_logistics": mark("Most complaints concern delivery: {count} of {total}."),
    "complaints_service": mark("Most complaints concern the service: {count} of {total}."),
    "complaints_contract": mark("Most complaints concern what was agreed: {count} of {total}."),
}
CERTAIN = mark("The true rate is above {threshold} with a probability of {certainty}.")
ROSE = mark(
    "A sudden rise: {hits} of {tries} orders of the last {weeks} weeks, {hits_before} of {tries_before}"
    " before; by chance {chance}."
)
NO_PRIOR = mark("Too few subjects to learn how rates differ here; each is judged by its own counts alone.")
# The weekly counts are of troubled orders; other readings have no past to be compared with.
_WITH_WEEKS = ("troubled_orders", "troubled_delivered")
RATE, RISE, FAULT = mark("rate"), mark("rise"), mark("fault")
# What is faulty is not drawn from what is usual: where all others are alike, its own orders still count.
_STRENGTH = 50.0
# A rise that stands is kept until it is this much likelier to be chance than when it was raised.
_LOOSER = 10


class ComplaintRate(Rule[ComplaintRateSettings], Predicts):
    """Subjects whose true rate of trouble (投诉率) is too high, by more than chance.

    The state tells what speaks most for acting: `fault` (the same one reported by many), `rise` (against
    the subject's own past), or `rate` (too high).
    """

    name = "complaint_rate"
    title = "Complaint rate"
    Settings = ComplaintRateSettings
    version = 3
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
        parameters: dict[str, Any] = {"faults": usual_faults(facts)}
        if split := self._weeks(facts):
            # With many subjects looked at, some rise by chance; each is held to its share of the risk.
            parameters["compared"] = int(split.told(self.settings.minimum).sum())
        try:
            prior = fit_prior(*counts(facts, self.reading))
        except NotEnoughEvidence:
            # Jeffreys' prior: the least that can be assumed of a rate.
            return Model("jeffreys", {**parameters, **RatePrior(0.5, (1.0,)).dumped()}, {}, Told(NO_PRIOR))
        return Model(
            "beta_binomial",
            {**parameters, **prior.at_most(_STRENGTH).dumped()},
            {"mean": prior.mean, "strength": prior.strength, "subjects": len(facts)},
        )

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        import numpy as np

        if model is None:
            return
        settings, prior = self.settings, _prior(model)
        hits, tries = counts(facts, self.reading)
        above = prior.exceeds(hits, tries, settings.threshold)
        far_above = prior.exceeds(hits, tries, min(2 * settings.threshold, 1.0))
        rate = prior.rate(hits, tries)
        # A subject must be above the threshold itself, not only be one of a bad lot.
        own = (tries >= settings.minimum) & (hits > settings.threshold * tries)
        above = np.where(own, above, 0.0)
        split, allowed = self._weeks(facts), settings.rise / max(model.parameters.get("compared", 1), 1)
        chance = self._chance(split) if split else np.ones(len(facts))
        fault, sure = recurring(
            facts, model.parameters.get("faults", {}), settings.fault_factor, settings.fault_reports
        )
        # Where nothing was found there is a probability of 0, which is no certainty however low it may be.
        least = max(settings.certainty - settings.slack, 1e-9)
        worth = (above >= least) | (chance <= _LOOSER * allowed) | (sure >= least)
        for row in (worth & (tries > 0)).nonzero()[0].tolist():
            is_fault, is_rise = sure[row] >= least, chance[row] <= _LOOSER * allowed
            level: Level = "high" if own[row] and far_above[row] >= settings.certainty else "medium"
            reasons = self._rate_reasons(facts, row, float(hits[row]), float(tries[row]), float(above[row]))
            if split and is_rise:
                reasons.append(self._rise_reason(split, row, float(chance[row])))
            if is_fault:
                reasons.append(self._fault_reason(facts, row, fault[row], model))
            if kind := self._type_reason(facts, row):
                reasons.append(kind)
            raises = max(above[row], sure[row]) >= settings.certainty or chance[row] <= allowed
            yield Finding(
                str(facts.ids[row]),
                level,
                float(rate[row]),
                tuple(reasons),
                raises=bool(raises),
                state=FAULT if is_fault else RISE if is_rise else RATE,
            )

    def forecast(self, facts: Facts, model: Model | None) -> Forecast:
        import numpy as np

        hits, tries = counts(facts, self.reading)
        if model is None:
            return Forecast(np.full(len(facts), np.nan))
        return Forecast(np.where(tries > 0, _prior(model).rate(hits, tries), np.nan))

    def thumb_score(self, facts: Facts) -> Array:
        return ratio(*counts(facts, self.reading))

    def happened(self, then: Facts, later: Facts) -> Array:
        import numpy as np

        hits, tries = (
            after - before
            for before, after in zip(*(counts(each, self.reading) for each in (then, later)), strict=True)
        )
        seen = tries >= self.settings.minimum
        return np.where(seen, ratio(hits, tries) > self.settings.threshold, np.nan)

    def _weeks(self, facts: Facts) -> Weeks | None:
        watched = self.settings.rise > 0 and self.reading in _WITH_WEEKS
        return weeks(facts, self.settings.rise_weeks) if watched else None

    def _chance(self, split: Weeks) -> Array:
        """That the last weeks are this bad by chance; 1 where even they are within what is acceptable."""
        import numpy as np

        bad = split.hits > self.settings.threshold * split.tries
        return np.where(bad, split.chance(self.settings.minimum), 1.0)

    def _rate_reasons(self, facts: Facts, row: int, hits: float, tries: float, above: float) -> list[Reason]:
        low, high = wilson(hits, tries)
        values = {"hits": int(hits), "tries": int(tries), "rate": f"{hits / tries:.1%}"}
        interval = {"low": f"{low:.1%}", "high": f"{high:.1%}"}
        threshold = self.settings.threshold
        evidence = tuple((facts["evidence"][row] or "").splitlines())
        told = Told(READINGS[self.reading].told, {**values, **interval})
        reasons = [Reason(self.reading, hits / tries, told, threshold=threshold, evidence=evidence)]
        if above:
            certainty = {"threshold": f"{threshold:.1%}", "certainty": f"{min(above, 0.999):.1%}"}
            told = Told(CERTAIN, {**certainty})
            reasons.append(Reason("probability", above, told, threshold=self.settings.certainty))
        return reasons

    def _rise_reason(self, split: Weeks, row: int, chance: float) -> Reason:
        values = {
            "hits": int(split.hits[row]),
            "tries": int(split.tries[row]),
            "hits_before": int(split.hits_before[row]),
            "tries_before": int(split.tries_before[row]),
            "weeks": self.settings.rise_weeks,
            "chance": "< 0.01%" if chance < 1e-4 else f"{chance:.2%}",
        }
        return Reason("weekly", values["hits"] / values["tries"], Told(ROSE, values))

    def _fault_reason(self, facts: Facts, row: int, kind: str, model: Model) -> Reason:
        count, orders = int(facts[kind][row]), int(facts["orders"][row])
        usual = model.parameters["faults"][kind]
        values = {"count": count, "orders": orders, "rate": f"{count / orders:.1%}", "usual": f"{usual:.1%}"}
        return Reason(kind, count, Told(FAULTS[kind], {**values}), threshold=self.settings.fault_reports)

    def _type_reason(self, facts: Facts, row: int) -> Reason | None:
        total = int(facts["complaints"][row])
        kind = max(_TYPES, key=lambda name: float(facts[name][row]))
        count = int(facts[kind][row])
        if not total or count * 2 <= total:
            return None
        return Reason(kind, count, Told(_TYPES[kind], {"count": count, "total": total}))


def _prior(model: Model) -> RatePrior:
    return RatePrior.loaded(model.parameters)
