"""pydantic's errors, told as problems of a document: place, fault and remedy, never the value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from crmsync.config.document import Document
from crmsync.config.problem import Place, nearest
from crmsync.config.shape import expected, keys_of

_CHOICE = re.compile(r"'([^']*)'")


class Explainer:
    """Notes the errors of one model, validated from the values at `place`, in the document.

    `what` names the values for the reader ("this connection"); `host_keys` are keys beside the model's
    own that may stand there.
    """

    def __init__(
        self,
        document: Document,
        model: type[BaseModel],
        raw: Any,
        *,
        place: Place = (),
        what: str,
        host_keys: Iterable[str] = (),
    ) -> None:
        self.document = document
        self.raw = raw
        self.place = place
        self.what = what
        self.host_keys = set(host_keys)
        self.models: dict[Place, list[type[BaseModel]]] = {}
        for where, kind in expected(model, raw):
            if issubclass(kind, BaseModel):
                self.models.setdefault(where, []).append(kind)

    def validated(self, validate: Callable[[], Any]) -> Any:
        """What `validate` returns, or None when it fails; its faults are noted."""
        try:
            return validate()
        except ValidationError as error:
            self._note(error)
        except Exception as error:
            # A plugin's validator may raise anything; its text could hold a value.
            message = f"the settings of {self.what} cannot be checked: {type(error).__name__}."
            self.document.report(self.place, message, "Tell the author of the plugin.")
        return None

    def _note(self, error: ValidationError) -> None:
        told: dict[tuple[Place, bool], tuple[list[str], str]] = {}
        for fault in error.errors(include_url=False, include_input=False):
            where, found = self._place(fault["loc"])
            kind = fault["type"]
            context = fault.get("ctx", {})
            at_key = kind == "extra_forbidden" or fault["loc"][-1:] == ("[key]",)
            if kind == "missing":
                where = (*where, str(fault["loc"][-1]))
            elif key := context.get("key") or context.get("discriminator", "").strip("'"):
                where = (*where, key)
            message, fix = self._tell(kind, where, found, fault["msg"], context)
            messages, _ = told.setdefault((where, at_key), ([], fix))
            if message not in messages:
                messages.append(message)
        for (where, at_key), (messages, fix) in told.items():
            self.document.report((*self.place, *where), " Or: ".join(messages), fix, at_key=at_key)

    def _place(self, loc: tuple[str | int, ...]) -> tuple[Place, Any]:
        """The place a pydantic location means; the steps that name union members are left out."""
        place: Place = ()
        found: Any = self.raw
        for step in loc:
            if isinstance(found, list) and isinstance(step, int):
                found, place = found[step], (*place, step)
            elif isinstance(found, dict) and step in found:
                found, place = found[str(step)], (*place, step)
        return place, found

    def _tell(
        self, kind: str, where: Place, found: Any, text: str, context: dict[str, Any]
    ) -> tuple[str, str]:
        key = str(where[-1]) if where else self.what
        if where and isinstance(where[-1], int):
            key = f"entry {where[-1] + 1} of {where[-2] if len(where) > 1 else self.what}"
        match kind:
            case "extra_forbidden":
                within = str(where[-2]) if len(where) > 1 else self.what
                return f"{key} is no key of {within}.", nearest(key, self._known(where[:-1]), "Remove it.")
            case "missing" | "union_tag_not_found":
                return f"{key} is missing.", f"Add {key}. {self._about(where)}".rstrip()
            case "refused":
                message = str(context["message"])
                return message if context.get("key") else f"{key}: {message}", str(context["fix"])
            case "literal_error" | "enum" | "union_tag_invalid":
                choices = _CHOICE.findall(str(context.get("expected") or context.get("expected_tags")))
                given = found.get(key) if isinstance(found, dict) else found
                return f"{key} is none of the words it may be.", nearest(str(given), choices)
            case _ if found is None and kind.endswith("_type"):
                return f"{key} has no value.", f"Give it one. {self._about(where)}".rstrip()
            case "string_type" if isinstance(found, bool | int | float):
                return f"{key} must be text, and YAML reads this as a number or a truth.", "Put it in quotes."
            case "string_pattern_mismatch" if context.get("pattern", "").startswith("^[a-z0-9]"):
                return f"{key} has characters a name cannot have.", "Use a-z, 0-9, - and _, such as shop-1."
            case "bool_parsing" | "bool_type":
                return f"{key} must be true or false.", self._about(where)
            case "int_parsing" | "int_type" | "int_from_float":
                return f"{key} must be a whole number.", self._about(where)
            case "model_type" | "dict_type" | "model_attributes_type":
                return f"{key} must be a mapping.", "Put its keys below it, indented, each with a value."
            case "list_type":
                return f"{key} must be a list.", "Put each entry below it, after a dash."
            case "value_error" | "assertion_error":
                told = text.removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
                return f"{key} is not accepted.", f"{told[:1].upper()}{told[1:]}."
        return f"{key}: {text[:1].lower()}{text[1:]}.", self._about(where)

    def _field(self, where: Place) -> FieldInfo | None:
        while where and isinstance(where[-1], int):
            where = where[:-1]
        for model in self.models.get(where[:-1], ()):
            for name, field in model.model_fields.items():
                if where and where[-1] in keys_of(name, field):
                    return field
        return None

    def _about(self, where: Place) -> str:
        field = self._field(where)
        return f"It means: {field.description}" if field and field.description else ""

    def _known(self, parent: Place) -> set[str]:
        known = set() if parent else set(self.host_keys)
        for model in self.models.get(parent, ()):
            for name, field in model.model_fields.items():
                known |= set() if field.exclude else keys_of(name, field)
        return known
