"""Erasing a person with everything that belongs to it: recognised, erased, and the files cleaned."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from crmsync.care.erasure import Erased, erase, files_cleaned, in_flight, recognise, unfinished
from crmsync.daemon.customer import find_customer
from crmsync.sdk import UsageError
from crmsync.store import Store
from crmsync.store.cleaning import clean_files
from crmsync.store.keyring import Keyring
from crmsync.store.tables import Connection

log = logging.getLogger("crmsync.daemon")

DAEMON = "crmsync"
"""The actor of what the daemon finishes by itself."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Whether the files of the database hold no trace of whom it has erased, and of how many they do until
    they are cleaned again."""

    clean: bool
    waiting: int


def find_person(store: Store, keyring: Keyring, key: str) -> int:
    """The customer of this key as `find_customer` finds them, or who had this account before they were
    erased. Raises UsageError."""
    try:
        return find_customer(store, key)
    except UsageError:
        connection, slash, account = key.partition("/")
        with store.read() as transaction:
            scope = transaction.scalar(select(Connection.scope).where(Connection.name == connection))
        erased = recognise(store, keyring, scope, account) if slash and scope is not None else None
        if erased is None:
            raise
        return erased


def finish_erasures(store: Store, keyring: Keyring, now: datetime) -> Sequence[Erased]:
    """Erase whom sync has recognised as an erased person, and once more whoever was written to or about
    while they were erased; what became of each."""
    done = [erase(store, keyring, id, actor=DAEMON, now=now) for id in unfinished(store)]
    if done:
        log.info("erasures finished", extra={"action": "erasures_finished", "customers": len(done)})
    return done


def clean(store: Store, now: datetime, *, always: bool = False) -> Cleaned:
    """Clean the database's files of all who were erased, or `always`.

    Whoever has a message on its way stays to be done: what the channel says of it is still to come.
    """
    waiting = unfinished(store)
    if not waiting and not always:
        return Cleaned(True, 0)
    on_their_way = in_flight(store, waiting)
    if not clean_files(store):
        return Cleaned(False, len(waiting))
    files_cleaned(store, set(waiting) - on_their_way, now)
    return Cleaned(not on_their_way, len(on_their_way))
