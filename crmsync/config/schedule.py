"""When a job runs: `every 10m`, or `cron 0 3 * * * Asia/Shanghai`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from crmsync.config.problem import refused
from crmsync.config.zone import check_zone
from crmsync.sdk.settings import parse_duration

_FIX = "Write `every 10m`, or `cron 0 3 * * * Asia/Shanghai` (minute, hour, day, month, weekday, zone)."
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_WEEKDAYS = "sun mon tue wed thu fri sat".split()
_ITEM = re.compile(r"^(?:\*|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?$")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Either `every` or `cron` is set.

    `cron` holds five fields whose weekdays are names, because programs disagree on which day is 0.
    `zone` is the IANA zone the cron is read in; None means UTC.
    """

    every: timedelta | None = None
    cron: str | None = None
    zone: str | None = None

    @classmethod
    def parse(cls, text: object) -> Schedule:
        """Raises pydantic's custom error with the remedy when the text is no schedule."""
        if isinstance(text, Schedule):
            return text
        kind, *words = text.split() if isinstance(text, str) and text.strip() else [""]
        if kind == "every" and len(words) == 1:
            return cls(every=_interval(words[0]))
        if kind == "cron" and len(words) in (5, 6):
            zone = check_zone(words[5]) if len(words) == 6 else None
            return cls(cron=_cron(words[:5]), zone=zone)
        if kind == "cron":
            raise refused(f"a cron schedule has 5 fields and a zone, not {len(words)} words.", _FIX)
        raise refused("this is no schedule.", _FIX)

    def __str__(self) -> str:
        if self.every is not None:
            return f"every {duration(self.every)}"
        return f"cron {self.cron} {self.zone or ''}".rstrip()

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            serialization=core_schema.to_string_ser_schema(),
            json_schema_input_schema=core_schema.str_schema(pattern=r"^\s*(every|cron)\s"),
        )


def duration(value: timedelta) -> str:
    """The way a duration is written in the configuration: `1h30m`."""
    left, parts = value.total_seconds(), []
    for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60)):
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count:.0f}{unit}")
    if left or not parts:
        parts.append(f"{left:g}s")
    return "".join(parts)


def _interval(word: str) -> timedelta:
    try:
        every: timedelta = parse_duration(word)
    except ValueError as error:
        raise refused(f"{error}.", _FIX) from None
    if every < timedelta(seconds=1):
        raise refused("a schedule runs at most once a second.", _FIX)
    return every


def _cron(fields: list[str]) -> str:
    minute, hour, day, month, weekday = (field.lower() for field in fields)
    for name, field, low, high, names in (
        ("minute", minute, 0, 59, []),
        ("hour", hour, 0, 23, []),
        ("day", day, 1, 31, []),
        ("month", month, 1, 12, _MONTHS),
    ):
        _values(name, field, low, high, names)
    if weekday != "*":
        days = sorted({value % 7 for value in _values("weekday", weekday, 0, 7, _WEEKDAYS)})
        weekday = ",".join(_WEEKDAYS[day] for day in days)
    return f"{minute} {hour} {day} {month} {weekday}"


def _values(name: str, field: str, low: int, high: int, names: list[str]) -> set[int]:
    """The values a cron field stands for; `names[0]` is `low`."""

    def number(word: str) -> int:
        value = names.index(word) + low if word in names else int(word) if word.isdecimal() else -1
        if not low <= value <= high:
            words = f" or one of {', '.join(names)}" if names else ""
            raise refused(f"the {name} of a cron schedule is a number from {low} to {high}{words}.", _FIX)
        return value

    values: set[int] = set()
    for item in field.split(","):
        match = _ITEM.match(item)
        if match is None or match["step"] == "0" or (match["step"] and match["low"] and not match["high"]):
            raise refused(f"the {name} of a cron schedule is *, 5, 1-5, 1,3 or */15.", _FIX)
        first = number(match["low"]) if match["low"] else low
        last = number(match["high"]) if match["high"] else first if match["low"] else high
        if last < first:
            raise refused(f"the {name} range of a cron schedule ends before it begins.", _FIX)
        values.update(range(first, last + 1, int(match["step"] or 1)))
    return values
