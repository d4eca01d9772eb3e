"""What a template may say to each customer, as plain values; only what the template names is looked up."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, and_, func, select, union_all

from crmsync.care.addressee import Addressee, LastOrder
from crmsync.care.hours import zone_of
from crmsync.care.occasion import latest_cases
from crmsync.care.template import short, told_date
from crmsync.care.text import MAX_VALUE, Values
from crmsync.config import Campaign
from crmsync.rules.reasons import load_reasons
from crmsync.sdk.records import ComplaintType
from crmsync.store.tables import Conversation, Flag, Order, OrderLine, Product, ProductFact, Refund

_Key = tuple[int, str]
_OF_AN_ORDER = frozenset({"order_number", "product", "promised_date"})


@dataclass(frozen=True, slots=True, order=True)
class _Bought:
    """A line of an order; the first of an order is the least."""

    line_id: str
    title: str
    product_id: str


@dataclass(frozen=True, slots=True)
class _Topic:
    """The order a message is about."""

    order_id: str
    promised_at: datetime | None


class Wording:
    """The values for these customers, read in one transaction."""

    def __init__(
        self,
        transaction: Transaction,
        campaign: Campaign,
        names: Collection[str],
        people: Mapping[int, Addressee],
        occasions: Iterable[Row[Any]],
        now: datetime,
    ) -> None:
        """`names` are the values the template names."""
        self.campaign = campaign
        self.now = now
        keys = {who.key for who in people.values()}
        occasions = list(occasions)
        self._topics: dict[int, _Topic] = {}
        if not _OF_AN_ORDER.isdisjoint(names):
            self._topics = _topics(transaction, campaign, people, occasions)
        self._favourites = _favourites(transaction, keys) if "favourite_product" in names else {}
        self._types: dict[int, str] = {}
        if "complaint_type" in names:
            self._types = _complaint_types(transaction, campaign, people, occasions)
        self._products: dict[_Key, _Bought] = {}
        if not {"last_product", "product", "recommended_product"}.isdisjoint(names):
            orders = {(who.key[0], who.order.order_id) for who in people.values() if who.order}
            orders |= {(people[customer].key[0], topic.order_id) for customer, topic in self._topics.items()}
            self._products = _first_products(transaction, orders)
        self._recommended: dict[int, str] = {}
        if "recommended_product" in names:
            self._recommended = _recommended(transaction, people, self._products)

    def values(
        self,
        who: Addressee,
        level: str,
        language: str,
        coupon_code: str | None = None,
        unsubscribe_url: str | None = None,
    ) -> Values:
        """Everything a template may name. A customer's own words are cleaned, and never rendered."""
        zone = zone_of(who.account.zone)
        today = self.now.astimezone(zone).date()
        shop, order, topic = who.key[0], who.order, self._topics.get(who.account.customer_id)
        placed = order and order.placed_at.astimezone(zone).date()
        first = order and order.first_at.astimezone(zone).date()
        promised = topic and topic.promised_at and topic.promised_at.astimezone(zone).date()
        return {
            "customer_name": clean(who.account.name),
            "shop_name": clean(who.account.shop) or who.account.connection,
            "first_order_date": first and told_date(first, language),
            "last_order_date": placed and told_date(placed, language),
            "days_since": placed and (today - placed).days,
            "years": first and (round((today - first).days / 365.25) or None),
            "orders": order.count if order else 0,
            "last_product": self._title(shop, order),
            "favourite_product": clean(self._favourites.get(who.key)),
            "order_number": clean(topic.order_id if topic else None),
            "product": self._title(shop, topic),
            "recommended_product": clean(self._recommended.get(who.account.customer_id)),
            "promised_date": promised and told_date(promised, language),
            "complaint_type": self._types.get(who.account.customer_id),
            "level": level or None,
            "offer": self.campaign.offer_in(short(language)),
            "coupon_code": clean(coupon_code),
            "unsubscribe_url": unsubscribe_url,
        }

    def _title(self, shop: int, order: LastOrder | _Topic | None) -> str | None:
        bought = self._products.get((shop, order.order_id)) if order else None
        return clean(bought.title) if bought else None


