"""`crmsync care report`: whether being written to helped, against those who were left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from crmsync.care import CampaignReport, CareReport, Comparison

SHOWN, NOT_SHOWN, NOBODY = "shown", "not shown", "nobody to compare with"


def report(
    within: Annotated[
        int, typer.Option("--within", min=1, help="Days after a customer was drawn in which outcomes count.")
    ] = 30,
    detect: Annotated[
        float,
        typer.Option("--detect", min=0.1, max=100, help="The smallest difference worth knowing, in points."),
    ] = 3.0,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Compare customers who were written to with the control group and the holdout, with intervals."""
    from crmsync.care import report as compare
    from crmsync.cli.opening import opened

    with opened(config, language) as app:
        found = compare(app.store, now=app.clock.now(), within=timedelta(days=within), detect=detect / 100)
        emit(
            {"report": found},
            as_json=as_json,
            language=app.config.language,
            show=lambda console: _show(console, found),
        )


def _show(console: Console, found: CareReport) -> None:
    if not found.campaigns:
        console.print("No campaign has drawn anybody yet.")
        return
    table(
        console,
        ("campaign", "what", "written to", "left alone", "difference", "95 % interval", "effect"),
        [
            line
            for campaign in (*found.campaigns, found.pooled, *((found.holdout,) if found.holdout else ()))
            for line in _lines(campaign, _name(campaign, found))
        ],
    )
    for campaign in (*found.campaigns, found.pooled):
        if campaign.needed is not None:
            console.print(
                f"{_name(campaign, found)}: {campaign.treated} written to and {campaign.control} left alone;"
                f" a difference of {found.detect * 100:g} points needs {campaign.needed} together"
                f" ({campaign.waiting} more were drawn within the last {found.within.days} days).",
                markup=False,
                soft_wrap=True,
            )


def _name(campaign: CampaignReport, found: CareReport) -> str:
    if campaign is found.holdout:
        return "any marketing, against the holdout"
    return "all campaigns" if campaign is found.pooled else campaign.campaign


def _lines(campaign: CampaignReport, name: str) -> Iterator[tuple[str, ...]]:
    for measure, comparison in campaign.shares.items():
        yield name, measure, *_cells(comparison, 100, " %", " points")
    for currency, comparison in campaign.revenue.items():
        yield name, f"net per customer, {currency}", *_cells(comparison, _major(currency), "", "")


def _major(currency: str) -> float:
    from crmsync.sdk.money import exponent

    return float(10 ** -exponent(currency))


def _cells(comparison: Comparison, scale: float, unit: str, points: str) -> tuple[str, ...]:
    both = (comparison.treated, comparison.control)
    means = ("" if mean is None else f"{mean * scale:.2f}{unit}" for mean in both)
    effect = comparison.effect
    if effect is None:
        return *means, "", "", NOBODY
    return (
        *means,
        f"{effect.difference * scale:+.2f}{points}",
        f"{effect.low * scale:+.2f} to {effect.high * scale:+.2f}",
        SHOWN if effect.shown else NOT_SHOWN,
    )
