"""The JSON Schema of the configuration, for editors: the core's keys and every installed plugin's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from crmsync.config.model import ChannelConfig, Config, ConnectionConfig, RuleConfig
from crmsync.config.quiet_hours import QuietHours
from crmsync.config.registry import Registry
from crmsync.config.schedule import Schedule, duration
from crmsync.sdk import Rate

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = {"type": "string", "pattern": r"\$\{(env|file):[^}]+\}"}
_SECRET = {"type": "string", "pattern": r"\$\{(env:\w+(:-)?|file:[^}]+)\}"}
_ABOUT = ("title", "description", "default")
_SCALARS = {"string", "integer", "number", "boolean"}


def config_schema(plugins: Registry) -> dict[str, Any]:
    """A schema that accepts what `load_config` accepts, as far as a schema can tell.

    Any single value may be a reference (`${env:NAME}`); a secret must be one.
    """
    schema = _model(Config, "")
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    schema["properties"].pop("path")
    schema["properties"] = {key: _nullable(value) for key, value in schema["properties"].items()}
    for model in (ConnectionConfig, ChannelConfig, RuleConfig):
        definitions.pop(model.__name__)
    definitions.pop("Settings", None)
    definitions["connection"] = _variants(
        ConnectionConfig, "connector", plugins.connectors, definitions, "connector"
    )
    definitions["channel"] = _variants(ChannelConfig, "channel", plugins.channels, definitions, "channel")
    definitions["rule"] = _rules(plugins, definitions)
    properties = schema["properties"]
    properties["connections"]["anyOf"][0]["items"] = {"$ref": "#/$defs/connection"}
    properties["channels"]["anyOf"][0]["items"] = {"$ref": "#/$defs/channel"}
    properties["segments"]["anyOf"][0]["additionalProperties"] = False
    rules = properties["rules"]["anyOf"][0]
    rules.pop("patternProperties", None)
    rules.pop("propertyNames", None)
    # A rule goes by its name unless its key `rule` says otherwise.
    rules["properties"] = {
        name: {
            "if": {"type": "object", "required": ["rule"]},
            "then": {"$ref": "#/$defs/rule"},
            "else": _nullable({"$ref": f"#/$defs/rule.{name}"}),
        }
        for name in plugins.rules
    }
    rules["additionalProperties"] = {"allOf": [{"$ref": "#/$defs/rule"}, {"required": ["rule"]}]}
    rules["propertyNames"] = {"pattern": r"^[a-z0-9][a-z0-9_-]*$"}
    schema.update(title="crmsync", description="The configuration of crmsync.")
    return {"$schema": _DIALECT, **_with_references(schema)}


class _Generator(GenerateJsonSchema):
    """Writes defaults the way a person writes them in the file."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return duration(dft)
        if isinstance(dft, Schedule | QuietHours | Rate):
            return str(dft)
        if isinstance(dft, BaseModel):
            fields = type(dft).model_fields
            return {name: self.encode_default(getattr(dft, name)) for name in fields}
        return super().encode_default(dft)


def _model(model: type[BaseModel], prefix: str) -> dict[str, Any]:
    """The schema of a model; the names of what it refers to begin with `prefix`."""
    return model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}", schema_generator=_Generator)


def _settings(model: type[BaseModel], prefix: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a plugin's settings; one that cannot be described accepts anything."""
    try:
        schema = _model(model, prefix)
    except Exception:
        return {"type": "object", "properties": {}, "additionalProperties": True}
    for name, part in schema.pop("$defs", {}).items():
        definitions[f"{prefix}{name}"] = part
    return schema


def _variants(
    host: type[BaseModel], key: str, offered: Mapping[str, Any], definitions: dict[str, Any], kind: str
) -> dict[str, Any]:
    """The entries of a list: the host's keys, and the settings of the class that `key` names."""
    core = _model(host, "")
    own = {name: part for name, part in core["properties"].items() if name != "settings"}
    own[key] = {**own[key], "enum": sorted(offered)}
    required = [name for name in core["required"] if name != "settings"]
    branches = []
    for name, cls in sorted(offered.items()):
        settings = _settings(cls.Settings, f"{kind}.{name}.", definitions)
        then = {
            **settings,
            "title": cls.title,
            "properties": {**own, **settings.get("properties", {}), key: {"const": name}},
        }
        definitions[f"{kind}.{name}"] = then
        # The branch is picked by the exact name, so that an editor shows one plugin's keys only.
        branches.append(
            {
                "if": {"properties": {key: {"const": name}}, "required": [key]},
                "then": {"$ref": f"#/$defs/{kind}.{name}"},
            }
        )
    return {"type": "object", "properties": own, "required": required, "allOf": branches}


def _rules(plugins: Registry, definitions: dict[str, Any]) -> dict[str, Any]:
    branches = []
    for name, cls in sorted(plugins.rules.items()):
        settings = _settings(cls.Settings, f"rule.{name}.", definitions)
        properties = {"rule": {"const": name}, **settings.get("properties", {})}
        definitions[f"rule.{name}"] = {**settings, "title": cls.title, "properties": properties}
        branches.append(
            {
                "if": {"properties": {"rule": {"const": name}}, "required": ["rule"]},
                "then": {"$ref": f"#/$defs/rule.{name}"},
            }
        )
    return {"type": "object", "properties": {"rule": {"enum": sorted(plugins.rules)}}, "allOf": branches}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """An empty section is as good as none."""
    about: dict[str, Any] = {key: schema.pop(key) for key in _ABOUT if key in schema}
    return {"anyOf": [schema, {"type": "null"}], **about}


def _with_references(schema: Any) -> Any:
    """The schema with every single value that is not fixed by `const` open to references."""
    if not isinstance(schema, dict) or "const" in schema:
        return schema
    about: dict[str, Any] = {key: schema[key] for key in _ABOUT if key in schema}
    if schema.get("format") == "password":
        return {**about, **_SECRET}
    kinds = {schema["type"]} if isinstance(schema.get("type"), str) else set(schema.get("type", ()))
    if kinds and kinds <= _SCALARS:
        bare = {key: value for key, value in schema.items() if key not in about}
        return {**about, "anyOf": [bare, _REFERENCE]}
    opened = dict(schema)
    for key, part in schema.items():
        if key in ("properties", "$defs", "patternProperties"):
            opened[key] = {name: _with_references(value) for name, value in part.items()}
        elif key in ("allOf", "anyOf", "oneOf", "prefixItems"):
            opened[key] = [_with_references(value) for value in part]
        elif key in ("items", "additionalProperties", "then", "else"):
            opened[key] = _with_references(part)
    return opened
