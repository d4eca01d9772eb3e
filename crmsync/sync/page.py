"""A page as it comes from the platform, mapped to records; what cannot be mapped is set aside alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from pydantic import ValidationError

from crmsync.sdk import CrmsyncError, Cursor, Page, Record
from crmsync.sdk.connector import BoundStream


@dataclass(slots=True)
class Rejected:
    """A payload that is no record: kept whole, with the reason."""

    payload: str
    digest: int
    external_id: str | None
    reason: str


@dataclass(slots=True)
class Mapped:
    """A page's records, each with the digest of its content, and what was rejected."""

    cursor: Cursor
    total: int | None = None
    pulled: int = 0
    records: list[Record] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def map_page(stream: BoundStream[Any], page: Page) -> Mapped:
    """Map every payload of a page; a mapping's errors reject its own payload and nothing else."""
    mapped = Mapped(page.cursor, page.total, len(page.payloads))
    record_of, kind = stream.record, stream.stream.record
    for payload in page.payloads:
        try:
            record = record_of(payload)
            if record is None:
                continue
            if type(record) is not kind:
                raise TypeError(f"the mapping made a {type(record).__name__}, not a {kind.__name__}")
            digest = digest_of(record)
        except Exception as error:
            mapped.rejected.append(reject(payload, error))
        else:
            mapped.records.append(record)
            mapped.digests.append(digest)
    return mapped


def digest_of(record: Record) -> int:
    """A 64-bit digest of a record's whole content.

    Raises ValueError for text that no database can keep: a NUL, half of a surrogate pair.
    """
    content: bytes = type(record).__pydantic_serializer__.to_json(record)
    if b"\\u0000" in content and any("\0" in text for text in _texts(record.model_dump())):
        raise ValueError("a text contains a NUL character")
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big", signed=True)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def reject(payload: Any, error: Exception) -> Rejected:
    """The quarantine entry of a payload that raised."""
    kept = json.dumps(payload, default=str, ensure_ascii=True, sort_keys=True)
    digest = int.from_bytes(blake2b(kept.encode(), digest_size=8).digest(), "big", signed=True)
    return Rejected(kept, digest, _likely_id(payload), _reason(error))


def _likely_id(payload: Any) -> str | None:
    if isinstance(payload, dict):
        for name in ("external_id", "id", "order_id", "tid"):
            if isinstance(value := payload.get(name), str | int) and value != "":
                return str(value)[:200].encode("ascii", "backslashreplace").decode().replace("\0", "")
    return None


def _reason(error: Exception) -> str:
    """Why, without the value: a rejected field may hold contact data."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False, include_context=False)[:5]
        )
    if isinstance(error, KeyError):
        return f"the field {error} is missing"
    if isinstance(error, CrmsyncError):
        return str(error)
    return f"{type(error).__name__}: {error}"
