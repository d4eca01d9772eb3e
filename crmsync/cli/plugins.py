"""`crmsync plugins`: what was found, what is loaded, and why the rest is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from crmsync.plugins import PluginInfo

app = typer.Typer(help="Plugins: what is loaded, and why the rest is not.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Plugins: what is loaded, and why the rest is not."""


@app.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Show every plugin found; works whatever else is wrong with the configuration."""
    from crmsync.cli.opening import quiet_logs
    from crmsync.plugins import API, open_plugins

    quiet_logs()
    found = open_plugins(config).plugins
    emit(
        {"interface": API, "plugins": found},
        as_json=as_json,
        language="en",
        show=lambda console: _show(console, found),
    )


def _show(console: Console, found: Sequence[PluginInfo]) -> None:
    table(
        console,
        ("name", "version", "status", "hooks", "origin"),
        (
            (
                plugin.name,
                plugin.version,
                plugin.status,
                ", ".join(hook.removeprefix("crmsync_") for hook in plugin.hooks),
                plugin.origin,
            )
            for plugin in found
        ),
    )
    for plugin in found:
        if plugin.reason:
            console.print(f"{plugin.name}: {plugin.reason}", markup=False, soft_wrap=True)
