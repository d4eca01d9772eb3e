"""From a document to a `Config`: every part is checked, and every fault noted, before any is raised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from crmsync.config.consent import ConsentConfig
from crmsync.config.database import absolute_database, check_database, password_in
from crmsync.config.document import Document
from crmsync.config.encryption import EncryptionConfig
from crmsync.config.explain import Explainer
from crmsync.config.model import ChannelConfig, Config, ConnectionConfig
from crmsync.config.named import check_campaigns, check_cases, check_segments
from crmsync.config.problem import InvalidConfig, Place, nearest
from crmsync.config.registry import Registry
from crmsync.config.shape import secrets_in, with_absolute_paths
from crmsync.config.team import check_team_channels
from crmsync.sdk import PluginError, Settings

CONNECTION_KEYS = frozenset(ConnectionConfig.model_fields) - {"settings"}
RULE_KEYS = frozenset({"rule"})
CHANNEL_KEYS = frozenset(ChannelConfig.model_fields) - {"settings"}

_PLATFORM = "platform"
_WHAT = {"connector": "this connection", "channel": "this channel", "rule": "this rule"}
_SECRET_FIX = "Write ${env:NAME} or ${file:PATH}, and change the secret if others have seen this file."


def build_config(document: Document, plugins: Registry, environ: Mapping[str, str]) -> Config:
    """The configuration a document holds. Raises InvalidConfig with every fault at once."""
    builder = _Builder(document, plugins)
    config = builder.config(environ.get("CRMSYNC_DATABASE"))
    if document.problems or config is None:
        raise InvalidConfig(document.problems)
    return config


class _Builder:
    """Checks one document part by part, noting faults in it and going on."""

    def __init__(self, document: Document, plugins: Registry) -> None:
        self.document = document
        self.plugins = plugins

    def config(self, database: str | None) -> Config | None:
        document = self.document
        raw = {key: value for key, value in document.data.items() if value is not None}
        if "path" in raw:
            known = Config.model_fields.keys() - {"path"}
            document.report(("path",), "path is no key of the file.", nearest("path", known), at_key=True)
        self._database(raw, database)
        self._plugins(raw)
        for name, section in (("consent", ConsentConfig), ("encryption", EncryptionConfig)):
            if isinstance(raw.get(name), dict):
                self._refuse_literal_secrets(section, raw[name], (name,))
        core = {**raw, "path": document.file}
        core["connections"] = self._listed("connections", self._connection)
        core["channels"] = self._listed("channels", self._channel)
        core["rules"] = self._named_rules()
        for key in ("connections", "channels", "rules"):
            if core[key] is None:
                core.pop(key)
        self._unique("connections", "id")
        self._unique("channels", "id")
        self._unique("care", "name")
        check_campaigns(document, self.plugins, [c.id for c in self._implicit_channel()])
        check_team_channels(document, self.plugins)
        check_cases(document)
        check_segments(document, self.plugins, core.get("rules"))
        if isinstance(core.get("channels", []), list):
            core["channels"] = [*core.get("channels", []), *self._implicit_channel()]
        core = with_absolute_paths(Config, core, document.folder)
        explainer = Explainer(document, Config, core, what="the file")
        config: Config | None = explainer.validated(lambda: Config.model_validate(core))
        return config

    def _database(self, raw: dict[str, Any], override: str | None) -> None:
        given = raw.get("database")
        if isinstance(given, str):
            secret = password_in(given)
            expanded = self.document.expanded.get(("database",))
            if secret and not (expanded and any(text and text in secret for text in expanded.secrets)):
                self.document.report(("database",), "database: its password is written here.", _SECRET_FIX)
        if override:
            try:
                check_database(override)
            except ValueError:
                fix = "Set it to sqlite:///FILE or postgresql://…, or unset it."
                self.document.report((), "CRMSYNC_DATABASE is no database URL.", fix)
                return
            raw["database"] = given = override
            self.document.broken.add(("database",))
        if isinstance(given, str):
            raw["database"] = absolute_database(given, self.document.folder)
        elif given is None:
            default = Config.model_fields["database"].default
            raw["database"] = absolute_database(default, self.document.folder)

    def _plugins(self, raw: dict[str, Any]) -> None:
        for i, folder in enumerate(self._entries("plugin_dirs")):
            if isinstance(folder, str) and not (self.document.folder / Path(folder).expanduser()).is_dir():
                fix = "Make it, or correct the path; a relative one starts beside the config."
                self.document.report(("plugin_dirs", i), "there is no such folder of plugins.", fix)
        known = [plugin.name for plugin in self.plugins.plugins]
        for i, name in enumerate(self._entries("disabled_plugins")):
            if isinstance(name, str) and name not in known:
                self.document.report(
                    ("disabled_plugins", i), f"no plugin is called {name}.", nearest(name, known)
                )

    def _entries(self, key: str) -> list[Any]:
        entries = self.document.data.get(key)
        return entries if isinstance(entries, list) else []

    def _listed(self, section: str, build: Callable[[dict[str, Any], Place], dict[str, Any]]) -> Any:
        entries = self.document.data.get(section)
        if not isinstance(entries, list):
            return entries
        return [build(raw, (section, i)) if isinstance(raw, dict) else raw for i, raw in enumerate(entries)]

    def _connection(self, raw: dict[str, Any], place: Place) -> dict[str, Any]:
        core = self._part(raw, place, "connector", CONNECTION_KEYS, self.plugins.connectors)
        connector = self.plugins.connectors.get(str(raw.get("connector")))
        streams = raw.get("streams")
        if connector is not None and isinstance(streams, list):
            try:
                known = connector.streams()
            except PluginError:
                return core
            for i, name in enumerate(streams):
                if isinstance(name, str) and name not in known:
                    message = f"{connector.name} has no stream called {name}."
                    self.document.report((*place, "streams", i), message, nearest(name, known))
        return core

    def _channel(self, raw: dict[str, Any], place: Place) -> dict[str, Any]:
        return self._part(raw, place, "channel", CHANNEL_KEYS, self.plugins.channels)

    def _implicit_channel(self) -> list[ChannelConfig]:
        """The channel every configuration has, unless it configures it itself."""
        channel = self.plugins.channels.get(_PLATFORM)
        taken = any(isinstance(c, dict) and c.get("id") == _PLATFORM for c in self._entries("channels"))
        if channel is None or taken:
            return []
        try:
            return [ChannelConfig(id=_PLATFORM, channel=_PLATFORM, settings=channel.Settings())]
        except ValueError:
            return []

    def _named_rules(self) -> Any:
        rules = self.document.data.get("rules")
        if not isinstance(rules, dict):
            return rules
        built: dict[str, Any] = {}
        for name, raw in rules.items():
            place: Place = ("rules", name)
            raw = {} if raw is None else raw
            if isinstance(raw, dict):
                core = self._part({"rule": name, **raw}, place, "rule", RULE_KEYS, self.plugins.rules)
                built[name] = {"name": name, **core}
            else:
                fix = f"Write {name}: {{}}, or put its settings below it, indented."
                self.document.report(place, f"{name} must be a mapping.", fix)
        return built

    def _part(
        self,
        raw: dict[str, Any],
        place: Place,
        kind: str,
        host_keys: frozenset[str],
        offered: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The host's own keys of an entry, with the rest of it as checked settings."""
        core = {key: value for key, value in raw.items() if key in host_keys}
        rest = {key: value for key, value in raw.items() if key not in host_keys}
        core["settings"] = Settings()
        name = raw.get(kind)
        if not isinstance(name, str):
            if self._misspelt(rest, place, kind, host_keys):
                core.setdefault(kind, "")
        elif name in offered:
            core["settings"] = self._settings(offered[name].Settings, rest, place, kind, host_keys)
        else:
            self._unknown(name, place, kind, offered)
        return core

    def _settings(
        self,
        model: type[Settings],
        raw: dict[str, Any],
        place: Place,
        kind: str,
        host_keys: frozenset[str],
    ) -> Settings:
        self._refuse_literal_secrets(model, raw, place)
        raw = with_absolute_paths(model, raw, self.document.folder)
        explainer = Explainer(self.document, model, raw, place=place, what=_WHAT[kind], host_keys=host_keys)
        return explainer.validated(lambda: model.model_validate(raw)) or Settings()

    def _refuse_literal_secrets(self, model: type[BaseModel], raw: dict[str, Any], place: Place) -> None:
        """Notes secrets that stand in the file itself, so that a leaked file leaks none."""
        for where in secrets_in(model, raw):
            value: Any = raw
            for step in where:
                value = value[step]
            expanded = self.document.expanded.get((*place, *where))
            if isinstance(value, dict | list) or value is None or (expanded and not expanded.written):
                continue
            at = (*place, *where)
            message = f"{where[-1]} is a secret and stands here for everyone to read."
            self.document.report(at, message, _SECRET_FIX)
            self.document.hidden[at] = (*self.document.hidden.get(at, ()), str(value))
            self.document.broken.add(at)

    def _misspelt(self, rest: dict[str, Any], place: Place, kind: str, host_keys: frozenset[str]) -> bool:
        """Notes keys that look like one of the host's; whether one of them was meant as `kind`."""
        meant = False
        for key in rest:
            fix = nearest(key, host_keys)
            if fix.startswith("Did you mean"):
                self.document.report((*place, key), f"{key} is no key of {_WHAT[kind]}.", fix, at_key=True)
                meant = meant or fix == f"Did you mean {kind}?"
        return meant

    def _unknown(self, name: str, place: Place, kind: str, offered: Mapping[str, Any]) -> None:
        at_key = (*place, kind) not in self.document.values
        where = place if at_key else (*place, kind)
        plugin = next((p for p in self.plugins.plugins if p.name == name and p.status != "loaded"), None)
        if plugin is not None:
            if plugin.status == "disabled":
                message, fix = f"the plugin {name} is disabled.", "Take it out of disabled_plugins."
            else:
                message, fix = f"the plugin {name} could not be loaded.", plugin.reason
            self.document.report(where, message, fix, at_key=at_key)
            return
        fix = nearest(name, offered, f"No plugin offers a {kind}; see `crmsync plugins list`.")
        if fix.startswith("Did you mean"):
            fix += f" Known: {', '.join(sorted(offered))}."
        self.document.report(where, f"no {kind} is called {name}.", fix, at_key=at_key)

    def _unique(self, section: str, key: str) -> None:
        first: dict[str, int] = {}
        for i, entry in enumerate(self._entries(section)):
            name = entry.get(key) if isinstance(entry, dict) else None
            if not isinstance(name, str):
                continue
            if name in first:
                line, _ = self.document.values[(section, first[name], key)]
                message = f"another entry of {section} has the {key} {name}, in line {line}."
                self.document.report((section, i, key), message, f"Give each its own {key}.")
            else:
                first[name] = i
