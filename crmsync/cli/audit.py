"""`crmsync audit`: what people did, and whether nobody has changed it since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.exit_code import FINDINGS
from crmsync.cli.option import AsJson, ConfigFile, InLanguage, Limit, moment
from crmsync.cli.output import emit, plain, table

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.store.audit import AuditEntry

app = typer.Typer(help="What people did, and whether it still stands as written.", no_args_is_help=True)


@app.command("list")
def list_(
    actor: Annotated[str | None, typer.Option("--actor", help="Only what this person did.")] = None,
    action: Annotated[str | None, typer.Option("--action", help="Only this action, such as approve.")] = None,
    object: Annotated[
        str | None, typer.Option("--object", help="Only what was done to this, such as 'message 5'.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only from this time on: 2026-05-01, 7d.")
    ] = None,
    limit: Limit = 50,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show what people did, latest first."""
    from crmsync.cli.opening import opened
    from crmsync.store.audit import list_audit

    start = moment(since, "--since")
    with opened(config, language) as opened_app:
        found = list_audit(
            opened_app.store, actor=actor, action=action, object=object, since=start, limit=limit
        )
    emit({"entries": found}, as_json=as_json, language="en", show=lambda console: _show(console, found))


def _show(console: Console, found: list[AuditEntry]) -> None:
    if not found:
        console.print("Nothing of that was done.")
        return
    table(
        console,
        ("id", "when", "who", "did", "to", "detail"),
        ((e.id, e.at, e.actor, e.action, e.object, e.detail) for e in found),
    )


@app.command("verify")
def verify(
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="SEAL", help="A head told earlier and kept elsewhere."),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> int:
    """Tell whether an entry was changed, removed or put in between. Ends with 3 when one was.

    Keep the head it tells where nobody who can write the database can write, and give it the next
    time: without it, entries missing from the end do not show, nor a chain that was made anew.
    """
    from crmsync.cli.opening import opened
    from crmsync.sdk import UsageError
    from crmsync.store.audit import SHORTEST_SEAL, verify_audit

    if head is not None and len(head) < SHORTEST_SEAL:
        raise UsageError(
            f"--head: {head!r} is too short to tell a seal.", fix=f"Give {SHORTEST_SEAL} characters of it."
        )
    with opened(config, language) as opened_app:
        found = verify_audit(opened_app.store, head)
    told = found.why or f"{found.entries} entries, each as it was written."
    emit(
        plain(found),
        as_json=as_json,
        language="en",
        show=lambda console: console.print(
            f"{told}\nhead {found.head or 'none'}", markup=False, soft_wrap=True
        ),
    )
    return 0 if found.whole else FINDINGS