def clean(text: str | None) -> str | None:
    """A customer's text as one line without control and direction characters, and not too long."""
    if text is None:
        return None
    visible = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text[: 4 * MAX_VALUE])
    return " ".join(visible.split())[:MAX_VALUE] or None


def _topics(
    transaction: Transaction, campaign: Campaign, people: Mapping[int, Addressee], occasions: list[Row[Any]]
) -> dict[int, _Topic]:
    """The order each message is about: the one delivered, that of the case, the first that the flag names
    as evidence, else the last one."""
    if campaign.when.date == "delivery":
        chosen = Order.delivered_at.is_not(None)
        named: dict[int, tuple[str, ...]] = {}
    else:
        named = _named_orders(transaction, campaign, occasions)
        wanted = {id for ids in named.values() for id in ids}
        wanted |= {who.order.order_id for who in people.values() if who.order}
        chosen = Order.external_id.in_(wanted)
    found: dict[_Key, list[Row[Any]]] = {}
    for row in transaction.execute(
        select(
            Order.connection_id,
            Order.account_id,
            Order.external_id,
            Order.promised_at,
            Order.delivered_at,
        ).where(
            chosen,
            Order.connection_id.in_({who.key[0] for who in people.values()}),
            Order.account_id.in_({who.key[1] for who in people.values()}),
            Order.deleted_at.is_(None),
        )
    ):
        found.setdefault((row.connection_id, row.account_id), []).append(row)
    topics = {}
    for customer, who in people.items():
        orders = {row.external_id: row for row in found.get(who.key, ())}
        if campaign.when.date == "delivery":
            row = max(orders.values(), key=lambda row: (row.delivered_at, row.external_id), default=None)
        else:
            last = (who.order.order_id,) if who.order else ()
            row = next((orders[id] for id in (*named.get(customer, ()), *last) if id in orders), None)
        if row is not None:
            topics[customer] = _Topic(row.external_id, row.promised_at)
    return topics


def _named_orders(
    transaction: Transaction, campaign: Campaign, occasions: list[Row[Any]]
) -> dict[int, tuple[str, ...]]:
    """The orders that each customer's case or flag names."""
    if campaign.when.case is not None:
        cases = latest_cases(campaign.when.case).subquery()
        rows = transaction.execute(
            select(cases.c.customer_id, cases.c.order_id).where(
                cases.c.customer_id.in_({o.customer_id for o in occasions}), cases.c.order_id.is_not(None)
            )
        )
        return {customer: (order,) for customer, order in rows}
    reasons = transaction.execute(
        select(Flag.id, Flag.reasons).where(Flag.id.in_({o.flag_id for o in occasions if o.flag_id}))
    )
    evidence = {
        row.id: tuple(id for reason in load_reasons(row.reasons) for id in reason.evidence) for row in reasons
    }
    return {o.customer_id: evidence.get(o.flag_id, ()) for o in occasions}


def _complaint_types(
    transaction: Transaction,
    campaign: Campaign,
    people: Mapping[int, Addressee],
    occasions: Iterable[Row[Any]],
) -> dict[int, str]:
    """What each customer complained of: by the case, by the flag or by their latest complaint."""
    known = get_args(ComplaintType)
    keys = [who.key for who in people.values()]
    of_account = {who.key: customer for customer, who in people.items()}
    said = union_all(
        *(
            select(table.connection_id, table.account_id, table.type, at.label("at")).where(
                table.connection_id.in_({k[0] for k in keys}),
                table.account_id.in_({k[1] for k in keys}),
                table.type.in_(known),
                table.deleted_at.is_(None),
            )
            for table, at in ((Conversation, Conversation.started_at), (Refund, Refund.requested_at))
        )
    ).subquery()
    found: dict[int, str] = {}
    for row in transaction.execute(select(said).order_by(said.c.at, said.c.type)):
        if customer := of_account.get((row.connection_id, row.account_id)):
            found[customer] = row.type
    states = transaction.execute(
        select(Flag.id, Flag.state).where(Flag.id.in_({o.flag_id for o in occasions}), Flag.state.in_(known))
    )
    state = {row.id: row.state for row in states}
    found |= {o.customer_id: state[o.flag_id] for o in occasions if o.flag_id in state}
    if campaign.when.case is not None:
        # A later step of the campaign knows the customer, but no longer the case it began with.
        found |= {o.customer_id: o.state for o in occasions if o.state}
    return found


