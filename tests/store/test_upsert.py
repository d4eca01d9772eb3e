from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from crmsync.store import Store
from crmsync.store.tables import Assignment, Customer
from crmsync.store.upsert import upsert_many

NOW = datetime(2026, 3, 4, 4, 0, 0, 7, tzinfo=UTC)
TEXTS = ["plain", 'it\'s "quoted" \\ here', "two\nlines\tand a tab", "回来 🎁 \u2028", "100 % :rows %s {}"]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


def anew(insert: Any) -> Any:
    """Only later rows replace earlier ones."""
    return insert.on_conflict_do_update(
        index_elements=["key"],
        set_={"learned_at": insert.excluded.learned_at},
        where=insert.excluded.learned_at > Customer.learned_at,
    ).returning(Customer.key)


def test_many_rows_tell_which_were_written(store: Store) -> None:
    rows = [{"key": text, "learned_at": NOW} for text in TEXTS]
    with store.write() as transaction:
        assert set(upsert_many(transaction, Customer, rows, anew).scalars()) == set(TEXTS)
        assert upsert_many(transaction, Customer, rows, anew).all() == []
        later = [{"key": text, "learned_at": NOW + timedelta(days=1)} for text in ("plain", "new")]
        assert set(upsert_many(transaction, Customer, later, anew).scalars()) == {"plain", "new"}
        found = transaction.execute(
            select(Customer.key, Customer.learned_at).where(Customer.key != "new")
        ).all()
    assert {row.key for row in found} == set(TEXTS)
    assert [row.key for row in found if row.learned_at != NOW] == ["plain"]


def test_what_the_rows_leave_out_has_its_default(store: Store) -> None:
    with store.write() as transaction:
        upsert_many(transaction, Customer, [{"key": "c", "learned_at": NOW}], anew)
        id = transaction.scalar(select(Customer.id))
        row = {"campaign": "c", "customer_id": id, "arm": "treated", "chance": 0.1, "assigned_at": NOW}
        for _ in range(2):
            upsert_many(transaction, Assignment, [row], lambda insert: insert.on_conflict_do_nothing())
        (kept,) = transaction.execute(select(*Assignment.__table__.columns)).all()  # type: ignore[attr-defined]
    assert kept._asdict() == row
