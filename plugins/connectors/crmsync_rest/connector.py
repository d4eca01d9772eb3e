"""The `rest` connector: an API known by its configuration."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

import requests

from crmsync.sdk import (
    AuthError,
    Connector,
    Context,
    Conversation,
    CrmsyncError,
    Cursor,
    Customer,
    Order,
    OutgoingMessage,
    Page,
    PermanentError,
    Product,
    Rate,
    RateLimited,
    Receipt,
    Refund,
    Review,
    Shop,
    TransientError,
    Webhook,
    push,
    stream,
)
from crmsync.sdk.message import Idempotency
from crmsync_rest import auth, mapping, webhook
from crmsync_rest.expression import search
from crmsync_rest.push import Outbox
from crmsync_rest.settings import ErrorBody, RestSettings
from crmsync_rest.walk import Walk

# The overlap is configured with the endpoint, so the walk takes it off itself.
_NO_OVERLAP = timedelta()


class RestConnector(Connector[RestSettings]):
    """Reads and writes any JSON HTTP API."""

    name = "rest"
    title = "Any JSON HTTP API"
    Settings = RestSettings

    def __init__(self, settings: RestSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._mappings = {name: mapping.Mapping(name, settings) for name in settings.endpoints.configured()}
        self._errors = [(search(error.when), error) for error in settings.errors]

    def offers(self) -> Collection[str]:
        return self._mappings.keys()

    def accepts(self) -> Mapping[str, Idempotency]:
        messages = self.settings.messages
        return {} if messages is None else {"send_message": messages.idempotency}

    def auth(self) -> requests.auth.AuthBase | None:
        chosen = self.settings.auth
        return chosen and auth.signer(chosen, self.settings.base_url, self.tokens, self.clock)

    def rate_limits(self) -> Mapping[str, Rate]:
        return {"default": self.settings.rate_limit} if self.settings.rate_limit else {}

    def webhook(self) -> Webhook | None:
        return self.settings.webhook and webhook.webhook(self.settings.webhook)

    def inspect(self, response: requests.Response) -> None:
        try:
            body = response.json()
        except ValueError:
            # A list is read by GET, so the session is to try again; what a push answers may be empty.
            if response.request.method == "GET":
                raise
            return
        for when, error in self._errors:
            if when(body):
                raise self._error(error, body)

    def check(self) -> Shop:
        said = self.settings.shop
        if said is None:
            for name in self.offers():
                next(Walk(name, self.settings, self.http, self.clock).pages(Cursor()), None)
                break
            body: Any = {}
        else:
            body = self.http.get_json(self.settings.base_url + said.path, headers=self.settings.headers)

        def told(name: str) -> str | None:
            path = getattr(said, name, None)
            value = search(path)(body) if path else None
            return None if value is None else str(value)

        zone = self.settings.times.zone
        return Shop(
            name=told("name") or self.settings.title or self.context.connection,
            currency=told("currency") or self.settings.currency,
            zone=told("zone") or (zone.key if zone else None),
            id=told("id"),
        )

    @stream(Product, overlap=_NO_OVERLAP)
    def products(self, since: Cursor) -> Iterator[Page]:
        return self._pages("products", since)

    @products.mapping
    def product(self, payload: Any) -> Any:
        return self._mappings["products"].record(payload)

    @stream(Customer, overlap=_NO_OVERLAP)
    def customers(self, since: Cursor) -> Iterator[Page]:
        return self._pages("customers", since)

    @customers.mapping
    def customer(self, payload: Any) -> Any:
        return self._mappings["customers"].record(payload)

    @stream(Order, overlap=_NO_OVERLAP)
    def orders(self, since: Cursor) -> Iterator[Page]:
        return self._pages("orders", since)

    @orders.mapping
    def order(self, payload: Any) -> Any:
        return self._mappings["orders"].record(payload)

    @stream(Refund, overlap=_NO_OVERLAP)
    def refunds(self, since: Cursor) -> Iterator[Page]:
        return self._pages("refunds", since)

    @refunds.mapping
    def refund(self, payload: Any) -> Any:
        return self._mappings["refunds"].record(payload)

    @stream(Review, overlap=_NO_OVERLAP)
    def reviews(self, since: Cursor) -> Iterator[Page]:
        return self._pages("reviews", since)

    @reviews.mapping
    def review(self, payload: Any) -> Any:
        return self._mappings["reviews"].record(payload)

    @stream(Conversation, overlap=_NO_OVERLAP)
    def conversations(self, since: Cursor) -> Iterator[Page]:
        return self._pages("conversations", since)

    @conversations.mapping
    def conversation(self, payload: Any) -> Any:
        return self._mappings["conversations"].record(payload)

    @push("none")
    def send_message(self, message: OutgoingMessage, key: str) -> Receipt:
        """Deliver a message; how a repeated key behaves is configured, and told by `accepts`."""
        return self._outbox.send(message, key)

    def lookup_message(self, message: OutgoingMessage, key: str) -> Receipt | None:
        return self._outbox.lookup(key)

    @cached_property
    def _outbox(self) -> Outbox:
        if self.settings.messages is None:
            raise PermanentError(
                f"{self.context.connection} has no way to send messages.",
                fix="Describe it in the connection's `messages`.",
            )
        return Outbox(self.settings.messages, self.settings, self.http)

    def _pages(self, name: str, since: Cursor) -> Iterator[Page]:
        return Walk(name, self.settings, self.http, self.clock).pages(since)

    def _error(self, error: ErrorBody, body: Any) -> CrmsyncError:
        told = search(error.message)(body) if error.message else None
        what = f"The API answered with an error: {str(told)[:200] if told else error.when}."
        match error.kind:
            case "auth":
                return AuthError(what, fix="Check the credentials of the connection.")
            case "rate":
                seconds = search(error.wait)(body) if error.wait else None
                until = self.clock.now() + timedelta(seconds=float(seconds)) if seconds else None
                return RateLimited(what, until=until)
            case "transient":
                return TransientError(what)
            case _:
                return PermanentError(what)
