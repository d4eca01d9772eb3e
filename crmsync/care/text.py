"""One language's text of a template: parsed, checked against a short list of what it may use, rendered.

The list is the first fence and the sandbox the second. Nothing on the list can loop, call, multiply
or reach an attribute, and every value is a short text or a number, so that a text costs no more time and
memory than its own length times that of its longest value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2 import Template as Compiled
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from crmsync.config import InvalidConfig, Problem
from crmsync.sdk import ConfigError

MAX_SOURCE_BYTES = 8_000
MAX_BODY = 4_000
MAX_SUBJECT = 200
MAX_DEPTH = 40
MAX_VALUE = 200
"""Characters of one value. With the length of the source it bounds what a text can cost."""

Values = Mapping[str, str | int | None]

VALUES: dict[str, str] = {
    "shop_name": "the shop's name",
    "orders": "how many orders there were",
    "customer_name": "the customer's name, where the platform tells it",
    "level": "the level of the flag: low, medium or high",
    "first_order_date": "the day of the first order, in the reader's language",
    "last_order_date": "the day of the last order, likewise",
    "days_since": "days since the last order",
    "years": "years since the first order, rounded",
    "last_product": "the first product of the last order",
    "favourite_product": "the product ordered most often",
    "order_number": "the order it is about: delivered, late or complained of; else the last one",
    "product": "the first product of that order",
    "promised_date": "when that order was promised, in the reader's language",
    "complaint_type": "product, logistics, service, contract, suggestion or other: the latest complaint's",
    "recommended_product": "what is most often bought with the last product, and not bought yet",
    "offer": "what the customer gets, in your words: the campaign's `offer`",
    "coupon_code": "the code of the coupon that an earlier step issued",
    "unsubscribe_url": "where the reader unsubscribes; missing where the channel takes no links",
}
"""What a template may name. Any of them but `ALWAYS` can be missing."""

ALWAYS = frozenset({"shop_name", "orders"})

FILTERS = ("capitalize", "default", "lower", "title", "trim", "truncate", "upper")

_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Add,
    nodes.Sub,
    nodes.Concat,
    nodes.Filter,
    nodes.Keyword,
)


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**", "%", "/", "//"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        raise SecurityError(f"{operator} is not allowed in a template")


def _shown(value: Any) -> Any:
    if value is None:
        raise SecurityError("a value is missing for this customer")
    return value


def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    sandbox.globals.clear()
    sandbox.tests.clear()
    sandbox.filters = {name: sandbox.filters[name] for name in FILTERS}
    return sandbox


_SANDBOX = _sandbox()


@dataclass(frozen=True, slots=True)
class Rendered:
    """Final text: nothing renders it again."""

    subject: str
    body: str


class Text:
    """A template's text in one language. `version` changes whenever a character of the file does."""

    def __init__(self, path: Path, at: str = "") -> None:
        """Read and check the file. Raises InvalidConfig with every problem; `at` is where the
        configuration names the template."""
        self.path = path
        self._at = at
        source = self._read()
        self.version = hashlib.sha256(source.encode()).hexdigest()[:16]
        self.names: set[str] = set()
        """The values it names."""
        first, _, rest = source.partition("\n")
        if not first.lower().startswith("subject:"):
            raise self._problems([(1, "the first line is no subject.", "Begin with `subject: …`.")])
        self._subject = self._compile(first.partition(":")[2])
        # The empty line keeps the line numbers of the file.
        self._body = self._compile("\n" + rest)

    def render(self, values: Values) -> Rendered:
        """The final text. Raises ConfigError when a value it needs is missing, a value is no plain text or
        number, or the text grows too long."""
        for name, value in values.items():
            # A subclass could bring code of its own.
            plain = value is None or type(value) is int or (type(value) is str and len(value) <= MAX_VALUE)
            if name not in VALUES or not plain:
                raise ConfigError(f"{self.path.name} cannot be rendered: {name} is no plain short value.")
        subject = " ".join(self._fill(self._subject, values).split())
        body = self._fill(self._body, values).strip()
        for part, limit, what in ((subject, MAX_SUBJECT, "subject"), (body, MAX_BODY, "text")):
            if not part:
                raise ConfigError(f"{self.path.name} renders an empty {what}.")
            if len(part) > limit:
                raise ConfigError(
                    f"{self.path.name} renders a {what} of {len(part)} characters, over {limit}."
                )
        return Rendered(subject, body)

    def _fill(self, compiled: Compiled, values: Values) -> str:
        try:
            return compiled.render(values)
        except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise ConfigError(
                f"{self.path.name} cannot be rendered: {error}.",
                fix="Write {% if name %} around a value that can be missing.",
            ) from None

    def _read(self) -> str:
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_SOURCE_BYTES + 1)
            if len(data) > MAX_SOURCE_BYTES:
                raise self._problems(
                    [(1, f"a template has at most {MAX_SOURCE_BYTES} bytes.", "Shorten it.")]
                )
            return data.decode("utf-8-sig").replace("\r\n", "\n")
        except OSError as error:
            fault = (1, f"the template cannot be read: {error.strerror}.", "Check its path under `care`.")
            raise self._problems([fault]) from None
        except UnicodeDecodeError:
            raise self._problems([(1, "the template is not UTF-8.", "Save it as UTF-8.")]) from None

    def _compile(self, source: str) -> Compiled:
        try:
            compiled, names = _compiled(source)
        except _Faulty as error:
            raise self._problems(error.faults) from None
        self.names |= names
        return compiled

    def _problems(self, faults: list[tuple[int, str, str]]) -> InvalidConfig:
        return InvalidConfig(
            Problem(self.path, line, 1, self._at, message, fix) for line, message, fix in faults
        )


