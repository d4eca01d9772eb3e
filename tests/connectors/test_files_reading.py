"""Formats, damage, and what a walk does when files change or stay."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from files_case import Exports, only, pull, records, rejected

from crmsync.sdk import Cursor, PermanentError, TransientError

HEAD = "id,total,placed\n"


def rows(count: int, start: int = 0) -> str:
    return "".join(f"{n},1.00,2026-03-01\n" for n in range(start, start + count))


@pytest.mark.parametrize("name", ["o.csv", "o.csv.gz", "o.csv.xz", "o.CSV"])
def test_compression_is_told_from_the_name(exports: Exports, name: str) -> None:
    exports.write(name, HEAD + rows(3))
    assert [order.external_id for order in records(exports.orders(name))] == ["0", "1", "2"]


@pytest.mark.parametrize("name", ["o.jsonl", "o.ndjson.gz", "o.jsonl.xz"])
def test_json_lines_keep_numbers_exact_and_reach_into_objects(exports: Exports, name: str) -> None:
    line = '{"id": 7, "sum": {"total": 1234567890123.45}, "placed": "2026-03-01", "lines": %s}\n'
    exports.write(name, line % '[{"sku": "A", "price": 0.1, "qty": 3}]' + "\n" + line % "null")
    fields = {"product_id": "sku", "price": "price", "quantity": "qty"}
    connector = exports.orders(
        name, fields={"total": "sum.total"}, lines={"column": "lines", "fields": fields}
    )
    first, second = records(connector)
    assert (first.external_id, first.total, second.lines) == ("7", 123456789012345, [])
    (line,) = first.lines
    assert (line.line_id, line.product_id, line.price, line.total) == ("1", "A", 10, 30)


def test_delimiter_quote_and_encoding(exports: Exports) -> None:
    exports.write("o.txt", "id;total;placed;who\n1;'2,50';2026-03-01;'Müller; Söhne'\n", "cp1252")
    connector = exports.orders(
        "o.txt",
        fields={"customer_id": "who"},
        format="csv",
        delimiter=";",
        encoding="cp1252",
        quote="'",
        decimal="comma",
    )
    order = only(connector)
    assert (order.total, order.customer_id) == (250, "Müller; Söhne")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_encodings_with_and_without_a_mark(exports: Exports, encoding: str) -> None:
    exports.write("o.csv", "id,total,placed,城市\n1,2.00,2026-03-01,北京\n", encoding)
    settings = {} if encoding == "utf-8-sig" else {"encoding": encoding}
    assert only(exports.orders("o.csv", fields={"customer_id": "城市"}, **settings)).customer_id == "北京"


def test_a_file_without_a_row_of_names(exports: Exports) -> None:
    exports.write("o.csv", rows(2))
    assert len(records(exports.orders("o.csv", header=["id", "total", "placed"]))) == 2


def test_a_quoted_cell_may_hold_line_breaks(exports: Exports) -> None:
    exports.write("o.csv", 'id,total,placed\n"1\n2",1.00,2026-03-01\nx,bad,2026-03-01\n')
    connector = exports.orders("o.csv")
    assert pull(connector)[0].payloads[0]["row"]["id"] == "1\n2"
    assert rejected(connector)[0].startswith("o.csv:4: total: ")


def test_a_pattern_reads_all_its_files_in_order(exports: Exports) -> None:
    exports.write("orders-2.csv", HEAD + rows(2, 2))
    exports.write("orders-1.csv.gz", HEAD + rows(2))
    assert [o.external_id for o in records(exports.orders("orders-*"))] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"7,1.00\n", "o.csv:3: it has 2 cells where the header has 3."),
        (b"7,1.00,2026-03-01,8\n", "o.csv:3: it has 4 cells where the header has 3."),
        (b"\xff\xfe,1.00,2026-03-01\n", "o.csv:3: it has bytes that are no utf-8 text in column 'id'."),
        (
            b'"' + b"x" * 140_000 + b'",1,1\n',
            "o.csv:3: it is not CSV: field larger than field limit (131072).",
        ),
    ],
)
def test_a_damaged_row_is_rejected_alone(exports: Exports, line: bytes, why: str) -> None:
    (exports.folder / "o.csv").write_bytes(HEAD.encode() + rows(1).encode() + line + rows(1, 1).encode())
    connector = exports.orders("o.csv")
    assert rejected(connector) == [why]
    assert sum(len(page.payloads) for page in pull(connector)) == 3


@pytest.mark.parametrize(
    ("line", "why"),
    [("{broken", "it is not JSON"), ("[1]", "it is JSON but no object")],
)
def test_a_damaged_json_line_is_rejected_alone(exports: Exports, line: str, why: str) -> None:
    good = '{"id": "1", "total": "1.00", "placed": "2026-03-01"}'
    exports.write("o.jsonl", f"{good}\n{line}\n{good}\n")
    connector = exports.orders("o.jsonl")
    (reason,) = rejected(connector)
    assert reason.startswith(f"o.jsonl:2: {why}")
    assert len(pull(connector)[0].payloads) == 3


def test_payloads_can_be_kept_as_json_and_replayed(exports: Exports) -> None:
    exports.write("o.csv", HEAD + rows(1))
    exports.write("l.csv", "id,sku,price\n0,A,1.00\n")
    lines = {"file": exports.folder / "l.csv", "on": "id", "fields": {"product_id": "sku", "price": "price"}}
    connector = exports.orders("o.csv", lines=lines)
    (payload,) = pull(connector)[0].payloads
    assert connector.orders.record(json.loads(json.dumps(payload))) == connector.orders.record(payload)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty: it has no row of column names"),
        ("id,total,id\n", "several columns named 'id'"),
        ("id,totl,placed\n", "exports.orders.fields.total: there is no column 'total'. Did you mean 'totl'?"),
        ("key,total,placed\n", "exports.orders.identity: there is no column 'id'"),
    ],
)
def test_a_file_of_another_shape_stops_the_stream(exports: Exports, text: str, why: str) -> None:
    exports.write("o.csv", text)
    with pytest.raises(PermanentError, match=why):
        pull(exports.orders("o.csv"))


def test_a_missing_file_is_named_with_its_key(exports: Exports) -> None:
    with pytest.raises(PermanentError, match=r"exports\.orders\.file: there is no file .*o\.csv"):
        exports.orders("o.csv").check()


def test_a_file_cut_short_is_tried_again_later(exports: Exports) -> None:
    path = exports.write("o.csv.gz", HEAD + rows(2000))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TransientError, match=r"o\.csv\.gz cannot be read to its end"):
        pull(exports.orders("o.csv.gz"))


def test_check_names_the_shop(exports: Exports) -> None:
    exports.write("o.csv", HEAD)
    shop = exports.orders("o.csv", title="Corner", times={"zone": "Asia/Shanghai"}).check()
    assert (shop.name, shop.currency, shop.zone) == ("Corner", "EUR", "Asia/Shanghai")


def test_unchanged_files_give_no_page(exports: Exports) -> None:
    exports.write("o.csv", HEAD + rows(3))
    connector = exports.orders("o.csv")
    cursor = pull(connector)[-1].cursor
    assert pull(connector, since=cursor) == [] or not pull(connector, since=cursor)[0].payloads


def settle(path: Path) -> None:
    """Make a file look as if its last change were long ago, as far as its owner can."""
    os.utime(path, (1_700_000_000, 1_700_000_000))


def test_a_touched_file_is_compared_by_content_and_not_read(exports: Exports) -> None:
    path = exports.write("o.csv", HEAD + rows(3))
    connector = exports.orders("o.csv")
    cursor = pull(connector)[-1].cursor
    settle(path)
    assert [page.payloads for page in pull(connector, since=cursor)] in ([], [[]])


def test_new_content_under_old_size_and_time_is_noticed(exports: Exports) -> None:
    path = exports.write("o.csv", HEAD + rows(3))
    settle(path)
    connector = exports.orders("o.csv")
    cursor = pull(connector)[-1].cursor
    path.write_text((HEAD + rows(3)).replace("1.00", "9.00"))
    settle(path)
    assert [order.total for order in records(connector, since=cursor)] == [900] * 3


def test_another_file_of_a_pattern_is_noticed(exports: Exports) -> None:
    exports.write("o-1.csv", HEAD + rows(1))
    connector = exports.orders("o-*.csv")
    cursor = pull(connector)[-1].cursor
    exports.write("o-2.csv", HEAD + rows(1, 1))
    assert len(records(connector, since=cursor)) == 2


def test_a_changed_joined_file_is_noticed(exports: Exports) -> None:
    exports.write("o.csv", HEAD + rows(1))
    exports.write("p.csv", "id,paid\n0,5.00\n")
    join = [{"file": exports.folder / "p.csv", "on": "id", "columns": ["paid"]}]
    connector = exports.orders("o.csv", fields={"total": "paid"}, join=join)
    cursor = pull(connector)[-1].cursor
    exports.write("p.csv", "id,paid\n0,6.00\n")
    assert [order.total for order in records(connector, since=cursor)] == [600]


def test_another_mapping_reads_the_same_files_again(exports: Exports) -> None:
    exports.write("o.csv", HEAD + rows(1))
    cursor = pull(exports.orders("o.csv"))[-1].cursor
    again = exports.orders("o.csv", fields={"status": {"constant": "shipped"}})
    assert [order.status for order in records(again, since=cursor)] == ["shipped"]


def test_a_broken_walk_goes_on_where_it_was(exports: Exports) -> None:
    exports.write("o.csv", HEAD + rows(10))
    connector = exports.orders("o.csv", page_size=4)
    first, *rest = pull(connector)
    assert [len(page.payloads) for page in (first, *rest)] == [4, 4, 2]
    resumed = pull(connector, since=first.cursor)
    assert [page.payloads for page in resumed] == [page.payloads for page in rest]


def test_a_broken_walk_begins_anew_when_the_file_changed(exports: Exports) -> None:
    exports.write("o.csv", HEAD + rows(10))
    connector = exports.orders("o.csv", page_size=4)
    cursor = pull(connector)[0].cursor
    exports.write("o.csv", HEAD + rows(11))
    assert len(records(connector, since=cursor)) == 11


def test_a_file_that_goes_under_the_reader_gives_no_final_cursor(exports: Exports) -> None:
    path = exports.write("o.csv", HEAD + rows(10))
    pages = exports.orders("o.csv", page_size=4).orders(Cursor())
    next(pages)
    path.unlink()
    with pytest.raises(TransientError, match="a file changed while it was read"):
        list(pages)


def test_a_file_that_changes_under_the_reader_gives_no_final_cursor(exports: Exports) -> None:
    path = exports.write("o.csv", HEAD + rows(10))
    pages = exports.orders("o.csv", page_size=4).orders(Cursor())
    next(pages)
    path.write_text(HEAD + rows(12))
    with pytest.raises(TransientError, match="a file changed while it was read"):
        list(pages)
