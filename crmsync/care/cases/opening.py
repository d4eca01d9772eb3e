"""Flags of complaints open cases, each once. What a case knows stands in the flag's reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import BigInteger, and_, cast, insert, select, update
from sqlalchemy import Connection as Transaction

from crmsync.care.cases.stage import CaseType, due_at
from crmsync.config import Cases
from crmsync.rules.reasons import load_reasons
from crmsync.store import Store
from crmsync.store.sealing import sealed
from crmsync.store.tables import Account, Case, CaseEvent, Flag, OrderLine
from crmsync.store.upsert import upsert

BY_RULE = "crmsync"


@dataclass(frozen=True, slots=True)
class OpenedCases:
    """What one pass opened, and how many flags met an open case of their customer and type."""

    opened: int = 0
    joined: int = 0


def open_cases(store: Store, cases: Cases, *, now: datetime) -> OpenedCases:
    """Open a case for every standing flag of `cases.open_on` that has none. Opening again opens nothing;
    a flag that stands on and comes to tell of another order or type opens another."""
    if not cases.open_on:
        return OpenedCases()
    opened = joined = 0
    with store.write() as transaction:
        flags = transaction.execute(_FLAGS.where(Flag.rule.in_(cases.open_on))).all()
        answered = set(
            transaction.execute(
                select(Case.flag_id, Case.type, Case.order_id).where(Case.flag_id.in_([f.id for f in flags]))
            )
        )
        for flag in flags:
            known = _known(flag)
            if (flag.id, known["type"], known["order_id"]) in answered:
                continue
            if known["order_id"] is not None:
                known["product_id"] = _product(transaction, flag.customer, known["order_id"])
            known |= {"customer_id": flag.customer, "flag_id": flag.id}
            new = begin(store, transaction, known, cases, now)
            if new is None:
                joined += _join(transaction, flag, known)
                continue
            opened += 1
            event = {"case_id": new, "at": now, "actor": BY_RULE, "what": "opened", "stage": "received"}
            event["note"] = f"flag {flag.id} of {flag.rule}"
            transaction.execute(insert(CaseEvent).values(sealed(store.vault, CaseEvent, event)))
    return OpenedCases(opened, joined)


def begin(
    store: Store, transaction: Transaction, known: Mapping[str, Any], cases: Cases, now: datetime
) -> int | None:
    """A received case of which this is known; its number, or None when the customer has one of the type."""
    row = {
        "stage": "received",
        "owner": cases.owner,
        "due_at": due_at("received", known["severity"], cases, now),
        "opened_at": now,
        "changed_at": now,
        **known,
    }
    insertion = upsert(store, Case, row).on_conflict_do_nothing().returning(Case.id)
    return transaction.scalars(insertion).first()


_FLAGS = (
    select(Flag.id, Flag.rule, Flag.state, Flag.reasons, cast(Flag.subject_id, BigInteger).label("customer"))
    .where(Flag.subject == "customer", Flag.cleared_at.is_(None))
    .order_by(Flag.id)
)


def _join(transaction: Transaction, flag: Any, known: Mapping[str, Any]) -> int:
    """The flag tells what a person knew first: their case answers it."""
    by_hand = and_(Case.customer_id == flag.customer, Case.type == known["type"], Case.flag_id.is_(None))
    answers = {"flag_id": flag.id, "order_id": known["order_id"], "product_id": known["product_id"]}
    return transaction.execute(update(Case).where(by_hand, Case.closed_at.is_(None)).values(answers)).rowcount


def _known(flag: Any) -> dict[str, Any]:
    """Type, severity and order, as far as the reasons tell them."""
    reasons = load_reasons(flag.reasons)
    values: Mapping[str, Any] = {reason.fact: reason.value for reason in reasons}
    orders = [order for reason in reasons for order in reason.evidence]
    return {
        "type": values.get("type") if values.get("type") in get_args(CaseType) else "other",
        "severity": "serious" if "serious" in (flag.state, values.get("severity")) else "ordinary",
        "order_id": orders[0] if orders else None,
        "product_id": None,
    }


def _product(transaction: Transaction, customer: int, order: str) -> str | None:
    """The product of the order, where it holds only one."""
    query = (
        select(OrderLine.product_id)
        .join(Account, Account.connection_id == OrderLine.connection_id)
        .where(Account.customer_id == customer, OrderLine.order_id == order)
        .distinct()
        .limit(2)
    )
    products = transaction.scalars(query).all()
    return products[0] if len(products) == 1 else None
