"""The configuration as the program sees it: typed, frozen, every path absolute."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, SerializeAsAny, model_validator

from crmsync.config.alert import AlertConfig
from crmsync.config.campaign import Campaign
from crmsync.config.cases import Cases
from crmsync.config.consent import ConsentConfig
from crmsync.config.database import Database
from crmsync.config.encryption import EncryptionConfig
from crmsync.config.holiday import Holiday
from crmsync.config.part import Language, Name, Part
from crmsync.config.problem import refused
from crmsync.config.retention import Retention
from crmsync.config.schedule import Schedule
from crmsync.config.zone import Zone
from crmsync.sdk import Duration, Rate, Settings, Share


class DaemonConfig(Part):
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
    privacy_schedule: Schedule = Field(
        Schedule(every=timedelta(hours=1)),
        description="When erasures are finished and files cleaned; once a day what has expired goes.",
    )
    alerts_schedule: Schedule = Field(
        Schedule(every=timedelta(minutes=1)), description="When the team is told what goes wrong."
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


class ConnectionConfig(Part):
    """One account on one platform."""

    id: Name = Field(description="Your name for it; it is part of every record's identity, so keep it.")
    connector: str = Field(description="Which connector speaks to it.")
    schedule: Schedule = Field(Schedule(every=timedelta(minutes=10)), description="When it is pulled.")
    zone: Zone | None = Field(None, description="The shop's time zone, in place of what the platform says.")
    streams: list[str] | None = Field(None, description="Only these streams; all of them when left out.")
    enabled: bool = Field(True, description="Whether it is pulled at all.")
    contact_retention: Duration | None = Field(
        None, description="How long its contact data are kept, in place of `retention.contact`."
    )
    settings: SerializeAsAny[Settings] = Field(description="What the connector is configured with.")


class FactsConfig(Part):
    """How facts are counted where the words alone leave it open; changing it works them all out anew."""

    consult_window: Duration = Field(
        timedelta(days=3),
        description="A customer who buys within this time of asking an agent was converted by that agent.",
    )
    answer_window: Duration = Field(
        timedelta(days=14),
        description="A customer who buys within this time of a campaign's message has answered it.",
    )


class RuleConfig(Part):
    """One rule under one name; a rule may stand there twice with different settings."""

    name: str = Field(description="Your name for it, which campaigns use.")
    rule: str = Field(description="Which rule it is; its own name when left out.")
    settings: SerializeAsAny[Settings] = Field(description="What the rule is configured with.")


class ChannelConfig(Part):
    """One way to reach customers."""

    id: Name = Field(description="Your name for it; campaigns use it.")
    channel: str = Field(description="Which channel it is.")
    pace: Rate | None = Field(
        None, description="How often it may send, such as 10/s, over all processes that share the database."
    )
    settings: SerializeAsAny[Settings] = Field(description="What the channel is configured with.")


class Limits(Part):
    """What holds for all campaigns together."""

    stop: bool = Field(False, description="Send nothing at all.")
    per_customer: Annotated[int, Field(ge=0)] = Field(
        1, description="Marketing messages to one customer in `period`."
    )
    period: Duration = Field(timedelta(days=7), description="The period `per_customer` counts in.")
    service_per_customer: Annotated[int, Field(ge=0)] = Field(
        5, description="Service messages to one customer in `service_period`."
    )
    service_period: Duration = Field(
        timedelta(days=1), description="The period `service_per_customer` counts in."
    )
    per_rule: dict[str, Annotated[int, Field(ge=0)]] = Field(
        {}, description="Messages a day at the most that answer flags of a rule, over all its campaigns."
    )
    holidays: dict[str, Holiday] = Field(
        {},
        description="Days, each under a name, on which nothing is sent: 2026-10-01..2026-10-07, or every "
        "year 12-25.",
    )
    holdout: Share = Field(
        0.0, description="The share of customers no marketing campaign writes to, to compare with."
    )


class Config(Part):
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
    segments: dict[Name, str] = Field(
        {}, description="Named selections of customers by their facts and flags, kept up to date."
    )
    channels: list[ChannelConfig] = Field([], description="The ways to reach customers.")
    care: list[Campaign] = Field([], description="The campaigns.")
    limits: Limits = Field(Limits(), description="What holds for all campaigns together.")
    alerts: list[AlertConfig] = Field([], description="What the team is told, and by which channel.")
    consent: ConsentConfig = Field(
        ConsentConfig(), description="What counts as consent, and how it is withdrawn."
    )
    retention: Retention = Field(
        Retention(), description="How long what tells of customers is kept, each for itself."
    )
    encryption: EncryptionConfig = Field(
        EncryptionConfig(), description="What contact data are encrypted with in the database."
    )
    cases: Cases = Field(Cases(), description="How complaints are seen through.")
    path: Path | None = Field(None, exclude=True, description="The file it was read from.")

    @property
    def folder(self) -> Path:
        """What relative paths start from: the file's folder, or the current one without a file."""
        return self.path.parent if self.path else Path.cwd()

    @property
    def contact_retention(self) -> dict[str, timedelta]:
        """How long contact data are kept, by connection; one that keeps them is left out."""
        spans = {c.id: c.contact_retention or self.retention.contact for c in self.connections}
        return {id: span for id, span in spans.items() if span is not None}

    def connection(self, id: str) -> ConnectionConfig | None:
        """The connection with this id."""
        return next((c for c in self.connections if c.id == id), None)

    def channel(self, id: str) -> ChannelConfig | None:
        """The channel with this id."""
        return next((c for c in self.channels if c.id == id), None)
