"""One campaign: who is written to, why, what, and how often."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from crmsync.config.part import Language, Name, Part
from crmsync.config.problem import refused
from crmsync.config.quiet_hours import QuietHours
from crmsync.config.step import Step, Templates
from crmsync.config.trigger import OrRule, Trigger
from crmsync.sdk import Duration, Share
from crmsync.sdk.records import Purpose
from crmsync.sdk.rule import Level

_Words = Annotated[str, Field(min_length=1, max_length=200)]


class Campaign(Part):
    """Who is written to, when a rule, a segment, a case, a date or a schedule gives a reason."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["template"]}, {"required": ["steps"]}]}
    )

    name: Name = Field(description="Your name for it; it is part of every message's key, so keep it.")
    when: Annotated[Trigger, OrRule()] = Field(
        description="The rule, by its name under `rules`, whose standing flags it answers; or a trigger."
    )
    level: Level | None = Field(None, description="Answer flags of this level and above only.")
    state: str | None = Field(
        None,
        description="Answer flags in this state only: a stage, a type or a tier, as the rule calls it; or "
        "cases of this type.",
    )
    segment: str | None = Field(None, description="Write to members of this segment only.")
    channel: str | list[str] = Field(
        "platform",
        description="The id of the channel it writes through, or several: the first that may reach the "
        "customer and does.",
    )
    purpose: Purpose = Field("marketing", description="What the consent must cover.")
    template: Templates | None = Field(
        None, description="A template of crmsync by its name, or a file beside this one."
    )
    steps: list[Step] = Field(
        [], description="In place of one template: several steps, one after the other for each customer."
    )
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

    @property
    def journey(self) -> tuple[Step, ...]:
        """The steps; a template alone is the only one."""
        return tuple(self.steps) or (Step(template=self.template),)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels in the order in which they are tried."""
        return (self.channel,) if isinstance(self.channel, str) else tuple(self.channel)

    def offer_in(self, language: str) -> str | None:
        """The offer as a reader of the language is told of it."""
        if isinstance(self.offer, dict):
            return next((text for known, text in self.offer.items() if known == language), None)
        return self.offer

    @model_validator(mode="after")
    def _says_something(self) -> Campaign:
        if self.template is None and not self.steps:
            about = type(self).model_fields["template"].description
            raise refused("template is missing.", f"Add template. It means: {about}", key="template")
        if self.template is not None and self.steps:
            raise refused("steps: template is one already.", "Make it the first of the steps.", key="steps")
        if not self.channels:
            raise refused("channel: there is none.", "Name at least one.", key="channel")
        first, *later = self.journey
        if first.wait or first.stop_if:
            raise refused("steps: the first waits for nothing.", "Use when: {…, after: 2d}.", key="steps")
        if sum((step.wait for step in later), timedelta()) > self.cooldown:
            raise refused(
                "cooldown: the steps take longer.", "Make it as long as all they wait.", key="cooldown"
            )
        if self.when.flag is None and any("cleared" in step.stop_if for step in later):
            raise refused("steps: only a flag can be cleared.", "Remove cleared.", key="steps")
        return self

    @model_validator(mode="after")
    def _levels_are_of_flags(self) -> Campaign:
        if self.level is not None and self.when.flag is None:
            raise refused("level: only flags have one.", "Remove it.", key="level")
        if self.state is not None and self.when.flag is None and self.when.case is None:
            raise refused("state: only flags and cases have one.", "Remove it.", key="state")
        return self
