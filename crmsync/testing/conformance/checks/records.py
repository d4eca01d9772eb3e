"""What the mappings make of the platform's payloads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import msgspec

from crmsync.sdk import Record, checked
from crmsync.testing.conformance.bench import Bench, shown
from crmsync.testing.conformance.check import NotApplicable, Unmet, check

_AMOUNTS = ("total", "shipping", "discount", "tax", "price", "amount")
_TEXTS = {
    "products": (("title", 900), ("category", 900)),
    "customers": (("name", 900), ("region", 900), ("city", 900)),
    "refunds": (("reason", 20_000),),
    "reviews": (("title", 900), ("text", 20_000)),
    "conversations": (("agent_name", 900),),
}
_UNUSUAL = "名字 ñ Straße 🎁👩‍👩‍👧 עברית "


@check(
    "Every payload becomes a record",
    "Look at the field that is named: give it the type that docs/reference/records.md says.",
)
def records_valid(bench: Bench) -> None:
    for stream in bench.streams():
        record_of = bench.mapping(stream)
        for payload in (payload for page in bench.pages(stream) for payload in page.payloads):
            try:
                record = record_of(payload)
                if record is None:
                    continue
                if type(record) is not bench.kind.streams()[stream].record:
                    raise TypeError(f"the mapping made a {type(record).__name__}")
                checked(_without_known_faults(record))
            except Exception as error:
                raise Unmet(f"{stream}: {shown(error)}") from error


@check(
    "An id stands for one record",
    "Take the platform's own id of this very record, not of its buyer, product or place in the list.",
)
def ids_unique(bench: Bench) -> None:
    for stream in bench.streams():
        known: dict[str, Record] = {}
        for _, record in bench.records(stream):
            if not record.external_id:
                raise Unmet(f"{stream}: a record has no id")
            if known.setdefault(record.external_id, record) != record:
                raise Unmet(f"{stream}: two different records have the id {record.external_id!r}")


@check(
    "Pulled again, a record has the same id",
    "Make ids of what the platform says alone, never of a time, a counter or chance.",
)
def ids_stable(bench: Bench) -> None:
    for stream in bench.streams():
        first = [record.external_id for _, record in bench.records(stream)]
        second = [record.external_id for _, record in bench.records(stream)]
        if first != second:
            changed = next(a for a, b in zip(first, second, strict=False) if a != b)
            raise Unmet(f"{stream}: the record {changed!r} had another id the second time")


@check(
    "Times are aware, and none lies in the future",
    "Attach the platform's zone to local times; a local time that is labelled UTC is hours off.",
)
def times_aware(bench: Bench) -> None:
    now = bench.platform.now()
    for stream in bench.streams():
        for _, record in bench.records(stream):
            for name, time in _times(record):
                if time.tzinfo is None:
                    raise Unmet(f"{stream}: {name} of {record.external_id!r} is naive: {time}")
                if now and name != "promised_at" and time > now + timedelta(minutes=10):
                    raise Unmet(
                        f"{stream}: {name} of {record.external_id!r} is {time}; the platform's now is {now}"
                    )


@check(
    "Money is whole minor units",
    'Use minor("12.50", "CNY"): it knows each currency\'s decimals, and never goes through a float.',
)
def money_minor(bench: Bench) -> None:
    seen = False
    for stream in bench.streams():
        truths = bench.platform.orders() if stream == "orders" else {}
        for _, record in bench.records(stream):
            for name, amount in _amounts(record):
                seen = True
                if type(amount) is not int:
                    raise Unmet(f"{stream}: {name} of {record.external_id!r} is a {type(amount).__name__}")
            truth = truths.get(record.external_id)
            if truth is not None:
                told: Any = record
                if (told.total, told.currency) != (truth.total, truth.currency):
                    raise Unmet(
                        f"the order {record.external_id!r} costs {truth.total} {truth.currency}, "
                        f"and the record says {told.total} {told.currency} (in minor units)"
                    )
    if not seen:
        raise NotApplicable("no record has an amount")


@check(
    "Statuses mean what the platform means",
    "Map every status of the platform; a cancelled or refunded order must not count as bought.",
)
def statuses(bench: Bench) -> None:
    truths = bench.platform.orders()
    if "orders" not in bench.streams() or not truths:
        raise NotApplicable("the platform does not tell the truth of its orders: override orders()")
    for _, record in bench.records("orders"):
        truth = truths.get(record.external_id)
        status = record.status  # type: ignore[attr-defined]
        if truth is not None and status != truth.status:
            raise Unmet(f"the order {record.external_id!r} is {truth.status}, and the record says {status}")


@check(
    "An order has all its lines",
    "Where lines are a list of their own, read all its pages: read_all(…) does.",
)
def lines_whole(bench: Bench) -> None:
    truths = {id: truth.lines for id, truth in bench.platform.orders().items() if truth.lines is not None}
    if "orders" not in bench.streams() or not truths:
        raise NotApplicable("the platform does not say how many lines its orders have: OrderTruth(lines=…)")
    for _, record in bench.records("orders"):
        lines = len(record.lines)  # type: ignore[attr-defined]
        if lines != truths.get(record.external_id, lines):
            raise Unmet(
                f"the order {record.external_id!r} has {truths[record.external_id]} lines, "
                f"and the record {lines}"
            )


@check(
    "Text of any script and length arrives whole",
    "Pass text on as it came: no encoding to ASCII, no cutting; titles and names may have 1,000 characters.",
)
def long_text(bench: Bench) -> None:
    tried = False
    for stream in bench.streams():
        record_of = bench.mapping(stream)
        for payload, record in islice(bench.records(stream), 3):
            for value in set(_leaves(payload)):
                for name, length in _TEXTS.get(stream, ()):
                    text = (_UNUSUAL * (length // len(_UNUSUAL))).strip()
                    try:
                        got = getattr(record_of(_replaced(payload, value, text)), name)
                    except Exception:
                        # A word of the platform's, not a text of somebody's.
                        continue
                    if got == getattr(record, name):
                        continue
                    tried = True
                    if got is None or _bare(text) not in _bare(got):
                        raise Unmet(f"{stream}: {name} does not keep {len(text)} characters of many scripts")
    if not tried:
        raise NotApplicable("no text of a record comes from its payload")


def _bare(text: str) -> str:
    return "".join(text.split())


def _without_known_faults(record: Record) -> Record:
    """The record as it is without the faults that checks of their own are for."""
    changes: dict[str, Any] = {}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, datetime) and value.tzinfo is None:
            changes[name] = value.astimezone()
        elif name in _AMOUNTS and value is not None and type(value) is not int:
            changes[name] = 0
    return msgspec.structs.replace(record, **changes)


def _times(record: Any) -> Iterator[tuple[str, datetime]]:
    for part in _structs(record):
        for name in part.__struct_fields__:
            if isinstance(value := getattr(part, name), datetime):
                yield name, value


def _amounts(record: Any) -> Iterator[tuple[str, Any]]:
    for part in _structs(record):
        for name in _AMOUNTS:
            if (value := getattr(part, name, None)) is not None:
                yield name, value


def _structs(record: Any) -> Iterator[Any]:
    yield record
    for inner in (*getattr(record, "lines", ()), *getattr(record, "consents", ())):
        if isinstance(inner, msgspec.Struct):
            yield inner


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _leaves(inner)


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(inner, old, new) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, old, new) for inner in value]
    return new if value == old else value
