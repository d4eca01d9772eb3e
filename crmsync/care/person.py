"""All that is one person: the customers whose accounts share a proved address."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy import Connection as Transaction

from crmsync.store.address import AddressKind, normal
from crmsync.store.tables import Account, Connection
from crmsync.store.vault import vault_of

_SURELY_A_NAME = 4
"""A name of so many letters is looked for inside texts too; a shorter one only alone."""
_SURELY_A_PHONE = 7
_OWN_DIGITS = 9
"""Of a phone number, without its country."""


class PersonsAccount(NamedTuple):
    """An account with what tells whose it is; `connection` is its connection's name."""

    connection_id: int
    external_id: str
    customer_id: int
    name: str | None
    email: str | None
    email_verified: bool
    phone: str | None
    phone_verified: bool
    digest: int
    key_id: str
    erased_at: datetime | None
    connection: str
    scope: str


@dataclass(frozen=True, slots=True)
class Told:
    """What tells who a person is, to find it in texts and payloads."""

    names: frozenset[str]
    emails: frozenset[str]
    phones: frozenset[str]
    ids: frozenset[str]

    @classmethod
    def of(cls, accounts: Sequence[PersonsAccount]) -> Told:
        emails, phones = addresses(accounts)
        names = frozenset(a.name.strip().lower() for a in accounts if a.name and a.name.strip())
        return cls(names, emails, phones, frozenset(a.external_id for a in accounts))

    def in_text(self, text: str) -> bool:
        """Whether the text names the person."""
        low, digits = text.strip().lower(), normal("phone", text)
        return (
            text in self.ids
            or low in self.names
            or any(email in low for email in self.emails)
            or any(len(name) >= _SURELY_A_NAME and name in low for name in self.names)
            or any(phone[-_OWN_DIGITS:] in digits for phone in self.phones if len(phone) >= _SURELY_A_PHONE)
        )

    def theirs(self, orders: Collection[str]) -> Callable[[str, str | None, set[str]], bool]:
        """Whether a quarantined record is the person's: it names them, or is one of their orders."""

        def answer(stream: str, external_id: str | None, texts: set[str]) -> bool:
            if external_id in (self.ids if stream == "customers" else orders if stream == "orders" else ()):
                return True
            return any(self.in_text(text) for text in texts) or (
                stream in ("refunds", "reviews", "conversations") and not texts.isdisjoint(orders)
            )

        return answer


def same_person(transaction: Transaction, customer_id: int) -> list[int]:
    """This customer, and those who by a proved e-mail or phone are the same person."""
    known: set[int] = set()
    new = {customer_id}
    while new:
        known |= new
        emails, phones = addresses(map(proved, accounts_of(transaction, new)))
        new = {
            holder.customer_id
            for holder in map(proved, holders_of(transaction, emails, phones))
            if contains("email", emails, holder.email) or contains("phone", phones, holder.phone)
        } - known
    return sorted(known)


def proved(account: PersonsAccount) -> PersonsAccount:
    """The account with those addresses only that are proved."""
    return account._replace(
        email=account.email if account.email_verified else None,
        phone=account.phone if account.phone_verified else None,
    )


def addresses(accounts: Iterable[PersonsAccount]) -> tuple[frozenset[str], frozenset[str]]:
    """The e-mails and phones of these accounts, as they are compared."""
    emails, phones = set(), set()
    for account in accounts:
        emails.add(normal("email", account.email or ""))
        phones.add(normal("phone", account.phone or ""))
    return frozenset(emails - {""}), frozenset(phones - {""})


def contains(kind: AddressKind, known: Collection[str], value: str | None) -> bool:
    """Whether this address is one of those, which are in the form in which they are compared."""
    return bool(value) and normal(kind, value or "") in known


def accounts_of(transaction: Transaction, customers: Collection[int]) -> list[PersonsAccount]:
    """Every account of these customers."""
    return _accounts(transaction, Account.customer_id.in_(list(customers)))


def holders_of(
    transaction: Transaction, emails: Collection[str], phones: Collection[str]
) -> list[PersonsAccount]:
    """Every account that has one of these addresses, proved or not."""
    if not emails and not phones:
        return []
    vault = vault_of(transaction)
    by_email = [index for email in emails for index in vault.indexes("email", email)]
    by_phone = [index for phone in phones for index in vault.indexes("phone", phone)]
    found = _accounts(
        transaction,
        or_(Account.email_index.in_(by_email), Account.phone_index.in_(by_phone)),  # type: ignore[union-attr]
    )
    return [a for a in found if contains("email", emails, a.email) or contains("phone", phones, a.phone)]


def _accounts(transaction: Transaction, which: ColumnElement[bool]) -> list[PersonsAccount]:
    columns = [
        getattr(Account, name) for name in PersonsAccount._fields if name not in ("connection", "scope")
    ]
    query = (
        select(*columns, Connection.name, Connection.scope)
        .join(Connection, Connection.id == Account.connection_id)
        .where(which)
        .order_by(Account.connection_id, Account.external_id)
    )
    return [PersonsAccount(*row) for row in transaction.execute(query)]
