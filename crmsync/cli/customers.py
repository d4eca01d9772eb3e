"""`crmsync customers`: one customer, as the store knows them, and what they may ask for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage, actor
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.care.erasure import Erased
    from crmsync.daemon.app import App
    from crmsync.daemon.customer import CustomerCard

app = typer.Typer(help="One customer, as the store knows them.", no_args_is_help=True)

Whom = Annotated[
    str, typer.Argument(help="A number from `crmsync flags`, CONNECTION/ACCOUNT, an e-mail or a phone.")
]


@app.callback()
def _group() -> None:
    """One customer, as the store knows them."""


@app.command("show")
def show(
    customer: Whom,
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


@app.command("export")
def export(
    customer: Whom,
    file: Annotated[Path | None, typer.Option("--file", help="A new file for the JSON document.")] = None,
    tables: Annotated[Path | None, typer.Option("--csv", help="A new zip for CSV files.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Give out all that is stored about a customer, over all their accounts: for themselves, in clear."""
    from crmsync.care.export import export_customer
    from crmsync.cli.document import write_json, write_tables
    from crmsync.cli.opening import opened
    from crmsync.cli.output import VERSION, plain
    from crmsync.daemon.customer import find_customer

    with opened(config, language) as opened_app:
        store, told = opened_app.store, opened_app.config.language
        found = export_customer(
            store,
            opened_app.terms.keyring,
            find_customer(store, customer),
            actor=actor(),
            language=told,
            now=opened_app.clock.now(),
        )
    document = {
        "version": VERSION,
        "exported_at": plain(found.exported_at),
        "customers": list(found.customers),
        **plain(found.sections, told),
    }
    if file is None and tables is None:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=None if as_json else 2) + "\n")
        return
    if file is not None:
        write_json(file, document)
    if tables is not None:
        write_tables(tables, {name: document[name] for name in found.sections})
    rows = {name: len(section) for name, section in found.sections.items() if section}
    emit(
        {"files": [path.absolute() for path in (file, tables) if path is not None], "rows": rows},
        as_json=as_json,
        language=told,
        show=lambda console: table(console, ("what", "rows"), rows.items()),
    )


@app.command("erase")
def erase(
    customer: Whom,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit; without the name.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Erase a customer for good: orders stay, the person goes, and no sync brings them back."""
    from crmsync.cli.opening import opened
    from crmsync.daemon.privacy import clean, find_person
    from crmsync.sdk import UsageError

    with opened(config) as opened_app:
        id = find_person(opened_app.store, opened_app.terms.keyring, customer)
        if dry_run or not yes:
            would = _erase(opened_app, id, reason, dry_run=True)
            if dry_run:
                _tell_erased(would, {"dry_run": True}, "This would go", as_json)
                return
            if as_json or not sys.stdin.isatty():
                raise UsageError("Erasing cannot be undone.", fix="Look with --dry-run, then add --yes.")
            _tell_erased(would, {}, "This goes for good", as_json)
            typer.confirm("Erase?", abort=True, err=True)
        done = _erase(opened_app, id, reason)
        cleaned = clean(opened_app.store, opened_app.clock.now())
        _tell_erased(done, {"dry_run": False, "files_clean": cleaned.clean}, "Erased", as_json)
        if not cleaned.clean and not as_json:
            typer.echo(
                "The files of the database could not be cleaned yet, because somebody is at work on it. The "
                "daemon does it within the hour; without a daemon run: crmsync db clean.",
                err=True,
            )


def _erase(app: App, id: int, reason: str, *, dry_run: bool = False) -> Erased:
    from crmsync.care.erasure import erase

    return erase(
        app.store,
        app.terms.keyring,
        id,
        actor=actor(),
        now=app.clock.now(),
        reason=reason,
        dry_run=dry_run,
    )


def _tell_erased(done: Erased, more: dict[str, Any], head: str, as_json: bool) -> None:
    whom = ", ".join(map(str, done.customers))

    def show(console: Console) -> None:
        console.print(f"{head}: customer {whom}", markup=False)
        table(console, ("what", "how many"), done.counts.items())

        if done.others:
            others = ", ".join(map(str, done.others))
            console.print(
                f"Perhaps the same person: customer {others}. They share an address that is not proved.",
                markup=False,
            )

    data = {"customers": done.customers, "others": done.others, "counts": done.counts, **more}
    emit(data, as_json=as_json, language="en", show=show)


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
