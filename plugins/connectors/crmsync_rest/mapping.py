"""Payloads into records, as the configuration says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crmsync.sdk import RECORDS, Consent, OrderLine, Record, RecordError
from crmsync.sdk.fields import Defaults, FieldMap, RecordMap
from crmsync_rest.expression import search
from crmsync_rest.settings import At, RestSettings


class Mapping:
    """One stream's mapping, compiled."""

    def __init__(self, stream: str, settings: RestSettings) -> None:
        endpoint = getattr(settings.endpoints, stream)
        defaults = Defaults(settings.currency, settings.times, settings.decimal, settings.unit)
        lines = getattr(endpoint, "lines", None)
        self._records = RecordMap(
            RECORDS[stream],
            [search(path) for path in endpoint.identity_paths()],
            FieldMap(RECORDS[stream], endpoint.fields, _reader, defaults),
            separator=endpoint.separator,
            lines=lines and (_parts(lines.path), FieldMap(OrderLine, lines.fields, _reader, defaults)),
            consents=[
                (
                    _parts(consent.path) if consent.path else _itself,
                    FieldMap(Consent, consent.fields, _reader, defaults, optional=["granted"]),
                )
                for consent in getattr(endpoint, "consents", [])
            ],
        )

    def record(self, payload: Any) -> Record:
        """The payload's record. Raises RecordError naming the field."""
        if not isinstance(payload, dict):
            raise RecordError("the record is no JSON object.")
        return self._records.record(payload)


def _reader(spec: At) -> Callable[[Any], Any]:
    assert spec.path is not None
    return search(spec.path)


def _itself(payload: Any) -> list[Any]:
    return [payload]


def _parts(path: str) -> Callable[[Any], list[Any]]:
    read = search(path)

    def find(payload: Any) -> list[Any]:
        found = read(payload)
        if found is None:
            return []
        if not isinstance(found, list):
            raise RecordError("it is no list.", field=path)
        return found

    return find