def _title() -> Any:
    return func.coalesce(Product.title, OrderLine.title)


def _with_product(query: Any) -> Any:
    return query.outerjoin(
        Product,
        (Product.connection_id == OrderLine.connection_id) & (Product.external_id == OrderLine.product_id),
    ).where(_title().is_not(None))


def _favourites(transaction: Transaction, keys: Iterable[_Key]) -> dict[_Key, str]:
    """The title each account ordered most often; of several the first in the alphabet of code points."""
    quantity = func.sum(OrderLine.quantity)
    title = func.min(_title())
    query = _with_product(
        select(Order.connection_id, Order.account_id, title, quantity)
        .join(
            OrderLine,
            (OrderLine.connection_id == Order.connection_id) & (OrderLine.order_id == Order.external_id),
        )
        .where(
            Order.connection_id.in_({k[0] for k in keys}),
            Order.account_id.in_({k[1] for k in keys}),
            Order.status != "cancelled",
            Order.deleted_at.is_(None),
        )
    ).group_by(Order.connection_id, Order.account_id, func.coalesce(OrderLine.product_id, _title()))
    best: dict[_Key, tuple[int, str]] = {}
    for connection_id, account_id, name, count in transaction.execute(query):
        key = (connection_id, account_id)
        if key not in best or (-count, name) < best[key]:
            best[key] = (-count, name)
    return {key: name for key, (_, name) in best.items()}


def _first_products(transaction: Transaction, orders: set[_Key]) -> dict[_Key, _Bought]:
    """The first line of each order."""
    query = _with_product(
        select(
            OrderLine.connection_id,
            OrderLine.order_id,
            OrderLine.line_id,
            _title().label("title"),
            OrderLine.product_id,
        ).where(
            OrderLine.connection_id.in_({o[0] for o in orders}),
            OrderLine.order_id.in_({o[1] for o in orders}),
        )
    )
    found: dict[_Key, _Bought] = {}
    for connection_id, order_id, line_id, title, product_id in transaction.execute(query):
        key, line = (connection_id, order_id), _Bought(line_id, title, product_id or "")
        found[key] = min(found.get(key, line), line)
    return found


def _recommended(
    transaction: Transaction, people: Mapping[int, Addressee], products: Mapping[_Key, _Bought]
) -> dict[int, str]:
    """What is most often bought with the product of the last order, and that they have not bought yet."""
    last = {
        customer: (who.key[0], bought.product_id)
        for customer, who in people.items()
        if who.order and (bought := products.get((who.key[0], who.order.order_id)))
    }
    facts = transaction.execute(
        select(ProductFact.connection_id, ProductFact.external_id, ProductFact.companions).where(
            ProductFact.connection_id.in_({key[0] for key in last.values()}),
            ProductFact.external_id.in_({key[1] for key in last.values()}),
            ProductFact.companions.is_not(None),
        )
    )
    companions = {
        (row.connection_id, row.external_id): [
            line.rpartition(" ")[0] for line in row.companions.splitlines()
        ]
        for row in facts
    }
    wanted = {id for ids in companions.values() for id in ids}
    titles = {
        (row.connection_id, row.external_id): row.title
        for row in transaction.execute(
            select(Product.connection_id, Product.external_id, Product.title).where(
                Product.connection_id.in_({key[0] for key in companions}),
                Product.external_id.in_(wanted),
                Product.deleted_at.is_(None),
            )
        )
    }
    accounts = [people[customer].key for customer in last]
    has = {
        tuple(row)
        for row in transaction.execute(
            select(Order.connection_id, Order.account_id, OrderLine.product_id)
            .join(
                OrderLine,
                and_(OrderLine.connection_id == Order.connection_id, OrderLine.order_id == Order.external_id),
            )
            .where(
                Order.connection_id.in_({key[0] for key in accounts}),
                Order.account_id.in_({key[1] for key in accounts}),
                OrderLine.product_id.in_(wanted),
            )
        )
    }
    found = {}
    for customer, product in last.items():
        shop = product[0]
        for id in companions.get(product, ()):
            if (shop, id) in titles and (*people[customer].key, id) not in has:
                found[customer] = titles[shop, id]
                break
    return found
