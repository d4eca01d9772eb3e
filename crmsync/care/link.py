"""Links a customer is sent: each says whose it is and what it does, signed so that none can be made up."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime

from crmsync.sdk.records import Medium
from crmsync.store.keyring import Keyring
from crmsync.store.tables import from_instant, to_instant

_MAC = 24
"""Hexadecimal digits of the signature that a link carries: 96 bits."""

UNSUBSCRIBE, CONFIRM = "unsubscribe", "confirm"


@dataclass(frozen=True, slots=True)
class ConfirmRequest:
    """Which grant a link confirms, and until when."""

    connection: str
    account_id: str
    medium: Medium
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links below the public address `url`, and reads what comes back as the last part of one."""

    keyring: Keyring
    url: str | None = None

    def unsubscribe(self, message_key: str) -> str | None:
        """Where the reader of this message unsubscribes; None without a public address."""
        return self._at(UNSUBSCRIBE, self._signed(UNSUBSCRIBE, message_key))

    def unsubscribed(self, token: str) -> str | None:
        """The key of the message whose reader unsubscribes; None when the link is none of ours."""
        return self._read(UNSUBSCRIBE, token)

    def confirm_token(self, request: ConfirmRequest) -> str:
        """What confirms a grant when it comes back from the address it was sent to."""
        told = [request.connection, request.account_id, request.medium, to_instant(request.expires_at)]
        text = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
        return self._signed(CONFIRM, text)

    def confirm(self, request: ConfirmRequest) -> str | None:
        """Where a customer confirms; None without a public address."""
        return self._at(CONFIRM, self.confirm_token(request))

    def confirmed(self, token: str) -> ConfirmRequest | None:
        """What is confirmed; None when the link is none of ours."""
        text = self._read(CONFIRM, token)
        if text is None:
            return None
        try:
            told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (binascii.Error, ValueError):
            return None
        connection, account_id, medium, expires = told
        return ConfirmRequest(connection, account_id, medium, from_instant(expires))

    def _at(self, page: str, token: str) -> str | None:
        return f"{self.url}/{page}/{token}" if self.url else None

    def _signed(self, use: str, text: str) -> str:
        return f"{text}.{self.keyring.current.digest(use, text)[:_MAC]}"

    def _read(self, use: str, token: str) -> str | None:
        text, dot, mac = token.rpartition(".")
        ours = dot and len(mac) == _MAC and mac.isascii() and self.keyring.signs(use, text, mac, _MAC)
        return text if ours else None
