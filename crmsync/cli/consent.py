"""More of `crmsync care`: what customers said, who is never written to, and whether the ledger is exact."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.care import app
from crmsync.cli.option import AsJson, ConfigFile, InLanguage, actor
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from crmsync.store.address import AddressKind


class Kind(StrEnum):
    """What kind of address it is."""

    account = "account"
    email = "email"
    phone = "phone"


class By(StrEnum):
    """By what a customer is reached."""

    platform = "platform"
    email = "email"
    sms = "sms"
    phone = "phone"
    webhook = "webhook"
    any = "any"


Address = Annotated[str, typer.Argument(help="An e-mail, a phone, or CONNECTION:ACCOUNT.")]
Of = Annotated[Kind, typer.Option("--kind", help="What kind of address it is.")]
Medium = Annotated[By, typer.Option("--medium", help="By what they are reached.")]
Findings = typer.Exit(3)


@app.command("unsubscribe")
def unsubscribe(
    token: Annotated[
        str | None, typer.Argument(help="The last part of the link in a message, or the link itself.")
    ] = None,
    reply: Annotated[str | None, typer.Option("--reply", help="What the customer wrote back.")] = None,
    sender: Annotated[
        str | None, typer.Option("--from", help="From where: an e-mail, a phone or CONNECTION:ACCOUNT.")
    ] = None,
    kind: Of = Kind.phone,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Do what a customer asked for, by the link in a message or by a word such as 退订, TD or STOP."""
    from crmsync.care import unsubscribe as by_link
    from crmsync.care import unsubscribe_by_reply as by_reply
    from crmsync.cli.opening import opened
    from crmsync.sdk import UsageError

    if (token is None) == (reply is None) or (reply is None) != (sender is None):
        raise UsageError(
            "Give a token, or --reply with --from.",
            fix='For example: --reply "TD" --from "+86 138 0000 0000".',
        )
    with opened(config, None) as opened_app:
        now, done = opened_app.clock.now(), True
        if token is not None:
            by_link(opened_app.store, opened_app.links, token.rpartition("/")[2], now=now)
        else:
            done = by_reply(
                opened_app.store,
                opened_app.terms.keyring,
                reply or "",
                _kind(kind),
                sender or "",
                opened_app.config.consent.keywords,
                now=now,
            )
        emit(
            {"unsubscribed": done},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(
                "They are not written to there any more."
                if done
                else "That is none of the keywords; nothing was done."
            ),
        )


