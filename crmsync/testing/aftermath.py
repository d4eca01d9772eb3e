"""What follows a delivery: reviews, and money or goods going back, each with its cause."""

from __future__ import annotations

from collections.abc import Iterator

from crmsync.testing.almanac import DAY, HOUR, iso, next_batch
from crmsync.testing.change import Change
from crmsync.testing.dice import Dice
from crmsync.testing.orders import Line, Purchase, yuan
from crmsync.testing.phrases import REFUND_REASONS, REVIEWS

REVIEWED_SHARE = 0.4
# Late deliveries are as badly reviewed as the 2016-2018 orders of a real marketplace (Olist).
BAD_SHARE = {"late": 0.57, "fault": 0.35, "bad": 0.04}
REFUNDED_SHARE = {"late": 0.07, "fault": 0.22, "bad": 0.02}


def cause(purchase: Purchase, line: Line) -> str:
    """What a complaint about this line would be about: `late`, `fault`, or `bad` (a matter of taste)."""
    if purchase.late:
        return "late"
    return "fault" if line.product.faulty else "bad"


def reviews(dice: Dice, purchase: Purchase) -> Iterator[Change]:
    """Some lines are reviewed some days after they came; the shop answers most of the bad ones."""
    for n, line in enumerate(purchase.lines, 1):
        if not dice.chance(REVIEWED_SHARE):
            continue
        why = cause(purchase, line)
        bad = dice.chance(BAD_SHARE[why])
        if bad:
            stars, mood = (1 if dice.chance(0.7) else 2), why
        elif dice.chance(0.06):
            stars, mood = 3, "neutral"
        else:
            stars, mood = (4 if dice.chance(0.25) else 5), "good"
        id = f"V{purchase.id[1:]}{n}"
        at = purchase.signed_at + dice.seconds(DAY // 4, 9 * DAY)
        language = purchase.buyer.language
        yield Change(
            at,
            "reviews",
            id,
            {
                "id": id,
                "order_id": purchase.id,
                "product_id": line.product.id,
                "buyer_id": purchase.buyer.id,
                "stars": stars,
                "content": dice.pick(REVIEWS[language][mood]),
                "lang": {"zh": "zh-CN", "en": "en"}[language],
                "created_at": iso(at),
                "replied_at": None,
            },
        )
        if bad and dice.chance(0.6):
            replied = next_batch(at + dice.seconds(HOUR, 2 * DAY), 11, 17)
            yield Change(replied, "reviews", id, {"replied_at": iso(replied)})


def refund(dice: Dice, purchase: Purchase) -> Iterator[Change]:
    """At most one line of an order goes back. One that was the whole order makes it refunded."""
    for line in purchase.lines:
        why = cause(purchase, line)
        if not dice.chance(REFUNDED_SHARE[why]):
            continue
        if why == "late":
            word = "LOGISTICS"
        elif why == "fault":
            word = "QUALITY" if dice.chance(0.8) else "NOT_AS_DESCRIBED"
        else:
            word = "CHANGED_MIND"
        kind = dice.weighted(["REFUND_ONLY", "RETURN", "EXCHANGE"], [4, 4, 2])
        id = f"R{purchase.id[1:]}"
        applied = purchase.signed_at + dice.seconds(DAY // 4, 6 * DAY)
        decided = applied + dice.seconds(2 * HOUR, DAY)
        yield Change(
            applied,
            "refunds",
            id,
            {
                "id": id,
                "order_id": purchase.id,
                "line_id": line.id,
                "product_id": line.product.id,
                "buyer_id": purchase.buyer.id,
                "kind": kind,
                "state": "APPLIED",
                "cause": word,
                "reason": dice.pick(REFUND_REASONS[word][purchase.buyer.language]),
                "currency": "CNY",
                "amount": "0.00" if kind == "EXCHANGE" else yuan(line.paid),
                "applied_at": iso(applied),
                "done_at": None,
            },
        )
        if dice.chance(0.08):
            yield Change(decided, "refunds", id, {"state": "REFUSED"})
            return
        yield Change(decided, "refunds", id, {"state": "AGREED"})
        done = decided + dice.seconds(DAY, 5 * DAY)
        yield Change(done, "refunds", id, {"state": "DONE", "done_at": iso(done)})
        if kind != "EXCHANGE" and len(purchase.lines) == 1:
            purchase.refunded_at = done
        return
