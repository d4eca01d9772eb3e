"""Configuration and plugins together: the file says where plugins are, the plugins what may stand in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from crmsync.config import Config, InvalidConfig, build_config, find_config, read_document
from crmsync.plugins.host import PluginHost
from crmsync.plugins.loader import load_plugins
from crmsync.sdk import ConfigError


def open_config(
    path: Path | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Config, PluginHost]:
    """The configuration, checked against the plugins it names, and those plugins.

    Raises ConfigError when there is no file, InvalidConfig with every fault of it. A plugin's fault
    is an error only where the file uses that plugin.
    """
    environ = os.environ if environ is None else environ
    document = read_document(find_config(path, environ), environ)
    host = load_plugins(document.plugin_dirs, document.disabled_plugins)
    return build_config(document, host, environ), host


def open_plugins(path: Path | None = None, environ: Mapping[str, str] | None = None) -> PluginHost:
    """The plugins, whatever else is wrong with the configuration, and without one too."""
    environ = os.environ if environ is None else environ
    try:
        document = read_document(find_config(path, environ), environ)
    except (ConfigError, InvalidConfig):
        return load_plugins()
    return load_plugins(document.plugin_dirs, document.disabled_plugins)
