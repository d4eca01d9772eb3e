"""The hours in which no customer is written to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from crmsync.config.problem import refused

_FIX = "Write the start and the end as 21:00-09:00, or null for no quiet hours."


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` in the shop's zone, `end` excluded; over midnight when start is the later."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: object) -> QuietHours:
        """Raises pydantic's custom error with the remedy when the text is no span of hours."""
        if isinstance(text, QuietHours):
            return text
        start, dash, end = str(text).partition("-")
        try:
            hours = cls(time.fromisoformat(start.strip()), time.fromisoformat(end.strip()))
        except ValueError:
            raise refused("these are no quiet hours.", _FIX) from None
        if hours.start == hours.end:
            raise refused("these quiet hours start when they end.", _FIX)
        if not dash or hours.start.tzinfo or hours.end.tzinfo:
            raise refused("quiet hours have no zone of their own, the shop has.", _FIX)
        return hours

    def __contains__(self, local: time) -> bool:
        """Whether this local time of day is quiet."""
        if self.start < self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            serialization=core_schema.to_string_ser_schema(),
            json_schema_input_schema=core_schema.str_schema(pattern=r"^\s*\d\d:\d\d\s*-\s*\d\d:\d\d\s*$"),
        )
