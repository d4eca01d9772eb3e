"""Checks a plugin's hooks before pluggy sees them: it lets some faults through, and differs by version."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from crmsync.plugins.fault import PluginFault, PluginIncompatible, at_class, at_function, at_module
from crmsync.sdk import hookspecs

API = 1
"""The version of the plugin interface; a plugin may state the one it needs as `CRMSYNC_API`."""

PREFIX = "crmsync_"
_EMPTY = inspect.Parameter.empty
_KINDS = {
    inspect.Parameter.VAR_POSITIONAL: "*args",
    inspect.Parameter.VAR_KEYWORD: "**kwargs",
    inspect.Parameter.KEYWORD_ONLY: "a keyword-only parameter",
}

SPECS: dict[str, inspect.Signature] = {
    name: inspect.signature(function)
    for name, function in vars(hookspecs).items()
    if name.startswith(PREFIX) and inspect.isfunction(function)
}
"""Every hook there is, by name."""


def checked_hooks(plugin: object) -> tuple[str, ...]:
    """The names of the hooks a plugin implements, sorted. Raises PluginFault at the first fault."""
    if isinstance(plugin, type):
        raise at_class(f"it names the class {plugin.__qualname__}; name the module that holds it.", plugin)
    if not isinstance(plugin, ModuleType):
        raise PluginFault(f"it names an object of {type(plugin).__qualname__}; name a module.")
    wanted = getattr(plugin, "CRMSYNC_API", API)
    if wanted != API:
        reason = f"it needs plugin interface {wanted!r}, this crmsync has {API}."
        raise PluginIncompatible(reason, file=plugin.__file__)
    hooks = {name for name, function, options in _marked(plugin) if _check(name, function, options)}
    _check_unmarked(plugin)
    if not hooks:
        raise at_module("it implements no hook; mark one with crmsync.sdk.hookimpl.", plugin)
    return tuple(sorted(hooks))


def _marked(plugin: ModuleType) -> Iterator[tuple[str, Callable[..., Any], dict[str, Any]]]:
    for name, member in sorted(vars(plugin).items()):
        if inspect.isroutine(member):
            options = getattr(member, "crmsync_impl", None)
            if isinstance(options, dict):
                yield options.get("specname") or name, member, options


def _check(name: str, function: Callable[..., Any], options: dict[str, Any]) -> bool:
    """Whether the function implements a hook of this version; raises when it should and does not."""
    spec = SPECS.get(name)
    if spec is None:
        if options.get("optionalhook"):
            return False
        raise at_function(f"there is no hook {name}. {_meant(name)}", function)
    if options.get("wrapper") or options.get("hookwrapper"):
        raise at_function(f"{name} is a wrapper; a plugin cannot wrap another's hook.", function)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise at_function(f"{name} is async; write a plain `def`.", function)
    form = f"Write `def {name}({', '.join(spec.parameters)})`."
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in _KINDS:
            raise at_function(f"{name} takes {_KINDS[parameter.kind]}. {form}", function)
        if parameter.default is not _EMPTY:
            raise at_function(f"{name} gives {parameter.name} a default. {form}", function)
        if parameter.name not in spec.parameters:
            raise at_function(
                f"{name} takes {parameter.name}, which the hook does not give. {form}", function
            )
    return True


def _check_unmarked(plugin: ModuleType) -> None:
    """A function that looks like a hook and is not marked would be ignored without a word."""
    own = f"{plugin.__name__}."
    for name, member in sorted(vars(plugin).items()):
        if not name.startswith(PREFIX) or isinstance(member, ModuleType | type):
            continue
        if name in SPECS and not inspect.isroutine(member):
            raise at_module(f"{name} is not a function.", plugin)
        meant_as_hook = name in SPECS or f"{getattr(member, '__module__', '')}.".startswith(own)
        if meant_as_hook and inspect.isfunction(member) and not hasattr(member, "crmsync_impl"):
            meant = "" if name in SPECS else f" {_meant(name)}"
            raise at_function(f"{name} is not marked with crmsync.sdk.hookimpl.{meant}", member)


def _meant(name: str) -> str:
    near = get_close_matches(name, SPECS, 1) or get_close_matches(PREFIX + name, SPECS, 1)
    return f"Did you mean {near[0]}?" if near else f"Hooks: {', '.join(SPECS)}."
