"""One step of a campaign: a message, or something the customer's platform does."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from crmsync.config.part import Part
from crmsync.config.problem import refused
from crmsync.sdk import Duration

Action = Literal["send_message", "issue_coupon", "tag_customer", "add_note"]
"""What a step does, by the name of the connector's push."""

Templates = str | dict[str, str]
"""One template, or one for each state or level of the flag or type of the case, `default` for the rest."""

_Words = Annotated[str, Field(min_length=1, max_length=200)]
_DOES = ("template", "issue_coupon", "tag_customer", "add_note")


class Step(Part):
    """One step of a campaign, after the one before has been carried out: exactly one of `template`,
    `issue_coupon`, `tag_customer` and `add_note`."""

    wait: Duration = Field(timedelta(), description="How long after the step before.")
    stop_if: list[Literal["bought", "cleared"]] = Field(
        [],
        description="What ends the campaign for a customer before this step: that they have bought since the "
        "first step, or that the flag was cleared.",
    )
    template: Templates | None = Field(
        None, description="What is sent: a template, or one for each state or level, and a `default`."
    )
    issue_coupon: _Words | None = Field(
        None,
        description="A coupon of the customer's platform, by the name the connection knows it under; later "
        "steps may name its `coupon_code`.",
    )
    tag_customer: _Words | None = Field(None, description="A tag the customer gets on their platform.")
    add_note: _Words | None = Field(None, description="A note for the shop's own staff on their platform.")

    @property
    def action(self) -> Action:
        """The connector's push, or `send_message`."""
        if self.issue_coupon is not None:
            return "issue_coupon"
        if self.tag_customer is not None:
            return "tag_customer"
        return "add_note" if self.add_note is not None else "send_message"

    @property
    def content(self) -> str:
        """What is pushed: the coupon's name, the tag, the note."""
        return self.issue_coupon or self.tag_customer or self.add_note or ""

    @property
    def templates(self) -> dict[str, str]:
        """The templates by state or level; `default` is for the rest."""
        return {"default": self.template} if isinstance(self.template, str) else self.template or {}

    @model_validator(mode="after")
    def _does_one_thing(self) -> Step:
        if sum(getattr(self, name) is not None for name in _DOES) != 1:
            raise refused("a step does exactly one thing.", f"Give it one of {', '.join(_DOES)}.")
        if "default" not in self.templates and self.template is not None:
            raise refused("template: nothing is sent to the rest.", "Add default.", key="template")
        return self
