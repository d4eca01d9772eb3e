"""What a connector says of itself, before it is opened."""

from __future__ import annotations

import inspect
import re
import socket
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from unittest import mock

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from crmsync.sdk import RECORDS
from crmsync.sdk.connector import PUSHES
from crmsync.sdk.sensitive_keys import is_secret
from crmsync.testing.conformance.bench import Bench
from crmsync.testing.conformance.check import NotApplicable, Unmet, check


@check(
    "It names itself, and has something to pull or to push",
    "Write `name`, `title` and `Settings` into the class, and give it a method with @stream or @push.",
)
def metadata(bench: Bench) -> None:
    for attribute in ("name", "title"):
        text = getattr(bench.kind, attribute, None)
        if not isinstance(text, str) or not text.strip():
            raise Unmet(f"{bench.kind.__name__}.{attribute} is {text!r}")
    if not bench.kind.streams() and not bench.kind.pushes():
        raise Unmet("it has no stream and no push")


@check(
    "A README stands beside it",
    "Write README.md into the package: what it pulls and pushes, permissions, limits, known gaps.",
)
def readme(bench: Bench) -> None:
    if len(_readme_of(bench).split()) < 10:
        raise Unmet(f"there is no README.md with words in it beside {bench.kind.__name__}'s module")


@check(
    "Its README names nothing that is not there",
    "Take out of README.md what this connector does not have, or give it what the README says.",
)
def readme_true(bench: Bench) -> None:
    text, kind, surplus = _readme_of(bench), bench.kind, list[str]()
    for word, there, in_sentences in (
        ("stream", kind.streams().keys(), _in_sentences(text, "Streams") & RECORDS.keys()),
        ("push", kind.pushes().keys(), _in_sentences(text, "Pushes") & set(PUSHES)),
        ("setting", kind.Settings.model_fields.keys(), set[str]()),
    ):
        named = _in_tables(text, word) | in_sentences
        surplus += [f"the {word} {name!r}" for name in sorted(named - there)]
    if surplus:
        raise Unmet(f"the README names {', '.join(surplus)}, which {kind.__name__} does not have")


def _readme_of(bench: Bench) -> str:
    """The README beside the connector's module; empty where there is none."""
    file = Path(inspect.getfile(bench.kind)).parent / "README.md"
    return file.read_text("utf-8") if file.is_file() else ""


def _in_tables(text: str, head: str) -> set[str]:
    """The names in the first column of the tables that are headed so."""
    rows = re.findall(rf"^\| *{head} *\|.*\n\|[-| :]+\n((?:\|.*\n?)+)", text, re.MULTILINE | re.IGNORECASE)
    return {name for row in "".join(rows).splitlines() for name in re.findall(r"\w+", row.split("|")[1])}


def _in_sentences(text: str, beginning: str) -> set[str]:
    """The words of the sentences that begin so: `Streams: orders, reviews.`"""
    found = re.findall(rf"(?:^|\. ){beginning}\b((?:(?!\n\n)[^.])*)", text, re.MULTILINE)
    return {word for sentence in found for word in re.findall(r"\w+", sentence)}


@check(
    "Its settings refuse what they do not know",
    "Derive Settings, and every model inside it, from crmsync.sdk.Settings, and leave `extra` alone.",
)
def settings_closed(bench: Bench) -> None:
    for model in _models(bench.kind.Settings):
        if model.model_config.get("extra") != "forbid":
            raise Unmet(f"{model.__name__} takes keys it does not know")


@check("Every setting is described", 'Give every field a `Field(description="…")`: it is the documentation.')
def settings_described(bench: Bench) -> None:
    missing = [
        f"{model.__name__}.{name}"
        for model, name, field in _fields(bench.kind.Settings)
        if not field.description
        and not _explains_itself(field)
        and not model.__module__.startswith("crmsync.sdk")
    ]
    if missing:
        raise Unmet(f"no description: {', '.join(missing)}")


@check(
    "Secret settings are SecretStr",
    "Type it SecretStr, so that it can only be configured by reference and is never shown.",
)
def settings_secret(bench: Bench) -> None:
    bare = [
        f"{model.__name__}.{name}"
        for model, name, field in _fields(bench.kind.Settings)
        if is_secret(name) and _is_text(field.annotation) and name.split("_")[-1] not in _NOT_SECRET
    ]
    if bare:
        raise Unmet(f"told by their names these are secrets, and plain text: {', '.join(bare)}")


