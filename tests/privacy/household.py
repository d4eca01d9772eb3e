"""A shop that knows the person, and the app that pulls, judges and writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import canary
from sqlalchemy import Select, text

from crmsync.care import set_profiling
from crmsync.care.cases import open_case
from crmsync.care.consent import known_account, state_will
from crmsync.care.erasure import Erased, erase
from crmsync.daemon.app import App
from crmsync.daemon.customer import find_customer
from crmsync.daemon.outcome import PassResult
from crmsync.store import Store
from crmsync.sync.stream import Scope
from crmsync.testing import Shop

CONFIG = """\
encryption: {encryption}
connections:
  - {{id: shop, connector: demo, base_url: {url}, client_secret: "${{file:secret}}"{connection}}}
  - {{id: twin, connector: demo, base_url: {url}, client_secret: "${{file:secret}}", enabled: false}}
rules:
  vip: {{minimum_customers: 5}}
care:
  - name: thanks
    when: {{date: last_order, after: 1d}}
    template: vip_thanks
    approve: never
    quiet_hours: null
    expires: 60d
{more}
"""


@dataclass
class Household:
    """The shop, its configuration and its database."""

    shop: Shop
    path: Path
    log: Path
    url: str
    clock: Any
    encryption: str = "{}"
    opened: list[App] = field(default_factory=list)

    def app(self, more: str = "", connection: str = "") -> App:
        connection = f", {connection}" if connection else ""
        given = {"url": self.shop.url, "more": more, "connection": connection}
        self.path.write_text(CONFIG.format(**given, encryption=self.encryption))
        self.opened.append(App.open(self.path, database=self.url, clock=self.clock))
        return self.opened[-1]

    def close(self) -> None:
        """Also after a test that has failed: what it left open would be told of another."""
        for app in self.opened:
            app.close()

    def reads_all(self, app: App) -> PassResult:
        """A complete read of everything, and all that follows from it."""
        result = app.sync_all(["shop"], scope=Scope(full=True))
        for stage in (app.insight, app.rules, app.segments, app.care):
            result += stage()
        return result

    def meets(self, app: App, number: int = 0) -> int:
        """Have the person, or another with the same traces, in every table that can hold one; their number
        among the customers."""
        for stream, rows in canary.shop_rows(self.shop.now, number).items():
            self.shop.put(stream, rows)
        app.full_pass()
        id = find_customer(app.store, f"shop/{canary.account(number)}")
        now = self.clock.now()
        open_case(
            app.store,
            id,
            app.config.cases,
            type="logistics",
            severity="serious",
            actor="li",
            now=now,
            order_id=canary.ORDERS[0],
            note=f"{canary.NOTE}: {canary.NAME}",
        )
        with app.store.write() as transaction:
            account = known_account(transaction, "shop", canary.account(number))
            state_will(
                app.store,
                transaction,
                account,
                "email",
                "marketing",
                granted=True,
                now=now,
                source=canary.NAME,
                proof=canary.EMAIL,
            )
        set_profiling(app.store, id, granted=True, actor="li", now=now)
        return id

    def erases(self, app: App, id: int, **more: Any) -> Erased:
        return erase(app.store, app.terms.keyring, id, actor="li", now=self.clock.now(), **more)

    def value(self, store: Store, query: str | Select[Any], **bound: Any) -> Any:
        with store.read() as reading:
            return reading.execute(text(query) if isinstance(query, str) else query, bound).scalar()
