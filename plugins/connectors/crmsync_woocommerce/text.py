"""Text in and out of HTML: WordPress keeps both reviews and notes as markup."""

from __future__ import annotations

from hashlib import sha256
from html import escape, unescape
from html.parser import HTMLParser

_BREAKS = frozenset({"p", "br", "div", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "tr"})
_UNSEEN = frozenset({"script", "style"})
_MARK = "crmsync:"


class _Reader(HTMLParser):
    """Collects what a person reads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        if tag in _BREAKS:
            self.text.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS:
            self.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if tag == "p":
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.text.append(data)


def read(html: str) -> str:
    """What a person reads of some HTML, line by line."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (line.strip() for line in "".join(reader.text).splitlines())
    return "\n".join(line for line in lines if line)


def plain(title: str) -> str:
    """A name or title as it is shown: WordPress keeps `&` as `&amp;`."""
    return unescape(title).strip()


def as_note(text: str, key: str) -> str:
    """A note from which the buyer reads exactly this text, marked with the key it was sent under.

    WooCommerce strips what looks like a tag, as `<100元，满减>` does, and WordPress eats backslashes, so both
    are escaped. The mark is a comment, which no reader shows and WordPress's filter keeps.
    """
    return escape(text, quote=False).replace("\\", "\\\\") + mark(key)


def mark(key: str) -> str:
    """What a note carries to be known again by its key."""
    return f"<!-- {_MARK}{sha256(key.encode()).hexdigest()[:24]} -->"


def is_marked(note: str) -> bool:
    """Whether a note carries the mark of any key."""
    return f"<!-- {_MARK}" in note
