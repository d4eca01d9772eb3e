"""Any sequence of planning, sending, failing, dying and deciding keeps the promises of care."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from care_shop import Killed, Mortal, MovedClock, Shop, campaign
from emptying import empty
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import update

from crmsync.care import (
    Links,
    approve,
    cancel,
    ledger,
    ledger_faults,
    recover,
    resolve,
    suppress,
    unsubscribe,
    withdraw_consent,
)
from crmsync.care.erasure import erase
from crmsync.config import Limits, QuietHours
from crmsync.sdk import (
    AuthError,
    OutgoingMessage,
    PermanentError,
    RateLimited,
    TransientError,
    Unconfirmed,
)
from crmsync.store import Store
from crmsync.store.keyring import Keyring
from crmsync.store.tables import Account

QUIET = QuietHours(time(21), time(9))
ZONES = {"shop": "Asia/Shanghai", "berlin": "Europe/Berlin"}
CAP = 3
RULE_CAP = 5
PERIOD = timedelta(days=7)
SERVICE_PERIOD = timedelta(days=10)
HOLIDAY = date(2026, 3, 26)
FAILURES = (TransientError, PermanentError, AuthError, RateLimited, Unconfirmed, ValueError)


class CareMachine(RuleBasedStateMachine):
    def __init__(self, store: Store) -> None:
        super().__init__()
        empty(store)
        self.shop = Shop(store, MovedClock(datetime.fromisoformat("2026-03-24T02:00+00:00")))
        self.shop.connect("berlin", ZONES["berlin"])
        self.shop.limits = self.limits()
        common: dict[str, Any] = {"quiet_hours": QUIET, "daily_cap": CAP, "cooldown": "5d", "expires": "3d"}
        self.shop.campaigns = [
            campaign(**common),
            campaign(**common, name="again", template="vip_thanks", approve="first", approvals=2),
            campaign(**common, name="sorry", template="apology", purpose="service", control_group="20%"),
        ]
        self.accounts: dict[str, int] = {}
        self.on: dict[str, str] = {}
        self.consents: dict[str, bool | None] = {}
        self.suppressed: set[str] = set()
        self.erased: set[str] = set()
        self.unsubscribed: set[str] = set()
        self.keyring = Keyring(store)
        self.broken: list[str] = []
        self.shop.channel.fail = self.about_to_send  # type: ignore[assignment]
        self.next_failure: tuple[type[Exception] | None, bool] = (None, False)
        self.meanwhile: Callable[[], None] = lambda: None
        self.signers: set[str] = set()
        self.spoken = 0
        # The same sequence has to go the same way again, or nothing that is found can be shown.
        self.jitter = random.Random(1)

    @staticmethod
    def limits(**changes: Any) -> Limits:
        given: dict[str, Any] = {
            "per_customer": 1,
            "period": PERIOD,
            "service_per_customer": 1,
            "service_period": SERVICE_PERIOD,
            "per_rule": {"churn_risk": RULE_CAP},
            "holidays": {"the feast": f"{HOLIDAY:%Y-%m-%d}"},
        }
        return Limits(**given | changes)

    @initialize(
        promise=st.sampled_from(["key", "lookup", "none"]),
        customers=st.integers(4, 8),
        per_customer=st.sampled_from([9, 1]),
    )
    def begin(self, promise: Any, customers: int, per_customer: int) -> None:
        """The limit may have been another when it was planned."""
        self.shop.channel.promise = promise
        self.shop.limits = self.limits(per_customer=per_customer)
        for number in range(customers):
            self.add(True, "berlin" if number % 3 == 2 else "shop")
        self.shop.plan()
        self.shop.limits = self.limits()

    @rule(consent=st.sampled_from([True, None, False]), on=st.sampled_from(sorted(ZONES)))
    def add(self, consent: bool | None, on: str) -> None:
        account = f"c{len(self.accounts) + 1}"
        self.accounts[account] = self.shop.customer(consent=consent, on=on)
        self.on[account], self.consents[account] = on, consent

    def drawn(self, data: st.DataObject) -> str:
        """An account, rather one that is about to be written to."""
        due = {m.account_id for m in self.shop.messages() if m.state in ("queued", "failed")}
        return str(data.draw(st.sampled_from(sorted(due & set(self.alive)) or self.alive)))

    @property
    def alive(self) -> list[str]:
        """The accounts of those who are not erased."""
        return sorted(self.accounts.keys() - self.erased)

    @rule(data=st.data(), granted=st.booleans())
    def state_will(self, data: st.DataObject, granted: bool) -> None:
        account = self.drawn(data)
        # Nobody says two things at one moment, however often the clock comes by it.
        self.spoken += 1
        self.shop.clock.move(seconds=1, microseconds=self.spoken)
        if granted:
            self.shop.consent(account, True, on=self.on[account])
        else:
            now = self.shop.clock.now()
            withdraw_consent(self.shop.store, self.on[account], account, actor="ann", now=now)
        self.consents[account] = granted

    @rule(data=st.data())
    def put_on_list(self, data: st.DataObject) -> None:
        self.list_address(self.drawn(data))

    def list_address(self, account: str) -> None:
        now = self.shop.clock.now()
        suppress(self.shop.store, "email", f"{account}@example.com", why="asked", actor="ann", now=now)
        self.suppressed.add(account)

    @rule(hours=st.sampled_from([0.01, 1, 5, 9, 24, 50, 80]), planned=st.booleans())
    def time_passes(self, hours: float, planned: bool) -> None:
        self.shop.clock.move(hours=hours)
        if planned:
            self.shop.plan()

    @rule(hours=st.sampled_from([0.1, 3, 30]))
    def the_clock_is_set_back(self, hours: float) -> None:
        self.shop.clock.move(hours=-hours)

    @rule(data=st.data())
    def two_are_one_person(self, data: st.DataObject) -> None:
        """Their accounts keep their consents; what either got counts for both."""
        self.unite(self.drawn(data), data.draw(st.sampled_from(self.alive)))

    def unite(self, one: str, other: str) -> None:
        kept, gone = self.accounts[one], self.accounts[other]
        with self.shop.store.write() as transaction:
            transaction.execute(update(Account).where(Account.customer_id == gone).values(customer_id=kept))
        self.accounts = {a: kept if customer == gone else customer for a, customer in self.accounts.items()}

    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        """The person goes, with all their accounts; others come, so that there is somebody left."""
        self.forget(self.drawn(data))
        self.add(True, data.draw(st.sampled_from(sorted(ZONES))))

    def forget(self, account: str) -> None:
        customer = self.accounts[account]
        erase(self.shop.store, self.keyring, customer, actor="ann", now=self.shop.clock.now())
        self.erased |= {account for account, its in self.accounts.items() if its == customer}

    @rule(data=st.data())
    def unsubscribe_by_link(self, data: st.DataObject) -> None:
        messages = [m for m in self.shop.messages() if m.account_id in self.alive]
        if messages:
            message = data.draw(st.sampled_from(messages))
            links = Links(self.keyring, "https://care.example.com")
            token = str(links.unsubscribe(message.key)).rpartition("/")[2]
            self.shop.clock.move(seconds=1)
            unsubscribe(self.shop.store, links, token, now=self.shop.clock.now())
            (self.suppressed if message.purpose == "service" else self.unsubscribed).add(message.account_id)

    @rule(data=st.data())
    def flag_again(self, data: st.DataObject) -> None:
        customer = self.accounts[data.draw(st.sampled_from(self.alive))]
        self.shop.clear(customer)
        self.shop.flag(customer)

    @rule(per_customer=st.sampled_from([1, 9]))
    def plan(self, per_customer: int) -> None:
        """The limit may have been another when it was planned."""
        self.shop.limits = self.limits(per_customer=per_customer)
        self.shop.plan()
        before = len(self.shop.messages())
        assert self.shop.plan().planned == 0
        assert len(self.shop.messages()) == before
        self.shop.limits = self.limits()

    @rule(stop=st.booleans())
    def deliver_with_the_switch(self, stop: bool) -> None:
        self.shop.limits = self.limits(stop=stop)
        self.deliver(None, False, 50)
        self.shop.limits = self.limits()

    @rule(
        error=st.sampled_from([Killed, None, *FAILURES, Killed]),
        arrived=st.booleans(),
        batch=st.sampled_from([1, 2, 50]),
        goes_on=st.booleans(),
    )
    def deliver(self, error: Any, arrived: bool, batch: int, goes_on: bool = False) -> None:
        """The first message meets the error, before or after it arrived; a death is followed by a restart,
        which may go on a minute later."""
        self.something_is_due()
        self.next_failure = (error, arrived and error not in (None, *FAILURES[:4]))
        self.shop.channel.fail_after = self.has_arrived  # type: ignore[assignment]
        whole = self.shop.store
        self.shop.store = self.mortal = Mortal(whole)  # type: ignore[assignment]
        try:
            self.shop.deliver(batch=batch, jitter=self.jitter)
        except Killed:
            recover(whole, now=self.shop.clock.now())
        finally:
            self.shop.store = whole
            self.next_failure = (None, False)
        if goes_on:
            self.shop.clock.move(minutes=1)
            self.shop.deliver(jitter=self.jitter)
        assert "claimed" not in self.shop.states()

    def something_is_due(self) -> None:
        """What waits has been waited for, as far as a day has hours: a pass over nothing shows nothing."""
        now = self.shop.clock.now()
        waiting = [m.next_attempt_at for m in self.shop.messages() if m.state in ("queued", "failed")]
        if waiting and now < min(waiting) <= now + timedelta(hours=12):
            self.shop.clock.time = min(waiting)

    @precondition(lambda self: self.shop.channel.promise == "none")
    @rule(data=st.data(), deed=st.sampled_from(["withdraw", "list", "unite", "erase"]))
    def deliver_while_others_act(self, data: st.DataObject, deed: str) -> None:
        """As the first message leaves, something is said of another: it holds for all that follow."""
        account, other = self.drawn(data), data.draw(st.sampled_from(self.alive))

        def acts() -> None:
            now = self.shop.clock.now()
            if deed == "withdraw":
                withdraw_consent(self.shop.store, self.on[account], account, actor="ann", now=now)
                self.consents[account] = False
            elif deed == "list":
                self.list_address(account)
            elif deed == "unite":
                self.unite(account, other)
            else:
                self.forget(account)

        self.meanwhile = acts
        self.deliver(None, False, 50)
        self.meanwhile = lambda: None
        if not self.alive:
            self.add(True, "shop")

    @rule(actor=st.sampled_from(["ann", "bob"]))
    def approve_all(self, actor: str) -> None:
        waiting = any(m.campaign == "again" and m.state == "awaiting_approval" for m in self.shop.messages())
        approve(
            self.shop.store,
            actor=actor,
            now=self.shop.clock.now(),
            campaign="again",
            needed={"again": 2},
        )
        if waiting:
            self.signers.add(actor)

    @rule(data=st.data())
    def cancel_one(self, data: st.DataObject) -> None:
        waiting = [m.id for m in self.shop.messages() if m.state in ("queued", "failed", "awaiting_approval")]
        if waiting:
            chosen = data.draw(st.sampled_from(waiting))
            cancel(self.shop.store, actor="ann", now=self.shop.clock.now(), ids=[chosen])

    @rule()
    def resolve_truly(self) -> None:
        """A person who has looked settles what is unknown."""
        now = self.shop.clock.now()
        for message in self.shop.messages():
            if message.state == "unknown":
                arrived = message.key in self.shop.channel.keys
                late = message.expires_at <= now
                outcome: Any = "sent" if arrived else "dead" if late else "resend"
                resolve(self.shop.store, message.id, outcome, actor="ann", now=now)

    def about_to_send(self, message: OutgoingMessage) -> BaseException | None:
        """What must hold at the very moment a message leaves; care would catch an assertion here."""
        account, zone = message.recipient.account_id, ZONES[message.recipient.connection]
        if account not in self.alive:
            self.broken.append("sent to an erased person")
            return None
        if self.shop.clock.now().astimezone(ZoneInfo(zone)).time() in QUIET:
            self.broken.append("sent in quiet hours")
        if self.shop.clock.now().astimezone(ZoneInfo(zone)).date() == HOLIDAY:
            self.broken.append("sent on a holiday")
        if message.campaign == "again" and len(self.signers) < 2:
            self.broken.append("sent with less than two approvals")
        self.check_limits(message)
        if self.shop.limits.stop:
            self.broken.append("sent in spite of the stop")
        if account in self.suppressed:
            self.broken.append("sent to a suppressed address")
        if message.purpose == "marketing" and account in self.unsubscribed:
            self.broken.append("marketing to who had unsubscribed")
        if message.purpose == "marketing" and self.consents[account] is not True:
            self.broken.append("sent without consent")
        acts, self.meanwhile = self.meanwhile, lambda: None
        acts()
        error, after = self.next_failure
        if error is None or after:
            return None
        self.next_failure = (None, False)
        return self.fault(error)

    def check_limits(self, message: OutgoingMessage) -> None:
        """What this person, by the accounts they have now, and this day have had already."""
        now, person = self.shop.clock.now(), self.accounts[message.recipient.account_id]
        earlier = [(m, at) for _, m, at in self.shop.channel.delivered if m.id != message.id]
        period = PERIOD if message.purpose == "marketing" else SERVICE_PERIOD
        if any(
            m.purpose == message.purpose
            and self.accounts[m.recipient.account_id] == person
            and at > now - period
            for m, at in earlier
        ):
            self.broken.append(f"more {message.purpose} than one person's limit")
        for zone in ZONES.values():
            today = now.astimezone(ZoneInfo(zone)).date()
            if sum(at.astimezone(ZoneInfo(zone)).date() == today for _, at in earlier) >= RULE_CAP:
                self.broken.append("sent over the daily cap of the rule")

    def has_arrived(self, message: OutgoingMessage) -> BaseException | None:
        error, _ = self.next_failure
        self.next_failure = (None, False)
        return None if error is None else self.fault(error)

    def fault(self, error: type[BaseException]) -> BaseException:
        if error is Killed:
            self.mortal.dead = True
        return error()

    @invariant()
    def nothing_left_that_must_not(self) -> None:
        assert self.broken == [], self.broken

    @invariant()
    def nothing_arrives_twice(self) -> None:
        assert len(self.shop.channel.keys) == len(set(self.shop.channel.keys))

    @invariant()
    def no_cap_is_passed(self) -> None:
        days: Counter[tuple[str, str, Any]] = Counter()
        last: dict[str, datetime] = {}
        for _, message, at in self.shop.channel.delivered:
            for zone in ZONES.values():
                days[message.campaign, zone, at.astimezone(ZoneInfo(zone)).date()] += 1
            if message.purpose == "marketing":
                account = message.recipient.account_id
                assert account not in last or abs(at - last[account]) >= PERIOD
                last[account] = at
        assert all(count <= CAP for count in days.values())

    @invariant()
    def the_ledger_adds_up(self) -> None:
        book = ledger(self.shop.store)
        assert book.planned == book.states.total()
        assert ledger_faults(self.shop.store) == {}
        arrived = set(self.shop.channel.keys)
        for message in self.shop.messages():
            if message.state == "sent":
                assert message.key in arrived
            elif message.key in arrived:
                assert message.state == "unknown" or message.doubtful


def run_machine(store: Store, examples: int, *, shrink: bool = True) -> None:
    """So many random sequences of 20 steps. Raises where a promise is broken: with `shrink` by the shortest
    sequence that can be found, which takes long."""
    run_state_machine_as_test(
        lambda: CareMachine(store),
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            phases=[phase for phase in Phase if shrink or phase not in (Phase.shrink, Phase.explain)],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_care_keeps_its_promises(store: Store) -> None:
    run_machine(store, 30)
