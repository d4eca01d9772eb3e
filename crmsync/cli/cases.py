"""`crmsync cases`: complaints, from the first word to the follow-up."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage, Limit, actor
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from rich.console import Console

    from crmsync.care.cases import CaseCard, Fault, ListedCase
    from crmsync.store import Store

app = typer.Typer(help="Complaints: what is open, and what you do about it.", no_args_is_help=True)

CaseId = Annotated[int, typer.Argument(metavar="ID", help="The case, by number.")]
Note = Annotated[str, typer.Option("--note", help="What was said or done.")]


class Stage(StrEnum):
    """The stages of a complaint."""

    received = "received"
    accepted = "accepted"
    explained = "explained"
    solved = "solved"
    follow_up = "follow_up"
    closed = "closed"


class CaseType(StrEnum):
    """What a complaint is about."""

    product = "product"
    logistics = "logistics"
    service = "service"
    contract = "contract"
    suggestion = "suggestion"
    other = "other"


class Severity(StrEnum):
    """How a complaint is gone about."""

    ordinary = "ordinary"
    serious = "serious"


@app.command("list")
def list_(
    stage: Annotated[Stage | None, typer.Option("--stage", help="Only in this stage.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Only of this person.")] = None,
    type: Annotated[CaseType | None, typer.Option("--type", help="Only about this.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that have waited too long.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Closed ones instead of open ones.")] = False,
    limit: Limit = 50,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show cases, what is due first, and the faults that many of them are about."""
    from crmsync.care.cases import list_cases, recurring_faults
    from crmsync.cli.opening import opened

    with opened(config, language) as opened_app:
        now = opened_app.clock.now()
        found = list_cases(
            opened_app.store,
            now,
            stage=stage,
            owner=owner,
            type=type,
            overdue=overdue,
            closed=closed,
            limit=limit,
        )
        faults = recurring_faults(opened_app.store, opened_app.config.cases, now)
        told = opened_app.config.language
        emit(
            {"cases": found, "recurring": faults},
            as_json=as_json,
            language=told,
            show=lambda console: _show_list(console, found, faults, told),
        )


