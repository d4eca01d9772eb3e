"""One campaign: who is written to, why, what, and how often."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from crmsync.config.part import Language, Name, Part
from crmsync.config.problem import refused
from crmsync.config.quiet_hours import QuietHours
from crmsync.config.trigger import OrRule, Trigger
from crmsync.sdk import Duration, Share
from crmsync.sdk.records import Purpose
from crmsync.sdk.rule import Level

_Words = Annotated[str, Field(min_length=1, max_length=200)]


class Campaign(Part):
    """Who is written to, when a rule, a date or a schedule gives a reason."""

    name: Name = Field(description="Your name for it; it is part of every message's key, so keep it.")
    when: Annotated[Trigger, OrRule()] = Field(
        description="The rule, by its name under `rules`, whose standing flags it answers; or a trigger."
    )
    level: Level | None = Field(None, description="Answer flags of this level and above only.")
    state: str | None = Field(
        None, description="Answer flags in this state only: a stage, a type or a tier, as the rule calls it."
    )
    channel: str = Field("platform", description="The id of the channel it writes through.")
    purpose: Purpose = Field("marketing", description="What the consent must cover.")
    template: str = Field(description="A template of crmsync by its name, or a file beside this one.")
    offer: _Words | dict[Language, _Words] | None = Field(
        None,
        description="What the customer gets, in your words, for templates to name: a present, a "
        "compensation; one text, or one for each language.",
    )
    language: Language | None = Field(None, description="The customer's own, else that of the config.")
    cooldown: Duration = Field(timedelta(days=90), description="How long before it may write again.")
    expires: Duration = Field(timedelta(hours=72), description="A message not sent by then is dropped.")
    quiet_hours: QuietHours | None = Field(
        QuietHours(time(21), time(9)), description="Hours of the shop's day in which nothing is sent."
    )
    on_holidays: bool = Field(False, description="Send on the holidays under `limits` too.")
    daily_cap: Annotated[int, Field(ge=0)] = Field(50, description="Messages a day at the most.")
    approve: Literal["first", "always", "never"] = Field(
        "first", description="Whether a person approves: the first messages of a template, all, or none."
    )
    approvals: Annotated[int, Field(ge=1, le=2)] = Field(
        1, description="How many people must approve: two are two different ones."
    )
    control_group: Share = Field(0.0, description="The share that is left alone, to compare with.")
    priority: int = Field(
        0,
        description="Where campaigns compete for one customer under `limits`, the higher number writes; "
        "of equals the one that stands first.",
    )
    enabled: bool = Field(True, description="Whether it plans and sends.")

    def offer_in(self, language: str) -> str | None:
        """The offer as a reader of the language is told of it."""
        if isinstance(self.offer, dict):
            return next((text for known, text in self.offer.items() if known == language), None)
        return self.offer

    @model_validator(mode="after")
    def _levels_are_of_flags(self) -> Campaign:
        for key in ("level", "state"):
            if getattr(self, key) is not None and self.when.flag is None:
                raise refused(f"{key}: only flags have one.", "Remove it.", key=key)
        return self
