"""The ways an API gives a long list in pages, and how each tells that there is no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import urljoin, urlsplit

import requests
from pydantic import Field

from crmsync.sdk import PermanentError, Settings
from crmsync_rest.expression import Expression, search


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for a page."""

    url: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to it, with how many records it and the pages before it hold."""

    ask: Ask
    response: requests.Response
    body: Any
    count: int
    seen: int


class Pager(Protocol):
    """One way of paging. `shifts`: a record that moves between two pages pushes others past the reader."""

    shifts: bool

    def first(self, ask: Ask) -> Ask:
        """The request for the first page."""
        ...

    def next(self, answered: Answered) -> Ask | None:
        """The request for the page after this one, or None after the last."""
        ...


class OnePage(Settings):
    """The whole list at once."""

    kind: Literal["none"]


class _Sized(Settings):
    size: int | None = Field(None, ge=1, description="Records to ask for in a page.")
    size_param: str | None = Field(None, description="The parameter that says so: limit, per_page.")
    total: Expression | None = Field(
        None,
        description="Where the body says how many records there are; a walk that ends before is refused.",
    )


class _Counted(_Sized):
    more: Expression | None = Field(None, description="Where the body says whether there are more.")


class ByPage(_Counted):
    """Pages by number. Without `total`, `pages` or `more` an empty page is the end."""

    kind: Literal["page"]
    param: str = Field("page", description="The parameter with the page's number.")
    first: int = Field(1, description="The number of the first page.")
    pages: Expression | None = Field(None, description="Where the body says how many pages there are.")


class ByOffset(_Counted):
    """Pages by how many records to skip. Without `total` or `more` an empty page is the end."""

    kind: Literal["offset"]
    param: str = Field("offset", description="The parameter with how many records to skip.")


class ByCursor(_Sized):
    """Pages by a cursor that each page gives for the next."""

    kind: Literal["cursor"]
    param: str = Field("cursor", description="The parameter that takes the cursor.")
    next: Expression = Field(description="Where the body holds the next cursor; nothing there is the end.")
    more: Expression | None = Field(None, description="Where the body says whether there are more.")
    alone: bool = Field(False, description="The cursor stands for the other parameters; send only the size.")


class ByNextUrl(_Sized):
    """Pages by a link in the body."""

    kind: Literal["next_url"]
    next: Expression = Field(
        description="Where the body holds the next page's URL; nothing there is the end."
    )


class ByLinkHeader(_Sized):
    """Pages by the Link header's rel="next"."""

    kind: Literal["link_header"]


Paging = Annotated[
    OnePage | ByPage | ByOffset | ByCursor | ByNextUrl | ByLinkHeader, Field(discriminator="kind")
]


def pager(paging: Paging) -> Pager:
    """What asks for one page after the other."""
    match paging:
        case OnePage():
            return _Single()
        case ByPage():
            return _Numbered(paging)
        case ByOffset():
            return _Skipping(paging)
        case ByCursor():
            return _Following(paging)
        case ByNextUrl():
            return _Linked(paging, search(paging.next))
        case ByLinkHeader():
            return _Linked(paging, None)


class _Single:
    shifts = False

    def first(self, ask: Ask) -> Ask:
        return ask

    def next(self, answered: Answered) -> Ask | None:
        return None


class _Base:
    shifts = False

    def __init__(self, paging: Any) -> None:
        self._paging = paging
        self._size = {paging.size_param: paging.size} if paging.size_param and paging.size else {}
        # A cursor or a link knows the end itself; a count would stop short of records that moved.
        ends = ("total", "pages", "more") if self.shifts else ("more",)
        self._ends = {
            name: search(expression)
            for name in ends
            if (expression := getattr(paging, name, None)) is not None
        }

    def first(self, ask: Ask) -> Ask:
        return Ask(ask.url, {**ask.params, **self._size})

    def _says_end(self, answered: Answered, page: int = 0) -> bool:
        """Whether the body itself says that this was the last page."""
        body = answered.body
        if "more" in self._ends and not self._ends["more"](body):
            return True
        if "total" in self._ends and answered.seen >= _number(self._ends["total"](body)):
            return True
        return "pages" in self._ends and page >= _number(self._ends["pages"](body))


class _Numbered(_Base):
    shifts = True

    def first(self, ask: Ask) -> Ask:
        return Ask(ask.url, {**ask.params, **self._size, self._paging.param: self._paging.first})

    def next(self, answered: Answered) -> Ask | None:
        page = answered.ask.params[self._paging.param]
        # A short page is no end: an API may give fewer than it was asked for.
        if not answered.count or self._says_end(answered, page - self._paging.first + 1):
            return None
        return Ask(answered.ask.url, {**answered.ask.params, self._paging.param: page + 1})


class _Skipping(_Base):
    shifts = True

    def first(self, ask: Ask) -> Ask:
        return Ask(ask.url, {**ask.params, **self._size, self._paging.param: 0})

    def next(self, answered: Answered) -> Ask | None:
        if not answered.count or self._says_end(answered):
            return None
        offset = answered.ask.params[self._paging.param] + answered.count
        return Ask(answered.ask.url, {**answered.ask.params, self._paging.param: offset})


class _Following(_Base):
    def __init__(self, paging: ByCursor) -> None:
        super().__init__(paging)
        self._next = search(paging.next)

    def next(self, answered: Answered) -> Ask | None:
        cursor = self._next(answered.body)
        if cursor is None or cursor == "" or cursor is False or self._says_end(answered):
            return None
        kept = self._size if self._paging.alone else answered.ask.params
        return Ask(answered.ask.url, {**kept, self._paging.param: cursor})


class _Linked(_Base):
    def __init__(self, paging: Any, link: Any) -> None:
        super().__init__(paging)
        self._link = link

    def next(self, answered: Answered) -> Ask | None:
        if self._link is None:
            link = answered.response.links.get("next", {}).get("url")
        else:
            link = self._link(answered.body)
        if not link:
            return None
        url = urljoin(answered.ask.url, str(link))
        if urlsplit(url)[:2] != urlsplit(answered.ask.url)[:2]:
            raise PermanentError(
                f"The next page is said to be on another host ({urlsplit(url).netloc}).",
                fix="Set `base_url` to that host if the platform really lives there.",
            )
        return Ask(url)


def _number(value: Any) -> float:
    """A count as the body says it; one that is missing never ends a list."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("inf")
