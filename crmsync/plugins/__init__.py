"""Finds, checks, isolates and lists plugins."""

from crmsync.plugins.hooks import API
from crmsync.plugins.host import PluginHost
from crmsync.plugins.info import PluginInfo
from crmsync.plugins.loader import load_plugins
from crmsync.plugins.opening import open_config, open_plugins

__all__ = ["API", "PluginHost", "PluginInfo", "load_plugins", "open_config", "open_plugins"]
