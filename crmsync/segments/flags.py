"""The standing flags of customers, as selections look at them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, func, select

from crmsync.segments.evaluate import Flags
from crmsync.store.tables import Flag, FlagEvent

# Both databases take this many values in one list, and look each up in the index of standing flags.
_CHUNK = 500


def last_event(connection: Connection) -> int:
    """The last step of any flag; 0 before the first."""
    return connection.execute(select(func.coalesce(func.max(FlagEvent.id), 0))).scalar_one()


def changed_since(connection: Connection, event: int, rules: Iterable[str]) -> set[str]:
    """The customers on whom a flag of these rules has taken a step since."""
    query = select(FlagEvent.subject_id).where(
        FlagEvent.id > event, FlagEvent.subject == "customer", FlagEvent.rule.in_(list(rules))
    )
    return set(connection.scalars(query.distinct()))


def standing(
    connection: Connection, rules: Iterable[str], customers: Sequence[str] | None
) -> dict[str, Flags]:
    """The flags of each of these rules on the customers, or on all of them."""
    found: dict[str, tuple[dict[str, str], dict[str, str | None]]] = {rule: ({}, {}) for rule in rules}
    query = select(Flag.rule, Flag.subject_id, Flag.level, Flag.state).where(
        Flag.rule.in_(list(found)), Flag.subject == "customer", Flag.cleared_at.is_(None)
    )
    queries = [query]
    if customers is not None:
        chunks = range(0, len(customers), _CHUNK)
        queries = [query.where(Flag.subject_id.in_(customers[at : at + _CHUNK])) for at in chunks]
    for each in queries if found else ():
        for rule, customer, level, state in connection.execute(each):
            levels, states = found[rule]
            levels[customer], states[customer] = level, state
    return {rule: Flags(*flags) for rule, flags in found.items()}
