"""A connector tried by the conformance kit, as its own package sets it up."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Connector, PluginError, UsageError

if TYPE_CHECKING:
    from crmsync.testing.conformance import Outcome, Platform


@dataclass(frozen=True, slots=True)
class Trial:
    """What the kit says of a connector, and what its quality scale says of its package."""

    connector: str
    green: bool
    tier: str | None
    checks: tuple[Outcome, ...]
    todo: tuple[str, ...]
    exempt: Mapping[str, str]
    quality_problems: tuple[str, ...]


def try_connector(offered: Mapping[str, type[Connector[Any]]], name: str) -> Trial:
    """Run the kit on a connector. Raises UsageError when there is none, PluginError without a platform."""
    from crmsync.testing.conformance import quality_of, try_all

    if name not in offered:
        raise UsageError(f"There is no connector {name!r}.", fix=f"There are: {', '.join(sorted(offered))}.")
    connector = offered[name]
    checks = tuple(try_all(_platform(connector)))
    quality = quality_of(connector)
    return Trial(
        name,
        all(outcome.status != "red" for outcome in checks) and not quality.problems,
        quality.tier,
        checks,
        quality.todo,
        quality.exempt,
        quality.problems,
    )


def _platform(connector: type[Connector[Any]]) -> type[Platform]:
    """The platform in the module `conformance` beside the connector's own."""
    from crmsync.testing.conformance import Platform

    package = connector.__module__.rpartition(".")[0]
    if not package or importlib.util.find_spec(f"{package}.conformance") is None:
        raise PluginError(
            f"The connector {connector.name} brings no platform to try it against.",
            fix="Write conformance.py beside its module, with a subclass of Platform for it.",
        )
    module = importlib.import_module(f"{package}.conformance")
    for member in vars(module).values():
        if isinstance(member, type) and issubclass(member, Platform) and _is_for(member, connector):
            return member
    raise PluginError(
        f"{module.__name__} has no Platform for {connector.__name__}.",
        fix=f"Give a subclass of Platform there `connector = {connector.__name__}`.",
    )


def _is_for(platform: type[Platform], connector: type[Connector[Any]]) -> bool:
    return getattr(platform, "connector", None) is connector
