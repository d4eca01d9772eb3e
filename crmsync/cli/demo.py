"""`crmsync demo`: see everything work, on a shop of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmsync.cli.option import AsJson, Language
from crmsync.cli.output import emit, err

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.daemon.demo import Comparison, DemoResult


def demo(
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Where to leave configuration and database; ./crmsync-demo.")
    ] = None,
    as_json: AsJson = False,
    language: Annotated[Language, typer.Option("--language", help="The language of the tour.")] = Language.en,
) -> None:
    """Pull, judge and write to the customers of a built-in shop, through some weeks of its business."""
    from crmsync.cli.progress import watching
    from crmsync.daemon.demo import new_folder, run_demo
    from crmsync.daemon.logs import configure_logs
    from crmsync.sdk import Told

    configure_logs(level=50, console=True)
    words = err()
    chosen = new_folder(folder)

    def tell(told: Told) -> None:
        words.print(told.text(language), markup=False)

    with watching(words) as progress:
        result = run_demo(chosen, language=language.value, progress=progress, tell=tell)
    emit(
        _data(result),
        as_json=as_json,
        language=language,
        show=lambda console: _show(console, result, language),
    )


def _data(result: DemoResult) -> dict[str, Any]:
    return {
        "orders": result.streams["orders"],
        "reviews": result.streams["reviews"],
        "customers": result.streams["customers"],
        "streams": result.streams,
        "quarantined": result.quarantined,
        "flags": result.flags,
        "examples": result.examples,
        "messages": result.messages,
        "shop": {"name": result.shop, "messages_received": result.messages_received},
        "truth": {
            rule: {
                "truth": c.truth,
                "flagged": c.flagged,
                "true": c.true,
                "hits": c.hits,
                "among": c.among,
                "precision": c.precision,
                "recall": c.recall,
                "base": c.base,
            }
            for rule, c in result.truth.items()
        },
        "weeks": result.weeks,
        "config": result.config,
        "database": result.database,
        "seconds": round(result.seconds, 1),
    }


def _show(console: Console, result: DemoResult, language: str) -> None:
    from crmsync.sdk import Told, mark

    def line(text: str = "", style: str = "") -> None:
        console.print(text, style=style, markup=False, soft_wrap=True)

    def say(message: str, values: Mapping[str, Any] | None = None, style: str = "") -> None:
        line(Told(message, dict(values or {})).text(language), style)

    def head(message: str, values: Mapping[str, Any] | None = None) -> None:
        line()
        say(message, values, "bold")

    compared, states = _words()
    head(mark("{shop}, after {weeks} weeks"), {"shop": result.shop, "weeks": result.weeks})
    head(mark("Pulled over HTTP"))
    say(
        mark(
            "  {orders} orders, {reviews} reviews, {customers} customers, {products} products, "
            "{refunds} refunds, {conversations} conversations; {quarantined} in quarantine"
        ),
        {**result.streams, "quarantined": result.quarantined},
    )
    head(mark("Flagged, and how that compares with what the shop knows to be true"))
    for rule, comparison in result.truth.items():
        say(compared[comparison.truth], {"rule": rule, **_shares(comparison)})
    head(mark("Three of them, and why"))
    for example in result.examples:
        line(f"  {example.about} ({example.rule}, {example.level})")
        for reason in example.reasons:
            line(f"    · {reason.text(language)}")
    head(mark("Sent"))
    say(
        mark("  {sent} messages delivered; the shop's own count of messages received is {received}"),
        {"sent": result.messages.get("sent", 0), "received": result.messages_received},
    )
    for state, count in result.messages.items():
        if state != "sent":
            say(states.get(state, f"  {{count}} {state}"), {"count": count})
    if result.letter is not None:
        subject, body = result.letter
        head(mark("The last one"))
        for text in (subject, *body.splitlines()):
            line(f"  │ {text}")
    head(mark("Look around"))
    config = _short(result.config)
    say(mark("  configuration  {path}"), {"path": config})
    say(mark("  database       {path}"), {"path": _short(result.database)})
    for command in ("status", "flags --limit 10", "messages list --limit 5 --text", "rules list"):
        line(f"  crmsync {command} -c {config}")
    customer = next((e.subject_id for e in result.examples if e.subject == "customer"), None)
    if customer is not None:
        line(f"  crmsync customers show {customer} -c {config}")
    say(mark("  your own shop: crmsync init, then crmsync check, then crmsync run"))
    line()
    say(mark("It took {seconds} seconds."), {"seconds": round(result.seconds)})


def _words() -> tuple[dict[str, str], dict[str, str]]:
    from crmsync.sdk import mark

    compared = {
        "churned": mark(
            "  {rule}: {flagged} customers, {precision} of whom have left for good; by chance it would be "
            "{base}. It has found {recall} of all who left."
        ),
        "faulty_products": mark(
            "  {rule}: {flagged} products; {hits} of them are among the {true} faulty ones of {among}."
        ),
        "top_spenders": mark(
            "  {rule}: {flagged} customers, {precision} of whom are among the fifth that spends most; "
            "it has found {recall} of that fifth."
        ),
    }
    states = {
        "suppressed": mark("  {count} not sent: no consent, or left alone to compare with"),
        "awaiting_approval": mark("  {count} wait for a person's approval"),
        "queued": mark("  {count} wait for their time"),
        "expired": mark("  {count} came too late and were dropped"),
    }
    return compared, states


def _shares(compared: Comparison) -> dict[str, Any]:
    def percent(share: float | None) -> str:
        return "–" if share is None else f"{share:.0%}"

    return {
        "flagged": compared.flagged,
        "true": compared.true,
        "hits": compared.hits,
        "among": compared.among,
        "precision": percent(compared.precision),
        "recall": percent(compared.recall),
        "base": percent(compared.base),
    }


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
