"""Days of the shop's calendar on which no customer is written to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from crmsync.config.problem import refused

_PATTERN = r"^\s*(\d{4}-)?\d\d-\d\d(\s*\.\.\s*(\d{4}-)?\d\d-\d\d)?\s*$"
_FIX = "Write one day or a span: 2026-10-01, 2026-10-01..2026-10-07, or every year 12-24..12-26."
_LEAP_YEAR = 2000


@dataclass(frozen=True, slots=True)
class Holiday:
    """From `first` to `last`, both included. `yearly`: the years do not count, and a span may go over the
    turn of the year."""

    first: date
    last: date
    yearly: bool

    @classmethod
    def parse(cls, text: object) -> Holiday:
        """Raises pydantic's custom error with the remedy when the text is no day or span of days."""
        if isinstance(text, Holiday):
            return text
        start, dots, end = (part.strip() for part in str(text).partition(".."))
        yearly = re.fullmatch(r"\d\d-\d\d", start) is not None
        try:
            first = _day(start, yearly)
            last = _day(end, yearly) if dots else first
        except ValueError:
            raise refused("this is no holiday.", _FIX) from None
        if last < first and not yearly:
            raise refused("this holiday ends before it begins.", _FIX)
        return cls(first, last, yearly)

    def __contains__(self, day: date) -> bool:
        if not self.yearly:
            return self.first <= day <= self.last
        day = day.replace(year=_LEAP_YEAR)
        if self.first <= self.last:
            return self.first <= day <= self.last
        return day >= self.first or day <= self.last

    def __str__(self) -> str:
        shown = [f"{day:%m-%d}" if self.yearly else f"{day}" for day in (self.first, self.last)]
        return shown[0] if self.first == self.last else "..".join(shown)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            serialization=core_schema.to_string_ser_schema(),
            json_schema_input_schema=core_schema.str_schema(pattern=_PATTERN),
        )


def _day(text: str, yearly: bool) -> date:
    return date.fromisoformat(f"{_LEAP_YEAR}-{text}" if yearly else text)
