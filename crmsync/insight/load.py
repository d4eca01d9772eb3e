"""Facts as a rule sees them: columns of numbers as of one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, text

from crmsync.insight import customer, quality, rfm, scope, tally
from crmsync.insight.profiling import REFUSING
from crmsync.insight.windows import USUAL, windows_of_facts
from crmsync.insight.words import FOREVER
from crmsync.insight.zone import day_shifts
from crmsync.sdk import Facts
from crmsync.sdk.columns import INSTANTS, TEXT, stored
from crmsync.sdk.rule import Subject, Within
from crmsync.store import Store, plan_for
from crmsync.store.tables import to_instant

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# So many values both databases take in one list.
_CHUNK = 10_000
_SHOPS = "SELECT connection_id, orders, currency, gross FROM shop_fact"
_DAY = 86_400.0
_SECOND, _MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
_MICRO = 1e-6


def last_refresh(store: Store) -> int:
    """The refresh that last changed a fact; 0 before the first."""
    with store.read() as connection:
        return connection.execute(text("SELECT COALESCE(MAX(id), 0) FROM fact_refresh")).scalar_one()


def load_facts(
    store: Store,
    subject: Subject,
    as_of: datetime,
    *,
    changed_since: int | None = None,
    scores: bool = True,
    within: Within | None = None,
) -> Facts:
    """The present facts of all subjects of a kind, of those a refresh after `changed_since` changed, or of
    those `within`. Where `scores` is false, a customer whose scores alone moved has not changed."""
    names = stored(subject)
    where = f"WHERE {_judgeable(subject)}"
    values: dict[str, int] = {}
    if within is not None:
        where, values = f"{where} AND {_between(within)}", _bounds(within, as_of)
    elif changed_since is not None:
        moved = " OR f.scored_id > :since" if subject == "customer" and scores else ""
        where, values = f"{where} AND (f.refresh_id > :since{moved})", {"since": changed_since}
    with store.read() as connection:
        rows = connection.execute(
            text(
                f"SELECT {_listed(subject, names)}"
                f" FROM {_named(subject, f'{subject}_fact')} {where} ORDER BY 1"
            ),
            values,
        ).all()
        shops = _shops(connection, _SHOPS, {})
    return _facts(subject, as_of, names, rows, shops, partial(past_facts, store, subject))


def _between(within: Within) -> str:
    column = f"f.{within.column}"
    parts = [f"{column} IS NOT NULL"]
    if within.least is not None:
        parts.append(f"{column} <= :latest")
    if within.most is not None:
        parts.append(f"{column} >= :earliest")
    return " AND ".join(parts)


def _bounds(within: Within, as_of: datetime) -> dict[str, int]:
    """The earliest and the latest time, a second wider: the seconds in facts lack the last digits."""
    now, bounds = to_instant(as_of), {}
    if within.least is not None:
        bounds["latest"] = now - (within.least - _SECOND) // _MICROSECOND
    if within.most is not None:
        bounds["earliest"] = now - (within.most + _SECOND) // _MICROSECOND
    return bounds


def facts_of(store: Store, subject: Subject, ids: Iterable[str], as_of: datetime) -> Facts:
    """The present facts of these subjects alone; one that has none is left out."""
    names = stored(subject)
    query = text(
        f"SELECT {_listed(subject, names)} FROM {_named(subject, f'{subject}_fact')}"
        f" WHERE {_key(subject)} IN :ids AND {_judgeable(subject)} ORDER BY 1"
    ).bindparams(bindparam("ids", expanding=True))
    wanted = sorted({int(id) for id in ids} if subject == "customer" else set(ids))
    rows: list[Any] = []
    with store.read() as connection:
        for start in range(0, len(wanted), _CHUNK):
            rows += connection.execute(query, {"ids": wanted[start : start + _CHUNK]}).all()
        shops = _shops(connection, _SHOPS, {})
    return _facts(subject, as_of, names, rows, shops, partial(past_facts, store, subject))


def past_facts(store: Store, subject: Subject, until: datetime, *, known: datetime | None = None) -> Facts:
    """The facts of every subject as they were at `until`, by what had happened then.

    With `known`, only what we had learned by that time: leave it out for a history that was imported
    later than it happened. Records are kept as they are now; their states at `until` follow from
    their times (paid, delivered, cancelled, completed).
    """
    before = partial(past_facts, store, subject, known=known)
    with store.read() as connection:
        bounds = {
            "until": to_instant(until),
            "known": FOREVER if known is None else to_instant(known),
            "newline": "\n",
            **(windows_of_facts(connection) or USUAL).bounds(),
        }
        zones, dialect = day_shifts(connection), connection.dialect.name
        plan_for(connection)
        scope.prepare(connection)
        if subject == "customer":
            size = scope.fill_customers(connection, every=True)
            query, shops = customer.select(zones, dialect), {}
        else:
            tally.count_past(connection, subject, zones, bounds)
            size = scope.fill_every(connection, subject, bounds, tally.PAST)
            query = quality.select(subject, zones, dialect, past=tally.PAST)
            shops = _shops(connection, quality.shop_totals(), bounds)
        if not size:
            return _facts(subject, until, _columns(subject), [], {}, before)
        names = _columns(subject)
        rows = connection.execute(
            text(
                f"SELECT {_listed(subject, names)} FROM {_named(subject, f'({query})')}"
                f" WHERE {_judgeable(subject)} ORDER BY 1"
            ),
            bounds,
        ).all()
    return _facts(subject, until, names, rows, shops, before)


_Shop = tuple[float, str | None, float]
"""A shop's valid orders, and what it sold in its main currency."""


