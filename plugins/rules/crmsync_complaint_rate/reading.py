"""What may be counted per what: the textbooks leave the formula open, so each reading has a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, mark
from crmsync_complaint_rate.settings import Reading

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """The columns that are added up, what they are a share of, and how a person is told."""

    hits: tuple[str, ...]
    tries: str
    told: str


READINGS: dict[Reading, Counted] = {
    "troubled_orders": Counted(
        ("troubled_orders",),
        "orders",
        mark(
            "{hits} of {tries} orders had a bad review, a refund or a complaint: {rate}"
            " (95 % interval {low} to {high})."
        ),
    ),
    "troubled_delivered": Counted(
        ("troubled_delivered",),
        "delivered_orders",
        mark(
            "{hits} of {tries} delivered orders had a bad review, a refund or a complaint: {rate}"
            " (95 % interval {low} to {high})."
        ),
    ),
    "refunded_orders": Counted(
        ("refunded_orders",),
        "orders",
        mark(
            "{hits} of {tries} orders were refunded, returned or exchanged: {rate}"
            " (95 % interval {low} to {high})."
        ),
    ),
    "returns": Counted(
        ("returns",),
        "orders",
        mark("{hits} returns of goods in {tries} orders: {rate} (95 % interval {low} to {high})."),
    ),
    "exchanges": Counted(
        ("exchanges",),
        "orders",
        mark("{hits} exchanges in {tries} orders: {rate} (95 % interval {low} to {high})."),
    ),
    "bad_reviews": Counted(
        ("bad_reviews",),
        "reviews",
        mark("{hits} of {tries} reviews are bad: {rate} (95 % interval {low} to {high})."),
    ),
    "poor_reviews": Counted(
        ("bad_reviews", "neutral_reviews"),
        "reviews",
        mark("{hits} of {tries} reviews are neutral or bad: {rate} (95 % interval {low} to {high})."),
    ),
    "complaints": Counted(
        (
            "complaints_product",
            "complaints_logistics",
            "complaints_service",
            "complaints_contract",
            "complaints_other",
        ),
        "orders",
        mark("{hits} complaints in {tries} orders: {rate} (95 % interval {low} to {high})."),
    ),
    "product_complaints": Counted(
        ("complaints_product",),
        "orders",
        mark("{hits} complaints of the product in {tries} orders: {rate} (95 % interval {low} to {high})."),
    ),
    "logistics_complaints": Counted(
        ("complaints_logistics",),
        "orders",
        mark("{hits} complaints of delivery in {tries} orders: {rate} (95 % interval {low} to {high})."),
    ),
    "service_complaints": Counted(
        ("complaints_service",),
        "orders",
        mark("{hits} complaints of the service in {tries} orders: {rate} (95 % interval {low} to {high})."),
    ),
    "contract_complaints": Counted(
        ("complaints_contract",),
        "orders",
        mark(
            "{hits} complaints of what was agreed in {tries} orders: {rate} (95 % interval {low} to {high})."
        ),
    ),
    "suggestions": Counted(
        ("complaints_suggestion",),
        "orders",
        mark("{hits} suggestions in {tries} orders: {rate} (95 % interval {low} to {high})."),
    ),
    "late_orders": Counted(
        ("late_orders",),
        "delivered_orders",
        mark(
            "{hits} of {tries} delivered orders came after the promised time: {rate}"
            " (95 % interval {low} to {high})."
        ),
    ),
    "troubled_inquiries": Counted(
        ("troubled_inquiries",),
        "inquiries",
        mark(
            "{hits} of {tries} inquiries were badly rated or ended in a complaint of the service: {rate}"
            " (95 % interval {low} to {high})."
        ),
    ),
}


def counts(facts: Facts, reading: Reading) -> tuple[Array, Array]:
    """Of each subject, how often it happened and out of how many, never more often than that."""
    import numpy as np

    counted = READINGS[reading]
    tries = facts[counted.tries]
    hits = sum((facts[name] for name in counted.hits[1:]), start=facts[counted.hits[0]])
    return np.minimum(hits, tries), tries
