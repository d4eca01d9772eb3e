"""How service agents do, on four sides, against their team's median."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, Finding, Model, Reason, Rule, Told, mark
from crmsync.sdk.rule import Level, Subject
from crmsync_service_scorecard.indicator import INDICATORS, Indicator
from crmsync_service_scorecard.settings import ServiceScorecardSettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TOO_FEW = mark(
    "No team has {agents} agents with {minimum} orders, reviews or inquiries: no median to compare with."
)
SCORE = mark("A score of {score}; the team's median agent has 50. Known of {sides} of the 4 sides.")
GOOD, FAIR, WEAK = mark("good"), mark("fair"), mark("weak")
# One side alone says too little of an agent.
_SIDES = 2


class ServiceScorecard(Rule[ServiceScorecardSettings]):
    """Every agent with enough evidence has a score; the state says whether it is good, fair or weak."""

    name = "service_scorecard"
    title = "Service scorecard"
    Settings = ServiceScorecardSettings

    @property
    def subject(self) -> Subject:
        return "agent"

    def fit(self, facts: Facts) -> Model:
        import numpy as np

        teams = _teams(facts)
        medians: dict[str, dict[str, Any]] = {}
        for team in sorted(set(teams.tolist())):
            found = {}
            for indicator in INDICATORS:
                values = indicator.values(facts, self.settings.minimum)[teams == team]
                values = values[~np.isnan(values)]
                if len(values) >= self.settings.minimum_agents:
                    median = float(np.median(values))
                    found[indicator.name] = [median, float(np.median(np.abs(values - median)))]
            if found:
                medians[team] = found
        if not medians:
            told = {"agents": self.settings.minimum_agents, "minimum": self.settings.minimum}
            return Model("none", refusal=Told(TOO_FEW, {**told}))
        return Model("medians", {"teams": medians}, {"agents": len(facts)})

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        if model is None or model.kind == "none":
            return
        values = {each.name: each.values(facts, self.settings.minimum) for each in INDICATORS}
        for row, team in enumerate(_teams(facts).tolist()):
            medians = model.parameters["teams"].get(team, {})
            own = {name: float(column[row]) for name, column in values.items()}
            known = [each for each in INDICATORS if each.name in medians and own[each.name] == own[each.name]]
            points = {each.name: float(each.points(own[each.name], *medians[each.name])) for each in known}
            sides = self._sides(known, points)
            weight = sum(self.settings.weights.get(side, 0) for side in sides)
            if len(sides) < _SIDES or not weight:
                continue
            score = sum(self.settings.weights.get(side, 0) * value for side, value in sides.items()) / weight
            told = Told(SCORE, {"score": f"{score:.0f}", "sides": len(sides)})
            currency = facts["currency"][row]
            reasons = [Reason("score", score, told)] + [
                self._reason(each, own[each.name], medians[each.name][0], points[each.name], currency)
                for each in known
            ]
            yield self._finding(str(facts.ids[row]), score, tuple(reasons))

    def _finding(self, agent: str, score: float, reasons: tuple[Reason, ...]) -> Finding:
        level: Level = "medium" if score < self.settings.weak else "low"
        if score < self.settings.very_weak:
            level = "high"
        state, keeps = self._state(score), self._state(score, self.settings.slack)
        return Finding(agent, level, score, reasons, state=state, keeps=keeps if keeps != state else None)

    def _sides(self, known: list[Indicator], points: dict[str, float]) -> dict[Any, float]:
        """The mean points of each side."""
        of: dict[Any, list[float]] = {}
        for indicator in known:
            of.setdefault(indicator.side, []).append(points[indicator.name])
        return {side: sum(each) / len(each) for side, each in of.items()}

    def _state(self, score: float, slack: float = 0) -> str:
        """The state; with a slack, the one that is kept until the score has moved so far to the middle."""
        if score >= self.settings.good - slack:
            return GOOD
        return WEAK if score < self.settings.weak + slack else FAIR

    def _reason(
        self, indicator: Indicator, value: float, median: float, points: float, currency: str | None
    ) -> Reason:
        told = {
            "value": indicator.shown(value, currency),
            "median": indicator.shown(median, currency),
            "points": f"{points:.0f}",
        }
        return Reason(indicator.name, value, Told(indicator.told, {**told}), threshold=median)


def _teams(facts: Facts) -> Array:
    """The shop of each agent: agents of one shop are a team."""
    import numpy as np

    return np.array([str(agent).split("/", 1)[0] for agent in facts.ids.tolist()], dtype=object)
