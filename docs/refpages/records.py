"""The page of records."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import Any

import msgspec

from crmsync.sdk import RECORDS, Consent, OrderLine
from crmsync.sdk import records as source
from refpages.page import code, described, table


def records() -> str:
    """Every record and the words its fields may hold."""
    text = (
        "# Records\n\nWhat the streams yield. `external_id` is the platform's own identifier. Ids are text, "
        "and a\nwhole number that is given for one becomes its text; amounts are whole minor units of the\n"
        "record's `currency`; times are aware. *required* fields have no default.\n"
    )
    for kind in (*RECORDS.values(), OrderLine, Consent):
        stream = f" (stream `{kind.stream}`)" if hasattr(kind, "stream") else ""
        text += f"\n## {kind.__name__}{stream}\n\n{described(kind.__name__, inspect.getdoc(kind))}\n\n"
        text += table(
            ("field", "type", "", "meaning"),
            (
                (
                    code(field.name),
                    _field_kind(field.type),
                    "required" if field.required else "",
                    _meaning(kind, field.name),
                )
                for field in msgspec.structs.fields(kind)
            ),
        )
    return text


def _meaning(kind: type, field: str) -> str:
    """What stands below the field in the source; empty where the name says it all."""
    for cls in kind.__mro__:
        body = _CLASSES[cls.__name__].body if cls.__name__ in _CLASSES else []
        for line, below in pairwise(body):
            if (
                isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and line.target.id == field
            ):
                told = below.value if isinstance(below, ast.Expr) else None
                return " ".join(str(told.value).split()) if isinstance(told, ast.Constant) else ""
    return ""


_CLASSES = {
    node.name: node for node in ast.parse(inspect.getsource(source)).body if isinstance(node, ast.ClassDef)
}


_ALIASES = {
    id(getattr(source, name)): word
    for name, word in {
        "Id": "text of 1 to 200 characters",
        "Currency": "ISO 4217 code",
        "Minor": "minor units",
        "Time": "time",
        "Stars": "number from 1 to 5",
    }.items()
}


def _field_kind(annotation: Any) -> str:
    if id(annotation) in _ALIASES:
        return _ALIASES[id(annotation)]
    arguments = [part for part in getattr(annotation, "__args__", ()) if part is not type(None)]
    origin = getattr(annotation, "__origin__", None)
    if origin is list:
        return f"list of {_field_kind(arguments[0])}"
    if hasattr(annotation, "__metadata__"):
        return {int: "whole number", str: "text"}.get(annotation.__origin__, annotation.__origin__.__name__)
    if arguments and all(isinstance(part, str) for part in arguments):
        return ", ".join(map(code, arguments))
    if arguments:
        return " or ".join(_field_kind(part) for part in arguments)
    return {bool: "true or false", str: "text", int: "whole number"}.get(annotation, annotation.__name__)
