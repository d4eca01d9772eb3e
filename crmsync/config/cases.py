"""How complaints are seen through."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from crmsync.config.part import Name, Part
from crmsync.sdk import Duration, Share
from crmsync.sdk.records import Currency

Stage = Literal["received", "accepted", "explained", "solved", "follow_up", "closed"]
"""The five stages of complaint handling, and the end."""


class DueTimes(Part):
    """How long a case may stay in each stage before it is overdue."""

    received: Duration = Field(timedelta(hours=4), description="Until somebody takes it. 受理")
    accepted: Duration = Field(timedelta(days=1), description="Until the customer has an explanation. 接受")
    explained: Duration = Field(timedelta(days=1), description="Until a solution is offered. 解释澄清")
    solved: Duration = Field(
        timedelta(days=7), description="Until the customer is asked whether it helped. 提出解决方案"
    )
    follow_up: Duration = Field(timedelta(days=3), description="Until the answer is known. 跟踪回访")


class Cases(Part):
    """Complaints: what opens a case, how long each stage may take, and what may be promised."""

    open_on: list[Name] = Field([], description="The rules, by name, whose flags on customers open a case.")
    owner: str | None = Field(None, description="Who gets new cases, until somebody is assigned.")
    due: DueTimes = Field(DueTimes(), description="How long each stage of an ordinary case may take.")
    serious: Share = Field(0.5, description="A serious case has this part of those times.")
    compensation_cap: dict[Currency, Annotated[Decimal, Field(ge=0)]] = Field(
        {},
        description="The most a case may promise, in major units, by currency; else nothing.",
    )
    recurring: Annotated[int, Field(ge=2)] = Field(
        3, description="So many cases of one type about one product are a recurring fault."
    )
    recurring_within: Duration = Field(timedelta(days=30), description="The time they are counted in.")
