"""Which way a step goes to each customer: the first channel that may reach them and does."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row

from crmsync.care import reason
from crmsync.care.address import Addressed
from crmsync.care.addressee import outgoing
from crmsync.care.occasion import NOT_ASKED
from crmsync.care.permission import Terms, refusals
from crmsync.care.push import channel_of
from crmsync.config import Campaign
from crmsync.sdk import Channel, ConfigError
from crmsync.sdk.records import Medium

log = logging.getLogger("crmsync.care")

_Refused = Mapping[Medium, Mapping[tuple[int, str], str]]


@dataclass(frozen=True, slots=True)
class Way:
    """A channel by its id."""

    id: str
    channel: Channel[Any]


class Routes:
    """The channels of a campaign in the order in which they are tried. What is no message goes to the
    customer's own platform, for those whom the campaign's channels may reach."""

    def __init__(self, campaign: Campaign, action: str, channels: Mapping[str, Channel[Any]]) -> None:
        """Raises ConfigError when none of the channels is there and carries the campaign's purpose."""
        self.campaign = campaign
        self._ways = [Way(id, channels[id]) for id in campaign.channels if id in channels]
        told = ", ".join(campaign.channels)
        if not self._ways:
            raise ConfigError(f"{reason.CHANNEL_UNAVAILABLE}: {told}.", fix="See: crmsync plugins list.")
        self._ways = [way for way in self._ways if campaign.purpose in way.channel.purposes]
        if not self._ways:
            raise ConfigError(f"{reason.CHANNEL_PURPOSE}: {told}, {campaign.purpose}.")
        self._push: Way | None = None
        if action != "send_message":
            id = channel_of(action)
            if id not in channels:
                raise ConfigError(
                    f"{reason.CHANNEL_UNAVAILABLE}: {action}.", fix="See: crmsync plugins list."
                )
            self._push = Way(id, channels[id])
        self._unavailable: dict[tuple[str, str], bool] = {}

    @property
    def first(self) -> Way:
        """The way for a row that goes nowhere."""
        return self._push or self._ways[0]

    def refused(self, transaction: Transaction, accounts: Sequence[Addressed], terms: Terms) -> _Refused:
        """By medium, why each account must not be written to."""
        media, purpose = {way.channel.medium for way in self._ways}, self.campaign.purpose
        return {medium: refusals(transaction, accounts, medium, purpose, terms) for medium in media}

    def ways(self, connection: str, refused: _Refused, account: tuple[int, str]) -> tuple[list[Way], str]:
        """The ways that are open to an account; else why none is. A refusal that may still change, and a
        channel that may be mended, tell more than one that stays."""
        open_ways, reasons, missing = [], [], False
        for way in self._ways:
            why = refused[way.channel.medium].get(account)
            if why:
                reasons.append(why)
            elif self._is_unavailable(way, connection):
                missing = True
            else:
                open_ways.append(way)
        if open_ways and self._push is not None:
            if self._is_unavailable(self._push, connection):
                return [], reason.CHANNEL_UNAVAILABLE
            return [self._push], ""
        if open_ways or missing:
            return open_ways, "" if open_ways else reason.CHANNEL_UNAVAILABLE
        return [], next((why for why in reasons if why in NOT_ASKED), reasons[0])

    def reaching(self, ways: Sequence[Way], row: Mapping[str, Any], account: Row[Any]) -> tuple[Way, str]:
        """The first way that can deliver this message, or the first of all with the reason why it cannot."""
        message, first = outgoing(row, account), ""
        for way in ways:
            why = way.channel.reaches(message)
            if why is None:
                return way, ""
            first = first or why
        return ways[0], first

    def _is_unavailable(self, way: Way, connection: str) -> bool:
        """Whether this connection's customers cannot be reached by the channel at all; it may be mended, so
        nothing is written down against them."""
        key = (way.id, connection)
        if key not in self._unavailable:
            try:
                way.channel.idempotency_for(connection)
                self._unavailable[key] = False
            except Exception as error:
                self._unavailable[key] = True
                log.warning(
                    "channel unavailable",
                    extra={
                        "action": "channel_unavailable",
                        "channel": way.id,
                        "connection": connection,
                        "error": type(error).__name__,
                    },
                )
        return self._unavailable[key]