def _shops(connection: Connection, query: str, bounds: Mapping[str, Any]) -> dict[int, _Shop]:
    rows = connection.execute(text(query), bounds)
    return {id: (float(orders), currency, float(gross)) for id, orders, currency, gross in rows}


def _columns(subject: Subject) -> list[str]:
    return customer.columns() if subject == "customer" else quality.columns(subject)


def _listed(subject: Subject, names: Sequence[str]) -> str:
    """The subject's key, the connection it belongs to, its columns."""
    connection = "0" if subject == "customer" else "c.id"
    return ", ".join((_key(subject), connection, *(f"f.{name}" for name in names)))


def _judgeable(subject: Subject) -> str:
    """Who refuses to be profiled is in no facts: neither judged nor learned from."""
    return f"f.customer_id NOT IN ({REFUSING})" if subject == "customer" else "1 = 1"


def _key(subject: Subject) -> str:
    return {"customer": "f.customer_id", "shop": "c.name"}.get(subject, "c.name || '/' || f.external_id")


def _named(subject: Subject, source: str) -> str:
    return (
        f"{source} f" if subject == "customer" else f"{source} f JOIN connection c ON c.id = f.connection_id"
    )


def _facts(
    subject: Subject,
    as_of: datetime,
    names: Sequence[str],
    rows: Sequence[Any],
    shops: Mapping[int, _Shop],
    past: Callable[[datetime], Facts],
) -> Facts:
    import numpy as np

    first, connections, *rest = zip(*rows, strict=True) if rows else [()] * (len(names) + 2)
    ids = np.array([str(value) for value in first], dtype=object)
    columns = {
        name: np.array(values, dtype=object if name in TEXT else float)
        for name, values in zip(names, rest, strict=True)
    }
    if subject == "customer" and rfm.SCORES[0] not in columns:
        columns |= rfm.scores(columns)
    for name in (INSTANTS | {"response_time"}) & columns.keys():
        columns[name] *= _MICRO
    columns |= _derived(subject, as_of, columns.__getitem__)
    if subject in ("product", "agent"):
        columns |= _within_shop(subject, columns, [shops.get(id, (0.0, None, 0.0)) for id in connections])
    return Facts(subject, as_of, ids, columns, past)


def _derived(subject: Subject, as_of: datetime, of: Callable[[str], Array]) -> Iterable[tuple[str, Array]]:
    net = of("gross") - of("refunded")
    columns = {"net": net, "average_order": _per(net, of("currency_orders"))}
    if subject == "customer":
        return (columns | _rhythm(as_of, of)).items()
    poor = of("bad_reviews") + of("neutral_reviews")
    columns |= {
        "trouble_rate": _per(of("troubled_orders"), of("orders")),
        "complaint_rate": _per(of("complaints"), of("orders")),
        "refund_rate": _per(of("refunded_orders"), of("orders")),
        "return_rate": _per(of("returns") + of("exchanges"), of("delivered_orders")),
        "bad_review_rate": _per(of("bad_reviews"), of("reviews")),
        "poor_review_rate": _per(poor, of("reviews")),
        "poor_reviews_per_order": _per(poor, of("orders")),
    }
    if subject != "product":
        columns["average_customer"] = _per(net, of("customers"))
    if subject == "agent":
        columns |= {
            "mean_response": _per(of("response_time"), of("answered")),
            "conversion_rate": _per(of("converted"), of("consulted")),
            "complaints_per_inquiry": _per(of("complaints"), of("inquiries")),
            "attendance_rate": _per(of("attendance_days"), of("scheduled_days")),
        }
    return columns.items()


def _rhythm(as_of: datetime, of: Callable[[str], Array]) -> dict[str, Array]:
    """What a customer's purchases and the clock say together."""
    import numpy as np

    now = as_of.timestamp()
    tenure = np.maximum((now - of("first_order_at")) / _DAY, 0)
    x = np.maximum(of("purchase_days") - 1, 0)
    t_x = of("last_day") - of("first_day")
    scatter = np.maximum(of("gap_squares") - _per(t_x * t_x, x), 0)
    return {
        "recency_days": np.maximum((now - of("last_order_at")) / _DAY, 0),
        "tenure_days": tenure,
        "x": x,
        "t_x": t_x,
        "T": np.maximum(np.floor(tenure), t_x),
        "mean_gap_days": _per(t_x, x),
        "gap_sd_days": np.sqrt(_per(scatter, x - 1)),
        "last_three_average": _per(of("last_three"), np.minimum(of("currency_orders"), 3)),
    }


def _within_shop(subject: Subject, columns: Mapping[str, Array], shops: Sequence[_Shop]) -> dict[str, Array]:
    """What a product or an agent is within its shop."""
    import numpy as np

    if subject == "product":
        return {"basket_orders": np.array([orders for orders, _, _ in shops], dtype=float)}
    same = columns["currency"] == np.array([currency for _, currency, _ in shops], dtype=object)
    gross = np.array([gross for _, _, gross in shops], dtype=float)
    return {"sales_share": np.where(same, _per(columns["gross"], gross), np.nan)}


def _per(part: Array, whole: Array) -> Array:
    import numpy as np

    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