@app.command("confirm")
def confirm(
    token: Annotated[str, typer.Argument(help="The last part of the link, or the link itself.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Record that a customer confirmed a consent (double opt-in)."""
    from crmsync.care import confirm as record
    from crmsync.cli.opening import opened

    with opened(config, None) as opened_app:
        medium = record(
            opened_app.store, opened_app.links, token.rpartition("/")[2], now=opened_app.clock.now()
        )
        emit(
            {"confirmed": medium},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(f"Confirmed for {medium}."),
        )


@app.command("confirm-link")
def confirm_link(
    customer: Annotated[str, typer.Argument(metavar="CONNECTION/ACCOUNT", help="Whose consent it is.")],
    medium: Medium = By.email,
    days: Annotated[int, typer.Option("--days", min=1, help="How long the link counts.")] = 7,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make the link by which a customer confirms a consent; send it to that very address."""
    from datetime import timedelta

    from crmsync.care import ConfirmRequest
    from crmsync.cli.opening import opened

    connection, _, account = customer.partition("/")
    with opened(config, None) as opened_app:
        until = opened_app.clock.now() + timedelta(days=days)
        request = ConfirmRequest(connection, account, medium.value, until)
        link = opened_app.links.confirm(request) or opened_app.links.confirm_token(request)
        emit(
            {"link": link, "expires_at": until},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(link, markup=False, soft_wrap=True),
        )


@app.command("consent")
def consent(
    customer: Annotated[
        str, typer.Argument(help="A number from `crmsync flags`, CONNECTION/ACCOUNT, an e-mail or a phone.")
    ],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show all that a customer granted and refused, with its source and proof."""
    from crmsync.care import statements
    from crmsync.cli.opening import opened
    from crmsync.daemon.customer import find_customer

    with opened(config, None) as opened_app:
        found = statements(opened_app.store, find_customer(opened_app.store, customer))
        emit(
            {"consent": found},
            as_json=as_json,
            language="en",
            show=lambda console: table(
                console,
                ("at", "account", "medium", "purpose", "said", "source", "proof"),
                (
                    (
                        s.at,
                        f"{s.connection}/{s.account_id}",
                        s.medium,
                        s.purpose,
                        "no" if not s.granted else "yes, confirmed" if s.confirmed else "yes",
                        s.source,
                        s.proof,
                    )
                    for s in found
                ),
            ),
        )


@app.command("suppress")
def suppress(
    address: Address,
    why: Annotated[str, typer.Option("--why", help="What to write beside it.")],
    kind: Of = Kind.email,
    medium: Medium = By.any,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Never write to this address again, whatever consent says; messages that wait are held too."""
    from crmsync.care import suppress as put_on_list
    from crmsync.cli.opening import opened

    with opened(config, None) as opened_app:
        new = put_on_list(
            opened_app.store,
            _kind(kind),
            address,
            why=why,
            actor=actor(),
            now=opened_app.clock.now(),
            medium=medium.value,
            keyring=opened_app.terms.keyring,
        )
        emit(
            {"suppressed": new},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(
                "It is on the list." if new else "It was on the list already."
            ),
        )


@app.command("unsuppress")
def unsuppress(
    address: Address, kind: Of = Kind.email, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Take an address off the list again. You answer for it."""
    from crmsync.care import unsuppress as take_off
    from crmsync.cli.opening import opened

    with opened(config, None) as opened_app:
        count = take_off(
            opened_app.store,
            _kind(kind),
            address,
            actor=actor(),
            now=opened_app.clock.now(),
            keyring=opened_app.terms.keyring,
        )
        emit(
            {"removed": count},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(f"{count} entries removed."),
        )


@app.command("ledger")
def ledger(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Count every message ever planned, and prove that each state is the one its attempts lead to."""
    from crmsync.care import ledger as count
    from crmsync.care import ledger_faults
    from crmsync.cli.opening import opened
    from crmsync.sdk import translate

    with opened(config, language) as opened_app:
        book, faults = count(opened_app.store, opened_app.clock.now()), ledger_faults(opened_app.store)
        exact = not faults and book.planned == book.states.total()
        told = opened_app.config.language
        states = " + ".join(f"{number} {state}" for state, number in book.states.items() if number) or "0"
        emit(
            {"exact": exact, "ledger": book, "faults": faults},
            as_json=as_json,
            language=told,
            show=lambda console: console.print(
                "\n".join(
                    [
                        f"{book.planned} planned = {states}",
                        *(f"{number} {translate(what, told)}" for what, number in faults.items()),
                    ]
                ),
                markup=False,
            ),
        )
    if not exact:
        raise Findings


@app.command("lanes")
def lanes(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show which channels do not work on which connections, why, and when they are tried again."""
    from crmsync.care import broken_lanes
    from crmsync.cli.opening import opened

    with opened(config, None) as opened_app:
        found = broken_lanes(opened_app.store)
        emit(
            {"lanes": found},
            as_json=as_json,
            language="en",
            show=lambda console: table(
                console,
                ("channel", "connection", "since", "tried again", "why"),
                ((b.channel, b.connection, b.since, b.open_until, b.reason) for b in found),
            ),
        )


@app.command("reset-lane")
def reset_lane(
    channel: Annotated[str, typer.Argument(help="The channel's id.")],
    connection: Annotated[str, typer.Argument(help="The connection's id.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Use a channel again at once, because you have mended it."""
    from crmsync.care import reset_lane as mend
    from crmsync.cli.opening import opened

    with opened(config, None) as opened_app:
        broken = mend(opened_app.store, (channel, connection))
        emit(
            {"reset": broken},
            as_json=as_json,
            language="en",
            show=lambda console: console.print("It is tried again." if broken else "It was not broken."),
        )


def _kind(kind: Kind) -> AddressKind:
    return kind.value
