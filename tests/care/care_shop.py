"""A small shop in the store, a clock that tests move, and a channel that remembers what it delivered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import insert, select, update

from crmsync.care import CampaignPreview, DeliveryResult, PlanResult, deliver, plan, preview
from crmsync.config import Campaign, Limits
from crmsync.sdk import Channel, ChannelContext, OutgoingMessage, Receipt, Settings
from crmsync.sdk.message import Idempotency
from crmsync.store import Store
from crmsync.store.sealing import sealed
from crmsync.store.tables import (
    Account,
    Connection,
    Consent,
    Customer,
    CustomerFact,
    FactRefresh,
    Flag,
    Message,
    Order,
    OrderLine,
    Product,
)
from crmsync.testing.clock import FakeClock

NOW = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)  # noon in Shanghai


class MovedClock(FakeClock):
    """The time as the test says."""

    @property
    def time(self) -> datetime:
        return self.now()

    @time.setter
    def time(self, now: datetime) -> None:
        self.advance(now - self.now())

    def move(self, **by: float) -> None:
        self.advance(timedelta(**by))


class NoSettings(Settings):
    """Nothing."""


class FakeChannel(Channel[NoSettings]):
    """Delivers into lists. `fail` is asked before and `fail_after` after each delivery."""

    name = "fake"
    title = "Fake"
    Settings = NoSettings
    medium = "platform"

    def __init__(self, clock: MovedClock, idempotency: Idempotency = "key") -> None:
        context = ChannelContext("fake", clock, logging.getLogger("test"), None, None)  # type: ignore[arg-type]
        super().__init__(NoSettings(), context)
        self.promise: Idempotency = idempotency
        self.delivered: list[tuple[str, OutgoingMessage, datetime]] = []
        self.sends: list[str] = []
        self.lookups: list[str] = []
        self.fail: Callable[[OutgoingMessage], BaseException | None] = lambda message: None
        self.fail_after: Callable[[OutgoingMessage], BaseException | None] = lambda message: None
        self.unreachable: str | None = None

    def idempotency_for(self, connection: str) -> Idempotency:
        return self.promise

    def reaches(self, message: OutgoingMessage) -> str | None:
        return self.unreachable

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        self.sends.append(key)
        if (error := self.fail(message)) is not None:
            raise error
        repeated = self.promise == "key" and any(key == seen for seen, _, _ in self.delivered)
        if not repeated:
            self.delivered.append((key, message, self.clock.now()))
        if (error := self.fail_after(message)) is not None:
            raise error
        return Receipt(f"ref-{key[:6]}", self.clock.now(), repeated)

    def lookup(self, message: OutgoingMessage, key: str) -> Receipt | None:
        self.lookups.append(key)
        return next((Receipt("found", at) for seen, _, at in self.delivered if seen == key), None)

    @property
    def keys(self) -> list[str]:
        return [key for key, _, _ in self.delivered]


class Killed(BaseException):
    """The process is gone: nothing after this reaches the database."""


class Mortal:
    """A store whose process dies just before or just after its n-th write, or when it is told to."""

    def __init__(self, store: Store, at: int = -1, after: bool = False) -> None:
        self.store = store
        self.left = at
        self.after = after
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        self._check()
        with self.store.read() as transaction:
            yield transaction

    @contextmanager
    def write(self, **options: Any) -> Iterator[Transaction]:
        self._check()
        self.left -= 1
        last = self.left == 0
        self.dead = last and not self.after
        self._check()
        with self.store.write(**options) as transaction:
            yield transaction
        self.dead = self.dead or last
        self._check()

    def die(self, message: OutgoingMessage) -> None:
        self.dead = True
        raise Killed

    def _check(self) -> None:
        if self.dead:
            raise Killed


def campaign(**changes: Any) -> Campaign:
    """A win-back that sends at once, unless changed."""
    given: dict[str, Any] = {
        "name": "win-back",
        "when": "churn_risk",
        "channel": "fake",
        "template": "winback",
        "approve": "never",
        "quiet_hours": None,
    }
    return Campaign(**given | changes)


@dataclass
class Shop:
    """One or several connections with customers, and the stages of care over them."""

    store: Store
    clock: MovedClock = field(default_factory=lambda: MovedClock(NOW))
    channel: FakeChannel = None  # type: ignore[assignment]
    more: dict[str, Channel[Any]] = field(default_factory=dict)
    limits: Limits = field(default_factory=lambda: Limits(per_customer=100))
    campaigns: list[Campaign] = field(default_factory=lambda: [campaign()])
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    connections: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.channel = FakeChannel(self.clock)
        self.connect("shop")

    def connect(self, name: str, zone: str | None = "Asia/Shanghai") -> None:
        row = {"name": name, "connector": "demo", "scope": name, "shop": f"The {name}", "zone": zone}
        with self.store.write() as transaction:
            self.connections[name] = transaction.scalar(
                insert(Connection).values(row).returning(Connection.id)
            )

    def customer(
        self,
        *,
        on: str = "shop",
        consent: bool | None = True,
        flag: str | None = "churn_risk",
        level: str = "high",
        of: int | None = None,
        **account: Any,
    ) -> int:
        """A customer (or another account `of` one) with a profile, and what the platform says of them."""
        number = next(self.numbers)
        external_id, now = f"c{number}", self.clock.now()
        base = {"learned_at": now, "changed_at": now}
        with self.store.write() as transaction:
            if of is None:
                of = transaction.scalar(
                    insert(Customer).values(key=f"{on}:{external_id}", learned_at=now).returning(Customer.id)
                )
            profile = {"name": f"Customer {number}", "email": f"c{number}@example.com", "language": "en"}
            transaction.execute(
                insert(Account).values(
                    sealed(
                        self.store.vault,
                        Account,
                        base
                        | profile
                        | account
                        | {
                            "connection_id": self.connections[on],
                            "external_id": external_id,
                            "digest": number,
                            "customer_id": of,
                            "email_verified": False,
                            "phone_verified": False,
                        },
                    )
                )
            )
        if consent is not None:
            self.consent(external_id, consent, on=on)
        if flag is not None:
            self.flag(of, flag, level)
        return of

    def consent(
        self,
        account_id: str,
        granted: bool,
        *,
        on: str = "shop",
        medium: str = "any",
        purpose: str = "marketing",
        at: datetime | None = None,
        confirmed: bool = False,
    ) -> None:
        now = self.clock.now()
        with self.store.write() as transaction:
            transaction.execute(
                insert(Consent).values(
                    connection_id=self.connections[on],
                    account_id=account_id,
                    medium=medium,
                    purpose=purpose,
                    granted=granted,
                    confirmed=confirmed,
                    at=at or now,
                    source="test",
                    learned_at=now,
                )
            )

    def flag(
        self, customer: int, rule: str = "churn_risk", level: str = "high", state: str | None = None
    ) -> int:
        now = self.clock.now()
        with self.store.write() as transaction:
            return transaction.scalar(
                insert(Flag)
                .values(
                    rule=rule,
                    subject="customer",
                    subject_id=str(customer),
                    level=level,
                    state=state,
                    score=0.9,
                    reasons="[]",
                    raised_at=now,
                    changed_at=now,
                )
                .returning(Flag.id)
            )

    def order(
        self,
        account_id: str,
        title: str,
        *,
        on: str = "shop",
        days_ago: float,
        quantity: int = 1,
        **order: Any,
    ) -> None:
        now, number = self.clock.now(), next(self.numbers)
        base = {"connection_id": self.connections[on], "learned_at": now, "changed_at": now, "digest": number}
        with self.store.write() as transaction:
            transaction.execute(
                insert(Order).values(
                    **base
                    | {
                        "external_id": f"o{number}",
                        "account_id": account_id,
                        "status": "completed",
                        "currency": "CNY",
                        "total": 100,
                        "shipping": 0,
                        "discount": 0,
                        "tax": 0,
                        "placed_at": now - timedelta(days=days_ago),
                    }
                    | order
                )
            )
            transaction.execute(
                insert(OrderLine).values(
                    connection_id=base["connection_id"],
                    order_id=f"o{number}",
                    line_id="1",
                    product_id=title,
                    quantity=quantity,
                    price=100,
                    total=100,
                )
            )
            known = select(Product.external_id).where(Product.external_id == title)
            if transaction.scalar(known) is None:
                transaction.execute(insert(Product).values(**base, external_id=title, title=title))

    def account(self, customer: int) -> str:
        with self.store.read() as transaction:
            return str(transaction.scalar(select(Account.external_id).where(Account.customer_id == customer)))

    def facts(self, customer: int, **facts: Any) -> None:
        with self.store.write() as transaction:
            if transaction.scalar(select(FactRefresh.id)) is None:
                transaction.execute(
                    insert(FactRefresh).values(id=1, at=self.clock.now(), full=True, changed=0)
                )
            zeros = {c.name: 0 for c in CustomerFact.__table__.columns if not c.nullable}
            transaction.execute(
                insert(CustomerFact).values(zeros | {"refresh_id": 1, "customer_id": customer} | facts)
            )

    def clear(self, customer: int) -> None:
        with self.store.write() as transaction:
            transaction.execute(
                update(Flag).where(Flag.subject_id == str(customer)).values(cleared_at=self.clock.now())
            )

    @property
    def channels(self) -> dict[str, Channel[Any]]:
        return {"fake": self.channel, **self.more}

    def plan(self, **options: Any) -> PlanResult:
        return plan(self.store, self.campaigns, self.channels, self.limits, now=self.clock.now(), **options)

    def preview(self, **options: Any) -> list[CampaignPreview]:
        return preview(
            self.store, self.campaigns, self.channels, self.limits, now=self.clock.now(), **options
        )

    def deliver(self, **options: Any) -> DeliveryResult:
        return deliver(self.store, self.campaigns, self.channels, self.limits, clock=self.clock, **options)

    def messages(self) -> list[Any]:
        with self.store.read() as transaction:
            return list(transaction.execute(select(*Message.__table__.columns).order_by(Message.id)))

    def states(self) -> list[str]:
        return [message.state for message in self.messages()]
