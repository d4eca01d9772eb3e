"""Checks the classes a plugin offers before anything makes objects of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

from crmsync.config import CHANNEL_KEYS, CONNECTION_KEYS, RULE_KEYS
from crmsync.plugins.fault import at_class, at_function
from crmsync.sdk import Channel, Connector, PluginError, Rule, Settings, TeamChannel
from crmsync.sdk.message import Idempotency
from crmsync.sdk.records import Medium, Purpose

Function = Callable[..., Any]
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]*$")


@dataclass(frozen=True, slots=True)
class Offer:
    """The classes of one plugin, by their names."""

    connectors: dict[str, type[Connector[Any]]] = field(default_factory=dict)
    rules: dict[str, type[Rule[Any]]] = field(default_factory=dict)
    channels: dict[str, type[Channel[Any] | TeamChannel[Any]]] = field(default_factory=dict)

    def classes(self) -> list[tuple[str, str, type]]:
        """Kind, name and class of each."""
        return [
            (kind, name, cls)
            for kind, named in (
                ("connector", self.connectors),
                ("rule", self.rules),
                ("channel", self.channels),
            )
            for name, cls in named.items()
        ]


def checked_connectors(function: Function, returned: object) -> dict[str, type[Connector[Any]]]:
    """What a `crmsync_connectors` returned, by name. Raises PluginFault."""
    return _named(function, returned, Connector, CONNECTION_KEYS, _check_connector)


def checked_rules(function: Function, returned: object) -> dict[str, type[Rule[Any]]]:
    """What a `crmsync_rules` returned, by name. Raises PluginFault."""
    return _named(function, returned, Rule, RULE_KEYS, _check_rule)


def checked_channels(
    function: Function, returned: object
) -> dict[str, type[Channel[Any] | TeamChannel[Any]]]:
    """What a `crmsync_channels` returned, by name. Raises PluginFault."""
    return _named(function, returned, (Channel, TeamChannel), CHANNEL_KEYS, _check_channel)


def _named(
    function: Function,
    returned: object,
    base: type | tuple[type, ...],
    host_keys: frozenset[str],
    check: Callable[[Any], None],
) -> dict[str, Any]:
    if returned is None or isinstance(returned, str | type):
        raise at_function(f"it returned {_shown(returned)}; return a list of classes.", function)
    try:
        offered = list(returned)  # type: ignore[call-overload]
    except TypeError:
        raise at_function(f"it returned {_shown(returned)}; return a list of classes.", function) from None
    named: dict[str, Any] = {}
    cls: Any
    for cls in offered:
        if not isinstance(cls, type) or not issubclass(cls, base):
            wanted = " or ".join(b.__name__ for b in (base if isinstance(base, tuple) else (base,)))
            raise at_function(f"it returned {_shown(cls)}, no subclass of {wanted}.", function)
        name = _check_class(cls, host_keys)
        check(cls)
        if name in named:
            raise at_class(f"two classes of this plugin are named {name}.", cls)
        named[name] = cls
    return named


def _shown(thing: object) -> str:
    if isinstance(thing, type):
        return f"the class {thing.__qualname__}"
    return "nothing" if thing is None else f"an object of {type(thing).__qualname__}"


def _check_class(cls: Any, host_keys: frozenset[str]) -> str:
    """The name of the class."""
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise at_class(f"{cls.__name__} does not define {missing}.", cls)
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not _NAME.match(name):
        raise at_class(f'{cls.__name__} has no usable name; write name = "…" with a-z, 0-9, - and _.', cls)
    title = getattr(cls, "title", None)
    if not isinstance(title, str) or not title.strip():
        raise at_class(f'{cls.__name__} has no title; write title = "…".', cls)
    settings = getattr(cls, "Settings", None)
    if not isinstance(settings, type) or not issubclass(settings, Settings):
        raise at_class(f"{cls.__name__}.Settings is no subclass of crmsync.sdk.Settings.", cls)
    taken = sorted(host_keys & settings.model_fields.keys())
    if taken:
        raise at_class(
            f"its setting {taken[0]} would hide crmsync's own key; give it another name.", settings
        )
    return name


def _check_connector(cls: Any) -> None:
    try:
        cls.streams()
    except PluginError as error:
        raise at_class(str(error), cls) from error
    words = get_args(Idempotency)
    for push, idempotency in cls.pushes().items():
        if idempotency not in words:
            raise at_class(f"{cls.__name__}.{push} says {idempotency!r}, not {' or '.join(words)}.", cls)


def _check_rule(cls: Any) -> None:
    if not isinstance(cls.version, int) or isinstance(cls.version, bool):
        raise at_class(f"{cls.__name__}.version is no whole number.", cls)


def _check_channel(cls: Any) -> None:
    if not issubclass(cls, Channel):
        return
    for attribute, words in (("medium", get_args(Medium)), ("idempotency", get_args(Idempotency))):
        if getattr(cls, attribute, None) not in words:
            raise at_class(f"{cls.__name__}.{attribute} is none of {', '.join(words)}.", cls)
    purposes = cls.purposes
    if not isinstance(purposes, frozenset) or not purposes or not purposes <= set(get_args(Purpose)):
        raise at_class(f"{cls.__name__}.purposes is no frozenset of {', '.join(get_args(Purpose))}.", cls)
