"""Loads every plugin: import, check and registration are one step that is taken back when it fails."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TypeAlias, TypeVar

import pluggy

from crmsync.plugins.candidate import Candidate, candidates
from crmsync.plugins.fault import PluginIncompatible, at_module, fault_of
from crmsync.plugins.hooks import checked_hooks
from crmsync.plugins.host import PluginHost, call_alone
from crmsync.plugins.info import PluginInfo, Status
from crmsync.plugins.offer import Function, Offer, checked_channels, checked_connectors, checked_rules
from crmsync.sdk import hookspecs

C = TypeVar("C")
Check: TypeAlias = Callable[[Function, object], dict[str, C]]

_log = logging.getLogger("crmsync.plugins")


def load_plugins(plugin_dirs: Iterable[Path] = (), disabled: Iterable[str] = ()) -> PluginHost:
    """Find and load all plugins but the disabled ones. A plugin's fault never leaves this function."""
    manager = pluggy.PluginManager("crmsync")
    manager.add_hookspecs(hookspecs)
    loading = _Loading(manager, set(disabled))
    by_name: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates(plugin_dirs):
        by_name[candidate.name].append(candidate)
    for name, namesakes in by_name.items():
        loading.take(name, namesakes)
    loading.refuse_doubles()
    for info in loading.infos:
        if info.status in ("failed", "incompatible"):
            extra = {"action": "plugin_failed", "plugin": info.name, "reason": info.reason}
            _log.warning("Plugin %s is not loaded (%s): %s", info.name, info.status, info.reason, extra=extra)
    return PluginHost(manager, loading.infos, loading.offers)


class _Loading:
    """The state of one load."""

    def __init__(self, manager: pluggy.PluginManager, disabled: set[str]) -> None:
        self.manager = manager
        self.disabled = disabled
        self.infos: list[PluginInfo] = []
        self.offers: dict[str, Offer] = {}

    def take(self, name: str, namesakes: list[Candidate]) -> None:
        """Load the plugin of this name, unless it is disabled or there are several."""
        for candidate in namesakes:
            info = PluginInfo(name, candidate.version, candidate.origin)
            if name in self.disabled:
                self.infos.append(replace(info, status="disabled"))
            elif len(namesakes) > 1:
                others = " and ".join(n.origin for n in namesakes if n is not candidate)
                reason = f"{candidate.origin}: another plugin has the name {name}: {others}."
                self.infos.append(replace(info, status="failed", reason=reason))
            else:
                self.infos.append(self._loaded(candidate, info))

    def _loaded(self, candidate: Candidate, info: PluginInfo) -> PluginInfo:
        doing = "while it was imported"
        try:
            plugin = candidate.load()
            doing = "while its hooks were checked"
            hooks = checked_hooks(plugin)
            assert isinstance(plugin, ModuleType)
            if self.manager.is_registered(plugin):
                first = self.manager.get_name(plugin)
                raise at_module(f"the same module is already the plugin {first}.", plugin)
            doing = "while it was registered"
            self.manager.register(plugin, candidate.name)
            doing = "while it named its classes"
            self.offers[candidate.name] = self._offer(candidate.name)
        except (Exception, SystemExit) as error:
            self._roll_back(candidate)
            fault = fault_of(error, candidate.root(), doing)
            status: Status = "incompatible" if isinstance(fault, PluginIncompatible) else "failed"
            return replace(info, status=status, reason=str(fault))
        return replace(info, version=info.version or _own_version(plugin), hooks=hooks)

    def _offer(self, name: str) -> Offer:
        return Offer(
            self._offered(name, "crmsync_connectors", checked_connectors),
            self._offered(name, "crmsync_rules", checked_rules),
            self._offered(name, "crmsync_channels", checked_channels),
        )

    def _offered(self, name: str, hook: str, check: Check[C]) -> dict[str, C]:
        """The classes this plugin's implementation returned; none when it has no such hook."""
        named: dict[str, C] = {}
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            if implementation.plugin_name == name:
                named |= check(implementation.function, call_alone(implementation, {}))
        return named

    def _roll_back(self, candidate: Candidate) -> None:
        self.offers.pop(candidate.name, None)
        # pluggy 1.6 keeps the name of a plugin whose registration failed.
        if self.manager.has_plugin(candidate.name):
            self.manager.unregister(name=candidate.name)
        candidate.forget()

    def refuse_doubles(self) -> None:
        """Refuse every plugin that offers a class under the name of another's."""
        offering: dict[tuple[str, str], list[str]] = defaultdict(list)
        for plugin, offer in self.offers.items():
            for kind, name, _ in offer.classes():
                offering[kind, name].append(plugin)
        origins = {info.name: info.origin for info in self.infos}
        reasons: dict[str, str] = {}
        for (kind, name), plugins in offering.items():
            for plugin in plugins if len(plugins) > 1 else ():
                others = " and ".join(f"{p} in {origins[p]}" for p in plugins if p != plugin)
                reasons[plugin] = f"{origins[plugin]}: it offers the {kind} {name}, and so does {others}."
        for i, info in enumerate(self.infos):
            if info.name in reasons and info.status == "loaded":
                self.offers.pop(info.name)
                self.manager.unregister(name=info.name)
                self.infos[i] = replace(info, status="failed", hooks=(), reason=reasons[info.name])


def _own_version(plugin: ModuleType) -> str:
    version = getattr(plugin, "__version__", "")
    return version if isinstance(version, str) else ""
