"""Where a connector is tried: opened as the host opens it, on a wire that can be spoilt."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from typing import Any, Self

from msgspec.structs import replace
from pydantic import BaseModel, SecretStr, ValidationError

from crmsync.sdk import (
    Connector,
    Context,
    CrmsyncError,
    Cursor,
    HttpSession,
    MemoryPacer,
    MemoryTokenStore,
    Page,
    Record,
    Settings,
)
from crmsync.testing.clock import FakeClock
from crmsync.testing.conformance.check import NotApplicable, Unmet
from crmsync.testing.conformance.platform import Platform
from crmsync.testing.conformance.wire import Wire

MOST_PAGES = 400


class Bench:
    """One connector class, its platform, and a clock on which waiting costs nothing."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        now = platform.now()
        self.clock = FakeClock(now) if now else FakeClock()
        self.wire = Wire(platform.answer, self.clock)
        self.said = _Listener()
        self._opened: list[Connector[Any]] = []
        self._walks: dict[str, list[Page]] = {}
        self._streams: list[str] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.wire.tapped())
        self._stack.enter_context(self.said.listening())
        return self

    def __exit__(self, *_: object) -> None:
        for connector in self._opened:
            self.shut(connector)
        self._stack.close()

    @property
    def kind(self) -> type[Connector[Any]]:
        """The connector's class."""
        return self.platform.connector

    @cached_property
    def settings(self) -> Settings:
        """The platform's settings as the class has them; NotApplicable when it refuses them."""
        try:
            return self.kind.Settings.model_validate(dict(self.platform.settings()))
        except ValidationError:
            raise NotApplicable("the platform's settings are refused: mend that first") from None

    def open(self, connection: str = "conformance") -> Connector[Any]:
        """A connector as the host makes one, closed with the bench."""
        http = partial(HttpSession, connection=connection, clock=self.clock, pacer=MemoryPacer())
        log = logging.getLogger("crmsync.connector")
        context = Context(connection, self.clock, log, http, MemoryTokenStore())
        self._opened.append(self.kind(self.settings, context))
        return self._opened[-1]

    def shut(self, connector: Connector[Any]) -> None:
        """What the host does with a connector it no longer needs."""
        if "http" in vars(connector):
            connector.http.close()

    def streams(self) -> list[str]:
        """The streams that are offered under these settings."""
        if self._streams is None:
            offered = self.open().offers()
            self._streams = [name for name in self.kind.streams() if name in offered]
        return self._streams

    @cached_property
    def _mapper(self) -> Connector[Any]:
        return self.open()

    def mapping(self, stream: str) -> Callable[[Any], Record | None]:
        """What turns a payload of the stream into a record."""
        record_of: Callable[[Any], Record | None] = getattr(self._mapper, stream).record

        def mapped(payload: Any) -> Record | None:
            record = record_of(payload)
            if type(number := getattr(record, "external_id", None)) is int:
                # As `checked` would have it, which not every check wants to run.
                return replace(record, external_id=str(number))
            return record

        return mapped

    def walk(self, stream: str, since: Cursor | None = None, connector: Any = None) -> list[Page]:
        """The pages from a cursor on. Raises Unmet when there is no end to them."""
        pages = []
        for page in getattr(connector or self.open(), stream)(since or Cursor()):
            pages.append(page)
            if len(pages) > MOST_PAGES:
                raise Unmet(f"{stream}: the walk had given {MOST_PAGES} pages and did not end")
        return pages

    def pages(self, stream: str) -> list[Page]:
        """The pages of one walk over an unspoilt platform; NotApplicable when there is none."""
        if stream not in self._walks:
            try:
                self._walks[stream] = self.walk(stream)
            except NotApplicable:
                raise
            except Exception as error:
                raise NotApplicable(f"{stream} cannot be pulled: mend that first ({shown(error)})") from error
        return self._walks[stream]

    def records(self, stream: str) -> Iterator[tuple[Any, Record]]:
        """Each payload with the record that the mapping makes of it, not checked yet."""
        record_of = self.mapping(stream)
        for payload in (payload for page in self.pages(stream) for payload in page.payloads):
            try:
                record = record_of(payload)
            except Exception:
                continue
            if record is not None:
                yield payload, record

    def back(self, stream: str, cursor: Cursor) -> Cursor:
        """The cursor from which the host would read again after committing this one."""
        return cursor.back(self.kind.streams()[stream].overlap)

    def calls_on_the_wire(self) -> None:
        """NotApplicable unless the connector calls its platform over HTTP."""
        for stream in self.streams():
            self.pages(stream)
        if not self.wire.calls:
            raise NotApplicable("the connector makes no HTTP calls")

    def secrets(self) -> list[str]:
        """The secret values of the settings."""
        return list(_secrets(self.settings))


class _Listener(logging.Handler):
    """Keeps all that is logged but what urllib3 says of its own."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(("urllib3", "asyncio")):
            self.texts.append(f"{record.getMessage()} {vars(record)} {record.exc_text or ''}")

    @contextmanager
    def listening(self) -> Iterator[None]:
        root, own = logging.getLogger(), logging.getLogger("crmsync.connector")
        level = own.level
        root.addHandler(self)
        own.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            own.setLevel(level)
            root.removeHandler(self)


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner)


def shown(error: BaseException) -> str:
    """An error for the author of a connector: its class and its words."""
    words = error.what if isinstance(error, CrmsyncError) else str(error)
    return f"{type(error).__name__}: {words}"


def payloads_of(pages: list[Page]) -> list[str]:
    """What the pages gave, so that it can be compared."""
    return [
        json.dumps(payload, default=str, sort_keys=True, ensure_ascii=False)
        for page in pages
        for payload in page.payloads
    ]


def stored(cursor: Cursor) -> Cursor:
    """The cursor as it comes back from the database."""
    if cursor.token is not None and not isinstance(cursor.token, str):
        raise Unmet(f"a cursor's token is a {type(cursor.token).__name__}, not text")
    if cursor.at is not None and cursor.at.tzinfo is None:
        raise Unmet("a cursor's `at` is naive")
    return Cursor(cursor.at, cursor.token)
