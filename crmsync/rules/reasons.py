"""Reasons as JSON: kept as message and values, so that they can be told in any language later."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from crmsync.sdk import Reason, Told

# A full judging writes down the reasons of most customers.
_ENCODE = msgspec.json.Encoder(order="sorted").encode
_PLAIN = frozenset({str, int, bool, type(None)})


def dump_reasons(reasons: tuple[Reason, ...]) -> str:
    return _ENCODE([_reason(reason) for reason in reasons]).decode()


def load_reasons(text: str) -> tuple[Reason, ...]:
    return tuple(
        Reason(
            fact=found["fact"],
            value=found["value"],
            told=load_told(found["told"]),
            threshold=found["threshold"],
            evidence=tuple(found["evidence"]),
        )
        for found in json.loads(text)
    )


def dump_told(told: Told) -> dict[str, Any]:
    return {"message": told.message, "values": plain(told.values), "own": dict(told.own)}


def load_told(found: dict[str, Any]) -> Told:
    return Told(found["message"], found["values"], found["own"])


def plain(value: Any) -> Any:
    """The value as JSON can hold it: numpy numbers as Python's, to nine digits, NaN as null."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return value


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "fact": reason.fact,
        "value": plain(reason.value),
        "threshold": plain(reason.threshold),
        "evidence": list(reason.evidence),
        "told": dump_told(reason.told),
    }
