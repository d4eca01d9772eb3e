"""The quality scale: what makes a connector one that people rely on, beyond passing the checks.

A connector's `quality.toml` says of each rule `done`, `todo`, or `exempt` with the reason:

    settings_explained = "done"
    real_shop = "todo"
    pushes_told = {exempt = "the platform takes no messages"}

What is exempt does not concern the connector; what is to do keeps it below the tier of its rule.
"""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crmsync.sdk import Connector

Tier = Literal["bronze", "silver", "gold"]
TIERS: tuple[Tier, ...] = ("bronze", "silver", "gold")


@dataclass(frozen=True, slots=True)
class Package:
    """A connector's class with the files it came in."""

    connector: type[Connector[Any]]
    folder: Path

    @property
    def readme(self) -> str:
        file = self.folder / "README.md"
        return file.read_text("utf-8") if file.is_file() else ""

    def modules(self) -> Iterator[tuple[str, ast.Module, str]]:
        """Name, syntax tree and text of every module that is part of the connector."""
        for file in sorted(self.folder.glob("*.py")):
            if file.name != "conformance.py":
                text = file.read_text("utf-8")
                yield file.name, ast.parse(text), text


@dataclass(frozen=True, slots=True)
class QualityRule:
    """One rule. `look` tells what speaks against it, or nothing; without it a person's word counts."""

    id: str
    tier: Tier
    title: str
    look: Callable[[Package], str] | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a connector is: the highest tier whose rules, and those below, are all met."""

    tier: Tier | None
    done: tuple[str, ...]
    todo: tuple[str, ...]
    exempt: dict[str, str]
    problems: tuple[str, ...]


def quality_of(connector: type[Connector[Any]]) -> Quality:
    """What a connector's `quality.toml` says, and what speaks against it."""
    package = Package(connector, Path(inspect.getfile(connector)).parent)
    file = package.folder / "quality.toml"
    said: dict[str, Any] = tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
    problems = [f"{id}: there is no such rule" for id in said if id not in QUALITY_RULES]
    done, todo, exempt, open_ = [], [], {}, set()
    for id, rule in QUALITY_RULES.items():
        problem = _problem(rule, said.get(id), package)
        if problem:
            open_.add(rule.tier)
            problems.append(f"{id}: {problem}")
        elif said[id] == "todo":
            open_.add(rule.tier)
            todo.append(id)
        elif said[id] == "done":
            done.append(id)
        else:
            exempt[id] = said[id]["exempt"]
    reached: Tier | None = None
    for tier in TIERS:
        if tier in open_:
            break
        reached = tier
    return Quality(reached, tuple(done), tuple(todo), exempt, tuple(problems))


def _problem(rule: QualityRule, said: Any, package: Package) -> str:
    match said:
        case None:
            return "quality.toml does not mention it"
        case "done":
            return rule.look(package) if rule.look else ""
        case "todo":
            return ""
        case {"exempt": str(reason)} if len(reason.split()) >= 3 and len(said) == 1:
            return ""
        case {"exempt": _}:
            return "an exemption needs its reason, in words"
        case _:
            return 'it is neither "done" nor "todo" nor {exempt = "why"}'


def _section(*words: str) -> Callable[[Package], str]:
    def look(package: Package) -> str:
        wanted = "|".join(words)
        # What a new package brings says in a comment what is to be written there.
        written = re.sub(r"<!--.*?-->", "", package.readme, flags=re.DOTALL)
        found = re.search(rf"^#+ .*({wanted}).*\n+(?!#)\S", written, re.MULTILINE | re.IGNORECASE)
        return "" if found else f"the README has no section headed {' or '.join(words)} with text in it"

    return look


def _names_streams(package: Package) -> str:
    missing = [name for name in package.connector.streams() if name not in package.readme]
    return f"the README does not mention {', '.join(missing)}" if missing else ""


def _names_pushes(package: Package) -> str:
    missing = [name for name in package.connector.pushes() if name not in package.readme]
    return f"the README does not mention {', '.join(missing)}" if missing else ""


def _names_settings(package: Package) -> str:
    missing = [name for name in package.connector.Settings.model_fields if f"`{name}" not in package.readme]
    return f"the README does not mention {', '.join(missing)}" if missing else ""


def _has_example(package: Package) -> str:
    name = re.escape(package.connector.name)
    found = re.search(rf"```yaml\n[^`]*connector: {name}\b", package.readme)
    return "" if found else "the README shows no configuration in YAML that names the connector"


