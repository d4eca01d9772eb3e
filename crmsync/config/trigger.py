"""What gives a campaign a reason to write: a flag, a segment, a case, a date or a schedule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import core_schema

from crmsync.config.cases import Stage
from crmsync.config.part import Part
from crmsync.config.problem import refused
from crmsync.config.schedule import Schedule
from crmsync.sdk import Duration

TriggerDate = Literal["first_order", "last_order", "delivery", "anniversary", "birthday"]
"""A date of a customer. `anniversary` is the day of the first order, every year."""

_KNOWN_BEFORE = ("anniversary", "birthday")

TriggerChange = Literal["standing", "raised", "changed", "cleared", "entered", "left"]

_OF_A_SEGMENT = ("entered", "left")

_FIX = (
    "Write a rule's name, {flag: RULE, change: raised}, {segment: NAME, change: entered}, "
    "{case: closed, after: 7d}, {date: delivery, after: 14d}, or {schedule: …, flag: RULE}."
)


class Trigger(Part):
    """When a campaign has a reason to write. A rule's name alone is short for its standing flags."""

    flag: str | None = Field(None, description="A rule, by its name under `rules`: its flags on customers.")
    segment: str | None = Field(None, description="A segment, by its name under `segments`: its members.")
    change: TriggerChange = Field(
        "standing",
        description="What of it: that the flag stands or the customer is in the segment (again after each "
        "cooldown); or that the flag was just raised, changed its level or was cleared, or the segment "
        "entered or left.",
    )
    case: Stage | None = Field(
        None, description="A stage of complaint handling: of the customer's cases one has come there."
    )
    date: TriggerDate | None = Field(
        None,
        description="A date: of the first or last valid order, of the last delivery, the day of the "
        "first order in every later year, or the birthday.",
    )
    schedule: Schedule | None = Field(
        None, description="A time that comes round: all whose flag then stands, or who are in the segment."
    )
    after: Duration = Field(timedelta(), description="How long after that it writes.")
    before: Duration = Field(
        timedelta(), description="How long before an anniversary or a birthday it writes."
    )

    @property
    def stands(self) -> bool:
        """Whether the reason lasts, so that it is one again after each cooldown."""
        return self.case is None and self.date is None and self.schedule is None and self.change == "standing"

    @model_validator(mode="after")
    def _one_reason(self) -> Trigger:
        given = [key for key in ("flag", "segment", "case", "date") if getattr(self, key) is not None]
        if not given:
            raise refused("there is nothing to write about.", _FIX)
        if len(given) > 1 or ((self.case or self.date) and self.schedule):
            raise refused("when: flag, segment, case and date stand alone.", _FIX, key=given[-1])
        if self.change != "standing":
            of_it = self.segment if self.change in _OF_A_SEGMENT else self.flag
            if of_it is None or self.schedule is not None:
                raise refused(f"when: nothing here can be {self.change}.", _FIX, key="change")
        if self.before and self.date not in _KNOWN_BEFORE:
            raise refused("when: nobody knows this date before it comes.", "Use after.", key="before")
        if self.before and self.after:
            raise refused("when: it is either before or after.", "Keep one of them.", key="before")
        return self


class OrRule:
    """Lets a rule's name stand for a trigger on its standing flags."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(
            lambda value: {"flag": value} if isinstance(value, str) else value, handler(source)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(schema)]}
