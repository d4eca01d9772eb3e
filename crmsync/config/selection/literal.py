"""What may be compared with each kind of column, in the column's own unit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from crmsync.config.problem import nearest
from crmsync.config.selection.problem import Fault
from crmsync.config.selection.token import Token
from crmsync.config.selection.tree import Ago, Money, Value
from crmsync.sdk.columns import Column, Kind
from crmsync.sdk.money import exponent

_UNITS = {
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
    **dict.fromkeys(("w", "week", "weeks"), timedelta(weeks=1)),
    **dict.fromkeys(("h", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("m", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("s", "second", "seconds"), timedelta(seconds=1)),
}
_UNEVEN = ("month", "months", "year", "years")
_EXAMPLE: dict[Kind, tuple[str, str]] = {
    "number": ("a number", "3"),
    "money": ("an amount of money", "1000 CNY"),
    "share": ("a share", "8%"),
    "days": ("a length of time", "90 days"),
    "seconds": ("a length of time", "30 minutes"),
    "moment": ("a time", "2026-05-01 or 30 days ago"),
    "day": ("a day", "2026-05-01 or 30 days ago"),
    "text": ("text", '"CNY"'),
}

Take = Callable[[], Token]
Peek = Callable[[], Token]


class Unfit(Exception):
    """What stands there cannot be compared with the column."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.message)


def unfit(column: Column, at: int) -> Unfit:
    """Says what the column may be compared with."""
    what, example = _EXAMPLE[column.kind]
    return Unfit(Fault(at, f"{column.name} is {what}, and this is none.", f"Write it as {example}."))


def literal(column: Column, first: Token, peek: Peek, take: Take) -> Value:
    """The value that begins with this token. Raises Unfit."""
    if first.kind in ("text", "word"):
        if column.kind == "text":
            return first.text
    elif first.kind == "moment":
        if column.kind in ("moment", "day"):
            return _moment(column, first)
    elif first.kind == "number":
        return _number(column, first, peek, take)
    raise unfit(column, first.at)


def _number(column: Column, first: Token, peek: Peek, take: Take) -> Value:
    if first.text.endswith("%"):
        if column.kind != "share":
            raise unfit(column, first.at)
        return float(first.text[:-1]) / 100
    number = float(first.text)
    unit = take() if peek().kind == "word" and peek().text.lower() not in ("and", "or") else None
    if column.kind == "money":
        if unit is None or not _currency(unit.text):
            at = unit.at if unit else first.at
            fix = f"Give it a currency: {first.text} CNY."
            raise Unfit(Fault(at, f"{column.name} is an amount of money.", fix))
        return Money(round(number * 10 ** exponent(unit.text), 4), unit.text)
    if column.kind in ("number", "share", "text") or (unit is None and column.kind in ("moment", "day")):
        if unit is None and column.kind in ("number", "share"):
            return number
        raise unfit(column, unit.at if unit and column.kind != "text" else first.at)
    if unit is None:
        return number
    length = number * _unit(unit)
    if column.kind in ("moment", "day"):
        if peek().text != "ago":
            raise Unfit(Fault(unit.at, f"{column.name} is a time, and this is a length of one.", "Add ago."))
        take()
        return Ago(length, days=column.kind == "day")
    return length / timedelta(**{column.kind: 1})


def _unit(token: Token) -> timedelta:
    if token.text in _UNEVEN:
        fix = "Write it in days: 30 days, 365 days."
        raise Unfit(Fault(token.at, f"a {token.text.rstrip('s')} has no fixed length.", fix))
    if token.text not in _UNITS:
        known = [unit for unit in _UNITS if len(unit) > 1]
        raise Unfit(Fault(token.at, f"{token.text} is no unit of time.", nearest(token.text, known)))
    return _UNITS[token.text]


def _moment(column: Column, token: Token) -> float:
    try:
        moment = datetime.fromisoformat(token.text)
    except ValueError:
        raise Unfit(Fault(token.at, f"there is no day {token.text}.", "Write it as 2026-05-01.")) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp() if column.kind == "moment" else float(moment.timestamp() // 86_400)


def _currency(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()
