"""The base of every plugin's settings and the value types that read well in YAML."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import core_schema

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"^(?:\d+(?:\.\d+)?[smhdw])+$")
_RATE = re.compile(r"^(\d+(?:\.\d+)?)\s*/\s*(s|m|h|d)$")


class Settings(BaseModel):
    """What a plugin can be configured with. Unknown keys are refused; describe every field."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def parse_duration(text: Any) -> Any:
    """`5m`, `90d`, `1h30m` as a timedelta; anything else is passed on for pydantic to refuse."""
    if isinstance(text, timedelta):
        return text
    if isinstance(text, str) and _DURATION.match(text):
        return timedelta(
            seconds=sum(float(n) * _UNITS[u] for n, u in re.findall(r"(\d+(?:\.\d+)?)([smhdw])", text))
        )
    raise ValueError("a duration is a number with a unit: 30s, 5m, 2h, 90d, 2w")


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": _DURATION.pattern, "examples": ["5m", "90d"]}),
]


def parse_share(text: Any) -> Any:
    """`8%` or `0.08` as 0.08."""
    if isinstance(text, str) and text.strip().endswith("%"):
        try:
            text = float(text.strip()[:-1]) / 100
        except ValueError:
            raise ValueError("a share is a percentage such as 8% or a number from 0 to 1") from None
    if isinstance(text, bool) or not isinstance(text, int | float) or not 0 <= text <= 1:
        raise ValueError("a share is a percentage such as 8% or a number from 0 to 1")
    return float(text)


Share = Annotated[
    float,
    BeforeValidator(parse_share),
    WithJsonSchema({"type": ["string", "number"], "examples": ["8%", 0.08]}),
]


def is_loopback(host: str) -> bool:
    """Whether this host name or address is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.password:
        raise ValueError("a URL names a host, and no user or password")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("a URL begins with https:// (http:// only on this machine)")
    return url


Url = Annotated[str, AfterValidator(_check_url)]
"""Where something outside is called: https, or http on this machine, without user and password."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may happen: `Rate(2)` is twice a second, `Rate(40, 60)` forty times a minute."""

    count: float
    seconds: float = 1.0

    @property
    def interval(self) -> float:
        """Seconds from one to the next."""
        return self.seconds / self.count

    @classmethod
    def parse(cls, text: object) -> Rate:
        if isinstance(text, Rate):
            return text
        match = _RATE.match(text) if isinstance(text, str) else None
        if match is None or not float(match[1]):
            raise ValueError("a rate is a number per unit of time: 2/s, 40/m, 1000/h")
        return cls(float(match[1]), float(_UNITS[match[2]]))

    def __str__(self) -> str:
        unit = next((u for u, s in _UNITS.items() if s == self.seconds), f"{self.seconds}s")
        return f"{self.count:g}/{unit}"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            serialization=core_schema.to_string_ser_schema(),
            json_schema_input_schema=core_schema.str_schema(pattern=_RATE.pattern),
        )
