"""Facts as a rule sees them: columns of numbers as of one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from crmsync.insight import customer, quality, scope
from crmsync.insight.words import CONSULT_WINDOW, FOREVER
from crmsync.insight.zone import day_shifts
from crmsync.sdk import Facts
from crmsync.sdk.columns import INSTANTS, TEXT, stored
from crmsync.sdk.rule import Subject
from crmsync.store import Store
from crmsync.store.tables import to_instant

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_DAY = 86_400.0
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
    only_with: str | None = None,
) -> Facts:
    """The present facts of all subjects of a kind, of those a refresh after `changed_since` changed, or of
    those with a value in the column `only_with`."""
    names = stored(subject)
    where = "" if changed_since is None else "WHERE f.refresh_id > :since"
    if only_with is not None:
        where = f"WHERE f.{only_with} IS NOT NULL"
    with store.read() as connection:
        rows = connection.execute(
            text(
                f"SELECT {_id(subject)}, {', '.join(f'f.{name}' for name in names)}"
                f" FROM {subject}_fact f {_connection(subject)} {where} ORDER BY 1"
            ),
            {} if changed_since is None else {"since": changed_since},
        ).all()
    return _facts(subject, as_of, names, rows, partial(past_facts, store, subject))


def past_facts(store: Store, subject: Subject, until: datetime, *, known: datetime | None = None) -> Facts:
    """The facts of every subject as they were at `until`, by what had happened then.

    With `known`, only what we had learned by that time: leave it out for a history that was imported
    later than it happened. Records are kept as they are now; their states at `until` follow from
    their times (paid, delivered, cancelled, completed).
    """
    bounds = {
        "until": to_instant(until),
        "known": FOREVER if known is None else to_instant(known),
        "consult_window": CONSULT_WINDOW,
        "newline": "\n",
    }
    names = customer.columns() if subject == "customer" else quality.columns(subject)
    before = partial(past_facts, store, subject, known=known)
    with store.read() as connection:
        scope.prepare(connection)
        if not scope.fill(connection, subject, every=True):
            return _facts(subject, until, names, [], before)
        rows = connection.execute(
            text(
                f"SELECT {_id(subject)}, {', '.join(f'f.{name}' for name in names)}"
                f" FROM ({_select(connection, subject)}) f {_connection(subject)} ORDER BY 1"
            ),
            bounds,
        ).all()
    return _facts(subject, until, names, rows, before)


def _select(connection: Connection, subject: Subject) -> str:
    if subject == "customer":
        return customer.select(day_shifts(connection))
    return quality.select(subject, connection.dialect.name, full=True)


def _id(subject: Subject) -> str:
    return {"customer": "f.customer_id", "shop": "c.name"}.get(subject, "c.name || '/' || f.external_id")


def _connection(subject: Subject) -> str:
    return "" if subject == "customer" else "JOIN connection c ON c.id = f.connection_id"


def _facts(
    subject: Subject,
    as_of: datetime,
    names: Sequence[str],
    rows: Sequence[Any],
    past: Callable[[datetime], Facts],
) -> Facts:
    import numpy as np

    first, *rest = zip(*rows, strict=True) if rows else [()] * (len(names) + 1)
    ids = np.array([str(value) for value in first], dtype=object)
    columns = {
        name: np.array(values, dtype=object if name in TEXT else float)
        for name, values in zip(names, rest, strict=True)
    }
    for name in INSTANTS & columns.keys():
        columns[name] *= _MICRO
    if "response_time" in columns:
        columns["response_time"] *= _MICRO
    columns |= _derived(subject, as_of, columns.__getitem__)
    return Facts(subject, as_of, ids, columns, past)


def _derived(subject: Subject, as_of: datetime, of: Callable[[str], Array]) -> Iterable[tuple[str, Array]]:
    import numpy as np

    net = of("gross") - of("refunded")
    columns = {"net": net, "average_order": _per(net, of("currency_orders"))}
    if subject == "customer":
        now = as_of.timestamp()
        tenure = np.maximum((now - of("first_order_at")) / _DAY, 0)
        x = np.maximum(of("purchase_days") - 1, 0)
        t_x = of("last_day") - of("first_day")
        columns |= {
            "recency_days": np.maximum((now - of("last_order_at")) / _DAY, 0),
            "tenure_days": tenure,
            "x": x,
            "t_x": t_x,
            "T": np.maximum(np.floor(tenure), t_x),
            "mean_gap_days": _per(t_x, x),
        }
        return columns.items()
    reviews = of("reviews")
    columns |= {
        "trouble_rate": _per(of("troubled_orders"), of("orders")),
        "refund_rate": _per(of("refunded_orders"), of("orders")),
        "bad_review_rate": _per(of("bad_reviews"), reviews),
        "poor_review_rate": _per(of("bad_reviews") + of("neutral_reviews"), reviews),
    }
    if subject == "agent":
        columns |= {
            "mean_response": _per(of("response_time"), of("answered")),
            "conversion_rate": _per(of("converted"), of("consulted")),
        }
    return columns.items()


def _per(part: Array, whole: Array) -> Array:
    import numpy as np

    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
