"""The tour itself: a first pass, some weeks of business, a pass after each."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crmsync.care import approve, ledger, list_messages
from crmsync.daemon.app import App
from crmsync.daemon.customer import account_ids
from crmsync.daemon.demo.folder import DATABASE, write_config
from crmsync.daemon.demo.result import Comparison, DemoResult, Example
from crmsync.daemon.outcome import PassResult
from crmsync.daemon.status import read_status, stored_records
from crmsync.rules import StandingFlag, standing_flags
from crmsync.sdk import CrmsyncError, SystemClock, Told, mark
from crmsync.store.lock import instance_lock
from crmsync.sync.progress import Progress
from crmsync.testing import Shop

CONNECTION = "demo-shop"
WEEKS = 4
SEED, CUSTOMERS = 7, 1200
_SHOP_OFFSET = timedelta(hours=8)
_NOON = timedelta(hours=12)

Teller = Callable[[Told], None]


def run_demo(
    folder: Path, *, language: str = "en", progress: Progress | None = None, tell: Teller
) -> DemoResult:
    """Show everything once. `tell` is given a line whenever something begins or has come about.

    Raises CrmsyncError when a stage fails: on loopback nothing has an excuse.
    """
    began = time.monotonic()
    start = _start()
    with Shop(seed=SEED, customers=CUSTOMERS, now=start, future_days=7 * (WEEKS + 26)) as shop:
        path = write_config(folder, shop.url, shop.credentials.client_secret, language)
        clock = SystemClock(shop.now - datetime.now(UTC))
        app = App.open(path, database=f"sqlite:///{folder / DATABASE}", clock=clock, language=language)
        try:
            with instance_lock(app.store):
                tell(Told(mark("A shop has opened at {url}. First pass:"), {"url": shop.url}))
                _round(app, app.full_pass(progress=progress), tell)
                _approve(app, tell)
                for week in range(1, WEEKS + 1):
                    shop.advance(timedelta(weeks=1))
                    clock.offset = shop.now - datetime.now(UTC)
                    tell(Told(mark("A week later ({week} of {weeks}):"), {"week": week, "weeks": WEEKS}))
                    _round(app, app.full_pass(), tell)
                    _approve(app, tell)
                return _result(app, shop, path, time.monotonic() - began)
        finally:
            app.close()


def _start() -> datetime:
    """The weeks of the demo end at the last noon in the shop's zone: no quiet hours, and nearly now."""
    local = datetime.now(UTC) + _SHOP_OFFSET
    noon = local.replace(hour=0, minute=0, second=0, microsecond=0) + _NOON
    end = noon if noon <= local else noon - timedelta(days=1)
    return end - _SHOP_OFFSET - timedelta(weeks=WEEKS)


def _round(app: App, result: PassResult, tell: Teller) -> None:
    for failure in result.failures:
        raise CrmsyncError(f"{failure.stage} {failure.part}: {failure.reason}", fix="Tell crmsync's authors.")
    for run in result.runs:
        if run.status != "ok":
            raise CrmsyncError(f"{run.connection}/{run.stream}: {run.reason}", fix="Tell crmsync's authors.")
    raised = sum(change.change == "raised" for change in result.changes)
    cleared = sum(change.change == "cleared" for change in result.changes)
    values = {
        "new": sum(run.inserted for run in result.runs),
        "changed": sum(run.updated for run in result.runs),
        "raised": raised,
        "cleared": cleared,
        "sent": result.delivery.sent if result.delivery else 0,
    }
    tell(
        Told(
            mark(
                "  {new} new records and {changed} changed; {raised} flags raised, {cleared} cleared; "
                "{sent} messages delivered"
            ),
            values,
        )
    )


def _approve(app: App, tell: Teller) -> None:
    """What a person does with `crmsync messages approve`: read one of each text, and let it go."""
    now = app.clock.now()
    approved = 0
    for campaign in app.config.care:
        waiting = list_messages(app.store, states=("awaiting_approval",), campaign=campaign.name, limit=1)
        if waiting:
            count = approve(app.store, actor="demo", now=now, campaign=campaign.name)
            approved += count
            values = {"campaign": campaign.name, "count": count}
            tell(Told(mark("  the demo approves the text of {campaign}: {count} messages may go"), values))
    result = app.care() if approved else PassResult()
    if result.delivery is not None and result.delivery.sent:
        tell(Told(mark("  {sent} messages delivered"), {"sent": result.delivery.sent}))


def _result(app: App, shop: Shop, path: Path, seconds: float) -> DemoResult:
    flags = standing_flags(app.store)
    status = read_status(app.store, app.config, app.clock.now())
    sent = list_messages(app.store, states=("sent",), limit=1, text=True)
    return DemoResult(
        shop=status.connections[0].shop or CONNECTION,
        weeks=WEEKS,
        streams=stored_records(app.store),
        quarantined=status.quarantined,
        flags=dict(status.flags),
        examples=_examples(app, shop, flags),
        messages={state: count for state, count in ledger(app.store).states.items() if count},
        messages_received=len(shop.messages),
        letter=sent[0].text if sent else None,
        truth=_compare(app, shop, flags),
        config=path,
        database=path.with_name(DATABASE),
        seconds=seconds,
    )


def _examples(app: App, shop: Shop, flags: list[StandingFlag]) -> tuple[Example, ...]:
    """The strongest flag of each rule."""
    accounts = account_ids(app.store, CONNECTION)
    names = {row["id"]: row["nick"] for row in shop.rows("customers")}
    titles = {row["id"]: row["title"] for row in shop.rows("products")}
    best: dict[str, Example] = {}
    for flag in flags:
        account = accounts.get(flag.subject_id) if flag.subject == "customer" else None
        product = flag.subject_id.removeprefix(f"{CONNECTION}/")
        about = (names.get(account) or account) if account else titles.get(product, product)
        reasons = tuple(reason.told for reason in flag.reasons)
        example = Example(flag.rule, flag.level, flag.subject, flag.subject_id, about, reasons)
        best.setdefault(flag.rule, example)
    return tuple(best.values())


def _compare(app: App, shop: Shop, flags: list[StandingFlag]) -> dict[str, Comparison]:
    truth = shop.truth()
    accounts = account_ids(app.store, CONNECTION)
    buyers = {row["buyer_id"] for row in shop.rows("orders") if row["status"] not in ("WAIT_PAY", "CLOSED")}
    flagged: dict[str, set[str]] = {name: set() for name in app.config.rules}
    for flag in flags:
        known = accounts.get(flag.subject_id) if flag.subject == "customer" else None
        flagged.setdefault(flag.rule, set()).add(known or flag.subject_id.removeprefix(f"{CONNECTION}/"))
    what = {
        "churn_risk": ("churned", set(truth["churned"]) & buyers, len(buyers)),
        "complaint_rate": ("faulty_products", truth["faulty_products"], truth["counts"]["products"]),
        "vip": ("top_spenders", truth["top_spenders"], len(buyers)),
    }
    return {
        rule: Comparison.of(name, flagged.get(rule, set()), true, among)
        for rule, (name, true, among) in what.items()
        if rule in app.config.rules
    }
