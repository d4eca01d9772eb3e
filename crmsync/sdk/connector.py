"""The contract of a connector: streams that yield pages, and what it can push back."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import requests

from crmsync.sdk.clock import Clock
from crmsync.sdk.errors import PluginError
from crmsync.sdk.http import HttpSession, TokenStore
from crmsync.sdk.message import Idempotency, OutgoingMessage, Receipt
from crmsync.sdk.policy import MessagePolicy
from crmsync.sdk.records import RECORDS, Record
from crmsync.sdk.settings import Rate, Settings
from crmsync.sdk.webhook import Webhook

S = TypeVar("S", bound=Settings)
R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a stream stands.

    `at`: everything the platform changed before this time is stored.
    `token`: the connector's own place inside an unfinished walk; opaque to the host.
    `until`: set by the host when only changes before this time are wanted.
    An empty cursor asks for everything.
    """

    at: datetime | None = None
    token: str | None = None
    until: datetime | None = None

    def back(self, overlap: timedelta) -> Cursor:
        """The cursor to read again from: earlier by the overlap, unless inside an unfinished walk."""
        return replace(self, at=self.at - overlap) if self.at and not self.token else self


@dataclass(slots=True)
class Page:
    """One page as the platform gave it, and the cursor that is true once it is stored.

    `payloads` are what the stream's mapping turns into records, one by one, so that a bad one is
    put aside alone. `total` is how many records the whole walk will give, where the platform says.
    """

    payloads: Sequence[Any]
    cursor: Cursor
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Shop:
    """What `check` learned: the shop behind the credentials. `zone` is an IANA name."""

    name: str
    currency: str | None = None
    zone: str | None = None
    id: str | None = None


@dataclass(slots=True)
class Stream(Generic[R]):
    """A connector's method that yields pages, with what it yields and how it moves."""

    record: type[R]
    pull: Callable[[Any, Cursor], Iterator[Page]]
    overlap: timedelta
    snapshot: bool
    to_record: Callable[[Any, Any], R | None] | None = None

    @property
    def name(self) -> str:
        return self.record.stream

    def mapping(self, function: Callable[[Any, Any], R | None]) -> Callable[[Any, Any], R | None]:
        """Decorator: the method that turns one payload into a record, or None to leave it out."""
        self.to_record = function
        return function

    def __get__(self, instance: object, owner: type | None = None) -> BoundStream[R] | Stream[R]:
        return self if instance is None else BoundStream(self, instance)


class BoundStream(Generic[R]):
    """A stream of one connector object."""

    __slots__ = ("connector", "stream")

    def __init__(self, stream: Stream[R], connector: object) -> None:
        self.stream = stream
        self.connector = connector

    def __call__(self, since: Cursor) -> Iterator[Page]:
        return self.stream.pull(self.connector, since)

    def record(self, payload: Any) -> R | None:
        """The record of one payload. Raises whatever the mapping raises: the host quarantines it."""
        assert self.stream.to_record is not None
        return self.stream.to_record(self.connector, payload)


def stream(
    record: type[R],
    mapping: Callable[[Any], R | None] | None = None,
    *,
    overlap: timedelta = timedelta(minutes=5),
    snapshot: bool = False,
) -> Callable[[Callable[[Any, Cursor], Iterator[Page]]], Stream[R]]:
    """Mark a method as a stream. The method's name is the record's stream name.

    `mapping`: the function that turns one payload into a record, or None to leave it out. One that needs
    the connector is a method instead, decorated with the stream's own `mapping`.
    `overlap`: how far before the cursor the next run reads again, for changes that surface late.
    `snapshot`: a walk from an empty cursor lists everything there is, so what it does not list is gone.
    """

    def mark(pull: Callable[[Any, Cursor], Iterator[Page]]) -> Stream[R]:
        marked = Stream(record, pull, overlap, snapshot)
        if mapping is not None:
            marked.mapping(lambda connector, payload: mapping(payload))
        return marked

    return mark


PUSHES = ("send_message", "tag_customer", "add_note", "reply_review", "issue_coupon")


