"""A YAML 1.2 file as plain values, each with its place in the file, and its references replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from crmsync.config.problem import InvalidConfig, Place, Problem, dotted
from crmsync.config.reference import Expanded, expand
from crmsync.sdk import ConfigError

_MOST_NODES = 100_000
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {
    _TAG + kind
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value")
}


@dataclass(slots=True)
class Document:
    """What a file says.

    `keys` and `values` tell line and column by place. `hidden` are texts no report may show,
    `problems` the faults so far, `broken` the places whose value is useless.
    """

    file: Path
    text: str = ""
    data: Any = None
    keys: dict[Place, tuple[int, int]] = field(default_factory=dict)
    values: dict[Place, tuple[int, int]] = field(default_factory=dict)
    expanded: dict[Place, Expanded] = field(default_factory=dict)
    hidden: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[Place] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def plugin_dirs(self) -> list[Path]:
        """The folders of plugins, as far as the file can be understood."""
        return [self.folder / Path(entry).expanduser() for entry in self._texts("plugin_dirs")]

    @property
    def disabled_plugins(self) -> list[str]:
        """The plugins not to load, as far as the file can be understood."""
        return self._texts("disabled_plugins")

    def _texts(self, key: str) -> list[str]:
        entries = self.data.get(key) if isinstance(self.data, dict) else None
        return [entry for entry in entries if isinstance(entry, str)] if isinstance(entries, list) else []

    def find(self, place: Place) -> Any:
        """The value at a place, or None."""
        found = self.data
        for step in place:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def report(
        self, place: Place, message: str, fix: str, *, at_key: bool = False, offset: int | None = None
    ) -> None:
        """Note a fault of the value (or the key) at a place; a value that is already broken has one.

        `offset` counts the characters of a text value before the fault.
        """
        if place in self.broken:
            return
        mark = None
        if at_key:
            mark = self.keys.get(place)
        elif offset is not None:
            mark = self._within(place, offset)
        nearest = place
        while mark is None and nearest:
            mark = self.values.get(nearest)
            nearest = nearest[:-1]
        line, column = mark or (1, 1)
        message, fix = self._redacted(place, message), self._redacted(place, fix)
        self.problems.append(Problem(self.file, line, column, dotted(place), message, fix))

    def _within(self, place: Place, offset: int) -> tuple[int, int] | None:
        """Line and column of a character of a text value, however the file quotes or folds it."""
        value, mark = self.find(place), self.values.get(place)
        if not isinstance(value, str) or mark is None or place in self.expanded:
            return mark
        lines = self.text.splitlines(keepends=True)
        at = sum(map(len, lines[: mark[0] - 1])) + mark[1] - 1
        if self.text[at : at + 1] in ("|", ">"):
            at = self.text.index("\n", at)
        # Only white space differs between what is written and what is meant; escapes are passed over.
        for character in "".join(value[:offset].split()):
            at = self.text.find(character, at) + 1
            if not at:
                return mark
        if value[offset:].strip():
            at = self.text.find(value[offset:].lstrip()[0], at)
        before = self.text[:at]
        return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1

    def _redacted(self, place: Place, text: str) -> str:
        """The text without what is hidden at the place, above it or below it."""
        for where, values in self.hidden.items():
            if where[: len(place)] == place[: len(where)]:
                for value in sorted(filter(None, values), key=len, reverse=True):
                    text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "***", text)
                    text = text.replace(value, "***") if len(value) >= 4 else text
        return text


def read_document(file: Path, environ: Mapping[str, str]) -> Document:
    """Read and expand a file. Raises InvalidConfig when it is no YAML at all; other faults are noted."""
    document = Document(file.absolute())
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}.", fix="Check its path and mode."
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _unreadable(file, line, 1, "this is not UTF-8.", "Save the file as UTF-8.") from None
    document.text = text
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        unclosed = "quoted scalar" in str(error.context)
        mark = (unclosed and error.context_mark) or error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _unreadable(file, line, column, _told(error), _syntax_fix(error)) from None
    except ReaderError as error:
        before = text[: error.position].splitlines() or [""]
        message = "YAML allows no such character."
        raise _unreadable(file, len(before), len(before[-1]) + 1, message, "Remove it.") from None
    if root is not None:
        _Reader(document, environ).read(root)
    if document.data is None:
        document.data = {}
    if not isinstance(document.data, dict):
        raise _unreadable(file, 1, 1, "the file is no mapping.", "Begin with `connections:`.")
    return document


def _told(error: MarkedYAMLError) -> str:
    told = " ".join(part for part in (error.context, error.problem) if part)
    return f"this is no YAML: {told}."


def _syntax_fix(error: MarkedYAMLError) -> str:
    if "\\t" in str(error.problem) or "tab" in str(error.problem):
        return "Indent with spaces, not tabs."
    if "expected a single document" in str(error.context):
        return "Keep one document in the file: remove the line ---."
    return "Check the indentation and the quotes around here."


def _unreadable(file: Path, line: int, column: int, message: str, fix: str) -> InvalidConfig:
    return InvalidConfig([Problem(file.absolute(), line, column, "", message, fix)])


class _Reader:
    """Turns nodes into plain values and remembers where each stood."""

    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self.document = document
        self.environ = environ
        self.nodes = 0

    def read(self, root: Node) -> None:
        self.document.data = self._value(root, (), ())

    def _value(self, node: Node, place: Place, inside: tuple[int, ...]) -> Any:
        document = self.document
        here = (node.start_mark.line + 1, node.start_mark.column + 1)
        # A value that is not written at all seems to stand where the next key begins.
        absent = node.value == "" and node.end_mark.index == node.start_mark.index
        document.values[place] = document.keys.get(place, here) if absent else here
        self.nodes += 1
        if id(node) in inside or self.nodes > _MOST_NODES:
            document.report(place, "an alias makes the file endless.", "Remove the alias (*name).")
            raise InvalidConfig(document.problems)
        if str(node.tag) not in _PLAIN_TAGS:
            document.report(place, f"the tag {node.tag} means nothing here.", "Remove the tag.")
            document.broken.add(place)
        if isinstance(node, MappingNode):
            return self._mapping(node, place, (*inside, id(node)))
        if isinstance(node, SequenceNode):
            inside = (*inside, id(node))
            return [self._value(item, (*place, i), inside) for i, item in enumerate(node.value)]
        return self._scalar(node.value, str(node.tag).removeprefix(_TAG), place)

    def _mapping(self, node: MappingNode, place: Place, inside: tuple[int, ...]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if str(key.tag) == _TAG + "merge":
                for source in value.value if isinstance(value, SequenceNode) else [value]:
                    found = self._value(source, place, inside)
                    merged = {**found, **merged} if isinstance(found, dict) else merged
                continue
            if not isinstance(key, ScalarNode):
                where = (*place, "?")
                self.document.values[where] = (key.start_mark.line + 1, key.start_mark.column + 1)
                self.document.report(where, "a key is not plain text.", "Use a word as the key.")
                continue
            # Keys stay text however they look, so that tables of codes such as `1: paid` can be written.
            name, where = key.value, (*place, key.value)
            first = self.document.keys.get(where)
            self.document.keys[where] = (key.start_mark.line + 1, key.start_mark.column + 1)
            if name in own and first:
                fix = f"Remove one; the first is in line {first[0]}."
                self.document.report(where, f"the key {name} stands here twice.", fix, at_key=True)
            own[name] = self._value(value, where, inside)
        self.document.values[place] = (node.start_mark.line + 1, node.start_mark.column + 1)
        return {**merged, **own}

    def _scalar(self, text: str, kind: str, place: Place) -> Any:
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return text.lower() == "true"
            if kind == "int":
                return int(text, 0) if text.lstrip("+-")[:2].lower() in ("0x", "0o") else int(text)
            if kind == "float":
                return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            return text
        if "${" not in text:
            return text
        try:
            expanded = expand(text, self.document.folder, self.environ)
        except ConfigError as error:
            self.document.report(place, error.what, error.fix)
            self.document.broken.add(place)
            return text
        if expanded.referenced:
            self.document.expanded[place] = expanded
            self.document.hidden[place] = (expanded.text, *expanded.secrets)
        return expanded.text
