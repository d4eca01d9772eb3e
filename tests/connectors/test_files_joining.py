"""Rows of several files as one record."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from crmsync_files.index import Index
from files_case import Exports, pull, records, rejected

from crmsync.sdk import Cursor, PermanentError

ORDERS = "id,total,placed,buyer\n1,9.00,2026-03-01,a\n2,5.00,2026-03-01,b\n"
LINE_FIELDS = {"line_id": "no", "product_id": "sku", "price": "price", "quantity": "qty"}


@pytest.fixture
def shop(exports: Exports) -> Exports:
    exports.write("o.csv", ORDERS)
    return exports


def join(shop: Exports, name: str, **options: Any) -> dict[str, Any]:
    return {"file": shop.folder / name, "on": "id", **options}


def test_columns_come_from_the_one_row_that_matches(shop: Exports) -> None:
    shop.write("b.csv", "key,person\na,P1\n")
    connector = shop.orders(
        "o.csv",
        fields={"customer_id": "person"},
        join=[{"file": shop.folder / "b.csv", "on": {"buyer": "key"}}],
    )
    assert [order.customer_id for order in records(connector)] == ["P1", None]


def test_columns_can_be_chosen_and_renamed(shop: Exports) -> None:
    shop.write("b.csv", "id,total\n1,77.00\n")
    connector = shop.orders(
        "o.csv", fields={"shipping": "freight"}, join=[join(shop, "b.csv", columns={"freight": "total"})]
    )
    first, second = records(connector)
    assert (first.total, first.shipping, second.shipping) == (900, 7700, 0)


def test_several_rows_add_up(shop: Exports) -> None:
    shop.write("p.csv", "id,paid\n1,1.10\n1,2.20\n1,\n")
    connector = shop.orders(
        "o.csv",
        fields={"total": {"column": "sum", "default": 0}},
        join=[join(shop, "p.csv", sum={"sum": "paid"})],
    )
    assert [order.total for order in records(connector)] == [330, 0]


def test_several_rows_without_a_choice_reject_the_record(shop: Exports) -> None:
    shop.write("p.csv", "id,paid\n1,1\n1,2\n2,3\n")
    connector = shop.orders("o.csv", join=[join(shop, "p.csv")])
    (reason,) = rejected(connector)
    assert "o.csv:2: exports.orders.join[0]: 2 rows match id='1'" in reason


@pytest.mark.parametrize(("take", "total"), [("first", 100), ("last", 200)])
def test_one_of_several_rows_is_taken(shop: Exports, take: str, total: int) -> None:
    shop.write("p.csv", "id,paid\n1,1\n1,2\n2,3\n")
    connector = shop.orders("o.csv", fields={"total": "paid"}, join=[join(shop, "p.csv", take=take)])
    assert records(connector)[0].total == total


def test_a_second_join_may_use_what_the_first_brought(shop: Exports) -> None:
    shop.write("b.csv", "buyer,account\na,X\n")
    shop.write("c.csv", "account,person\nX,P1\n")
    joins = [{"file": shop.folder / "b.csv", "on": "buyer"}, {"file": shop.folder / "c.csv", "on": "account"}]
    assert records(shop.orders("o.csv", fields={"customer_id": "person"}, join=joins))[0].customer_id == "P1"


def test_a_join_on_several_columns(shop: Exports) -> None:
    shop.write("b.csv", "id,buyer,person\n1,b,wrong\n1,a,right\n")
    connector = shop.orders(
        "o.csv", fields={"customer_id": "person"}, join=[join(shop, "b.csv", on=["id", "buyer"])]
    )
    assert records(connector)[0].customer_id == "right"


def test_lines_come_from_another_file_in_its_order(shop: Exports) -> None:
    shop.write("l.csv.gz", "id,no,sku,price,qty,freight\n1,2,B,1.00,2,0.50\n1,1,A,3.00,1,0.25\n")
    lines = join(shop, "l.csv.gz", fields=LINE_FIELDS, sum={"freight": "freight"})
    first, second = records(shop.orders("o.csv", fields={"shipping": "freight"}, lines=lines))
    assert [(x.line_id, x.product_id, x.price, x.total) for x in first.lines] == [
        ("2", "B", 100, 200),
        ("1", "A", 300, 300),
    ]
    assert (first.shipping, second.lines) == (75, [])


def test_an_order_may_be_several_rows_of_the_main_file(exports: Exports) -> None:
    exports.write("o.csv", "id,total,placed,sku,price\n1,3,2026-03-01,A,1\n1,,,B,2\n2,1,2026-03-01,A,1\n")
    lines = {"repeated": True, "fields": {"product_id": "sku", "price": "price"}}
    connector = exports.orders("o.csv", lines=lines, page_size=1)
    assert [len(order.lines) for order in records(connector)] == [2, 1]
    assert [len(page.payloads) for page in pull(connector)] == [1, 1]


def test_a_bad_line_rejects_its_order_by_number(shop: Exports) -> None:
    shop.write("l.csv", "id,no,sku,price,qty\n1,1,A,1.00,1\n1,2,B,free,1\n2,1,A,1.00,1\n")
    (reason,) = rejected(shop.orders("o.csv", lines=join(shop, "l.csv", fields=LINE_FIELDS)))
    assert reason == "o.csv:2: lines[2]: price: 'free' is not an amount of money."


def test_a_damaged_row_of_a_joined_file_is_rejected_alone(shop: Exports) -> None:
    shop.write("p.csv", "id,paid\n1\n2,3\n,4\n")
    connector = shop.orders("o.csv", join=[join(shop, "p.csv", columns=["paid"])])
    assert rejected(connector) == [
        "p.csv:2: it has 1 cells where the header has 2.",
        "p.csv:4: its id is empty.",
    ]
    assert len(pull(connector)[0].payloads) == 4


def test_a_sum_of_what_is_no_amount_rejects_the_record(shop: Exports) -> None:
    shop.write("p.csv", "id,paid\n1,free\n2,3\n")
    connector = shop.orders("o.csv", join=[join(shop, "p.csv", sum={"s": "paid"})])
    assert rejected(connector) == ["o.csv:2: exports.orders.join[0]: a cell of 'paid' is not an amount."]


def test_a_missing_key_column_is_told(shop: Exports) -> None:
    shop.write("p.csv", "idd,paid\n1,2\n")
    with pytest.raises(PermanentError, match=r"join\[0\]: there is no column 'id'. Did you mean 'idd'"):
        pull(shop.orders("o.csv", join=[join(shop, "p.csv")]))


def test_a_key_column_that_the_row_lacks_is_told(shop: Exports) -> None:
    shop.write("p.csv", "id,paid\n1,2\n")
    joins = [{"file": shop.folder / "p.csv", "on": {"byer": "id"}}]
    with pytest.raises(
        PermanentError, match=r"join\[0\]\.on: there is no column 'byer'. Did you mean 'buyer'"
    ):
        pull(shop.orders("o.csv", join=joins))


def test_distinct_takes_the_first_row_of_an_identity(exports: Exports) -> None:
    exports.write("o.csv", "id,total,placed\n1,1,2026-03-01\n2,2,2026-03-01\n1,3,2026-03-01\n")
    connector = exports.orders("o.csv", distinct=True, page_size=1)
    assert [order.total for order in records(connector)] == [100, 200]


def test_an_index_on_disk_finds_what_one_in_memory_does(tmp_path: Path) -> None:
    memory, disk = Index(), Index(memory_bytes=1000)
    for number in range(300):
        for index in (memory, disk):
            index.add(str(number % 7), {"n": str(number), "城": "北"})
    assert [disk.get(str(k)) for k in range(8)] == [memory.get(str(k)) for k in range(8)]
    assert disk.get("3")[0] == {"n": "3", "城": "北"}
    folder = Path(disk._folder.name)  # type: ignore[union-attr]
    assert folder.exists()
    disk.close()
    memory.close()
    assert not folder.exists()


def test_a_broken_off_walk_leaves_no_temporary_files(shop: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = shop.folder / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setattr("crmsync_files.join.Index", lambda: Index(memory_bytes=10))
    shop.write("p.csv", "id,paid\n1,1\n2,3\n")
    connector = shop.orders("o.csv", fields={"total": "paid"}, join=[join(shop, "p.csv")], page_size=1)
    pages = connector.orders(Cursor())
    next(pages)
    assert list(temporary.iterdir())
    pages.close()
    assert not list(temporary.iterdir())


def test_memory_stays_flat_however_long_the_files_are(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmsync_files.join.Index", lambda: Index(memory_bytes=10_000))

    def peak(count: int) -> int:
        exports.write("o.csv", "id,total,placed\n" + "".join(f"{n},1.00,2026-03-01\n" for n in range(count)))
        exports.write("l.csv", "id,price\n" + "".join(f"{n % count},1.00\n" for n in range(2 * count)))
        lines = join(exports, "l.csv", fields={"price": "price"})
        connector = exports.orders("o.csv", lines=lines, page_size=50)
        tracemalloc.start()
        try:
            for page in connector.orders(Cursor()):
                assert all(len(connector.orders.record(payload).lines) == 2 for payload in page.payloads)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(200)
    assert peak(4000) < 1.2 * peak(1000)
