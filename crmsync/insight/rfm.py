"""RFM scores: in which fifth of all buyers a customer is by recency, frequency and money, 5 the best.

Learned from all customers at every refresh, because one who buys moves the others; money is compared
within a currency. Of equal values all have the lowest fifth that any of them falls into, so that
a score depends on nothing but the facts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SCORES = ("r_score", "f_score", "m_score")

# A row for each of a million customers would be made for nothing but to be taken apart again.
_BUYERS = """SELECT currency, {all}(last_order_at), {all}(orders), {all}(gross - refunded)
 FROM customer_fact WHERE orders > 0 GROUP BY currency ORDER BY currency"""
_ALL = {"sqlite": "json_group_array", "postgresql": "array_agg"}
_DISTINCT = {"sqlite": "IS NOT", "postgresql": "IS DISTINCT FROM"}


def score_customers(connection: Connection, refresh: int) -> int:
    """Bring the scores in `customer_fact` up to date; whoever's moved is marked with this refresh.

    How many there are of whom nothing else changed.
    """
    import numpy as np

    dialect = connection.dialect.name
    buyers = connection.execute(text(_BUYERS.format(all=_ALL[dialect]))).all()
    columns = [[json.loads(each) if isinstance(each, str) else each for each in row[1:]] for row in buyers]
    latest, orders = (np.array([x for row in columns for x in row[place]], float) for place in (0, 1))
    values: dict[str, Any] = {"refresh": refresh}
    r = _expression("last_order_at", _edges(latest), values)
    f = _expression("orders", _edges(orders), values)
    by_currency = [
        f"WHEN currency = :{_bind(values, currency)}"
        f" THEN {_expression('gross - refunded', _edges(np.array(net, float)), values)}"
        for (currency, *_), (_, _, net) in zip(buyers, columns, strict=True)
    ]
    m = f"CASE {' '.join(by_currency)} END" if by_currency else "CAST(NULL AS INTEGER)"
    fresh = {
        name: f"CASE WHEN orders > 0 THEN {sql} END" for name, sql in zip(SCORES, (r, f, m), strict=True)
    }
    differs = _DISTINCT[dialect]
    moved = (
        f"UPDATE customer_fact SET {', '.join(f'{name} = {sql}' for name, sql in fresh.items())},"
        f" scored_id = :refresh"
        f" WHERE {' OR '.join(f'{name} {differs} {sql}' for name, sql in fresh.items())}"
    )
    alone = "WHERE refresh_id <> :refresh"
    if dialect == "postgresql":
        count = f"WITH moved AS ({moved} RETURNING refresh_id) SELECT COUNT(*) FROM moved {alone}"
    else:
        connection.execute(text(moved), values)
        count = f"SELECT COUNT(*) FROM customer_fact {alone} AND scored_id = :refresh"
        values = {"refresh": refresh}
    return int(connection.execute(text(count), values).scalar_one())


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
