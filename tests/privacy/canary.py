"""A person with traces that nothing else has, and the search for them in all that is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from crmsync.store import Store

ACCOUNT, SPOILT = "QXCANARY01", "QXCANARY02"
EMAIL, PHONE, NAME = "Zebulon.Quirkwater@canary.example", "+86 199 1234 5678", "Zebulon Quirkwater"
REVIEW, REFUND, NOTE = "Quirkreview arrived late", "Quirkrefund too small", "Quirknote phoned twice"
CITY, PAYLOAD = "Quirkhaven", "Quirkpayload"
ORDERS = ("QXORDER1", "QXORDER2", "QXORDER3")

NEEDLES = tuple(
    needle.lower().encode()
    for needle in (ACCOUNT, SPOILT, EMAIL, "199 1234 5678", NAME, CITY, "Quirkre", "Quirkno", PAYLOAD)
)
"""All of these are found before an erasure."""
_OTHER_FORMS = (b"19912345678", b"zebulon", b"quirkwater")


def account(number: int = 0) -> str:
    """The account of the person, or of another with the same traces."""
    return f"{ACCOUNT}-{number}" if number else ACCOUNT


def shop_rows(now: Any, number: int = 0) -> dict[str, list[dict[str, Any]]]:
    """What a demo shop tells of the person, or of another with the same traces but other ids and addresses:
    a profile, two good orders and one that no mapping takes, a review and a refund, and a profile that no
    mapping takes."""
    one = f"-{number}" if number else ""
    email, phone = (f"{number}.{EMAIL}", f"{PHONE} {number:04}") if number else (EMAIL, PHONE)

    def ago(days: float) -> str:
        return str((now - timedelta(days=days)).isoformat())

    profile = {
        "id": account(number),
        "nick": NAME,
        "email": email,
        "email_verified": True,
        "mobile": phone,
        "lang": "en",
        "country": "CN",
        "province": CITY,
        "city": CITY,
        "birthday": "1990-05-17",
        "registered_at": ago(60),
        "permissions": {"promo": "Y", "service": "Y", "asked_at": ago(60)},
    }

    def order(id: str, days: float, **more: Any) -> dict[str, Any]:
        line = {"id": f"{id}-1", "product_id": "P001", "title": "Tea", "qty": 1}
        return {
            "id": id,
            "buyer_id": account(number),
            "status": "SIGNED",
            "currency": "CNY",
            "payable": "88.00",
            "shipping": "0.00",
            "discount": "0.00",
            "created_at": ago(days),
            "paid_at": ago(days),
            "sent_at": ago(days - 1),
            "promised_at": ago(days - 3),
            "signed_at": ago(days - 2),
            "finished_at": None,
            "closed_at": None,
            "agent_id": None,
            "lines": [{**line, "unit_price": "88.00", "paid": "88.00"}],
            **more,
        }

    receiver = {"note": PAYLOAD, "name": NAME, "phone": phone, "mail": f"{NAME} <{email}>"}
    return {
        "customers": [profile, {**profile, "id": f"{SPOILT}{one}", "permissions": {"promo": "?"}}],
        "orders": [
            order(f"{ORDERS[0]}{one}", 30),
            order(f"{ORDERS[1]}{one}", 10),
            order(f"{ORDERS[2]}{one}", 9, payable="88,00", receiver=receiver),
        ],
        "reviews": [
            {
                "id": f"QXREVIEW{one}",
                "order_id": f"{ORDERS[0]}{one}",
                "product_id": "P001",
                "buyer_id": account(number),
                "stars": 1,
                "content": f"{REVIEW}, says {NAME}",
                "lang": "en",
                "created_at": ago(25),
                "replied_at": None,
            }
        ],
        "refunds": [
            {
                "id": f"QXREFUND{one}",
                "order_id": f"{ORDERS[0]}{one}",
                "line_id": None,
                "product_id": "P001",
                "buyer_id": account(number),
                "kind": "REFUND_ONLY",
                "state": "DONE",
                "cause": "LOGISTICS",
                "reason": REFUND,
                "currency": "CNY",
                "amount": "8.00",
                "applied_at": ago(24),
                "done_at": ago(23),
            }
        ],
    }


def traces(*places: bytes | Path) -> Counter[str]:
    """How often each trace of the person is found in these bytes and files."""
    found = Counter[str]()
    for place in places:
        content = (place.read_bytes() if isinstance(place, Path) else place).lower()
        for needle in (*NEEDLES, *_OTHER_FORMS):
            if count := content.count(needle):
                found[needle.decode()] += count
    return found


def rows_as_text(store: Store) -> bytes:
    """Every row of every table."""
    return "\n".join(_rows(store)).encode()


def _rows(store: Store) -> Iterable[str]:
    from sqlmodel import SQLModel

    with store.read() as reading:
        for name in sorted(SQLModel.metadata.tables):
            table = SQLModel.metadata.tables[name]
            # What is encrypted is looked at as it is read.
            for row in reading.execute(table.select().order_by(*table.primary_key)):
                yield f"{name} {tuple(row)}"


def statistics(store: Store) -> bytes:
    """What PostgreSQL's planner quotes of the rows; nothing for SQLite. Temporary tables, which hold ids of
    accounts while facts are worked out, are left out."""
    if store.dialect != "postgresql":
        return b""
    with store.read() as reading:
        return repr(
            reading.execute(text("SELECT * FROM pg_stats WHERE schemaname NOT LIKE 'pg_temp%'")).all()
        ).encode()


def database_files(store: Store) -> list[Path]:
    """The SQLite file with all that lies beside it; nothing for a server."""
    if store.dialect != "sqlite":
        return []
    path = Path(str(store.url.database))
    return sorted(path.parent.glob(f"{path.name}*"))
