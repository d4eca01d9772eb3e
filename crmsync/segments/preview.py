"""Who would belong to a segment now, and by what; nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from crmsync.config.selection import facts_in, flags_in, parse
from crmsync.insight import load_facts
from crmsync.sdk import Facts, display
from crmsync.sdk.columns import COLUMNS, Kind
from crmsync.segments import flags
from crmsync.segments.evaluate import Flags, holds
from crmsync.store import Store
from crmsync.store.tables import Account, SegmentMember

_KINDS = {column.name: column.kind for column in COLUMNS["customer"]}


@dataclass(frozen=True, slots=True)
class Member:
    """One customer with what puts them in: facts as a person reads them, and flags. `name` is masked."""

    customer_id: int
    name: str
    facts: dict[str, str]
    flags: dict[str, str]


@dataclass(frozen=True, slots=True)
class SegmentPreview:
    """Of `customers`, `members` belong to it now; `entering` are not in it yet, `leaving` still are."""

    name: str
    selection: str
    customers: int
    members: int
    entering: int
    leaving: int
    examples: tuple[Member, ...]


def preview_segment(
    store: Store, name: str, selection: str, now: datetime, *, examples: int = 5
) -> SegmentPreview:
    """What a refresh would make of this segment. Raises InvalidSelection."""
    import numpy as np

    tree = parse(selection)
    facts = load_facts(store, "customer", now)
    with store.read() as connection:
        standing = flags.standing(connection, flags_in(tree), None)
        inside = set(
            connection.scalars(
                select(SegmentMember.customer_id).where(
                    SegmentMember.segment == name, SegmentMember.left_at.is_(None)
                )
            )
        )
    places = np.flatnonzero(holds(tree, facts, standing, now)) if len(facts) else np.array([], int)
    fitting = {int(facts.ids[place]) for place in places}
    shown = [int(place) for place in places[:examples]]
    names = _names(store, [int(facts.ids[place]) for place in shown])
    return SegmentPreview(
        name,
        selection,
        len(facts),
        len(fitting),
        len(fitting - inside),
        len(inside - fitting),
        tuple(_member(facts, place, facts_in(tree), standing, names) for place in shown),
    )


def masked(name: str | None) -> str:
    """A name of which only the first character can be read: 王**."""
    name = (name or "").strip()
    return f"{name[0]}**" if name else ""


def _names(store: Store, customers: list[int]) -> dict[int, str | None]:
    query = select(Account.customer_id, Account.name).where(Account.customer_id.in_(customers))
    with store.read() as connection:
        return dict(connection.execute(query.order_by(Account.connection_id.desc())).all())


def _member(
    facts: Facts,
    place: int,
    columns: tuple[str, ...],
    standing: dict[str, Flags],
    names: dict[int, str | None],
) -> Member:
    id = facts.ids[place]
    return Member(
        int(id),
        masked(names.get(int(id))),
        {name: _shown(facts[name][place], _KINDS[name], facts["currency"][place]) for name in columns},
        {rule: _flag(found, id) for rule, found in standing.items() if id in found.levels},
    )


def _flag(found: Flags, id: str) -> str:
    return ", ".join(filter(None, (found.levels[id], found.states[id])))


def _shown(value: Any, kind: Kind, currency: str | None) -> str:
    """The value as a person reads it; nothing where it is not known."""
    if value is None or value != value:
        return ""
    if kind == "text":
        return str(value)
    if kind == "money" and currency:
        return display(round(value), currency)
    if kind in ("moment", "day"):
        seconds = value * 86_400 if kind == "day" else value
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
    return f"{value:.1%}" if kind == "share" else f"{value:g}" if value == int(value) else f"{value:.1f}"
