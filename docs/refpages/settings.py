"""The page of settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from crmsync.config import ChannelConfig, Config, ConnectionConfig, RuleConfig
from crmsync.config.schedule import duration
from crmsync.plugins import load_plugins
from crmsync.sdk import RECORDS, Consent, OrderLine
from refpages.page import code, described, table

_MAPPINGS = {f"{record.__name__}Fields" for record in (*RECORDS.values(), OrderLine, Consent)}
_MAPPED = "Where each field comes from."


def settings() -> str:
    """The configuration's own keys, then those of every bundled plugin."""
    host = load_plugins()
    text = (
        "# Settings\n\nEvery key of the configuration. `crmsync config schema` writes the same as a JSON "
        "Schema for editors.\n\nA *duration* is `30s`, `5m`, `2h`, `90d`; a *share* `8%` or `0.08`; a *rate* "
        "`2/s`, `40/m`; a *schedule* `every 10m` or `cron 0 3 * * * Asia/Shanghai`. A *secret* is a "
        "reference, `${env:NAME}` or `${file:PATH}`, and never written out; any other value may be one.\n"
    )
    hidden: dict[type[BaseModel], tuple[str, ...]] = {RuleConfig: ("name",)}
    for title, model in (
        ("The file", Config),
        ("connections", ConnectionConfig),
        ("rules", RuleConfig),
        ("channels", ChannelConfig),
    ):
        text += f"\n## {title}\n\n"
        text += _settings_tables(model, "###", skip=("settings", "path", *hidden.get(model, ())))
    kinds: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("Connector", host.connectors),
        ("Rule", host.rules),
        ("Channel", host.channels),
    )
    for kind, offered in kinds:
        for name, cls in sorted(offered.items()):
            text += f"\n## {kind} {code(name)}: {cls.title}\n\n"
            text += _settings_tables(cls.Settings, "###") or "Nothing to set.\n"
    return text


def _settings_tables(model: type[BaseModel], heading: str, skip: Iterable[str] = ()) -> str:
    """A table of the model's fields, then one of each model they hold."""
    text, queue, seen = "", [model], {model, ConnectionConfig, RuleConfig, ChannelConfig}
    while queue:
        current = queue.pop(0)
        parent = _parent(current) if current is not model else None
        rows = list(settings_rows(current, parent.model_fields if parent else skip))
        if current is not model:
            text += f"\n{heading} {current.__name__}\n\n"
            text += f"The keys of {parent.__name__}, and:\n\n" if parent else ""
        text += table(("key", "type", "default", "meaning"), rows) if rows else ""
        for inner in (*([parent] if parent else []), *_models_in(current)):
            if inner not in seen:
                seen.add(inner)
                queue.append(inner)
    return text


def settings_rows(model: type[BaseModel], skip: Iterable[str] = ()) -> Iterator[tuple[str, ...]]:
    """Key, type, default and meaning of each field. Raises Undescribed."""
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        if name not in skip:
            constant = "const" in schema["properties"][field.alias or name]
            told = "Which of these it is." if constant else field.description
            told = _MAPPED if getattr(field.annotation, "__name__", "") in _MAPPINGS else told
            meaning = described(f"{model.__name__}.{name}", told)
            kind = _kind(schema["properties"][field.alias or name], schema.get("$defs", {}))
            yield code(name), kind, _default(field.get_default(call_default_factory=True)), meaning


def _models_in(model: type[BaseModel]) -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []

    def look(annotation: Any) -> None:
        for part in getattr(annotation, "__args__", ()):
            look(part)
        if (
            inspect.isclass(annotation)
            and issubclass(annotation, BaseModel)
            and annotation.model_fields
            and annotation.__name__ not in _MAPPINGS
        ):
            found.append(annotation)

    for field in model.model_fields.values():
        look(getattr(field.annotation, "__value__", field.annotation))
    return found


def _parent(model: type[BaseModel]) -> type[BaseModel] | None:
    """The model whose keys it shares with others."""
    base = model.__mro__[1]
    shared = issubclass(base, BaseModel) and base.model_fields and not base.__name__.startswith("_")
    return base if shared else None


_BY_PATTERN = {r"smhdw": "duration", r"(s|m|h|d)": "rate", r"every|cron": "schedule"}


def _kind(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A JSON schema in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in _MAPPINGS:
            return f"the fields of [{name.removesuffix('Fields')}](records.md)"
        inner = definitions.get(name, {})
        return name if inner.get("properties") or "type" not in inner else _kind(inner, definitions)
    if "enum" in schema:
        return ", ".join(map(code, schema["enum"]))
    if "const" in schema:
        return code(schema["const"])
    for options in ("anyOf", "oneOf"):
        if options in schema:
            kinds = [_kind(each, definitions) for each in schema[options] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if schema.get("format") == "password":
        return "secret"
    if schema.get("examples") == ["8%", 0.08]:
        return "share"
    for part, word in _BY_PATTERN.items():
        if part in schema.get("pattern", ""):
            return word
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), definitions)}"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"mapping to {_kind(values, definitions)}" if isinstance(values, dict) else "mapping"
    if schema.get("format") in ("path", "date-time"):
        return str(schema["format"])
    words = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return words.get(schema.get("type", ""), schema.get("type") or "any")


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None or isinstance(value, BaseModel | SecretStr) or value in ([], {}, ()):
        return ""
    if isinstance(value, timedelta):
        return code(duration(value))
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, dict):
        return code("{" + ", ".join(f"{key}: {inner}" for key, inner in value.items()) + "}")
    return code(value.value if isinstance(value, Enum) else value)
