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
CITY = "Quirkhaven"
ORDERS = ("QXORDER1", "QXORDER2", "QXORDER3")

NEEDLES = tuple(
    needle.lower().encode()
    for needle in (ACCOUNT, SPOILT, EMAIL, "199 1234 5678", NAME, CITY, "Quirkre", "Quirkno")
)
"""All of these are found before an erasure."""
_OTHER_FORMS = (b"19912345678", b"zebulon", b"quirkwater")


def shop_rows(now: Any, *, email: str = EMAIL) -> dict[str, list[dict[str, Any]]]:
    """What a demo shop tells of the person: a profile, two good orders and one that no mapping takes, a
    review and a refund, and a profile that no mapping takes."""

    def ago(days: float) -> str:
        return str((now - timedelta(days=days)).isoformat())

    profile = {
        "id": ACCOUNT,
        "nick": NAME,
        "email": email,
        "email_verified": True,
        "mobile": PHONE,
        "lang": "en",
        "country": "CN",
        "province": CITY,
        "city": CITY,
        "registered_at": ago(60),
        "permissions": {"promo": "Y", "service": "Y", "asked_at": ago(60)},
    }

    def order(id: str, days: float, **more: Any) -> dict[str, Any]:
        line = {"id": f"{id}-1", "product_id": "P001", "title": "Tea", "qty": 1}
        return {
            "id": id,
            "buyer_id": ACCOUNT,
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

    receiver = {"name": NAME, "phone": PHONE, "mail": f"{NAME} <{email}>"}
    return {
        "customers": [profile, {**profile, "id": SPOILT, "permissions": {"promo": "?"}}],
        "orders": [
            order(ORDERS[0], 30),
            order(ORDERS[1], 10),
            order(ORDERS[2], 9, payable="88,00", receiver=receiver),
        ],
        "reviews": [
            {
                "id": "QXREVIEW",
                "order_id": ORDERS[0],
                "product_id": "P001",
                "buyer_id": ACCOUNT,
                "stars": 1,
                "content": f"{REVIEW}, says {NAME}",
                "lang": "en",
                "created_at": ago(25),
                "replied_at": None,
            }
        ],
        "refunds": [
            {
                "id": "QXREFUND",
                "order_id": ORDERS[0],
                "line_id": None,
                "product_id": "P001",
                "buyer_id": ACCOUNT,
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
    """Every row of every table, as the database writes it out."""
    return "\n".join(_rows(store)).encode()


def _rows(store: Store) -> Iterable[str]:
    from sqlmodel import SQLModel

    with store.read() as reading:
        for name in sorted(SQLModel.metadata.tables):
            for row in reading.execute(text(f'SELECT * FROM "{name}" ORDER BY 1')):
                yield f"{name} {tuple(row)}"


def database_files(store: Store) -> list[Path]:
    """The SQLite file with all that lies beside it; nothing for a server."""
    if store.dialect != "sqlite":
        return []
    path = Path(str(store.url.database))
    return sorted(path.parent.glob(f"{path.name}*"))
