"""Reads a selection. Faults of meaning (an unknown fact, a wrong kind of value) are gathered; a fault of
grammar ends the reading, for nothing certain can be said of what follows.

    selection  = all {"or" all}
    all        = part {"and" part}
    part       = "not" part | "(" selection ")" | "known" "(" fact ")" | comparison
    comparison = fact operator value | fact ["not"] "in" "(" value {"," value} ")"
               | "flag" "(" rule ")" [operator level | ["not"] "in" "(" level {"," level} ")"]
               | "state" "(" rule ")" ("=" state | "!=" state | ["not"] "in" "(" state {"," state} ")")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar, cast

from crmsync.config.problem import nearest
from crmsync.config.selection.literal import Unfit, literal, unfit
from crmsync.config.selection.problem import Fault, InvalidSelection
from crmsync.config.selection.token import Token, tokens
from crmsync.config.selection.tree import (
    Compare,
    Either,
    Every,
    Fact,
    Flagged,
    InState,
    Known,
    Not,
    OneOf,
    Operator,
    Selection,
    Value,
)
from crmsync.sdk.columns import COLUMNS, Column

T = TypeVar("T")

LEVELS = ("low", "medium", "high")
_COLUMNS = {column.name: column for column in COLUMNS["customer"]}
_OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
_WRITTEN = {"==": "=", "<>": "!="}
_CALLS = frozenset({"flag", "state", "known"})
_KEYWORDS = frozenset({"and", "or", "not", "in", "ago", *_CALLS})
_DEEPEST = 40


def parse(text: str, rules: Mapping[str, str | None] | None = None) -> Selection:
    """What the text selects. `rules` are the configured ones with what they judge (None: not known);
    without it any rule may be named.

    Raises InvalidSelection with every fault that can be told.
    """
    reader = _Reader(text, rules)
    selection = reader.selection(0)
    if reader.next.kind != "end":
        reader.refuse(reader.next, f"{reader.shown()} cannot stand here.", _joint(reader.next))
    if reader.faults:
        raise InvalidSelection(reader.faults)
    return selection


def _joint(token: Token) -> str:
    if token.text.lower() in ("and", "or") or token.text in ("&&", "||"):
        return f"Did you mean {token.text.lower()}?"
    return "Join comparisons with and, or."


class _Reader:
    """Reads from left to right, one token ahead."""

    def __init__(self, text: str, rules: Mapping[str, str | None] | None) -> None:
        self.rules = rules
        self.faults: list[Fault] = []
        self._tokens = tokens(text)
        self.next = next(self._tokens)

    def selection(self, depth: int) -> Selection:
        parts = [self._all(depth)]
        while self._taken("or"):
            parts.append(self._all(depth))
        return Either(tuple(parts)) if len(parts) > 1 else parts[0]

    def refuse(self, token: Token, message: str, fix: str) -> NoReturn:
        raise InvalidSelection([*self.faults, Fault(token.at, message, fix)])

    def shown(self) -> str:
        """The next token as the reader of a fault sees it."""
        return self.next.text or "nothing"

    def _all(self, depth: int) -> Selection:
        parts = [self._part(depth)]
        while self._taken("and"):
            parts.append(self._part(depth))
        return Every(tuple(parts)) if len(parts) > 1 else parts[0]

    def _part(self, depth: int) -> Selection:
        if depth > _DEEPEST:
            self.refuse(self.next, "this is nested too deep.", "Make two segments of it.")
        if self._taken("not"):
            return Not(self._part(depth + 1))
        if self._taken("("):
            inner = self.selection(depth + 1)
            self._expect(")")
            return inner
        word = self.next
        if word.kind != "word" or word.text in _KEYWORDS - _CALLS:
            what = "the expression ends" if word.kind == "end" else f"{word.text or 'an empty text'} stands"
            self.refuse(word, f"{what} where a fact should be.", "Name a fact, such as orders, or flag(vip).")
        self._take()
        if self.next.text == "(" and word.text in _CALLS:
            return {"flag": self._flag, "state": self._state, "known": self._known}[word.text]()
        return self._comparison(word, self._column(word))

    def _comparison(self, word: Token, column: Column | None) -> Selection:
        listed = self._membership()
        if listed:
            values = self._listed(lambda: self._value(column))
            chosen = OneOf(word.text, tuple(value for value in values if value is not None))
            return chosen if listed == "in" else Every((Known(word.text), Not(chosen)))
        sign = self._operator(word.text)
        at, value = self.next.at, self._value(column)
        if column and column.kind == "text" and sign not in ("=", "!="):
            self.faults.append(Fault(at, f"{word.text} is text, which has no order.", "Use =, != or in."))
        return Compare(word.text, sign, 0.0 if value is None else value)

    def _flag(self) -> Selection:
        rule = self._rule("flag(vip)")
        if self.next.text in (*_OPERATORS, *_WRITTEN):
            return Flagged(rule, _levels(self._operator(f"flag({rule})"), self._level()))
        listed = self._membership()
        if listed:
            named = frozenset(self._listed(self._level))
            return Flagged(rule, named if listed == "in" else frozenset(LEVELS) - named)
        return Flagged(rule, frozenset(LEVELS))

    def _state(self) -> Selection:
        rule = self._rule("state(lifecycle)")
        listed = self._membership()
        if listed:
            return InState(rule, frozenset(self._listed(self._word)), listed == "not in")
        at, sign = self.next, self._operator(f"state({rule})")
        if sign not in ("=", "!="):
            self.refuse(at, "states have no order.", "Use =, != or in.")
        return InState(rule, frozenset({self._word()}), sign == "!=")

    def _rule(self, example: str) -> str:
        self._expect("(")
        name = self._take()
        if name.kind not in ("word", "text"):
            self.refuse(name, "no rule is named here.", f"Write {example}, with a rule of your config.")
        self._check_rule(name)
        self._expect(")")
        return name.text

    def _known(self) -> Selection:
        self._expect("(")
        word = self._take()
        self._column(word)
        self._expect(")")
        return Known(word.text)

    def _value(self, column: Column | None) -> Value | None:
        """What the column is compared with; None where that is a fault, which is noted."""
        first = self._take()
        if first.kind in ("sign", "end"):
            self.refuse(first, "a value is missing here.", "Write what the fact is compared with.")
        if column is None:
            # Of a fact that does not exist nobody knows what it may be compared with.
            while self.next.kind in ("word", "number") and self.next.text not in ("and", "or"):
                self._take()
            return None
        try:
            other = _COLUMNS.get(first.text) if first.kind == "word" else None
            if other is not None:
                if other.kind != column.kind:
                    raise unfit(column, first.at)
                return Fact(other.name)
            return literal(column, first, lambda: self.next, self._take)
        except Unfit as unfitting:
            self.faults.append(unfitting.fault)
            while self.next.kind == "word" and self.next.text not in _KEYWORDS - {"ago"}:
                self._take()
            return None

    def _listed(self, read: Callable[[], T]) -> list[T]:
        self._expect("(")
        values = [read()]
        while self._taken(","):
            values.append(read())
        self._expect(")")
        return values

    def _membership(self) -> str:
        """`in` or `not in` where one of them follows, which is then behind us."""
        absent = self._taken("not")
        if absent or self.next.text == "in":
            self._expect("in")
            return "not in" if absent else "in"
        return ""

    def _word(self) -> str:
        word = self._take()
        if word.kind not in ("word", "text"):
            self.refuse(word, "a word is missing here.", "Write one, such as stable.")
        return word.text

    def _level(self) -> str:
        word = self._take()
        if word.text not in LEVELS:
            message = f"{word.text or 'this'} is no level of a flag."
            self.faults.append(Fault(word.at, message, nearest(word.text, LEVELS)))
            return "high"
        return word.text

    def _operator(self, after: str) -> Operator:
        token = self.next
        if token.text in _WRITTEN:
            self.refuse(token, f"{token.text} is no comparison.", f"Write {_WRITTEN[token.text]}.")
        if token.text not in _OPERATORS:
            self.refuse(token, f"a comparison is missing after {after}.", "Use =, !=, <, <=, >, >= or in.")
        self._take()
        return cast("Operator", token.text)

    def _column(self, word: Token) -> Column | None:
        column = _COLUMNS.get(word.text)
        if column is None:
            fault = Fault(word.at, f"no fact of customers is called {word.text}.", _fact_meant(word.text))
            self.faults.append(fault)
        return column

    def _check_rule(self, name: Token) -> None:
        if self.rules is None:
            return
        if name.text not in self.rules:
            fix = f"{nearest(name.text, self.rules)} Or add {name.text} under rules.".strip()
            self.faults.append(Fault(name.at, f"no rule is called {name.text}.", fix))
        elif self.rules[name.text] not in (None, "customer"):
            fix = "Use the flag of a rule that judges customers."
            message = f"{name.text} flags {self.rules[name.text]}s, and a segment holds customers."
            self.faults.append(Fault(name.at, message, fix))

    def _take(self) -> Token:
        token, self.next = self.next, next(self._tokens, self.next)
        return token

    def _taken(self, text: str) -> bool:
        found = self.next.text == text and self.next.kind in ("word", "sign")
        if found:
            self._take()
        return found

    def _expect(self, text: str) -> None:
        if not self._taken(text):
            before = "nothing follows" if self.next.kind == "end" else f"{self.shown()} stands"
            self.refuse(self.next, f"{before} where {text} should be.", f"Write {text} here.")


def _fact_meant(word: str) -> str:
    fix = nearest(word, _COLUMNS)
    return fix if fix.startswith("Did you mean") else "docs/reference/facts.md lists them, under customer."


def _levels(sign: Operator, level: str) -> frozenset[str]:
    at = LEVELS.index(level)
    held = {
        "=": {at},
        "!=": {0, 1, 2} - {at},
        "<": set(range(at)),
        "<=": set(range(at + 1)),
        ">": set(range(at + 1, 3)),
        ">=": set(range(at, 3)),
    }[sign]
    return frozenset(LEVELS[number] for number in held)
