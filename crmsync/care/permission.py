"""Who may be written to: consent as customers gave it, and the list of addresses nobody writes to.

Consent belongs to an account: what a customer granted on one platform says nothing of another, and two
accounts that turn out to be one person's keep each its own. A marketing message needs it; a service
message needs only that it was not refused. The latest statement counts, of two at the same time the
refusal. Where a medium asks for double opt-in, a grant counts from when it is confirmed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from sqlalchemy import Connection as Transaction
from sqlalchemy import bindparam, select

from crmsync.care import reason
from crmsync.care.address import Addressed
from crmsync.config import ConsentConfig
from crmsync.sdk import ConfigError
from crmsync.sdk.records import Medium, Purpose
from crmsync.store import Store
from crmsync.store.address import hashed
from crmsync.store.keyring import Keyring
from crmsync.store.membership import one_of
from crmsync.store.tables import Consent, Suppression

# Made once: for one message, making a query costs more than asking it.
_LISTED = select(Suppression.value).where(
    one_of(Suppression.value, "digests"),
    one_of(Suppression.purpose, "purposes"),
    one_of(Suppression.medium, "media"),
)
_STATED = (
    select(
        Consent.connection_id,
        Consent.account_id,
        Consent.medium,
        Consent.granted,
        Consent.confirmed,
        Consent.at,
    )
    .where(
        one_of(Consent.connection_id, "connections"),
        one_of(Consent.account_id, "accounts"),
        Consent.purpose == bindparam("purpose"),
    )
    .order_by(Consent.at)
)

AccountKey = tuple[int, str]
"""A connection's id and the account's own."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What counts as permission: the keys of the suppression list, and the media of double opt-in."""

    keyring: Keyring
    double_opt_in: frozenset[Medium] = frozenset()

    @classmethod
    def of(cls, store: Store, config: ConsentConfig | None = None, *, make_key: bool = True) -> Terms:
        """`make_key`: the store makes a key of its own if it has none.

        Raises ConfigError when the suppression list has entries under a key that is not configured: they
        could not be recognised, and people on the list would be written to."""
        config = config or ConsentConfig()
        keyring = Keyring(store, config.keys, make=make_key)
        with store.read() as transaction:
            used = transaction.scalars(select(Suppression.key_id).distinct()).all()
        if any(not keyring.knows(id) for id in used):
            raise ConfigError(
                "The suppression list has addresses under a key that is not configured.",
                fix="Put the earlier key back, under consent.key or consent.old_keys.",
            )
        return cls(keyring, frozenset(config.double_opt_in))

    def confirmed(self, medium: Medium) -> bool:
        """Whether a grant for this medium must be confirmed."""
        return medium in self.double_opt_in or (medium == "any" and bool(self.double_opt_in))


def refusals(
    transaction: Transaction,
    accounts: Sequence[Addressed],
    medium: Medium,
    purpose: Purpose,
    terms: Terms,
) -> dict[AccountKey, str]:
    """Why each of these accounts must not be written to; an account that may be is left out."""
    if not accounts:
        return {}
    found = {}
    suppressed = _suppressed(transaction, accounts, medium, purpose, terms)
    wills = _wills(transaction, accounts, medium, purpose)
    for account in accounts:
        will = wills[account.key]
        if account.key in suppressed:
            found[account.key] = reason.SUPPRESSED
        elif will.refuses:
            found[account.key] = reason.REFUSED
        elif purpose != "marketing":
            continue
        elif will.granted is None:
            found[account.key] = reason.NO_CONSENT
        elif terms.confirmed(medium) and not will.confirms:
            found[account.key] = reason.UNCONFIRMED
    return found


def _suppressed(
    transaction: Transaction,
    accounts: Sequence[Addressed],
    medium: Medium,
    purpose: Purpose,
    terms: Terms,
) -> set[AccountKey]:
    whose: dict[str, list[AccountKey]] = defaultdict(list)
    for account in accounts:
        for kind, value in account.addresses():
            for digest in hashed(terms.keyring, kind, value):
                whose[digest].append(account.key)
    asked = {"digests": list(whose), "purposes": [purpose, "any"], "media": _media(medium)}
    return {key for digest in transaction.scalars(_LISTED, asked) for key in whose[digest]}


def _media(medium: Medium) -> list[str]:
    """The media of entries that stop a channel of this medium: all, where it may use any."""
    return list(get_args(Medium)) if medium == "any" else [medium, "any"]


@dataclass(slots=True)
class _Will:
    """When an account last granted, confirmed and refused."""

    granted: datetime | None = None
    confirmed: datetime | None = None
    refused: datetime | None = None

    @property
    def refuses(self) -> bool:
        return self.refused is not None and (self.granted is None or self.granted <= self.refused)

    @property
    def confirms(self) -> bool:
        return self.confirmed is not None and (self.refused is None or self.confirmed > self.refused)


def _wills(
    transaction: Transaction, accounts: Iterable[Addressed], medium: Medium, purpose: Purpose
) -> dict[AccountKey, _Will]:
    wills: dict[AccountKey, _Will] = {account.key: _Will() for account in accounts}
    asked = {
        "connections": list({connection for connection, _ in wills}),
        "accounts": [account for _, account in wills],
        "purpose": purpose,
    }
    statements = transaction.execute(_STATED, asked)
    for connection_id, account_id, stated, granted, confirmed, at in statements:
        will = wills.get((connection_id, account_id))
        # Who refuses one medium is not reached by a channel that may use any.
        if will is None or not (stated in (medium, "any") or (medium == "any" and not granted)):
            continue
        if not granted:
            will.refused = at
        else:
            will.granted = at
            will.confirmed = at if confirmed else will.confirmed
    return wills