def _no_literal_secrets(package: Package) -> str:
    found = re.search(r"^\s*\w*(?:secret|password|token|key): (?!\$\{)\S+", package.readme, re.MULTILINE)
    return f"the README shows a secret as it is: {found[0].strip()}" if found else ""


def _only_the_sdk(package: Package) -> str:
    for name, tree, _ in package.modules():
        for node in ast.walk(tree):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                if module.split(".")[0] == "crmsync" and not f"{module}.".startswith("crmsync.sdk."):
                    return f"{name} imports {module}"
    return ""


def _typed(package: Package) -> str:
    for name, tree, _ in package.modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
                if bare or node.returns is None:
                    return f"{name}:{node.lineno}: {node.name} is not typed"
    return ""


def _documented(package: Package) -> str:
    bare = [name for name, tree, _ in package.modules() if ast.get_docstring(tree) is None]
    return f"no docstring says what they are for: {', '.join(bare)}" if bare else ""


def _small(package: Package) -> str:
    long = [name for name, _, text in package.modules() if text.count("\n") > 300]
    return f"more than 300 lines: {', '.join(long)}" if long else ""


def _no_prints(package: Package) -> str:
    for name, tree, _ in package.modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                return f"{name}:{node.lineno} prints"
    return ""


def _no_waits(package: Package) -> str:
    for name, _, text in package.modules():
        if re.search(r"\btime\.sleep\(|^from time import .*\bsleep\b", text, re.MULTILINE):
            return f"{name} sleeps by itself"
    return ""


def _no_own_sessions(package: Package) -> str:
    for name, _, text in package.modules():
        if found := re.search(r"\brequests\.(?:get|post|put|delete|request|Session)\(", text):
            return f"{name} calls {found[0]}…) and not self.http"
    return ""


def _no_clock(package: Package) -> str:
    for name, _, text in package.modules():
        if re.search(r"\bdatetime\.(?:now|utcnow|today)\(|\btime\.time\(", text):
            return f"{name} asks the machine for the time, and not self.clock"
    return ""


def _has_conformance(package: Package) -> str:
    return "" if (package.folder / "conformance.py").is_file() else "there is no conformance.py"


def _small_hooks(package: Package) -> str:
    tree = next((tree for name, tree, _ in package.modules() if name == "__init__.py"), ast.Module([], []))
    heavy = [
        node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and "sdk" not in (node.module or "")
    ]
    heavy = [module for module in heavy if module not in ("__future__", "collections.abc", "typing")]
    return f"__init__.py imports {heavy[0]} for every command" if heavy else ""


QUALITY_RULES: dict[str, QualityRule] = {
    rule.id: rule
    for rule in (
        QualityRule("kit_passes", "bronze", "`crmsync plugins test` is green", _has_conformance),
        QualityRule(
            "sdk_only", "bronze", "It imports crmsync.sdk and nothing else of crmsync", _only_the_sdk
        ),
        QualityRule("host_session", "bronze", "Every call goes through self.http", _no_own_sessions),
        QualityRule("host_waits", "bronze", "It never sleeps by itself", _no_waits),
        QualityRule("host_clock", "bronze", "It takes the time from self.clock", _no_clock),
        QualityRule("streams_told", "bronze", "The README names every stream", _names_streams),
        QualityRule("pushes_told", "bronze", "The README names every push", _names_pushes),
        QualityRule("example", "bronze", "The README shows a configuration", _has_example),
        QualityRule("secrets_referred", "bronze", "No example shows a secret", _no_literal_secrets),
        QualityRule("settings_explained", "silver", "The README explains every setting", _names_settings),
        QualityRule(
            "permissions", "silver", "The README says what access to ask for", _section("permission")
        ),
        QualityRule("limits", "silver", "The README says how much the platform allows", _section("limit")),
        QualityRule("gaps", "silver", "The README says what is missing or unconfirmed", _section("gap")),
        QualityRule("typed", "silver", "Every function is typed", _typed),
        QualityRule("documented", "silver", "Every module says what it is for", _documented),
        QualityRule("quiet", "silver", "It prints nothing", _no_prints),
        QualityRule("incremental", "silver", "A second run asks only for what changed"),
        QualityRule("light_import", "gold", "Its hooks import the connector late", _small_hooks),
        QualityRule("small_modules", "gold", "No module has more than 300 lines", _small),
        QualityRule("unknown_words", "gold", "A status it does not know is refused, not guessed"),
        QualityRule("real_shop", "gold", "It was tried on the platform itself, and the README says when"),
    )
}
"""Every rule of the scale by its id."""
