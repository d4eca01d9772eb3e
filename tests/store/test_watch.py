from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select

from crmsync.store import Store
from crmsync.store.tables import Customer
from crmsync.store.watch import Watch
from crmsync.testing.clock import FakeClock

NOW = FakeClock().now()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


@pytest.fixture
def other(database_url: str) -> Iterator[Store]:
    """Another process."""
    store = Store(database_url)
    yield store
    store.close()


def add(transaction: Any) -> None:
    transaction.execute(insert(Customer).values(key=uuid4().hex, learned_at=NOW))


def quiet(store: Store, watch: Watch) -> bool:
    """What it says in a transaction that writes."""
    with store.write() as transaction:
        found = watch.quiet(transaction)
        add(transaction)
    return found


def becomes_quiet(store: Store, watch: Watch) -> bool:
    """On PostgreSQL, who writes into another database of the server is news, too."""
    return any(quiet(store, watch) for _ in range(500))


def test_nobody_knows_what_happened_before_the_first_time(store: Store) -> None:
    assert not quiet(store, Watch())


def test_own_transactions_are_no_news(store: Store) -> None:
    watch = Watch()
    assert becomes_quiet(store, watch)
    assert store.dialect == "postgresql" or all(quiet(store, watch) for _ in range(5))


def test_what_this_process_commits_without_asking_is_news(store: Store) -> None:
    """Also on the same connection, which another thread, or a plugin in this one, may have had meanwhile."""
    watch = Watch()
    assert becomes_quiet(store, watch)
    with store.write() as transaction:
        add(transaction)
    assert not quiet(store, watch)
    assert becomes_quiet(store, watch)


def test_it_asks_on_the_connection_it_had_asked_on_though_others_are_idle(store: Store) -> None:
    with store.read(), store.read(), store.read():
        pass
    test_own_transactions_are_no_news(store)


def test_what_another_commits_is_told_once(store: Store, other: Store) -> None:
    watch = Watch()
    assert becomes_quiet(store, watch)
    with other.write() as transaction:
        add(transaction)
    assert not quiet(store, watch)
    assert becomes_quiet(store, watch)


def test_another_who_only_reads_is_no_news(store: Store, other: Store) -> None:
    watch = Watch()
    with other.read() as transaction:
        transaction.execute(select(Customer.id)).all()
        assert becomes_quiet(store, watch)
    with other.read() as transaction:
        transaction.execute(select(Customer.id)).all()
    assert store.dialect == "postgresql" or quiet(store, watch)


def test_a_transaction_that_writes_nothing_hides_nobody(store: Store, other: Store) -> None:
    """One that gets no number on PostgreSQL could leave the one it was to have to another."""
    watch = Watch()
    assert becomes_quiet(store, watch)
    with store.write() as transaction:
        watch.quiet(transaction)
    with other.write() as transaction:
        add(transaction)
    assert not quiet(store, watch)


@pytest.mark.postgres
@pytest.mark.parametrize("since", ["before it was asked", "after it was asked"])
def test_one_that_is_under_way_is_news_when_it_ends(postgres_store: Store, since: str) -> None:
    url = postgres_store.url.render_as_string(hide_password=False)
    store, other, third = (Store(url) for _ in range(3))
    watch = Watch()
    try:
        with other.write() as theirs:
            if since == "before it was asked":
                add(theirs)
            with store.write() as ours:
                watch.quiet(ours)
                add(theirs)
                add(ours)
            assert becomes_quiet(store, watch)
            with third.write() as another:
                add(another)
            assert not quiet(store, watch)
            assert becomes_quiet(store, watch)
        assert not quiet(store, watch)
        assert becomes_quiet(store, watch)
    finally:
        for each in (store, other, third):
            each.close()
