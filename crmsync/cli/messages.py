"""`crmsync messages`: what waits for a person, and what a person decides."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage, Limit, actor
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.care import Ledger, ListedMessage

app = typer.Typer(help="Messages: those that wait for you, and your decisions.", no_args_is_help=True)

Ids = Annotated[list[int] | None, typer.Argument(metavar="ID...", help="The messages, by number.")]
Campaign = Annotated[str | None, typer.Option("--campaign", help="All of this campaign that wait.")]


class State(StrEnum):
    """The states a message can be in."""

    awaiting_approval = "awaiting_approval"
    queued = "queued"
    claimed = "claimed"
    failed = "failed"
    sent = "sent"
    dead = "dead"
    unknown = "unknown"
    suppressed = "suppressed"
    expired = "expired"
    cancelled = "cancelled"


class Outcome(StrEnum):
    """What became of a message of which nobody knew."""

    sent = "sent"
    resend = "resend"
    dead = "dead"


@app.command("list")
def list_(
    state: Annotated[
        list[State] | None, typer.Option("--state", help="Only in this state; may be repeated.")
    ] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", help="Only of this campaign.")] = None,
    id: Annotated[list[int] | None, typer.Option("--id", help="Only this message; may be repeated.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Show what they say.")] = False,
    contact: Annotated[bool, typer.Option("--contact", help="Show whom they go to, in clear.")] = False,
    limit: Limit = 50,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show messages, the latest first, and how many there are in each state."""
    from crmsync.care import ledger, list_messages
    from crmsync.cli.opening import opened

    with opened(config, language) as opened_app:
        found = list_messages(
            opened_app.store,
            states=[each.value for each in state or ()],
            campaign=campaign,
            ids=id or (),
            limit=limit,
            text=text,
            contact=contact,
        )
        book = ledger(opened_app.store, opened_app.clock.now())
        told = opened_app.config.language
        emit(
            {"ledger": book, "messages": found},
            as_json=as_json,
            language=told,
            show=lambda console: _show(console, found, book, told),
        )


def _show(console: Console, found: list[ListedMessage], book: Ledger, language: str) -> None:
    from crmsync.sdk import translate

    table(
        console,
        ("id", "state", "campaign", "level", "customer", "channel", "planned", "due", "why"),
        (
            (
                m.id,
                m.state,
                m.campaign,
                m.level,
                m.customer_id,
                f"{m.channel}/{m.connection}",
                m.planned_at,
                m.sent_at or m.next_attempt_at,
                translate(m.reason, language),
            )
            for m in found
        ),
    )
    for message in found:
        if message.contact is not None:
            c = message.contact
            known = ", ".join(part for part in (c.account_id, c.name, c.email, c.phone) if part)
            console.print(f"{message.id}: to {known}", markup=False)
        if message.text is not None:
            subject, body = message.text
            console.print(f"\n{message.id}: {subject}\n{body}", markup=False)
    states = ", ".join(f"{count} {state}" for state, count in book.states.items() if count)
    console.print(f"{book.planned} in all: {states or 'none'}", markup=False)


@app.command("approve")
def approve(
    ids: Ids = None,
    campaign: Campaign = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Let messages go. In a campaign with `approve: first` this approves its text once for all."""
    from crmsync.care import approve as let_go
    from crmsync.cli.opening import opened

    with opened(config, language) as opened_app:
        count = let_go(
            opened_app.store,
            actor=actor(),
            now=opened_app.clock.now(),
            ids=ids or (),
            campaign=campaign,
            needed={entry.name: entry.approvals for entry in opened_app.config.care},
        )
        emit(
            {"approved": count},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(
                f"{count} approved; they go out when they are due."
                if count
                else "Noted; one more person must approve."
            ),
        )


@app.command("cancel")
def cancel(
    ids: Ids = None,
    campaign: Campaign = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Send these no more. One that may have arrived already becomes unknown."""
    from crmsync.care import cancel as call_off
    from crmsync.cli.opening import opened

    with opened(config, language) as opened_app:
        count = call_off(
            opened_app.store, actor=actor(), now=opened_app.clock.now(), ids=ids or (), campaign=campaign
        )
        emit(
            {"cancelled": count},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(f"{count} cancelled."),
        )


@app.command("resolve")
def resolve(
    id: Annotated[int, typer.Argument(metavar="ID", help="An unknown message, by number.")],
    outcome: Annotated[
        Outcome, typer.Argument(help="sent: it arrived; resend: it did not, try again; dead: give up.")
    ],
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Settle a message of which only a person can say whether it arrived."""
    from crmsync.care import resolve as settle
    from crmsync.cli.opening import opened

    with opened(config, language) as opened_app:
        settle(opened_app.store, id, outcome.value, actor=actor(), now=opened_app.clock.now())
        emit(
            {"resolved": id, "outcome": outcome.value},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(f"Message {id}: {outcome.value}."),
        )
