"""What a person does about a case. All of it is kept, and audited."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import insert, select, update

from crmsync.care.cases.opening import begin
from crmsync.care.cases.stage import CaseType, Severity, Stage, after, due_at
from crmsync.config import Cases
from crmsync.sdk import UsageError, display, minor
from crmsync.store import Store
from crmsync.store.audit import audit
from crmsync.store.sealing import sealed
from crmsync.store.tables import Case, CaseEvent, Customer, Knowledge
from crmsync.store.upsert import upsert
from crmsync.store.vault import vault_of

_LOOK = "See: crmsync cases list."


def open_case(
    store: Store,
    customer: int,
    cases: Cases,
    *,
    type: CaseType,
    severity: Severity,
    actor: str,
    now: datetime,
    order_id: str | None = None,
    product_id: str | None = None,
    note: str = "",
) -> int:
    """Open a case by hand; its number. Raises UsageError when there is no such customer, or a case of this
    type is open for them already."""
    known = {
        "customer_id": customer,
        "type": type,
        "severity": severity,
        "order_id": order_id,
        "product_id": product_id,
    }
    with store.write() as transaction:
        if transaction.scalar(select(Customer.id).where(Customer.id == customer)) is None:
            raise UsageError(
                f"There is no customer {customer}.", fix="Look them up with: crmsync customers show."
            )
        new = begin(store, transaction, known, cases, now)
        if new is None:
            same = Case.customer_id == customer, Case.type == type, Case.closed_at.is_(None)
            other = transaction.scalar(select(Case.id).where(*same))
            raise UsageError(
                f"Case {other} of this customer is about the same.",
                fix=f"Add to it: crmsync cases note {other} TEXT.",
            )
        record(transaction, new, now, actor, "opened", "received", note)
    return new


def assign(store: Store, case: int, owner: str, *, actor: str, now: datetime) -> None:
    """Give the case to somebody. Raises UsageError when it is closed or not there."""
    with store.write() as transaction:
        row = open_row(transaction, case)
        _change(transaction, case, now, owner=owner)
        record(transaction, case, now, actor, "assigned", row.stage, owner)


def note(store: Store, case: int, words: str, *, actor: str, now: datetime) -> None:
    """Write something down about the case. Raises UsageError when it is closed or not there."""
    with store.write() as transaction:
        row = open_row(transaction, case)
        _change(transaction, case, now)
        record(transaction, case, now, actor, "noted", row.stage, words)


def advance(
    store: Store,
    case: int,
    cases: Cases,
    *,
    actor: str,
    now: datetime,
    note: str = "",
    compensation: tuple[Decimal, str] | None = None,
    resolved: bool | None = None,
) -> Stage:
    """Take the case to its next stage, which is returned.

    Whoever takes a received case without an owner owns it. Compensation (an amount and its currency) is
    promised with the solution and stays below the cap. At the follow-up the customer's answer is needed:
    `resolved` closes the case, otherwise it goes back to `explained` and a better solution is due.

    Raises UsageError when it is closed or not there, or the stage does not take what was given.
    """
    with store.write() as transaction:
        row = open_row(transaction, case)
        if (row.stage == "follow_up") != (resolved is not None):
            raise UsageError(
                f"Case {case} is being followed up: say whether it was resolved."
                if resolved is None
                else f"Case {case} has not been followed up yet.",
                fix="Ask the customer, then: crmsync cases advance ID --resolved, or --unresolved."
                if resolved is None
                else "Take it through its stages first.",
            )
        stage: Stage = after(row.stage) if resolved is not False else "explained"
        values: dict[str, Any] = {"stage": stage, "due_at": due_at(stage, row.severity, cases, now)}
        if row.owner is None:
            values["owner"] = actor
        if compensation is not None:
            if stage != "solved":
                raise UsageError(
                    "Compensation is promised with the solution.", fix="Advance without --compensation first."
                )
            values |= _promised(compensation, cases)
        if stage == "closed":
            values |= {"resolved": True, "closed_at": now}
        _change(transaction, case, now, **values)
        what = "closed" if stage == "closed" else "reopened" if resolved is False else "advanced"
        record(transaction, case, now, actor, what, stage, note)
    return stage


def learn(store: Store, case: int, answer: str, *, actor: str, now: datetime) -> None:
    """Keep an answer to the fault this case is about, for every later case of its type and product."""
    with store.write() as transaction:
        row = _known(transaction, case)
        values = {"answer": answer, "actor": actor, "at": now}
        key = {"type": row.type, "product_id": row.product_id or ""}
        insertion = upsert(store, Knowledge, {**key, **values})
        transaction.execute(insertion.on_conflict_do_update(index_elements=list(key), set_=values))
        audit(transaction, now, actor, "learn", f"case {case}", f"{row.type} {row.product_id or ''}".strip())


def _promised(compensation: tuple[Decimal, str], cases: Cases) -> dict[str, Any]:
    amount, currency = compensation
    cap = cases.compensation_cap.get(currency)
    if cap is None or amount > cap or amount <= 0:
        most = "nothing" if cap is None else f"at most {display(minor(cap, currency), currency)}"
        raise UsageError(
            f"This may not be promised: of {currency} {most} may be.",
            fix="Stay below it, or have cases.compensation_cap changed.",
        )
    return {"compensation": minor(amount, currency), "currency": currency}


def _known(transaction: Transaction, case: int) -> Any:
    columns = (Case.stage, Case.owner, Case.severity, Case.type, Case.product_id)
    row = transaction.execute(select(*columns).where(Case.id == case).with_for_update()).first()
    if row is None:
        raise UsageError(f"There is no case {case}.", fix=_LOOK)
    return row


def open_row(transaction: Transaction, case: int) -> Any:
    """The case, locked. Raises UsageError when it is closed or not there."""
    row = _known(transaction, case)
    if row.stage == "closed":
        raise UsageError(f"Case {case} is closed.", fix="Open a new one: crmsync cases open.")
    return row


def _change(transaction: Transaction, case: int, now: datetime, **values: Any) -> None:
    transaction.execute(update(Case).where(Case.id == case).values(changed_at=now, **values))


def record(
    transaction: Transaction, case: int, now: datetime, actor: str, what: str, stage: str, note: str
) -> None:
    """Keep what was done, and audit it."""
    event = {"case_id": case, "at": now, "actor": actor, "what": what, "stage": stage, "note": note}
    transaction.execute(insert(CaseEvent).values(sealed(vault_of(transaction), CaseEvent, event)))
    # What is noted may hold anything a customer said, and the audit is kept for ever.
    audit(transaction, now, actor, f"case_{what}", f"case {case}", stage)