@app.command("show")
def show(id: CaseId, config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Show a case: what was done, how to go on, and what is known of the fault."""
    from crmsync.care.cases import show_case
    from crmsync.cli.opening import opened

    with opened(config, language) as opened_app:
        card = show_case(opened_app.store, id, opened_app.config.cases, opened_app.clock.now())
        told = opened_app.config.language
        emit(
            {"case": card},
            as_json=as_json,
            language=told,
            show=lambda console: _show_case(console, card, told),
        )


@app.command("open")
def open_(
    customer: Annotated[
        str, typer.Argument(help="A number from `crmsync flags`, CONNECTION/ACCOUNT, an e-mail or a phone.")
    ],
    type: Annotated[CaseType, typer.Option("--type", help="What it is about.")],
    severity: Annotated[Severity, typer.Option("--severity", help="How to go about it.")] = Severity.ordinary,
    order: Annotated[str | None, typer.Option("--order", help="The order, as the platform calls it.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="The product.")] = None,
    note: Note = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Open a case by hand: a call, a letter, a visit."""
    from crmsync.care.cases import open_case
    from crmsync.cli.opening import opened
    from crmsync.daemon.customer import find_customer

    with opened(config, None) as opened_app:
        id = open_case(
            opened_app.store,
            find_customer(opened_app.store, customer),
            opened_app.config.cases,
            type=type.value,
            severity=severity.value,
            actor=actor(),
            now=opened_app.clock.now(),
            order_id=order,
            product_id=product,
            note=note,
        )
        emit(
            {"case": id},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(f"Case {id} is open. See: crmsync cases show {id}"),
        )


@app.command("assign")
def assign(
    id: CaseId,
    owner: Annotated[str, typer.Argument(help="Who looks after it from now on.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a case to somebody."""
    from crmsync.care import cases

    def act(store: Store, now: datetime) -> None:
        cases.assign(store, id, owner, actor=actor(), now=now)

    _done(act, id, f"Case {id} is with {owner}.", config, as_json)


@app.command("note")
def note(
    id: CaseId,
    words: Annotated[str, typer.Argument(metavar="TEXT", help="What was said or done.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Write something down about a case."""
    from crmsync.care import cases

    def act(store: Store, now: datetime) -> None:
        cases.note(store, id, words, actor=actor(), now=now)

    _done(act, id, f"Noted in case {id}.", config, as_json)


@app.command("advance")
def advance(
    id: CaseId,
    note: Note = "",
    compensation: Annotated[
        str | None, typer.Option("--compensation", help="What is promised with the solution: '20 CNY'.")
    ] = None,
    resolved: Annotated[
        bool | None,
        typer.Option("--resolved/--unresolved", help="What the customer said when they were asked."),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Take a case to its next stage; from the follow-up it closes, or goes back for a better solution."""
    from crmsync.care import cases
    from crmsync.care.cases.stage import TOLD
    from crmsync.cli.opening import opened
    from crmsync.sdk import translate

    with opened(config, language) as opened_app:
        stage = cases.advance(
            opened_app.store,
            id,
            opened_app.config.cases,
            actor=actor(),
            now=opened_app.clock.now(),
            note=note,
            compensation=_money(compensation),
            resolved=resolved,
        )
        told = translate(TOLD[stage], opened_app.config.language)
        emit(
            {"case": id, "stage": stage},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(f"Case {id}: {told}.", markup=False),
        )


@app.command("reply")
def reply(
    id: CaseId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What everybody reads below the review.")],
    review: Annotated[
        str | None, typer.Option("--review", help="The review, by its id; else the one the case is about.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Answer the review a case is about, in public, where the platform lets the shop do that."""
    from crmsync.care import cases
    from crmsync.care.push import channel_of
    from crmsync.cli.opening import opened

    with opened(config, None) as opened_app:
        queued = cases.reply(
            opened_app.store,
            id,
            text,
            opened_app.parts.pushes[channel_of(cases.REPLY)],
            actor=actor(),
            now=opened_app.clock.now(),
            review=review,
        )
        told = f"Message {queued.message} answers the review {queued.review}; it goes out with the next pass."
        emit(
            {"case": id, "message": queued.message, "review": queued.review},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(told, markup=False),
        )


@app.command("learn")
def learn(
    id: CaseId,
    answer: Annotated[str, typer.Argument(metavar="TEXT", help="What answers this fault.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Keep an answer for every later case about the same fault."""
    from crmsync.care import cases

    def act(store: Store, now: datetime) -> None:
        cases.learn(store, id, answer, actor=actor(), now=now)

    _done(act, id, "Kept, and shown with every case like this.", config, as_json)


def _done(
    act: Callable[[Store, datetime], None], id: int, told: str, config: Path | None, as_json: bool
) -> None:
    from crmsync.cli.opening import opened

    with opened(config, None) as opened_app:
        act(opened_app.store, opened_app.clock.now())
        emit(
            {"case": id},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(told, markup=False),
        )


def _money(text: str | None) -> tuple[Decimal, str] | None:
    if text is None:
        return None
    from crmsync.sdk import UsageError

    amount, _, currency = text.partition(" ")
    try:
        value = Decimal(amount)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or len(currency) != 3 or not currency.isupper():
        raise UsageError(f"--compensation: {text} is no amount.", fix="Write it as '20 CNY'.")
    return value, currency


def _show_list(console: Console, found: Sequence[ListedCase], faults: Sequence[Fault], language: str) -> None:
    from crmsync.care.cases.stage import TOLD
    from crmsync.sdk import translate

    table(
        console,
        ("id", "stage", "about", "severity", "customer", "order", "owner", "due", ""),
        (
            (
                case.id,
                translate(TOLD[case.stage], language),  # type: ignore[index]
                case.type,
                case.severity,
                case.customer_id,
                case.order_id,
                case.owner,
                case.due_at,
                "overdue" if case.overdue else "",
            )
            for case in found
        ),
    )
    for fault in faults:
        console.print(
            f"{fault.cases} cases of {fault.customers} customers are about product {fault.product_id}"
            f" ({fault.type}). {fault.answer or 'Nobody has written down an answer yet.'}",
            markup=False,
            soft_wrap=True,
        )


def _show_case(console: Console, card: CaseCard, language: str) -> None:
    from crmsync.care.cases.stage import TOLD
    from crmsync.sdk import display, translate

    case = card.case
    about = f"{case.type}, {case.severity}, customer {case.customer_id}"
    order = f", order {case.order_id}" if case.order_id else ""
    product = f", product {case.product_id}" if case.product_id else ""
    console.print(f"Case {case.id}: {about}{order}{product}", markup=False)
    stage = translate(TOLD[case.stage], language)  # type: ignore[index]
    due = f", due {case.due_at:%Y-%m-%d %H:%M}" if case.due_at else ""
    console.print(
        f"{stage}{due}{' (overdue)' if case.overdue else ''}, {case.owner or 'nobody has it'}", markup=False
    )
    if card.compensation is not None and card.currency is not None:
        console.print(f"Promised: {display(card.compensation, card.currency)}", markup=False)
    if card.alike:
        console.print(f"{card.alike} other cases about the same lately.", markup=False)
    if card.answer:
        console.print(f"What answers it: {card.answer}", markup=False)
    if case.closed_at is None:
        for step in card.checklist:
            console.print(f"  [ ] {step.name}: {translate(step.what, language)}", markup=False)
    table(
        console,
        ("when", "who", "what", "stage", "note"),
        ((h.at, h.actor, h.what, translate(TOLD[h.stage], language), h.note) for h in card.history),  # type: ignore[index]
    )
