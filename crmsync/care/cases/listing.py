"""Cases as the faces show them, and the faults that many cases are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select

from crmsync.care.cases.stage import CHECKLISTS, Step
from crmsync.config import Cases
from crmsync.sdk import UsageError
from crmsync.store import Store
from crmsync.store.tables import Case, CaseEvent, Knowledge


@dataclass(frozen=True, slots=True)
class ListedCase:
    """One case in a list. `overdue` says that its stage has taken too long."""

    id: int
    customer_id: int
    type: str
    severity: str
    stage: str
    owner: str | None
    order_id: str | None
    product_id: str | None
    due_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class HandledStep:
    """One thing that was done."""

    at: datetime
    actor: str
    what: str
    stage: str
    note: str


@dataclass(frozen=True, slots=True)
class CaseCard:
    """A case with its history, how to go about it, and what is known of the fault."""

    case: ListedCase
    compensation: int | None
    currency: str | None
    resolved: bool | None
    history: tuple[HandledStep, ...]
    checklist: tuple[Step, ...]
    alike: int
    answer: str | None


@dataclass(frozen=True, slots=True)
class Fault:
    """So many cases of one type about one product, within the time that counts."""

    type: str
    product_id: str
    cases: int
    customers: int
    first_at: datetime
    last_at: datetime
    answer: str | None


_COLUMNS = (
    Case.id,
    Case.customer_id,
    Case.type,
    Case.severity,
    Case.stage,
    Case.owner,
    Case.order_id,
    Case.product_id,
    Case.due_at,
    Case.opened_at,
    Case.closed_at,
)


def list_cases(
    store: Store,
    now: datetime,
    *,
    stage: str | None = None,
    owner: str | None = None,
    type: str | None = None,
    overdue: bool = False,
    closed: bool = False,
    limit: int = 50,
) -> list[ListedCase]:
    """Open cases (or `closed` ones), what is due first; of two due together the serious one."""
    query = select(*_COLUMNS).where(Case.closed_at.is_not(None) if closed else Case.closed_at.is_(None))
    for column, value in ((Case.stage, stage), (Case.owner, owner), (Case.type, type)):
        if value is not None:
            query = query.where(column == value)
    if overdue:
        query = query.where(Case.due_at < now)
    with store.read() as transaction:
        rows = transaction.execute(
            query.order_by(Case.due_at, Case.severity.desc(), Case.id).limit(limit)
        ).all()
    return [_listed(row, now) for row in rows]


def show_case(store: Store, id: int, cases: Cases, now: datetime) -> CaseCard:
    """All there is of one case. Raises UsageError when it is not there."""
    more = (Case.compensation, Case.currency, Case.resolved)
    with store.read() as transaction:
        row = transaction.execute(select(*_COLUMNS, *more).where(Case.id == id)).first()
        if row is None:
            raise UsageError(f"There is no case {id}.", fix="See: crmsync cases list.")
        events = transaction.execute(
            select(CaseEvent.at, CaseEvent.actor, CaseEvent.what, CaseEvent.stage, CaseEvent.note)
            .where(CaseEvent.case_id == id)
            .order_by(CaseEvent.id)
        ).all()
        alike = transaction.scalar(
            select(func.count()).where(
                Case.type == row.type,
                Case.product_id == row.product_id,
                Case.id != id,
                Case.opened_at > now - cases.recurring_within,
            )
        )
        answer = transaction.scalar(
            select(Knowledge.answer)
            .where(Knowledge.type == row.type, Knowledge.product_id.in_((row.product_id or "", "")))
            .order_by(Knowledge.product_id.desc())
            .limit(1)
        )
    checklist = CHECKLISTS["serious" if row.severity == "serious" else "ordinary"]
    history = tuple(HandledStep(*event) for event in events)
    money = row.compensation, row.currency
    return CaseCard(_listed(row, now), *money, row.resolved, history, checklist, alike or 0, answer)


def recurring_faults(store: Store, cases: Cases, now: datetime) -> list[Fault]:
    """The faults that `cases.recurring` cases or more report, the most reported first."""
    count = func.count()
    query = (
        select(
            Case.type,
            Case.product_id,
            count,
            func.count(Case.customer_id.distinct()),
            func.min(Case.opened_at),
            func.max(Case.opened_at),
            Knowledge.answer,
        )
        .outerjoin(Knowledge, and_(Knowledge.type == Case.type, Knowledge.product_id == Case.product_id))
        .where(Case.opened_at > now - cases.recurring_within, Case.product_id.is_not(None))
        .group_by(Case.type, Case.product_id, Knowledge.answer)
        .having(count >= cases.recurring)
        .order_by(count.desc(), Case.type, Case.product_id)
    )
    with store.read() as transaction:
        rows: Sequence[Any] = transaction.execute(query).all()
    return [Fault(*row) for row in rows]


def _listed(row: Any, now: datetime) -> ListedCase:
    values = {column.key: getattr(row, column.key) for column in _COLUMNS}
    return ListedCase(**values, overdue=row.due_at is not None and row.due_at < now)
