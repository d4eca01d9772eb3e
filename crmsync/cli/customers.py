"""`crmsync customers`: one customer, as the store knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage, actor
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from crmsync.daemon.customer import CustomerCard

app = typer.Typer(help="One customer, as the store knows them.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """One customer, as the store knows them."""


@app.command("show")
def show(
    customer: Annotated[str, typer.Argument(help="A number from `crmsync flags`, or CONNECTION/ACCOUNT.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show a customer's accounts, facts, latest orders, flags and messages, in clear."""
    from crmsync.cli.opening import opened
    from crmsync.daemon.customer import find_customer, read_customer

    with opened(config, language) as opened_app:
        card = read_customer(opened_app.store, find_customer(opened_app.store, customer))
        told = opened_app.config.language
        emit(
            {"customer": card},
            as_json=as_json,
            language=told,
            show=lambda console: _show(console, card, told),
        )


Profiling = Annotated[bool, typer.Option("--profiling", help="Being judged by rules and put in segments.")]
Whom = Annotated[str, typer.Argument(help="A number from `crmsync flags`, or CONNECTION/ACCOUNT.")]


@app.command("opt-out")
def opt_out(
    customer: Whom,
    profiling: Profiling = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Record that a customer refuses to be profiled: their flags go at the next judging, and none comes."""
    _record(customer, profiling, config, as_json, granted=False)


@app.command("opt-in")
def opt_in(
    customer: Whom,
    profiling: Profiling = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Record that a customer allows again to be profiled; they are judged within a day."""
    _record(customer, profiling, config, as_json, granted=True)


def _record(customer: str, profiling: bool, config: Path | None, as_json: bool, *, granted: bool) -> None:
    from crmsync.care import set_profiling
    from crmsync.cli.opening import opened
    from crmsync.daemon.customer import find_customer
    from crmsync.sdk import UsageError

    if not profiling:
        raise UsageError("It is not said of what.", fix="Add --profiling.")
    with opened(config) as opened_app:
        id = find_customer(opened_app.store, customer)
        now = opened_app.clock.now()
        accounts = set_profiling(opened_app.store, id, granted=granted, actor=actor(), now=now)
        will = "allows" if granted else "refuses"
        emit(
            {"customer": id, "profiling": granted, "accounts": accounts},
            as_json=as_json,
            language=opened_app.config.language,
            show=lambda console: console.print(f"Customer {id} {will} to be profiled."),
        )


def _show(console: Console, card: CustomerCard, language: str) -> None:
    from crmsync.cli.rules import show_explanation
    from crmsync.sdk import display, translate

    console.print(f"[bold]Customer {card.id}[/]")
    for account in card.accounts:
        known = ", ".join(
            part for part in (account.name, account.email, account.phone, account.language) if part
        )
        console.print(f"{account.connection}/{account.account_id}: {known}", markup=False)
    facts = ", ".join(f"{name} {value}" for name, value in card.facts.items() if value not in (None, 0, ""))
    console.print(facts or "No facts yet.", markup=False)
    show_explanation(console, card.flags, language)
    table(
        console,
        ("order", "status", "placed", "total"),
        (
            (f"{o.connection}/{o.order_id}", o.status, o.placed_at, display(o.total, o.currency))
            for o in card.orders
        ),
    )
    if card.messages:
        table(
            console,
            ("message", "campaign", "state", "planned", "why"),
            ((m.id, m.campaign, m.state, m.planned_at, translate(m.reason, language)) for m in card.messages),
        )
