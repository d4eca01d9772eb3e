"""Small histories of a shop, written straight into the tables."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.dialects import postgresql, sqlite

from crmsync.store import Store
from crmsync.store import tables as t

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


class History:
    """Rows of one connection, gathered and then saved at once; every row touches what it concerns."""

    def __init__(self, store: Store, name: str = "shop", zone: str | None = None) -> None:
        self.store = store
        self.name = name
        self.rows: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        self.touched: set[tuple[str, str]] = set()
        with store.write() as connection:
            self.id = connection.execute(
                insert(t.Connection).values(name=name, connector="demo", scope=name, zone=zone)
            ).inserted_primary_key[0]

    def customer(self, account: str) -> None:
        if any(row["external_id"] == account for row in self.rows[t.Account]):
            return
        self.rows[t.Customer].append({"key": f"{self.name}:{account}", "learned_at": START})
        self.rows[t.Account].append(self._pulled(account, START))

    def order(
        self,
        id: str,
        account: str | None = None,
        at: float = 0,
        total: int = 1000,
        lines: tuple[str, ...] = (),
        **columns: Any,
    ) -> None:
        if account:
            self.customer(account)
        self.rows[t.Order].append(
            {
                **self._pulled(id, day(at)),
                **dict.fromkeys(("promised_at", "delivered_at", "cancelled_at", "agent_id")),
                "account_id": account,
                "status": "completed",
                "currency": "CNY",
                "total": total,
                "placed_at": day(at),
                **columns,
            }
        )
        for number, product in enumerate(lines):
            self.rows[t.OrderLine].append(
                {
                    "connection_id": self.id,
                    "order_id": id,
                    "line_id": str(number),
                    "product_id": product,
                    "quantity": 1,
                    "price": total // len(lines),
                    "total": total // len(lines),
                }
            )
        self._agent(columns)
        self.touched.add(("order", id))

    def refund(self, id: str, order: str, at: float = 0, amount: int = 1000, **columns: Any) -> None:
        self.rows[t.Refund].append(
            {
                **self._pulled(id, day(at)),
                "order_id": order,
                "line_id": None,
                "product_id": None,
                "kind": "refund",
                "status": "completed",
                "type": None,
                "currency": "CNY",
                "amount": amount,
                "requested_at": day(at),
                **columns,
            }
        )
        self.touched.add(("order", order))

    def review(self, id: str, level: str, order: str | None = None, at: float = 0, **columns: Any) -> None:
        self.rows[t.Review].append(
            {
                **self._pulled(id, day(at)),
                "order_id": order,
                "product_id": None,
                "account_id": None,
                "level": level,
                "created_at": day(at),
                **columns,
            }
        )
        self._touch(order, {"review": None if order else id, **columns})

    def talk(self, id: str, account: str | None = None, at: float = 0, **columns: Any) -> None:
        if account:
            self.customer(account)
        self._agent(columns)
        self.rows[t.Conversation].append(
            {
                **self._pulled(id, day(at)),
                **dict.fromkeys(("agent_id", "order_id", "product_id", "first_reply_at", "type", "rating")),
                "account_id": account,
                "started_at": day(at),
                **columns,
            }
        )
        order = columns.get("order_id")
        self._touch(order, {"talk": None if order and account else id, "account_id": account, **columns})

    def product(self, id: str, category: str | None = None, **columns: Any) -> None:
        self.rows[t.Product].append({**self._pulled(id, START), "title": id, "category": category, **columns})
        self.touched.add(("product", id))

    def roster(self, agent: str, at: int, *, attended: bool = True, **columns: Any) -> None:
        self._agent({"agent_id": agent})
        self.rows[t.Attendance].append(
            {
                **self._pulled(f"{agent}:{at}", day(at)),
                "agent_id": agent,
                "day": day(at),
                "scheduled": True,
                "attended": attended,
                **columns,
            }
        )
        self.touched.add(("agent", agent))

    def message(self, customer_id: int, account: str, at: float) -> None:
        """A campaign's message that went out."""
        self.rows[t.Message].append(
            {
                "key": f"{self.name}:{account}:{at}",
                **dict.fromkeys(("campaign", "template", "template_version", "channel"), "win-back"),
                "approve": "never",
                "purpose": "marketing",
                "medium": "platform",
                "level": "high",
                "connection_id": self.id,
                "account_id": account,
                "customer_id": customer_id,
                "flag_id": 1,
                "language": "en",
                "state": "sent",
                "sent_at": day(at),
                **dict.fromkeys(("planned_at", "expires_at", "next_attempt_at", "changed_at"), day(at)),
            }
        )
        self.touched.add(("account", account))

    def _agent(self, columns: dict[str, Any]) -> None:
        row = {"connection_id": self.id, "external_id": columns.get("agent_id"), "learned_at": START}
        if row["external_id"] and row not in self.rows[t.Agent]:
            self.rows[t.Agent].append(row)

    def _touch(self, order: str | None, columns: dict[str, Any]) -> None:
        for kind, value in (
            ("order", order),
            ("product", columns.get("product_id")),
            ("account", columns.get("account_id")),
            ("agent", columns.get("agent_id")),
            ("review", columns.get("review")),
            ("talk", columns.get("talk")),
        ):
            if value:
                self.touched.add((kind, value))

    def save(self, *, touch: str | None = None) -> None:
        """Write what was gathered; `touch="all"` touches the connection instead of each subject."""
        dialect = sqlite if self.store.dialect == "sqlite" else postgresql
        with self.store.write() as connection:
            for table, rows in sorted(self.rows.items(), key=lambda item: item[0] is t.Account):
                if not rows:
                    continue
                if table is t.Account:
                    found = connection.execute(text("SELECT key, id FROM customer"))
                    keys = {row.key: row.id for row in found}
                    rows = [{**row, "customer_id": keys[f"{self.name}:{row['external_id']}"]} for row in rows]
                connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
            stale = {("all", "")} if touch == "all" else self.touched
            if stale:
                connection.execute(
                    dialect.insert(t.Touched).on_conflict_do_update(
                        index_elements=["connection_id", "kind", "external_id"],
                        set_={"stamp": t.Touched.stamp + 1},
                    ),
                    [
                        {"connection_id": self.id, "kind": kind, "external_id": id, "stamp": 1}
                        for kind, id in sorted(stale)
                    ],
                )
        self.rows.clear()
        self.touched.clear()

    def _pulled(self, id: str, learned: datetime) -> dict[str, Any]:
        return {
            "connection_id": self.id,
            "external_id": id,
            "learned_at": learned,
            "changed_at": learned,
            "deleted_at": None,
            "digest": 1,
        }


