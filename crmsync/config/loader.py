"""Finds the configuration file and loads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from crmsync.config.builder import build_config
from crmsync.config.document import read_document
from crmsync.config.model import Config
from crmsync.config.registry import Registry
from crmsync.sdk import ConfigError

_FILES = ("crmsync.yaml", "config/crmsync.yaml")


def find_config(explicit: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The file to read: the one named, else `CRMSYNC_CONFIG`, else the usual places.

    Raises ConfigError when it does not exist.
    """
    environ = os.environ if environ is None else environ
    named = explicit or environ.get("CRMSYNC_CONFIG")
    if named:
        if Path(named).is_file():
            return Path(named).absolute()
        by = "" if explicit else " (named by CRMSYNC_CONFIG)"
        raise ConfigError(f"There is no configuration file {named}{by}.", fix="Check the path.")
    for name in _FILES:
        if Path(name).is_file():
            return Path(name).absolute()
    raise ConfigError(
        f"There is no configuration: neither {' nor '.join(f'./{name}' for name in _FILES)} exists.",
        fix="Make one with `crmsync init`, or name it with -c FILE.",
    )


def load_config(path: Path | None, plugins: Registry, environ: Mapping[str, str] | None = None) -> Config:
    """Read a file (found by `find_config` when None) and check it against what the plugins offer.

    Relative paths, and those in settings fields of type `Path`, start from the file's folder.
    `CRMSYNC_DATABASE` stands in for `database`. Raises InvalidConfig with every fault at once.
    """
    environ = os.environ if environ is None else environ
    return build_config(read_document(find_config(path, environ), environ), plugins, environ)
