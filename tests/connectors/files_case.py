"""Opens `files` connectors on folders of exports."""

from __future__ import annotations

import gzip
import logging
import lzma
from pathlib import Path
from typing import Any

from crmsync_files.connector import FilesConnector

from crmsync.sdk import Context, Cursor, MemoryTokenStore, Page, Record, RecordError, SystemClock, checked

ORDER_FIELDS = {"status": {"constant": "paid"}, "total": "total", "placed_at": "placed"}


def no_http(**_: object) -> Any:
    raise AssertionError("files need no network")


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a file, compressed as its name says."""
    content = text.encode(encoding)
    if path.suffix == ".gz":
        content = gzip.compress(content)
    elif path.suffix == ".xz":
        content = lzma.compress(content)
    path.write_bytes(content)
    return path


class Exports:
    """A folder of exports and the connector that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str, encoding: str = "utf-8") -> Path:
        return write(self.folder / name, text, encoding)

    def open(self, *, currency: str | None = "EUR", **settings: Any) -> FilesConnector:
        settings.setdefault("times", {"zone": "UTC"})
        checked = FilesConnector.Settings.model_validate({"currency": currency, **settings})
        context = Context("shop", SystemClock(), logging.getLogger("test"), no_http, MemoryTokenStore())
        return FilesConnector(checked, context)

    def orders(self, name: str, *, fields: dict[str, Any] | None = None, **options: Any) -> FilesConnector:
        """A connector with orders alone; options that orders do not know are the connection's."""
        own = {
            "join",
            "lines",
            "distinct",
            "separator",
            "identity",
            "format",
            "delimiter",
            "encoding",
            "header",
        }
        stream = {key: options.pop(key) for key in own & options.keys()}
        stream = {"identity": "id", "fields": {**ORDER_FIELDS, **(fields or {})}, **stream}
        return self.open(exports={"orders": {"file": self.folder / name, **stream}}, **options)


def pull(connector: Any, stream: str = "orders", since: Cursor | None = None) -> list[Page]:
    return list(getattr(connector, stream)(since or Cursor()))


def records(connector: Any, stream: str = "orders", since: Cursor | None = None) -> list[Record]:
    bound = getattr(connector, stream)
    payloads = [payload for page in pull(connector, stream, since) for payload in page.payloads]
    return [checked(bound.record(payload))[0] for payload in payloads]


def rejected(connector: Any, stream: str = "orders") -> list[str]:
    """Why each payload that is rejected is."""
    reasons = []
    for page in pull(connector, stream):
        for payload in page.payloads:
            try:
                getattr(connector, stream).record(payload)
            except RecordError as error:
                reasons.append(str(error))
    return reasons


def only(connector: Any, stream: str = "orders") -> Any:
    (record,) = records(connector, stream)
    return record
