"""`crmsync config`: the configuration as the program sees it."""

from __future__ import annotations

import json
import re
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit

if TYPE_CHECKING:
    from crmsync.config import Config

app = typer.Typer(help="The configuration, as the program sees it.", no_args_is_help=True)


@app.command("schema")
def schema(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Write the JSON Schema for editors, with every installed plugin's settings."""
    from crmsync.cli.opening import quiet_logs
    from crmsync.config import config_schema
    from crmsync.plugins import open_plugins

    quiet_logs()
    sys.stdout.write(json.dumps(config_schema(open_plugins(config)), ensure_ascii=False, indent=2) + "\n")


@app.command("show")
def show(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Show the configuration with its defaults and without its secrets."""
    from crmsync.cli.opening import read

    found = read(config)[0]
    data = {"path": found.path, "config": masked(found)}
    emit(data, as_json=as_json, language="en", show=lambda console: _show(data))


def masked(config: Config) -> dict[str, Any]:
    """The configuration the way it is written; secrets are stars."""
    data: dict[str, Any] = _written(config.model_dump(exclude={"rules"}))
    data["database"] = re.sub(r"(?<=:)[^:/@]+(?=@)", "**********", config.database)
    for section in ("connections", "channels"):
        data[section] = [_flat(entry) for entry in data[section]]
    data["rules"] = {
        name: _flat(_written(entry.model_dump(exclude={"name"}))) for name, entry in config.rules.items()
    }
    return data


def _flat(entry: dict[str, Any]) -> dict[str, Any]:
    """A plugin's settings stand beside the host's own keys, as they do in the file."""
    return {**{key: value for key, value in entry.items() if key != "settings"}, **entry["settings"]}


def _written(value: Any) -> Any:
    from crmsync.config.schedule import duration

    if isinstance(value, dict):
        return {str(key): _written(member) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_written(member) for member in value]
    if isinstance(value, timedelta):
        return duration(value)
    return value if isinstance(value, bool | int | float | None) else str(value)


def _show(data: dict[str, Any]) -> None:
    from ruamel.yaml import YAML

    sys.stdout.write(f"# {data['path']}\n")
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.allow_unicode = True
    yaml.dump(data["config"], sys.stdout)
