"""Connectors that do one thing wrong: each a small mutation of the scaffold's, which does all right."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import msgspec
import requests
from pydantic import ConfigDict, Field, ValidationError, model_validator

from crmsync.sdk import (
    AuthError,
    Cursor,
    Customer,
    HttpSession,
    Order,
    OutgoingMessage,
    Page,
    PermanentError,
    Receipt,
    RecordError,
    Shop,
    TransientError,
    Webhook,
    WebhookRequest,
    push,
    stream,
)

Mutation = Callable[[Any], Any]
MUTATIONS: dict[str, Mutation] = {}
"""By the one check that it fails: what makes a hostile class of the good one."""


def fails(check: str) -> Callable[[Mutation], Mutation]:
    def add(mutation: Mutation) -> Mutation:
        MUTATIONS[check] = mutation
        return mutation

    return add


def mapped(good: Any, kind: Any, alter: Callable[[Any, Any], Any]) -> Any:
    """The good connector with what one mapping makes altered: `alter(record, row)`."""
    name = kind.stream
    inner = getattr(good, name)

    class Mapped(good):  # type: ignore[misc]
        pass

    marked = stream(kind)(inner.pull)
    marked.mapping(lambda self, row: alter(inner.to_record(self, row), row))
    setattr(Mapped, name, marked)
    return Mapped


def walked(good: Any, alter: Callable[[Any, Iterator[Page], Cursor], Iterator[Page]]) -> Any:
    """The good connector with its pages altered."""

    class Walked(good):  # type: ignore[misc]
        def _walk(self, path: str, since: Cursor) -> Iterator[Page]:
            return alter(self, super()._walk(path, since), since)

    return Walked


def transported(good: Any, alter: Callable[[Any, Any, Any], requests.Response]) -> Any:
    """The good connector with what it sends altered: `alter(transport, send, request)`."""

    class Transported(good):  # type: ignore[misc]
        @cached_property
        def http(self) -> HttpSession:
            session = self.context.http(
                auth=self.auth(), inspect=self.inspect, rate_limits=self.rate_limits()
            )
            transport = session._transport
            send = transport.send
            transport.send = lambda request: alter(transport, send, request)  # type: ignore[method-assign]
            return session

    return Transported


def configured(good: Any, **fields: Any) -> Any:
    """The good connector with other settings."""
    settings = type("Settings", (good.Settings,), fields)
    return type("Configured", (good,), {"Settings": settings})


@fails("metadata")
def nameless(good: Any) -> Any:
    return type("Nameless", (good,), {"title": " "})


@fails("readme")
def undocumented(good: Any) -> Any:
    return type("Undocumented", (good,), {"__module__": "bare_connector"})


@fails("readme_true")
def boasting(good: Any) -> Any:
    return type("Boasting", (good,), {"__module__": "boasting_connector"})


@fails("settings_closed")
def tolerant(good: Any) -> Any:
    return configured(good, model_config=ConfigDict(extra="ignore"))


@fails("settings_described")
def unexplained(good: Any) -> Any:
    return configured(good, __annotations__={"depth": int}, depth=3)


@fails("settings_secret")
def readable(good: Any) -> Any:
    told = Field("none", description="A password that anybody may read.")
    return configured(good, __annotations__={"proxy_password": str}, proxy_password=told)


@fails("settings_given")
def demanding(good: Any) -> Any:
    told = Field(description="A thing that the platform's author forgot.")
    return configured(good, __annotations__={"region": str}, region=told)


@fails("settings_named")
def vague(good: Any) -> Any:
    class Vague(good.Settings):  # type: ignore[misc]
        @model_validator(mode="wrap")
        @classmethod
        def _all(cls, values: Any, handler: Any) -> Any:
            try:
                return handler(values)
            except ValidationError:
                raise ValueError("the settings are wrong") from None

    return type("Unclear", (good,), {"Settings": Vague})


@fails("import_quiet")
def eager_import(good: Any) -> Any:
    return type("EagerImport", (good,), {"__module__": "calling_connector"})


@fails("opening_quiet")
def eager(good: Any) -> Any:
    class Eager(good):  # type: ignore[misc]
        def identity_scope(self) -> str:
            return str(self.http.get_json(f"{self.settings.base_url}/shop")["name"])

    return Eager


@fails("check_shop")
def odd_currency(good: Any) -> Any:
    class OddCurrency(good):  # type: ignore[misc]
        def check(self) -> Shop:
            return replace(super().check(), currency="euro")

    return OddCurrency


@fails("check_refused")
def hopeful(good: Any) -> Any:
    class Hopeful(good):  # type: ignore[misc]
        def check(self) -> Shop:
            try:
                return super().check()
            except AuthError as error:
                raise TransientError(error.what) from None

    return Hopeful


@fails("check_unreachable")
def suspicious(good: Any) -> Any:
    class Suspicious(good):  # type: ignore[misc]
        def check(self) -> Shop:
            try:
                return super().check()
            except TransientError as error:
                raise AuthError(error.what) from None

    return Suspicious


@fails("pulls")
def broken(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        raise ZeroDivisionError

    return walked(good, pages)


@fails("complete")
def choosy(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        for page in walk:
            page.payloads = [row for row in page.payloads if row.get("id") != "O16"]
            yield page

    return walked(good, pages)


@fails("records_valid")
def untyped(good: Any) -> Any:
    return mapped(good, Customer, lambda record, row: msgspec.structs.replace(record, language=7))


@fails("ids_unique")
def confused(good: Any) -> Any:
    def same(record: Any, row: Any) -> Any:
        return msgspec.structs.replace(record, external_id="C15") if row["id"] == "C16" else record

    return mapped(good, Customer, same)


@fails("ids_stable")
def inventive(good: Any) -> Any:
    def fresh(record: Any, row: Any) -> Any:
        return msgspec.structs.replace(record, external_id=str(uuid4())) if row["id"] == "C16" else record

    return mapped(good, Customer, fresh)


@fails("times_aware")
def naive(good: Any) -> Any:
    return mapped(
        good,
        Order,
        lambda record, row: msgspec.structs.replace(record, placed_at=record.placed_at.replace(tzinfo=None)),
    )


@fails("money_minor")
def floating(good: Any) -> Any:
    def cents(record: Any, row: Any) -> Any:
        return msgspec.structs.replace(record, total=int(float(row["total"]) * 100 - 0.5))

    return mapped(good, Order, cents)


@fails("statuses")
def cheerful(good: Any) -> Any:
    def sold(record: Any, row: Any) -> Any:
        return msgspec.structs.replace(record, status="completed") if record.status == "refunded" else record

    return mapped(good, Order, sold)


@fails("lines_whole")
def first_line(good: Any) -> Any:
    return mapped(good, Order, lambda record, row: msgspec.structs.replace(record, lines=record.lines[:1]))


@fails("long_text")
def western(good: Any) -> Any:
    def latin(record: Any, row: Any) -> Any:
        return msgspec.structs.replace(record, name=record.name.encode("ascii", "ignore").decode())

    return mapped(good, Customer, latin)


@fails("empty_shop")
def expectant(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        for page in walk:
            if not page.payloads and since == Cursor():
                raise TransientError("The shop has nothing.")
            yield page

    return walked(good, pages)


@fails("missing_shop")
def forgiving(good: Any) -> Any:
    class Forgiving(good):  # type: ignore[misc]
        def _get(self, path: str, params: Any = None, **options: Any) -> Any:
            answer = super()._get(path, params, accept=[404], **options)
            return {"data": [], "next": None} if answer is None else answer

    return Forgiving


@fails("last_full_page")
def counting(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        for page in walk:
            if page.cursor.token is None and len(page.payloads) == self.settings.page_size:
                page.payloads = page.payloads[:-1]
            yield page

    return walked(good, pages)


@fails("repeated_page")
def trusting(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        try:
            yield from walk
        except TransientError as error:
            if "twice" not in error.what:
                raise

    return walked(good, pages)


@fails("resume")
def forgetful(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        if since.token in ("C11", "O11"):
            next(walk)
        yield from walk

    return walked(good, pages)


@fails("cursor_true")
def boastful(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        for page in walk:
            if page.cursor.token is not None:
                page.cursor = replace(page.cursor, at=self.clock.now())
            yield page

    return walked(good, pages)


@fails("lazy")
def hasty(good: Any) -> Any:
    return walked(good, lambda self, walk, since: iter(list(walk)))


@fails("strange_answer")
def lenient(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        try:
            yield from walk
        except TransientError as error:
            if "not a list" not in error.what:
                raise

    return walked(good, pages)


@fails("ties")
def deduplicating(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        last = None
        for page in walk:
            rows = list(page.payloads)
            page.payloads = [row for row in rows if row["updated_at"] != last]
            last = rows[-1]["updated_at"] if rows else last
            yield page

    return walked(good, pages)


@fails("changes_seen")
def forward(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        for page in walk:
            if page.cursor.token is None and page.cursor.at:
                page.cursor = replace(page.cursor, at=self.clock.now() + timedelta(days=1))
            yield page

    return walked(good, pages)


@fails("malformed_alone")
def fragile(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        for page in walk:
            for row in page.payloads:
                str.strip(row.get("status", row.get("name", row.get("text"))))
            yield page

    return walked(good, pages)


@fails("extra_fields")
def strict(good: Any) -> Any:
    def exact(record: Any, row: Any) -> Any:
        if "x_new_field" in row:
            raise RecordError("a field is not known.")
        return record

    return mapped(good, Customer, exact)


@fails("retry_after")
def impatient(good: Any) -> Any:
    def send(transport: Any, send: Any, request: Any) -> requests.Response:
        response: requests.Response = send(request)
        response.headers.pop("Retry-After", None)
        return response

    return transported(good, send)


@fails("server_error")
def touchy(good: Any) -> Any:
    def send(transport: Any, send: Any, request: Any) -> requests.Response:
        response: requests.Response = send(request)
        if response.status_code == 500:
            raise PermanentError("The platform is broken.")
        return response

    return transported(good, send)


@fails("token_refused")
def insistent(good: Any) -> Any:
    def pages(self: Any, walk: Iterator[Page], since: Cursor) -> Iterator[Page]:
        for _ in range(5):
            try:
                yield from walk
                return
            except AuthError as error:
                refused, walk = error, super(type(self), self)._walk("customers", since)
        raise refused

    return walked(good, pages)


@fails("timeouts")
def endless(good: Any) -> Any:
    def send(transport: Any, send: Any, request: Any) -> requests.Response:
        inner = transport._session.send
        transport._session.send = lambda request, **options: inner(request, **{**options, "timeout": None})
        try:
            return send(request)  # type: ignore[no-any-return]
        finally:
            transport._session.send = inner

    return transported(good, send)


@fails("no_secrets")
def talkative(good: Any) -> Any:
    class Talkative(good):  # type: ignore[misc]
        def check(self) -> Shop:
            self.log.debug("The key is %s.", self.settings.api_key.get_secret_value())
            return super().check()

    return Talkative


@fails("no_contacts")
def gossiping(good: Any) -> Any:
    class Gossiping(good):  # type: ignore[misc]
        pass

    def tell(record: Any, row: Any) -> Any:
        if not isinstance(row["name"], str):
            raise ValueError(f"cannot read {row}")
        return record

    inner = good.customers.to_record

    def careless(self: Any, row: Any) -> Any:
        tell(None, row)
        return inner(self, row)

    marked = stream(Customer)(good.customers.pull)
    marked.mapping(careless)
    Gossiping.customers = marked
    return Gossiping


@fails("instances")
def shared(good: Any) -> Any:
    class Shared(good):  # type: ignore[misc]
        place: Any = None

        def _walk(self, path: str, since: Cursor) -> Iterator[Page]:
            kind = type(self)
            kind.place = since
            while True:
                page = next(super()._walk(path, kind.place))
                kind.place = page.cursor
                yield page
                if page.cursor.token is None:
                    return
                if kind.place.token == since.token:
                    raise TransientError("The platform gave the same page twice.")
                since = kind.place

    return Shared


@fails("closes")
def leaky(good: Any) -> Any:
    class Leaky(good):  # type: ignore[misc]
        def _walk(self, path: str, since: Cursor) -> Iterator[Page]:
            other = self.context.http(auth=self.auth(), inspect=self.inspect, rate_limits=self.rate_limits())
            mine, self.http = self.http, other
            try:
                yield from super()._walk(path, since)
            finally:
                self.http = mine

    return Leaky


@fails("rate_limit")
def greedy(good: Any) -> Any:
    class Greedy(good):  # type: ignore[misc]
        @cached_property
        def http(self) -> HttpSession:
            return self.context.http(auth=self.auth(), inspect=self.inspect, rate_limits={})

    return Greedy


@fails("push_repeated")
def repetitive(good: Any) -> Any:
    class Repetitive(good):  # type: ignore[misc]
        @push("key")
        def send_message(self, message: OutgoingMessage, key: str) -> Receipt:
            return super().send_message(message, str(uuid4()))  # type: ignore[no-any-return]

    return Repetitive


@fails("push_refused")
def stubborn(good: Any) -> Any:
    class Stubborn(good):  # type: ignore[misc]
        @push("key")
        def send_message(self, message: OutgoingMessage, key: str) -> Receipt:
            try:
                return super().send_message(message, key)  # type: ignore[no-any-return]
            except PermanentError as error:
                raise TransientError(error.what) from None

    return Stubborn


@fails("push_lost")
def careless(good: Any) -> Any:
    class Careless(good):  # type: ignore[misc]
        @push("key")
        def send_message(self, message: OutgoingMessage, key: str) -> Receipt:
            answer = self.http.request_json(
                "POST",
                f"{self.settings.base_url}/messages",
                json={"buyer": message.recipient.account_id, "text": message.body},
                headers={"Idempotency-Key": key},
            )
            return Receipt(str(answer["id"]))

    return Careless


@fails("event_believed")
def deaf(good: Any) -> Any:
    class Deaf(good):  # type: ignore[misc]
        def webhook(self) -> Webhook:
            return replace(super().webhook(), encoding="hex")

    return Deaf


class Credulous(Webhook):
    def genuine(self, request: WebhookRequest) -> bool:
        return True


@fails("event_forged")
def believing(good: Any) -> Any:
    class Believing(good):  # type: ignore[misc]
        def webhook(self) -> Webhook:
            own = super().webhook()
            return Credulous(secrets=own.secrets, header=own.header, streams=own.streams)

    return Believing


@fails("event_streams")
def absent_minded(good: Any) -> Any:
    class AbsentMinded(good):  # type: ignore[misc]
        def webhook(self) -> Webhook:
            return replace(super().webhook(), streams=lambda request: ["orders"])

    return AbsentMinded


def module(name: str, folder: Path, body: str) -> ModuleType:
    """A module of its own for the hostile class that needs one."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.py"
    file.write_text(body, "utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    return made
