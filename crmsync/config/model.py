"""The configuration as the program sees it: typed, frozen, every path absolute."""

from __future__ import annotations

import ipaddress
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, model_validator

from crmsync.config.database import Database
from crmsync.config.problem import refused
from crmsync.config.quiet_hours import QuietHours
from crmsync.config.schedule import Schedule
from crmsync.config.zone import Zone
from crmsync.sdk import Duration, Settings, Share
from crmsync.sdk.records import Purpose
from crmsync.sdk.rule import Level

Language = Literal["en", "zh"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class DaemonConfig(_Part):
    """How the daemon runs."""

    listen: str = Field(
        "127.0.0.1:9464", description="Address and port of /healthz, /readyz and /metrics: 127.0.0.1:9464."
    )
    allow_remote: bool = Field(
        False, description="Let `listen` be an address other machines reach; nothing there asks who calls."
    )
    misfire_grace: Duration = Field(
        timedelta(minutes=5), description="How late a job may start; later than this it is skipped."
    )
    rules_schedule: Schedule = Field(
        Schedule(every=timedelta(minutes=10)), description="When the rules judge."
    )
    care_schedule: Schedule = Field(
        Schedule(every=timedelta(minutes=1)), description="When messages are planned and sent."
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @model_validator(mode="after")
    def _loopback(self) -> DaemonConfig:
        try:
            host, port = self.address
            loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            raise refused(
                "listen: this is no address with a port.", "Write it as 127.0.0.1:9464.", key="listen"
            ) from None
        if not 0 <= port <= 65535:
            raise refused("listen: no such port exists.", "Use one from 1 to 65535.", key="listen")
        if not loopback and not self.allow_remote:
            raise refused(
                "listen: other machines reach this address.",
                "Use 127.0.0.1, or set allow_remote: true behind something that asks who calls.",
                key="listen",
            )
        return self


class ConnectionConfig(_Part):
    """One account on one platform."""

    id: Name = Field(description="Your name for it; it is part of every record's identity, so keep it.")
    connector: str = Field(description="Which connector speaks to it.")
    schedule: Schedule = Field(Schedule(every=timedelta(minutes=10)), description="When it is pulled.")
    zone: Zone | None = Field(None, description="The shop's time zone, in place of what the platform says.")
    streams: list[str] | None = Field(None, description="Only these streams; all of them when left out.")
    enabled: bool = Field(True, description="Whether it is pulled at all.")
    settings: SerializeAsAny[Settings] = Field(description="What the connector is configured with.")


class FactsConfig(_Part):
    """How facts are counted where the words alone leave it open; changing it works them all out anew."""

    consult_window: Duration = Field(
        timedelta(days=3),
        description="A customer who buys within this time of asking an agent was converted by that agent.",
    )
    answer_window: Duration = Field(
        timedelta(days=14),
        description="A customer who buys within this time of a campaign's message has answered it.",
    )


class RuleConfig(_Part):
    """One rule under one name; a rule may stand there twice with different settings."""

    name: str = Field(description="Your name for it, which campaigns use.")
    rule: str = Field(description="Which rule it is; its own name when left out.")
    settings: SerializeAsAny[Settings] = Field(description="What the rule is configured with.")


class ChannelConfig(_Part):
    """One way to reach customers."""

    id: Name = Field(description="Your name for it; campaigns use it.")
    channel: str = Field(description="Which channel it is.")
    settings: SerializeAsAny[Settings] = Field(description="What the channel is configured with.")


class Campaign(_Part):
    """Who is written to, when a rule raises a flag on them."""

    name: Name = Field(description="Your name for it; it is part of every message's key, so keep it.")
    when: str = Field(description="The rule, by its name under `rules`, whose flags it answers.")
    level: Level | None = Field(None, description="Answer flags of this level and above only.")
    channel: str = Field("platform", description="The id of the channel it writes through.")
    purpose: Purpose = Field("marketing", description="What the consent must cover.")
    template: str = Field(description="A template of crmsync by its name, or a file beside this one.")
    language: Language | None = Field(None, description="The customer's own, else that of the config.")
    cooldown: Duration = Field(timedelta(days=90), description="How long before it may write again.")
    expires: Duration = Field(timedelta(hours=72), description="A message not sent by then is dropped.")
    quiet_hours: QuietHours | None = Field(
        QuietHours(time(21), time(9)), description="Hours of the shop's day in which nothing is sent."
    )
    daily_cap: Annotated[int, Field(ge=0)] = Field(50, description="Messages a day at the most.")
    approve: Literal["first", "always", "never"] = Field(
        "first", description="Whether a person approves: the first messages of a template, all, or none."
    )
    control_group: Share = Field(0.0, description="The share that is left alone, to compare with.")
    enabled: bool = Field(True, description="Whether it plans and sends.")


class Limits(_Part):
    """What holds for all campaigns together."""

    stop: bool = Field(False, description="Send nothing at all.")
    per_customer: Annotated[int, Field(ge=0)] = Field(
        1, description="Marketing messages to one customer in `period`."
    )
    period: Duration = Field(timedelta(days=7), description="The period `per_customer` counts in.")


class Config(_Part):
    """One configuration file."""

    database: Database = Field(
        "sqlite:///crmsync.db",
        repr=False,
        description="Where all is kept: a SQLite or PostgreSQL URL.",
    )
    language: Language = Field("en", description="The language of summaries, reasons and messages.")
    plugin_dirs: list[Path] = Field([], description="Folders whose .py files and packages are plugins.")
    disabled_plugins: list[str] = Field([], description="Plugins that are not loaded.")
    daemon: DaemonConfig = Field(DaemonConfig(), description="How the daemon runs.")
    connections: list[ConnectionConfig] = Field([], description="The accounts that are pulled.")
    facts: FactsConfig = Field(FactsConfig(), description="How facts are counted.")
    rules: dict[Name, RuleConfig] = Field({}, description="The rules that judge, by your name for them.")
    channels: list[ChannelConfig] = Field([], description="The ways to reach customers.")
    care: list[Campaign] = Field([], description="The campaigns.")
    limits: Limits = Field(Limits(), description="What holds for all campaigns together.")
    path: Path | None = Field(None, exclude=True, description="The file it was read from.")

    @property
    def folder(self) -> Path:
        """What relative paths start from: the file's folder, or the current one without a file."""
        return self.path.parent if self.path else Path.cwd()

    def connection(self, id: str) -> ConnectionConfig | None:
        """The connection with this id."""
        return next((c for c in self.connections if c.id == id), None)

    def channel(self, id: str) -> ChannelConfig | None:
        """The channel with this id."""
        return next((c for c in self.channels if c.id == id), None)
