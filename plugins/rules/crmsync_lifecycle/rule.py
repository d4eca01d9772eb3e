"""Where each customer stands: the stage of the relation, or the type of customer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, Finding, Model, NotEnoughEvidence, Reason, Rule, Told, mark, written_day
from crmsync.sdk.rule import Level, Subject
from crmsync.sdk.stats import fit_purchases
from crmsync_lifecycle import customer_type, stage
from crmsync_lifecycle.settings import LifecycleSettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

BY_SILENCE = mark(
    "No purchase model for this shop (too few buyers, or nobody seems to leave);"
    " decline begins after {days} days without a purchase."
)
# Of all repeat purchases, this share comes sooner: a longer silence is unusual.
_USUAL = 0.975
_PARAMETERS = ("kind", "r", "alpha", "a", "b")


class Lifecycle(Rule[LifecycleSettings]):
    """The stage of the relation (考察期, 形成期, 稳定期, 退化期) or the type of customer, as a state."""

    name = "lifecycle"
    title = "Lifecycle"
    Settings = LifecycleSettings
    reads_scores = False

    @property
    def subject(self) -> Subject:
        return "customer"

    def fit(self, facts: Facts) -> Model | None:
        import numpy as np

        if self.settings.view == "type":
            return None
        bought = facts["purchase_days"] > 0
        silence = float(self.settings.lost_after.days)
        if bought.sum() >= self.settings.minimum_customers:
            try:
                found = fit_purchases(*(facts[name][bought] for name in ("x", "t_x", "T")))
            except NotEnoughEvidence:
                found = None
            if found and found.converged and not found.degenerate:
                return Model(found.kind, {name: getattr(found, name) for name in _PARAMETERS})
            if found:
                silence = float(np.quantile(facts["mean_gap_days"][facts["x"] > 0], _USUAL))
        return Model("silence", {"days": silence}, refusal=Told(BY_SILENCE, {"days": round(silence)}))

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        yield from self._types(facts) if self.settings.view == "type" else self._stages(facts, model)

    def _types(self, facts: Facts) -> Iterator[Finding]:
        days, reasons = self.settings.lost_after.days, _Shared()
        messages, away = facts["messages_received"], facts["last_gap_days"]
        for row, state, fact in _each(facts, customer_type.types(facts, self.settings)):
            values: dict[str, Any] = {}
            if state == "target":
                values = {"messages": int(messages[row])}
            elif state == "lost":
                values = {"days": days}
            elif state == "won_back":
                values = {"away": int(away[row])}
            level: Level = "medium" if state == "lost" else "low"
            told = reasons(state, customer_type.STATES[state], {**fact, **values})
            yield Finding(facts.ids[row], level, float(fact["purchases"]), told, state=state)

    def _stages(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        import numpy as np

        settings, reasons = self.settings, _Shared()
        bought = facts["purchase_days"] > 0
        alive = np.where(bought, stage.chance_alive(facts, model, settings), np.nan)
        less = stage.spends_less(facts, settings)
        found = stage.stages(facts, alive, less, settings)
        # Between the threshold and the slack above it, a decline that stands is kept.
        kept = (found != "decline") & (alive < settings.alive + settings.slack)
        found = np.where(bought, found, "")
        silent = model is None or model.kind == "silence"
        longest = round(model.parameters["days"]) if model and silent else settings.lost_after.days
        limit = {"alive": f"{settings.alive:.0%}", "silence": longest, "share": f"{settings.spend_drop:.0%}"}
        for row, state, fact in _each(facts, found):
            message = stage.STATES[state]
            if state == "decline":
                by_spend = alive[row] >= settings.alive
                message = stage.SPENDS_LESS if by_spend else stage.SILENT if silent else message
            told = reasons(state, message, {**fact, **limit} if state == "decline" else fact)
            level: Level = "medium" if state == "decline" else "low"
            keeps = "decline" if kept[row] else None
            yield Finding(facts.ids[row], level, float(fact["purchases"]), told, state=state, keeps=keeps)


def _each(facts: Facts, states: Array) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The customers who are in a state, with what their reasons tell."""
    names = ("purchase_days", "first_day", "last_day", "mean_gap_days")
    columns = [facts[name].tolist() for name in names]
    for row, (state, purchases, first, last, gap) in enumerate(zip(states.tolist(), *columns, strict=True)):
        if state:
            fact = {"purchases": int(purchases)}
            if purchases:
                fact |= {"first": first, "last": last, "gap": max(1, round(gap)) if gap == gap else 0}
            yield row, state, fact


class _Shared:
    """Reasons, made once for all customers who have the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], tuple[Reason, ...]] = {}
        self._names: dict[str, list[str]] = {}

    def __call__(self, state: str, message: str, values: dict[str, Any]) -> tuple[Reason, ...]:
        names = self._names.get(message)
        if names is None:
            names = self._names[message] = [name for name in values if f"{{{name}}}" in message]
        key = (message, *(values[name] for name in names))
        if key not in self._made:
            used = {name: values[name] for name in names}
            for day in used.keys() & {"first", "last"}:
                used[day] = written_day(used[day])
            reasons = [Reason("purchase_days", values["purchases"], Told(message, used))]
            if state == "decline":
                reasons.append(Reason("demand", None, Told(stage.UNSEEN)))
            self._made[key] = tuple(reasons)
        return self._made[key]
