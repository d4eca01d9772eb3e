"""What a model expects at each place of the values it is about to be given."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from crmsync.config.problem import Place

_SECRETS = (Secret, SecretStr, SecretBytes)


def expected(annotation: Any, raw: Any, place: Place = ()) -> Iterator[tuple[Place, type]]:
    """Every place below `raw` with the class expected there; a union gives each class that fits."""
    annotation = getattr(annotation, "__value__", annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from expected(arguments[0], raw, place)
    elif origin in (Union, types.UnionType):
        for member in arguments:
            if not (is_class(member, BaseModel) and isinstance(raw, dict)) or _fits(member, raw):
                yield from expected(member, raw, place)
    elif is_class(annotation, RootModel):
        yield from expected(annotation.model_fields["root"].annotation, raw, place)
    elif is_class(annotation, BaseModel):
        yield place, annotation
        if isinstance(raw, dict):
            for name, field in annotation.model_fields.items():
                for key in keys_of(name, field) & raw.keys():
                    yield from expected(field.annotation, raw[key], (*place, key))
    elif is_class(origin, Mapping) and isinstance(raw, dict) and len(arguments) == 2:
        for key, value in raw.items():
            yield from expected(arguments[1], value, (*place, key))
    elif isinstance(raw, list) and origin is tuple and ... not in arguments:
        for i, (member, value) in enumerate(zip(arguments, raw, strict=False)):
            yield from expected(member, value, (*place, i))
    elif isinstance(raw, list) and arguments and origin is not None:
        for i, value in enumerate(raw):
            yield from expected(arguments[0], value, (*place, i))
    elif isinstance(origin or annotation, type):
        yield place, origin or annotation


def keys_of(name: str, field: FieldInfo) -> set[str]:
    """The keys a field is read from."""
    aliases = {a for a in (field.alias, field.validation_alias) if isinstance(a, str)}
    return aliases or {name}


def secrets_in(annotation: Any, raw: Any, place: Place = ()) -> set[Place]:
    """The places of scalars that are to be kept secret."""
    return {where for where, kind in expected(annotation, raw, place) if is_class(kind, _SECRETS)}


def with_absolute_paths(annotation: Any, raw: Any, folder: Path) -> Any:
    """A copy of `raw` in which every path, given or by default, starts from `folder`.

    What may be text as well as a path (an address, say) stays as it is.
    """
    result = _copy(raw)
    found = list(expected(annotation, raw))
    texts = {place for place, kind in found if kind is str}
    for place, kind in found:
        if is_class(kind, PurePath):
            *way, last = place
            holder = _at(result, tuple(way))
            if place not in texts and isinstance(holder[last], str):
                holder[last] = str(folder / Path(holder[last]).expanduser())
        elif is_class(kind, BaseModel) and isinstance(holder := _at(result, place), dict):
            for name, field in kind.model_fields.items():
                if isinstance(field.default, PurePath) and not keys_of(name, field) & holder.keys():
                    holder[min(keys_of(name, field))] = str(folder / field.default)
    return result


def is_class(kind: Any, base: Any) -> TypeGuard[type[Any]]:
    """`issubclass` that takes anything."""
    return isinstance(kind, type) and issubclass(kind, base)


def _fits(model: type[BaseModel], raw: dict[str, Any]) -> bool:
    """Whether the values of the model's literal fields allow it to be this member of a union."""
    for name, field in model.model_fields.items():
        if get_origin(field.annotation) is Literal:
            given = next((raw[key] for key in keys_of(name, field) if key in raw), None)
            if given is not None and given not in get_args(field.annotation):
                return False
    return True


def _copy(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {key: _copy(value) for key, value in raw.items()}
    return [_copy(value) for value in raw] if isinstance(raw, list) else raw


def _at(raw: Any, place: Place) -> Any:
    for step in place:
        raw = raw[step]
    return raw
