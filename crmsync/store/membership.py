"""`IN` any number of values, bound as one: a list of parameters is a statement of its own for each length,
and what makes and reads so long a statement costs more than what executes it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BindParameter, Boolean, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Values(TypeDecorator[Any]):
    """An array on PostgreSQL, a JSON array on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return postgresql.ARRAY(self.item) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        values = list(value or ())
        return values if dialect.name == "postgresql" else json.dumps(values)


class _OneOf(FunctionElement[bool]):
    name = "one_of"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """It stands in a WHERE as it is: compared with 1, SQLite would use no index for it."""
        return self


@compiles(_OneOf, "postgresql")
def _any(element: _OneOf, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(_OneOf, "sqlite")
def _each(element: _OneOf, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


def one_of(column: Any, values: Iterable[Any] | str) -> ColumnElement[bool]:
    """Whether a column of texts or integers has one of these values; a text is the name of the parameter
    that will have them."""
    type = _Values(column.type)
    bound: BindParameter[Any] = (
        bindparam(values, type_=type)
        if isinstance(values, str)
        else bindparam(None, list(values), type_=type, unique=True)
    )
    return _OneOf(column, bound)
