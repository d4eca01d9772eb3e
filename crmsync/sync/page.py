"""A page as it comes from the platform, mapped to records; what cannot be mapped is set aside alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from pydantic import ValidationError

from crmsync.sdk import CrmsyncError, Cursor, Page, Record, checked
from crmsync.sdk.connector import BoundStream
from crmsync.sdk.redaction import Redactor

_REDACTOR = Redactor()


@dataclass(slots=True)
class Rejected:
    """A payload that is no record: kept whole, with the reason."""

    payload: str
    digest: int
    external_id: str | None
    reason: str


@dataclass(slots=True)
class Mapped:
    """The records of pages stored together, each with its digest, and what was rejected."""

    cursor: Cursor
    total: int | None = None
    pages: int = 0
    pulled: int = 0
    records: list[Record] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def map_pages(stream: BoundStream[Any], pages: Sequence[Page]) -> Mapped:
    """Map every payload of some pages; a mapping's errors reject its own payload and nothing else."""
    mapped = Mapped(pages[-1].cursor, pages[-1].total, len(pages))
    record_of, kind = stream.record, stream.stream.record
    for payload in (payload for page in pages for payload in page.payloads):
        mapped.pulled += 1
        try:
            record = record_of(payload)
            if record is None:
                continue
            if type(record) is not kind:
                raise TypeError(f"the mapping made a {type(record).__name__}, not a {kind.__name__}")
            record, content = checked(record)
        except Exception as error:
            mapped.rejected.append(reject(payload, error))
        else:
            mapped.records.append(record)
            mapped.digests.append(digest_of(_without_version(content)))
    return mapped


def _without_version(content: bytes) -> bytes:
    """A record's content without its `updated_at`, which moves when only something moved that we do not
    read: our own note or tag, for one. The second field of every record, so nothing else is found."""
    before, _, rest = content.partition(b',"updated_at":')
    return before + rest[rest.index(b",") :]


def digest_of(content: bytes) -> int:
    """A 64-bit digest that fits a BIGINT."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big", signed=True)


def reject(payload: Any, error: Exception) -> Rejected:
    """The quarantine entry of a payload that raised."""
    kept = json.dumps(payload, default=str, ensure_ascii=True, sort_keys=True)
    return Rejected(kept, digest_of(kept.encode()), _likely_id(payload), _reason(error))


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
        return _REDACTOR.text(str(error))
    return f"{type(error).__name__}: {_REDACTOR.text(str(error))}"