class _Faulty(Exception):
    """What is wrong with a template: the line, what, and what to do."""

    def __init__(self, *faults: tuple[int, str, str]) -> None:
        self.faults = list(faults)


# Every pass of care reads its templates again; those that have not changed are compiled once.
@lru_cache(maxsize=256)
def _compiled(source: str) -> tuple[Compiled, frozenset[str]]:
    """The checked template, with the values it names."""
    try:
        tree = _SANDBOX.parse(source)
        if faults := list(_faults(tree)):
            raise _Faulty(*faults)
        names = frozenset(node.name for node in tree.find_all(nodes.Name))
        return _SANDBOX.from_string(source), names
    except TemplateSyntaxError as error:
        raise _Faulty((error.lineno, f"{error.message}.", "Correct the syntax.")) from None
    except (TemplateError, SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        fault = (1, "the template is too deeply nested or has a number too large.", "Simplify it.")
        raise _Faulty(fault) from None


def _faults(tree: nodes.Template) -> Iterator[tuple[int, str, str]]:
    stack: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            yield _line(node), "this is too deeply nested.", "Simplify it."
            return
        if not isinstance(node, _NODES):
            what = type(node).__name__.lower()
            yield (
                _line(node),
                f"a template cannot use this ({what}).",
                "Use plain values, `if`, comparisons and the filters of the documentation.",
            )
            continue
        if isinstance(node, nodes.Name) and node.name not in VALUES:
            yield _line(node), f"there is no value {node.name!r}.", _nearest(node.name, VALUES)
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            yield _line(node), f"there is no filter {node.name!r}.", _nearest(node.name, FILTERS)
        stack.extend((child, depth + 1) for child in node.iter_child_nodes())


def _line(node: nodes.Node) -> int:
    """Where it stands; some nodes know it only by what is in them."""
    return node.lineno or next((inner.lineno for inner in node.find_all(nodes.Node) if inner.lineno), 1)


def _nearest(name: str, known: Mapping[str, str] | tuple[str, ...]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