@check(
    "Its settings take what the platform gives",
    "Let settings() of your platform give what a connection would: every required key, of the right form.",
)
def settings_given(bench: Bench) -> None:
    try:
        bench.kind.Settings.model_validate(dict(bench.platform.settings()))
    except ValidationError as error:
        [first, *_] = error.errors()
        raise Unmet(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


@check(
    "A wrong setting is refused by its name",
    "Refuse a value in its field's own validator, so that the error says which field is meant.",
)
def settings_named(bench: Bench) -> None:
    given = dict(bench.platform.settings())
    for name, field in bench.kind.Settings.model_fields.items():
        key = field.alias or name
        wrong = [{**given, key: _Nonsense()}]
        if field.is_required():
            wrong.append({other: value for other, value in given.items() if other != key})
        for settings in wrong:
            try:
                bench.kind.Settings.model_validate(settings)
            except ValidationError as error:
                if not any(key in problem["loc"] for problem in error.errors()):
                    raise Unmet(f"the error for a wrong {key!r} does not name it") from None
            except Exception as error:
                raise Unmet(f"a wrong {key!r} raises {type(error).__name__}") from None
            else:
                if settings is not wrong[0]:
                    raise Unmet(f"{key!r} is required, and may be left out")


@check(
    "Importing it calls nobody",
    "Move what calls out of the module's body into a method: plugins are imported by every command.",
)
def import_quiet(bench: Bench) -> None:
    package = bench.kind.__module__.rpartition(".")[0]
    names = [bench.kind.__module__]
    if package:
        names += [name for name in sys.modules if name == package or name.startswith(f"{package}.")]
    called: list[str] = []

    def refuse(*_: Any, **__: Any) -> Any:
        called.append(name)
        raise OSError("the conformance kit lets no import call out")

    with (
        mock.patch.object(socket.socket, "connect", refuse),
        mock.patch.object(socket.socket, "connect_ex", refuse),
        mock.patch.object(socket, "getaddrinfo", refuse),
    ):
        for name in dict.fromkeys(names):
            if not name.endswith(".conformance"):
                _import_afresh(name)
    if called:
        raise Unmet(f"importing {called[0]} opens a connection")


def _import_afresh(name: str) -> None:
    """Run the module's body once more, without touching the module that is imported."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        raise NotApplicable(f"{name} has no file")
    spec = spec_from_file_location(f"{name}__afresh", file)
    if spec is None or spec.loader is None:
        raise NotApplicable(f"{name} cannot be imported again")
    module = module_from_spec(spec)
    if getattr(sys.modules[name], "__path__", None) is not None:
        module.__package__ = name
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except OSError:
        return
    finally:
        del sys.modules[spec.name]


class _Nonsense:
    """A value that no setting can be."""


# Named after a secret, and saying where it goes or what it is called.
_NOT_SECRET = frozenset({"header", "url", "param", "parameter", "path", "name", "field", "id", "kind", "in"})


def _models(settings: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The settings and every model they hold."""
    pending, seen = [settings], {settings}
    while pending:
        model = pending.pop()
        yield model
        for field in model.model_fields.values():
            for inner in _parts(field.annotation):
                if isinstance(inner, type) and issubclass(inner, BaseModel) and inner not in seen:
                    seen.add(inner)
                    pending.append(inner)


def _fields(settings: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str, FieldInfo]]:
    for model in _models(settings):
        for name, field in model.model_fields.items():
            yield model, name, field


def _parts(annotation: Any) -> Iterator[Any]:
    annotation = getattr(annotation, "__value__", annotation)
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _is_text(annotation: Any) -> bool:
    parts = set(_parts(annotation))
    return str in parts and SecretStr not in parts


def _explains_itself(field: FieldInfo) -> bool:
    """A tag of a union has one value; a mapping of a record's fields is described by the records."""
    if get_origin(field.annotation) is Literal:
        return True
    return any(getattr(part, "__module__", "").startswith("crmsync.sdk") for part in _parts(field.annotation))
