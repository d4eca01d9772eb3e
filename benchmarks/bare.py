"""The least a program can do to keep a shop's orders and reviews: the baseline of `sync.py`.

requests and json; SQLite by `executemany` of an upsert, PostgreSQL by COPY into a temporary table and
one upsert from it; a transaction per page. No checks, no types, no cursor, no history: text as it came.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import requests

ORDER = (
    "id buyer_id status currency payable shipping discount created_at paid_at sent_at promised_at signed_at "
    "closed_at agent_id updated_at"
).split()
LINE = "order_id id product_id title qty unit_price paid".split()
REVIEW = "id order_id product_id buyer_id stars content lang created_at replied_at updated_at".split()
TABLES = {
    "bare_order": (ORDER, ["id"]),
    "bare_line": (LINE, ["order_id", "id"]),
    "bare_review": (REVIEW, ["id"]),
}
SCHEMA = [
    *(
        f"CREATE TABLE {table} ({' TEXT, '.join(columns)} TEXT, PRIMARY KEY ({', '.join(key)}))"
        for table, (columns, key) in TABLES.items()
    ),
    "CREATE INDEX bare_order_buyer ON bare_order (buyer_id)",
    "CREATE INDEX bare_line_product ON bare_line (product_id)",
]

Rows = list[list[Any]]
Write = Callable[[dict[str, Rows]], None]


def pages(url: str, stream: str) -> Iterator[list[dict[str, Any]]]:
    """The records of a stream, page by page."""
    session = requests.Session()
    session.headers["X-Api-Key"] = "demo-key"
    params: dict[str, Any] = {"limit": 250}
    while True:
        body = session.get(f"{url}/{stream}", params=params, timeout=60).json()
        yield body["data"]
        if body["next_cursor"] is None:
            return
        params = {"limit": 250, "cursor": body["next_cursor"]}


def sync(url: str, write: Write) -> None:
    """Pull both streams into `write`, a page at a time."""
    for page in pages(url, "orders"):
        write(
            {
                "bare_order": [[row[name] for name in ORDER] for row in page],
                "bare_line": [
                    [row["id"], *(line[name] for name in LINE[1:])] for row in page for line in row["lines"]
                ],
            }
        )
    for page in pages(url, "reviews"):
        write({"bare_review": [[row[name] for name in REVIEW] for row in page]})


def _conflict(table: str) -> str:
    columns, key = TABLES[table]
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"


def sqlite_writer(path: str) -> Write:
    """Writes into an SQLite file; as durable, and with as much page cache, as the store's own."""
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-16384"):
        database.execute(f"PRAGMA {pragma}")
    for statement in SCHEMA:
        database.execute(statement)
    upserts = {
        table: f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))}) {_conflict(table)}"
        for table, (columns, _) in TABLES.items()
    }

    def write(batch: dict[str, Rows]) -> None:
        database.execute("BEGIN IMMEDIATE")
        for table, rows in batch.items():
            database.executemany(upserts[table], rows)
        database.execute("COMMIT")

    return write


def postgresql_writer(url: str) -> Write:
    """Writes into a PostgreSQL database."""
    import psycopg

    database = psycopg.connect(url)
    for statement in SCHEMA:
        database.execute(statement)
    for table in TABLES:
        database.execute(f"CREATE TEMPORARY TABLE copy_{table} (LIKE {table})")
    database.commit()

    def write(batch: dict[str, Rows]) -> None:
        with database.transaction(), database.cursor() as cursor:
            for table, rows in batch.items():
                cursor.execute(f"TRUNCATE copy_{table}")
                with cursor.copy(f"COPY copy_{table} FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
                cursor.execute(f"INSERT INTO {table} SELECT * FROM copy_{table} {_conflict(table)}")

    return write
