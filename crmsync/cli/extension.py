"""Commands that plugins add. Plugins are loaded only when no command of our own is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup


class WithPlugins(TyperGroup):
    """Our commands first; a plugin cannot replace one."""

    _added: dict[str, Any] | None = None
    _arguments: tuple[str, ...] = ()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        self._arguments = tuple(args)
        return super().parse_args(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or self._plugin_commands().get(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        own = super().list_commands(ctx)
        return own + [name for name in self._plugin_commands() if name not in own]

    def _plugin_commands(self) -> dict[str, Any]:
        if self._added is None:
            from crmsync.cli.opening import quiet_logs
            from crmsync.plugins import open_plugins

            quiet_logs()
            extension = typer.Typer()
            open_plugins(_config_of(self._arguments)).extend_cli(extension)
            self._added = dict(typer.main.get_group(extension).commands)
        return self._added


def _config_of(arguments: tuple[str, ...]) -> Path | None:
    """The file after -c: the plugins it names must be known before the arguments are read."""
    for i, argument in enumerate(arguments[:-1]):
        if argument in ("-c", "--config"):
            return Path(arguments[i + 1])
    return None
