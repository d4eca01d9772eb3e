"""Delivers a message to a customer by one configured request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmsync.sdk import HttpSession, OutgoingMessage, Receipt, Unconfirmed
from crmsync_rest.expression import search
from crmsync_rest.settings import Messages, RestSettings
from crmsync_rest.template import filled, filled_path


class Outbox:
    """The API's way to take messages."""

    def __init__(self, messages: Messages, settings: RestSettings, http: HttpSession) -> None:
        self._messages = messages
        self._base_url = settings.base_url
        self._headers = settings.headers
        self._http = http

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        """Deliver it once. Raises as `HttpSession.request` does, and Unconfirmed without a receipt."""
        values = {
            "account_id": message.recipient.account_id,
            "text": message.body,
            "subject": message.subject,
            "key": key,
            "order_id": message.order_id,
            "language": message.language,
            "campaign": message.campaign,
            "purpose": message.purpose,
        }
        headers = {**self._headers, **({self._messages.key_header: key} if self._messages.key_header else {})}
        body = filled(self._messages.body, values)
        response = self._http.request(
            self._messages.method,
            self._url(self._messages.path, values),
            **{"json" if self._messages.send_as == "json" else "data": body},
            headers=headers,
            idempotent=self._messages.idempotency == "key",
        )
        if self._messages.receipt is None:
            return Receipt(key)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        reference = search(self._messages.receipt)(answer)
        if reference is None or reference == "":
            raise Unconfirmed(
                f"The API took the message but gave no receipt at {self._messages.receipt!r}.",
                fix="Look on the platform whether it arrived, and check `messages.receipt`.",
            )
        repeated = bool(self._messages.repeated and search(self._messages.repeated)(answer))
        return Receipt(str(reference), repeated=repeated)

    def lookup(self, key: str) -> Receipt | None:
        """The receipt of the message sent under this key, or None when there is none."""
        lookup = self._messages.lookup
        if lookup is None:
            raise NotImplementedError
        values = {"key": key}
        answer = self._http.get_json(
            self._url(lookup.path, values), params=filled(lookup.params, values), headers=self._headers
        )
        reference = search(lookup.receipt)(answer)
        return None if reference is None or reference == "" else Receipt(str(reference))

    def _url(self, path: str, values: Mapping[str, Any]) -> str:
        return f"{self._base_url}/{filled_path(path, values).lstrip('/')}"
