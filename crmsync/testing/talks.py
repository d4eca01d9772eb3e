"""Conversations with the shop's agents, before and after a purchase. One agent is slow and rude."""

from __future__ import annotations

from dataclasses import dataclass

from crmsync.testing.almanac import DAY, HOUR, MINUTE, iso
from crmsync.testing.catalogue import Product
from crmsync.testing.change import Change
from crmsync.testing.dice import Dice
from crmsync.testing.orders import Purchase
from crmsync.testing.phrases import AGENTS, QUESTIONS, REPLIES
from crmsync.testing.population import Buyer

ASKED_SHARE = 0.22
COMPLAINED_SHARE = {"late": 0.35, "fault": 0.15, "bad": 0.015}


@dataclass(frozen=True, slots=True)
class Agent:
    id: str
    name: str


class Desk:
    """The agents at work. Writes each conversation as its question, its first reply and its end."""

    def __init__(self, seed: int, products: list[Product]) -> None:
        self.dice = Dice(seed, "talks")
        self.products = products
        self.agents = [Agent(f"A{n}", name) for n, name in enumerate(AGENTS, 1)]
        self.slow = self.dice.pick(self.agents)

    def before(self, changes: list[Change], number: int, buyer: Buyer, at: int) -> str | None:
        """What is asked before a purchase: by its buyer, and by one who does not buy.

        Who answers does not move the purchases, which follow their own process: the slow agent
        simply has fewer of the talks that led to one and more of those that led nowhere.
        """
        agent = None
        if self.dice.chance(ASKED_SHARE):
            agent = self._agent(slow_weight=0.5)
            started = at - self.dice.seconds(5 * MINUTE, HOUR)
            self._talk(changes, f"S{number:07d}0", buyer, agent, started, "PRESALE", "ORDERED")
        if self.dice.chance(0.12):
            left = self._agent(slow_weight=3)
            started = at - self.dice.seconds(2 * HOUR, 9 * HOUR)
            self._talk(changes, f"S{number:07d}1", buyer, left, started, "PRESALE", "LEFT")
        return agent.id if agent else None

    def after(self, changes: list[Change], purchase: Purchase) -> None:
        """A complaint: about a parcel once it is overdue, about a product once it has come."""
        faulty = any(line.product.faulty for line in purchase.lines)
        why = "late" if purchase.late else "fault" if faulty else "bad"
        if not self.dice.chance(COMPLAINED_SHARE[why]):
            return
        agent = self._agent(slow_weight=1)
        if why == "late":
            started, topic = purchase.promised_at + self.dice.seconds(9 * HOUR, 12 * HOUR), "LOGISTICS"
        else:
            started, topic = purchase.signed_at + self.dice.seconds(HOUR, 3 * DAY), "PRODUCT"
        solved = self.dice.chance(0.4 if agent is self.slow else 0.85)
        self._talk(
            changes,
            f"S{purchase.id[1:-1]}2",
            purchase.buyer,
            agent,
            started,
            topic,
            "SOLVED" if solved else "UNSOLVED",
            purchase,
        )

    def _agent(self, slow_weight: float) -> Agent:
        weights = [slow_weight if agent is self.slow else 1.0 for agent in self.agents]
        return self.dice.weighted(self.agents, weights)

    def _talk(
        self,
        changes: list[Change],
        id: str,
        buyer: Buyer,
        agent: Agent,
        started: int,
        topic: str,
        result: str,
        purchase: Purchase | None = None,
    ) -> None:
        slow = agent is self.slow
        replied = started + (self.dice.seconds(900, 3600) if slow else self.dice.seconds(15, 180))
        ended = replied + self.dice.seconds(2 * MINUTE, 20 * MINUTE)
        rating = None
        if self.dice.chance(0.4):
            rating = self.dice.pick([1, 2, 3] if slow or result == "UNSOLVED" else [4, 5, 5])
        product = purchase.lines[0].product if purchase else self.dice.pick(self.products)
        reply = self.dice.pick(REPLIES["rude" if slow else "good"][buyer.language])
        changes.append(
            Change(
                started,
                "conversations",
                id,
                {
                    "id": id,
                    "buyer_id": buyer.id,
                    "agent": {"id": agent.id, "name": agent.name},
                    "order_id": purchase.id if purchase else None,
                    "product_id": product.id,
                    "topic": topic,
                    "question": self.dice.pick(QUESTIONS[topic][buyer.language]),
                    "reply": None,
                    "started_at": iso(started),
                    "first_reply_at": None,
                    "ended_at": None,
                    "result": None,
                    "rating": None,
                },
            )
        )
        changes.append(Change(replied, "conversations", id, {"reply": reply, "first_reply_at": iso(replied)}))
        changes.append(
            Change(ended, "conversations", id, {"ended_at": iso(ended), "result": result, "rating": rating})
        )
