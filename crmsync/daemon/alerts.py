"""The team is told what went wrong, once, and when it is over."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, insert, select, tuple_, update

from crmsync.config import AlertConfig, Config
from crmsync.config.alert import AlertKind
from crmsync.daemon.notice import notice
from crmsync.daemon.outcome import FAULTS, Failure
from crmsync.daemon.trouble import Trouble, find_troubles
from crmsync.sdk import Clock, RateLimited, TeamChannel, Told, Unconfirmed
from crmsync.sdk.team import NoticeState
from crmsync.store import Store
from crmsync.store.tables import Alert

log = logging.getLogger("crmsync.daemon")

BACKOFF = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(hours=1)
_OVER = Told("")


@dataclass(slots=True)
class AlertsResult:
    """What one look brought about: notices posted by state, and channels that could not be told."""

    told: dict[NoticeState, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StandingAlert:
    """A trouble that a channel has been told of, or will be (`told_at` is None)."""

    channel: str
    kind: str
    subject: str
    raised_at: datetime
    told_at: datetime | None
    cleared_at: datetime | None


def standing_alerts(store: Store) -> list[StandingAlert]:
    """Every trouble whose end has not been told yet, the latest first."""
    query = select(
        Alert.channel, Alert.kind, Alert.subject, Alert.raised_at, Alert.told_at, Alert.cleared_at
    ).order_by(Alert.raised_at.desc(), Alert.channel, Alert.kind, Alert.subject)
    with store.read() as reading:
        return [StandingAlert(**row._mapping) for row in reading.execute(query)]


def tell_team(
    store: Store, config: Config, channels: Mapping[str, TeamChannel[Any]], clock: Clock
) -> AlertsResult:
    """Look for trouble and tell each configured channel what is new to it, stands on, or is over.

    However much goes wrong at once, a channel gets one notice of each kind. What a channel could not
    be told is told later; what it may have been told is not told again.
    """
    result = AlertsResult()
    kinds = {kind for entry in config.alerts for kind in entry.on}
    _forget(store, [(entry.channel, kind) for entry in config.alerts for kind in entry.on])
    troubles = find_troubles(store, config, sorted(kinds), clock.now())
    for entry in config.alerts:
        channel = channels.get(entry.channel)
        if channel is None:
            continue
        for kind in entry.on:
            teller = _Teller(store, entry, kind, channel, clock, entry.language or config.language, result)
            teller.tell(troubles[kind])
    return result


class _Teller:
    """Tells one channel of troubles of one kind."""

    def __init__(
        self,
        store: Store,
        entry: AlertConfig,
        kind: AlertKind,
        channel: TeamChannel[Any],
        clock: Clock,
        language: str,
        result: AlertsResult,
    ) -> None:
        self.store = store
        self.entry = entry
        self.kind = kind
        self.channel = channel
        self.clock = clock
        self.language = language
        self.result = result

    def tell(self, troubles: Sequence[Trouble]) -> None:
        now = self.clock.now()
        told = {trouble.subject: trouble.told for trouble in troubles}
        due = self._due(self._rows(told, now), now)
        for state, rows in due.items():
            if rows:
                self._post(state, [Trouble(row.subject, told.get(row.subject, _OVER)) for row in rows], rows)

    def _rows(self, current: Collection[str], now: datetime) -> Sequence[Row[Any]]:
        """What the channel knows, brought in line with what is the case."""
        with self.store.write() as transaction:
            rows = {row.subject: row for row in transaction.execute(self._select())}
            for row in rows.values():
                if row.telling:
                    # A crash came between: it may have been told, so it counts as told.
                    self._settle(transaction, [row], now)
            new = [
                {
                    "channel": self.entry.channel,
                    "kind": self.kind,
                    "subject": subject,
                    "raised_at": now,
                    "next_attempt_at": now,
                    "telling": False,
                    "attempts": 0,
                }
                for subject in sorted(current)
                if subject not in rows
            ]
            if new:
                transaction.execute(insert(Alert), new)
            gone = [subject for subject in rows if subject not in current]
            transaction.execute(delete(Alert).where(self._these(gone), Alert.told_at.is_(None)))
            transaction.execute(
                update(Alert).where(self._these(gone), Alert.cleared_at.is_(None)).values(cleared_at=now)
            )
            # What came back before its end was told has never ended for whoever reads the notices.
            transaction.execute(update(Alert).where(self._these(current)).values(cleared_at=None))
            return transaction.execute(self._select()).all()

    def _due(self, rows: Iterable[Row[Any]], now: datetime) -> dict[NoticeState, list[Row[Any]]]:
        due: dict[NoticeState, list[Row[Any]]] = {"raised": [], "reminder": [], "recovered": []}
        repeat = self.entry.repeat
        for row in rows:
            if row.next_attempt_at > now:
                continue
            if row.cleared_at is not None:
                due["recovered"].append(row)
            elif row.told_at is None:
                if row.raised_at + self.entry.after <= now:
                    due["raised"].append(row)
            elif repeat is not None and row.told_at + repeat <= now:
                due["reminder"].append(row)
        return due

    def _post(self, state: NoticeState, troubles: Sequence[Trouble], rows: Sequence[Row[Any]]) -> None:
        now = self.clock.now()
        subjects = [row.subject for row in rows]
        with self.store.write() as transaction:
            transaction.execute(update(Alert).where(self._these(subjects)).values(telling=True))
        told = notice(self.kind, state, troubles, self.language, now)
        key = _key(self.entry.channel, self.kind, state, rows)
        try:
            self.channel.notify(told, key)
        except Unconfirmed as error:
            self._failed(error)
        except FAULTS as error:
            self._failed(error)
            self._put_off(rows, error)
            return
        else:
            self.result.told[state] = self.result.told.get(state, 0) + 1
        log.info(
            "team told: %s",
            told.title,
            extra={"action": "team_told", "channel": self.entry.channel, "alert": self.kind, "state": state},
        )
        with self.store.write() as transaction:
            self._settle(transaction, rows, now)

    def _settle(self, transaction: Any, rows: Iterable[Row[Any]], now: datetime) -> None:
        """The channel has been told of these as they stand in the store."""
        subjects = [row.subject for row in rows]
        transaction.execute(delete(Alert).where(self._these(subjects), Alert.cleared_at.is_not(None)))
        transaction.execute(
            update(Alert).where(self._these(subjects)).values(told_at=now, telling=False, attempts=0)
        )

    def _put_off(self, rows: Sequence[Row[Any]], error: BaseException) -> None:
        now = self.clock.now()
        attempts = 1 + max(row.attempts for row in rows)
        at = now + min(LONGEST_BACKOFF, BACKOFF * 2 ** min(attempts - 1, 10))
        if isinstance(error, RateLimited) and error.until is not None:
            at = max(at, error.until)
        with self.store.write() as transaction:
            transaction.execute(
                update(Alert)
                .where(self._these([row.subject for row in rows]))
                .values(telling=False, attempts=attempts, next_attempt_at=at)
            )

    def _failed(self, error: BaseException) -> None:
        self.result.failures.append(Failure.logged("alerts", self.entry.channel, error))

    def _select(self) -> Any:
        return select(Alert.__table__).where(self._ours()).order_by(Alert.subject)  # type: ignore[attr-defined]

    def _ours(self) -> ColumnElement[bool]:
        return and_(Alert.channel == self.entry.channel, Alert.kind == self.kind)

    def _these(self, subjects: Iterable[str]) -> ColumnElement[bool]:
        return and_(self._ours(), Alert.subject.in_(list(subjects)))


def _forget(store: Store, configured: Sequence[tuple[str, str]]) -> None:
    """What no channel is to be told of any more, nobody is told the end of."""
    with store.write() as transaction:
        transaction.execute(delete(Alert).where(tuple_(Alert.channel, Alert.kind).not_in(configured)))


def _key(channel: str, kind: str, state: str, rows: Iterable[Row[Any]]) -> str:
    """The same for the same notice, however often it is tried."""
    parts = [channel, kind, state, *(f"{row.subject} {row.raised_at} {row.told_at}" for row in rows)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
