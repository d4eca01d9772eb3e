from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import bindparam, insert, select, update

from crmsync.store import Store
from crmsync.store.membership import one_of
from crmsync.store.prepared import Prepared
from crmsync.store.tables import Customer

NOW = datetime(2026, 3, 4, 4, 0, 0, 7, tzinfo=UTC)
NEW = Prepared(
    insert(Customer).values(key=bindparam("name"), learned_at=bindparam("at", type_=Customer.learned_at.type))
)  # type: ignore[attr-defined]
RENAME = Prepared(update(Customer).where(Customer.key == bindparam("old")).values(key=bindparam("new")))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


def keys(store: Store) -> list[str]:
    with store.read() as transaction:
        return list(transaction.scalars(select(Customer.key).order_by(Customer.key)))


def test_each_row_says_how_many_it_met(store: Store) -> None:
    with store.write() as transaction:
        assert NEW(transaction, [{"name": name, "at": NOW} for name in "abc"]) == [1, 1, 1]
        assert RENAME(transaction, [{"old": "a", "new": "x"}]) == [1]
        assert RENAME(
            transaction, [{"old": "a", "new": "y"}, {"old": "b", "new": "z"}, {"old": "-", "new": "-"}]
        ) == [0, 1, 0]
        assert RENAME(transaction, []) == []
    assert keys(store) == ["c", "x", "z"]
    with store.read() as transaction:
        assert transaction.scalars(select(Customer.learned_at).distinct()).all() == [NOW]


def test_it_belongs_to_the_transaction(store: Store) -> None:
    with pytest.raises(KeyError), store.write() as transaction:
        NEW(transaction, [{"name": "gone", "at": NOW}])
        NEW(transaction, [{"name": "without a time"}])
    assert keys(store) == []


@pytest.mark.parametrize("names", [[], ["a"], ["a", "c", "it's", "-"], [str(n) for n in range(40_000)]])
def test_one_of_any_number_of_values(store: Store, names: list[str]) -> None:
    with store.write() as transaction:
        NEW(transaction, [{"name": name, "at": NOW} for name in ("a", "b", "c", "it's")])
        query = select(Customer.key).where(one_of(Customer.key, names)).order_by(Customer.key)
        named = select(Customer.key).where(one_of(Customer.key, "names")).order_by(Customer.key)
        found = [name for name in ("a", "b", "c", "it's") if name in names]
        assert transaction.scalars(query).all() == found
        assert transaction.scalars(named, {"names": names}).all() == found


def test_one_of_numbers(store: Store) -> None:
    with store.write() as transaction:
        NEW(transaction, [{"name": name, "at": NOW} for name in "ab"])
        first, second = transaction.scalars(select(Customer.id).order_by(Customer.id))
        query = select(Customer.key)
        assert transaction.scalars(query.where(one_of(Customer.id, {second}))).all() == ["b"]
        assert transaction.scalars(query.where(~one_of(Customer.id, [second]))).all() == ["a"]
        assert first != second


def test_sqlite_uses_an_index_for_it(both_stores: tuple[Store, Store]) -> None:
    store, _ = both_stores
    with store.read() as transaction:
        query = select(Customer.key).where(one_of(Customer.key, ["a"]), one_of(Customer.id, [1]))
        compiled = query.compile(store.engine)
        plan = transaction.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", ("[]", "[]")).all()
    assert any(row.detail.startswith("SEARCH customer") for row in plan)