def push(idempotency: Idempotency) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a push method with how a repeated key behaves: `key`, `lookup` or `none`."""

    def mark(method: Callable[..., Any]) -> Callable[..., Any]:
        method.__dict__["idempotency"] = idempotency
        return method

    return mark


class HttpFactory(Protocol):
    """Builds the connector's session; see `Context.http`."""

    def __call__(
        self,
        *,
        auth: requests.auth.AuthBase | None,
        inspect: Callable[[requests.Response], None],
        rate_limits: Mapping[str, Rate],
    ) -> HttpSession: ...


@dataclass(slots=True)
class Context:
    """What the host hands to a connector or a channel."""

    connection: str
    clock: Clock
    log: logging.Logger
    http: HttpFactory
    tokens: TokenStore
    stop: threading.Event = field(default_factory=threading.Event)


class Connector(ABC, Generic[S]):
    """One platform. A subclass names itself, its settings and its streams; the host does the rest."""

    name: ClassVar[str]
    title: ClassVar[str]
    Settings: ClassVar[type[Settings]]
    platform: ClassVar[str] = ""
    message_policy: ClassVar[MessagePolicy] = MessagePolicy()

    def __init__(self, settings: S, context: Context) -> None:
        self.settings = settings
        self.context = context
        self.clock = context.clock
        self.log = context.log
        self.tokens = context.tokens

    @cached_property
    def http(self) -> HttpSession:
        """The session for every call: timed out, paced, retried and redacted by the host."""
        return self.context.http(auth=self.auth(), inspect=self.inspect, rate_limits=self.rate_limits())

    def auth(self) -> requests.auth.AuthBase | None:
        """How a request is signed."""
        return None

    def rate_limits(self) -> Mapping[str, Rate]:
        """The platform's quotas by name; a request names the one it uses, or uses `default`."""
        return {}

    def inspect(self, response: requests.Response) -> None:
        """Raise one of `crmsync.sdk`'s errors when a 2xx body says that something went wrong."""
        return

    @abstractmethod
    def check(self) -> Shop:
        """Prove the credentials and name the shop. Raises AuthError or TransientError."""

    def identity_scope(self) -> str:
        """Within what the platform's customer ids are unique: by default this connection alone."""
        return self.context.connection

    def offers(self) -> Collection[str]:
        """The streams that can be pulled with these settings: by default all of `streams()`."""
        return self.streams().keys()

    def accepts(self) -> Mapping[str, Idempotency]:
        """What can be pushed with these settings, and how each behaves when a key is repeated: by
        default all of `pushes()`."""
        return self.pushes()

    def webhook(self) -> Webhook | None:
        """How the platform signs the events it sends to this connection; None when it sends none, or no
        secret is set. An event only lets the host pull the streams it speaks of sooner."""
        return None

    def lookup_message(self, message: OutgoingMessage, key: str) -> Receipt | None:
        """What became of what was pushed under this key; only for pushes that declare `lookup`.

        `message` is what was handed over with it: some platforms can only be asked where it went to.
        """
        raise NotImplementedError

    @classmethod
    def streams(cls) -> dict[str, Stream[Any]]:
        """The streams of this connector in the order in which they are pulled."""
        found = {name: member for name in dir(cls) if isinstance(member := getattr(cls, name, None), Stream)}
        for name, member in found.items():
            if name != member.name:
                raise PluginError(
                    f"{cls.__name__}.{name} yields {member.record.__name__} records.",
                    fix=f"Name the method {member.name!r}.",
                )
            if member.to_record is None:
                raise PluginError(
                    f"{cls.__name__}.{name} has no mapping.",
                    fix=f"Add a method decorated with @{name}.mapping that makes a {member.record.__name__}.",
                )
        return {name: found[name] for name in RECORDS if name in found}

    @classmethod
    def pushes(cls) -> dict[str, Idempotency]:
        """What this connector can push, and how each behaves when a key is repeated."""
        return {
            name: getattr(method, "idempotency", "none")
            for name in PUSHES
            if (method := getattr(cls, name, None)) is not None
        }
