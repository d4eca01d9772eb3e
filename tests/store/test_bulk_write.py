from __future__ import annotations

import pytest
from sqlalchemy import select

from crmsync.store import Store
from crmsync.store.bulk import COPY_FROM, Bulk
from crmsync.store.cleaning import clean_files
from crmsync.store.tables import Customer, Quota

QUOTAS = Bulk(Quota, ("name", "next_at"), newest="next_at")
HARD = ["tab\t", "new\nline", "back\\slash", "\\N", "'quote\"", "🙂 王", "", "\\."]


def stored(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return dict(connection.execute(select(Quota.name, Quota.next_at)).all())  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, COPY_FROM - 1, COPY_FROM, 300])
def test_any_number_of_rows_takes_the_same_values(store: Store, count: int) -> None:
    rows = [(f"q{n}", n) for n in range(count)]
    with store.write() as connection:
        QUOTAS.upsert(connection, rows)
    assert stored(store) == dict(rows)


@pytest.mark.parametrize("padding", [0, COPY_FROM])
def test_an_older_version_is_not_written(store: Store, padding: int) -> None:
    more = [(f"pad{n}", 0) for n in range(padding)]
    with store.write() as connection:
        QUOTAS.upsert(connection, [("q", 5), *more])
    with store.write() as connection:
        QUOTAS.upsert(connection, [("q", 4), *more])
    assert stored(store)["q"] == 5
    with store.write() as connection:
        QUOTAS.upsert(connection, [("q", 6), *more])
    assert stored(store)["q"] == 6


@pytest.mark.parametrize("padding", [0, COPY_FROM])
def test_insert_leaves_what_is_there(store: Store, padding: int) -> None:
    more = [(f"pad{n}", 0) for n in range(padding)]
    with store.write() as connection:
        QUOTAS.upsert(connection, [("q", 5)])
        QUOTAS.insert(connection, [("q", 9), *more])
    assert stored(store)["q"] == 5


@pytest.mark.parametrize("padding", [0, COPY_FROM])
def test_no_text_is_special(store: Store, padding: int) -> None:
    customers = Bulk(Customer, ("key", "learned_at"), key=("key",))
    keys = [*HARD, *(f"pad{n}" for n in range(padding))]
    with store.write() as connection:
        customers.insert(connection, [(key, 1) for key in keys])
    with store.read() as connection:
        assert set(connection.execute(select(Customer.key)).scalars()) == set(keys)


def test_a_rolled_back_write_does_not_spoil_the_next(store: Store) -> None:
    rows = [(f"q{n}", n) for n in range(COPY_FROM)]
    with pytest.raises(RuntimeError), store.write() as connection:
        QUOTAS.upsert(connection, rows)
        raise RuntimeError
    assert stored(store) == {}
    with store.write() as connection:
        QUOTAS.upsert(connection, rows)
        QUOTAS.upsert(connection, [(name, value + 1) for name, value in rows])
    assert stored(store) == {name: value + 1 for name, value in rows}


@pytest.mark.parametrize("then", ["a rollback", "cleaned files"])
def test_a_session_that_has_written_many_rows_goes_on_after(store: Store, then: str) -> None:
    rows = [(f"q{n}", n) for n in range(COPY_FROM)]
    with store.write() as connection:
        QUOTAS.upsert(connection, rows)
    if then == "a rollback":
        with pytest.raises(OSError, match="elsewhere"), store.write():
            raise OSError("elsewhere")
    else:
        assert clean_files(store)
    newer = [(name, at + 1) for name, at in rows]
    with store.write() as connection:
        QUOTAS.upsert(connection, newer)
    assert stored(store) == dict(newer)


def test_columns_out_of_the_tables_order_are_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        Bulk(Quota, ("next_at", "name"))
