"""Who buys, how often, how much, and when they stop: the truth behind the shop's records.

Purchases follow the BG/NBD model: each customer buys as a Poisson process with a rate from a gamma
distribution, and after every repeat purchase leaves for good with a probability from a beta
distribution. What a basket is worth follows the gamma-gamma model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from crmsync.testing.almanac import DAY, midnight, waking
from crmsync.testing.dice import Dice
from crmsync.testing.phrases import ENGLISH_NAMES, FAMILY_NAMES, GIVEN_NAMES, PLACES

_OLDEST_BORN, _YOUNGEST_BORN = date(1950, 1, 1).toordinal(), date(2006, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Process:
    """What the population is drawn from.

    Purchases (BG/NBD): rates from a gamma (`r`, `alpha` in weeks), leaving from a beta (`a`, `b`). Worth of
    a basket (gamma-gamma): `p`, `q`, `v` in yuan.
    """

    r: float = 0.9
    alpha: float = 4.5
    a: float = 0.8
    b: float = 2.6
    p: float = 6.25
    q: float = 3.74
    v: float = 80.0


@dataclass(slots=True)
class Buyer:
    """One customer with its truth. Times are seconds since the epoch.

    `purchases` reach into the shop's future; `left_at` is the purchase after which no other follows,
    or None for one who has not left by the end of what is known. `taste` is what a basket is worth to
    this customer on average, in fen.
    """

    id: str
    name: str
    language: str
    region: str
    city: str
    reachable: bool
    verified: bool
    registered_at: int
    birthday: str | None
    taste: float
    rate: float
    promo: bool
    service: bool
    purchases: list[int] = field(default_factory=list)
    left_at: int | None = None
    withdrew_at: int | None = None


def population(seed: int, size: int, start: int, now: int, end: int, process: Process) -> list[Buyer]:
    """Everyone who registers from `start` to `end`, `size` of them before `now`, in order of coming."""
    dice, births = Dice(seed, "population"), Dice(seed, "births")
    # Nobody comes on the day of `now`, whose hours `waking` could move across it.
    today = midnight(now)
    coming = sorted(dice.seconds(start, today) for _ in range(size))
    later = round(size * (end - now) / (now - start))
    coming += sorted(dice.seconds(today + DAY, end) for _ in range(later))
    draw = dice.generator
    weekly = draw.gamma(process.r, 1 / process.alpha, len(coming)).tolist()
    leaving = draw.beta(process.a, process.b, len(coming)).tolist()
    scale = draw.gamma(process.q, 1 / process.v, len(coming)).tolist()
    buyers = []
    for n, (came, rate, leaves, nu) in enumerate(zip(coming, weekly, leaving, scale, strict=True)):
        buyer = _person(dice, f"C{n + 1:06d}", waking(came))
        if buyer.reachable and births.chance(0.6):
            born = int(births.between(_OLDEST_BORN, _YOUNGEST_BORN))
            buyer.birthday = date.fromordinal(born).isoformat()
        buyer.rate = rate / (7 * DAY)
        buyer.taste = 100 * process.p / nu
        # A few register and never buy.
        if not dice.chance(0.04):
            _buy(dice, buyer, came, end, leaves)
        buyers.append(buyer)
    return buyers


def _buy(dice: Dice, buyer: Buyer, first: int, end: int, leaves: float) -> None:
    at: float = first
    buyer.purchases.append(waking(first) + 60)
    while (at := at + dice.exponential(buyer.rate)) < end:
        # Two purchases in one second would be one to anybody who looks at the records.
        buyer.purchases.append(max(waking(int(at)), buyer.purchases[-1] + 60))
        if dice.chance(leaves):
            buyer.left_at = buyer.purchases[-1]
            return


def _person(dice: Dice, id: str, registered_at: int) -> Buyer:
    language = "en" if dice.chance(0.18) else "zh"
    if language == "en":
        name = dice.pick(ENGLISH_NAMES)
    else:
        name = (
            dice.pick(FAMILY_NAMES)
            + dice.pick(GIVEN_NAMES)
            + (dice.pick(GIVEN_NAMES) if dice.chance(0.5) else "")
        )
    region, city = dice.pick(PLACES)
    reachable = not dice.chance(0.06)
    promo = reachable and dice.chance(0.745)
    return Buyer(
        id=id,
        name=name,
        language=language,
        region=region,
        city=city,
        reachable=reachable,
        verified=dice.chance(0.8),
        registered_at=registered_at,
        birthday=None,
        taste=0.0,
        rate=0.0,
        promo=promo,
        service=dice.chance(0.97),
        withdrew_at=registered_at + dice.seconds(30 * DAY, 300 * DAY)
        if promo and dice.chance(0.04)
        else None,
    )
