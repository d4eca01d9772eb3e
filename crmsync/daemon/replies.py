"""The pages behind the links in messages, in the language of who reads them. A GET only asks, because mail
scanners follow links; a POST does it, with one click and without a login (RFC 8058)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Protocol

from crmsync.care import confirm, unsubscribe
from crmsync.care.link import Links
from crmsync.care.reader import Reader, reader_of_message, reader_of_request
from crmsync.care.template import short
from crmsync.daemon.app import App
from crmsync.daemon.endpoint import Answer, Request
from crmsync.sdk import UsageError, mark, translate
from crmsync.sdk.text import LANGUAGES
from crmsync.store import Store

_NOT_OURS = mark("This link does not work. Copy the whole of it from the message.")
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body {{font: 1.1rem/1.6 system-ui, sans-serif; max-width: 30rem; margin: 15vh auto; padding: 0 1.5rem}}
h1 {{font-size: 1.1rem}} button {{font: inherit; padding: .5rem 1.2rem}}</style></head>
<body><main>{heading}<p>{text}</p>{form}</main></body></html>
"""


class _Does(Protocol):
    def __call__(self, store: Store, links: Links, token: str, /, *, now: datetime) -> object: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What a customer may answer by a link: what is asked, the button, what is done and said then."""

    question: str
    button: str
    done: str
    does: _Does
    reader: Callable[[Store, Links, str], Reader | None]

    def ask(self, app: App, request: Request) -> Answer:
        """The page of a GET."""
        reader = self.reader(app.store, app.links, request.rest)
        if reader is None:
            return _page(app, None, 404, _NOT_OURS)
        return _page(app, reader, 200, self.question, self.button)

    def take(self, app: App, request: Request) -> Answer:
        """The page of a POST, when it is done."""
        reader = self.reader(app.store, app.links, request.rest)
        try:
            self.does(app.store, app.links, request.rest, now=app.clock.now())
        except UsageError:
            return _page(app, reader, 404, _NOT_OURS)
        return _page(app, reader, 200, self.done)


STOP = Reply(
    mark("Shall we stop writing to you?"),
    mark("Yes, stop"),
    mark("You will not hear from us here any more."),
    unsubscribe,
    reader_of_message,
)
CONFIRM = Reply(
    mark("Was it you who agreed to hear from us?"),
    mark("Yes, it was me"),
    mark("Thank you, that is confirmed."),
    confirm,
    reader_of_request,
)


def _page(app: App, reader: Reader | None, status: int, text: str, button: str = "") -> Answer:
    told = short(reader.language) if reader else ""
    language = told if told in LANGUAGES else app.config.language
    said = escape(translate(text, language))
    html = _PAGE.format(
        language=language,
        title=said,
        heading=f"<h1>{escape(reader.shop)}</h1>" if reader else "",
        text=said,
        form=f'<form method="post"><button>{escape(translate(button, language))}</button></form>'
        if button
        else "",
    )
    return Answer(status, html.encode(), "text/html; charset=utf-8")