def random_history(history: History, seed: int, orders: int = 60, *, first: int = 0) -> None:
    """A little of everything, the same for the same seed."""
    chance = random.Random(seed)
    for number in range(0 if first else 8):
        history.product(f"p{number}", chance.choice([None, "tea", "cups", "pots"]))
    for number in range(first, first + orders):
        id = f"o{number}"
        at = chance.uniform(0, 200)
        late = chance.choice([None, -1.0, 2.0])
        products = tuple(chance.choices([f"p{n}" for n in range(12)], k=chance.randint(0, 3)))
        history.order(
            id,
            chance.choice([None, *(f"c{n}" for n in range(20))]),
            at,
            chance.randint(100, 9999),
            products,
            status=chance.choice(["pending", "paid", "delivered", "completed", "cancelled", "refunded"]),
            currency=chance.choice(["CNY", "CNY", "USD"]),
            promised_at=day(at + 5),
            delivered_at=None if late is None else day(at + 5 + late),
            agent_id=chance.choice([None, "a1", "a2", "a3"]),
        )
        if chance.random() < 0.3:
            history.refund(
                f"r{number}",
                id,
                at + 6,
                chance.randint(1, 500),
                kind=chance.choice(["refund", "return", "exchange"]),
                status=chance.choice(["requested", "completed", "refused"]),
                type=chance.choice([None, "product", "logistics"]),
                line_id=chance.choice([None, "0"]),
                currency=chance.choice(["CNY", "USD"]),
            )
        if chance.random() < 0.4:
            history.review(
                f"v{number}",
                chance.choice(["good", "neutral", "bad"]),
                chance.choice([id, id, None]),
                at + 8,
                product_id=chance.choice([None, *products]),
                account_id=chance.choice([None, "c1", "c2"]),
            )
        if chance.random() < 0.3:
            history.talk(
                f"t{number}",
                chance.choice([None, "c3", "c4", "c5"]),
                at - 1,
                agent_id=chance.choice(["a1", "a2", "a3"]),
                order_id=chance.choice([None, id]),
                product_id=chance.choice([None, *products]),
                type=chance.choice([None, "service", "suggestion", "other"]),
                rating=chance.choice([None, 1.0, 5.0]),
                first_reply_at=chance.choice([None, day(at)]),
            )
        if chance.random() < 0.1:
            history.roster(chance.choice(["a1", "a2"]), number, attended=chance.random() < 0.8)
