"""RFM scores: in which fifth of all buyers a customer is by recency, frequency and money, 5 the best.

Learned from all customers at every refresh, because one who buys moves the others; money is compared
within a currency. Of equal values all have the lowest fifth that any of them falls into, so that
a score depends on nothing but the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SCORES = ("r_score", "f_score", "m_score")

_DISTINCT = {"sqlite": "IS NOT", "postgresql": "IS DISTINCT FROM"}


def score_customers(connection: Connection, refresh: int) -> None:
    """Bring the scores in `customer_fact` up to date; whoever's moved is marked with this refresh."""
    import numpy as np

    rows = connection.execute(
        text("SELECT last_order_at, orders, gross - refunded, currency FROM customer_fact WHERE orders > 0")
    ).all()
    latest, orders, net, currency = zip(*rows, strict=True) if rows else ((), (), (), ())
    values: dict[str, Any] = {"refresh": refresh}
    r, f = (
        _expression(measure, _edges(np.array(of, float)), values)
        for measure, of in (("last_order_at", latest), ("orders", orders))
    )
    spent, currencies = np.array(net, float), np.array(currency, object)
    by_currency = [
        f"WHEN currency = :{_bind(values, each)}"
        f" THEN {_expression('gross - refunded', _edges(spent[currencies == each]), values)}"
        for each in sorted(set(currency))
    ]
    m = f"CASE {' '.join(by_currency)} END" if by_currency else "CAST(NULL AS INTEGER)"
    fresh = {
        name: f"CASE WHEN orders > 0 THEN {sql} END" for name, sql in zip(SCORES, (r, f, m), strict=True)
    }
    differs = _DISTINCT[connection.dialect.name]
    connection.execute(
        text(
            f"UPDATE customer_fact SET {', '.join(f'{name} = {sql}' for name, sql in fresh.items())},"
            f" scored_id = :refresh"
            f" WHERE {' OR '.join(f'{name} {differs} {sql}' for name, sql in fresh.items())}"
        ),
        values,
    )


def scores(facts: Mapping[str, Array]) -> dict[str, Array]:
    """The scores of all customers, NaN for those who never bought."""
    import numpy as np

    buyers = facts["orders"] > 0
    found = {name: np.full(len(buyers), np.nan) for name in SCORES}
    found["r_score"][buyers] = _fifth(facts["last_order_at"][buyers])
    found["f_score"][buyers] = _fifth(facts["orders"][buyers])
    net = facts["gross"] - facts["refunded"]
    for currency in set(facts["currency"][buyers].tolist()):
        rows = buyers & (facts["currency"] == currency)
        found["m_score"][rows] = _fifth(net[rows])
    return found


def _edges(values: Array) -> list[float]:
    """The value at the end of each fifth but the last."""
    import numpy as np

    rising, size = np.sort(values), len(values)
    return [float(rising[-(-fifth * size // 5) - 1]) for fifth in range(1, 5)] if size else []


def _fifth(values: Array) -> Array:
    import numpy as np

    return 1 + sum((values > edge for edge in _edges(values)), start=np.zeros(len(values)))


def _expression(measure: str, edges: Iterable[float], values: dict[str, Any]) -> str:
    above = (f"CASE WHEN {measure} > :{_bind(values, int(edge))} THEN 1 ELSE 0 END" for edge in edges)
    return " + ".join(("1", *above))


def _bind(values: dict[str, Any], value: Any) -> str:
    name = f"edge_{len(values)}"
    values[name] = value
    return name
