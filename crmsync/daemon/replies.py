"""The pages behind the links in messages. A GET only asks, because mail scanners follow links; a POST does
it, with one click and without a login (RFC 8058)."""

from __future__ import annotations

from html import escape

from crmsync.care import confirm, unsubscribe
from crmsync.daemon.app import App
from crmsync.daemon.endpoint import Answer, Request
from crmsync.sdk import UsageError, mark, translate

_ASK_STOP = mark("Shall we stop writing to you?")
_ASK_CONFIRM = mark("Was it you who agreed to hear from us?")
_STOP = mark("Yes, stop")
_CONFIRM = mark("Yes, it was me")
_STOPPED = mark("You will not hear from us here any more.")
_CONFIRMED = mark("Thank you, that is confirmed.")
_NOT_OURS = mark("This link does not work. Copy the whole of it from the message.")

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width"><title>{text}</title></head>
<body><main><p>{text}</p>{form}</main></body></html>
"""
_FORM = '<form method="post"><button>{text}</button></form>'


def ask_to_stop(app: App, request: Request) -> Answer:
    """GET of an unsubscribe link."""
    if app.links.unsubscribed(request.rest) is None:
        return _page(app, 404, _NOT_OURS)
    return _page(app, 200, _ASK_STOP, _STOP)


def stop(app: App, request: Request) -> Answer:
    """POST of an unsubscribe link: the customer is not written to any more."""
    try:
        unsubscribe(app.store, app.links, request.rest, now=app.clock.now())
    except UsageError:
        return _page(app, 404, _NOT_OURS)
    return _page(app, 200, _STOPPED)


def ask_to_confirm(app: App, request: Request) -> Answer:
    """GET of a link that confirms a consent."""
    if app.links.confirmed(request.rest) is None:
        return _page(app, 404, _NOT_OURS)
    return _page(app, 200, _ASK_CONFIRM, _CONFIRM)


def confirmed(app: App, request: Request) -> Answer:
    """POST of a link that confirms a consent."""
    try:
        confirm(app.store, app.links, request.rest, now=app.clock.now())
    except UsageError:
        return _page(app, 404, _NOT_OURS)
    return _page(app, 200, _CONFIRMED)


def _page(app: App, status: int, text: str, button: str = "") -> Answer:
    language = app.config.language
    form = _FORM.format(text=escape(translate(button, language))) if button else ""
    html = _PAGE.format(language=language, text=escape(translate(text, language)), form=form)
    return Answer(status, html.encode(), "text/html; charset=utf-8")
