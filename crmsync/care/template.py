"""Templates: a bundled name or a file, in one language or several; and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cached_property
from pathlib import Path

from crmsync.care.text import Text, Values
from crmsync.config import Campaign, InvalidConfig, Problem
from crmsync.sdk import ConfigError
from crmsync.sdk.text import LANGUAGES

BUNDLED = Path(__file__).parent / "templates"
_HERE = Path()
_MONTHS = "January February March April May June July August September October November December".split()


class Template:
    """What a campaign names under `template`.

    `winback` is a bundled template in every language it has; `winback.zh.j2` is one of its texts;
    a path from `folder` is a file of your own: `promo.j2` for every reader, or `promo` where there
    are `promo.zh.j2` and `promo.en.j2`. Raises InvalidConfig, with every problem, when it is read first.
    """

    def __init__(self, name: str, folder: Path = _HERE, at: str = "") -> None:
        self.name = name
        self._folder = folder
        self._at = at

    @cached_property
    def texts(self) -> dict[str, Text]:
        """The texts by language; a text for every reader stands under `""`."""
        found: dict[str, Text] = {}
        problems: list[Problem] = []
        for language, path in self._files().items():
            try:
                found[language] = Text(path, self._at)
            except InvalidConfig as error:
                problems.extend(error.problems)
        if problems:
            raise InvalidConfig(problems)
        return found

    def text(self, *languages: str | None) -> tuple[str, Text]:
        """The text in the first of these languages it has, with that language."""
        wanted = [language for language in map(short, languages) if language]
        for language in wanted:
            if language in self.texts:
                return language, self.texts[language]
        if "" in self.texts:
            return next(iter(wanted), LANGUAGES[0]), self.texts[""]
        return next(iter(self.texts.items()))

    def _files(self) -> dict[str, Path]:
        for base in (BUNDLED / self.name, self._folder / self.name):
            if base.suffix == ".j2":
                if base.is_file():
                    return {_language_of(base): base}
                continue
            found = {
                language: path
                for language in LANGUAGES
                if (path := base.with_name(f"{base.name}.{language}.j2")).is_file()
            }
            if found:
                return found
        names = sorted({path.name.split(".")[0] for path in BUNDLED.glob("*.j2")})
        problem = Problem(
            self._folder / self.name,
            1,
            1,
            self._at,
            "there is no such template.",
            f"Bundled are: {', '.join(names)}.",
        )
        raise InvalidConfig([problem])


def short(language: str | None) -> str:
    """`zh` for zh-CN, zh_TW and ZH; empty for none."""
    return (language or "").replace("_", "-").split("-")[0].lower()


def told_date(day: date, language: str) -> str:
    """The day as a reader of the language writes it."""
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def check_templates(campaigns: Iterable[Campaign], folder: Path = _HERE) -> tuple[Problem, ...]:
    """Every problem of the campaigns' templates, found without a database: they are read from `folder`,
    checked, and rendered once for a customer of whom all is known and once for one of whom little is."""
    problems: list[Problem] = []
    for position, campaign in enumerate(campaigns):
        at = f"care[{position}].template"
        try:
            texts = Template(campaign.template, folder, at).texts
        except InvalidConfig as error:
            problems.extend(error.problems)
            continue
        for language, text in texts.items():
            for values in _samples(language):
                try:
                    text.render(values)
                except ConfigError as error:
                    problems.append(Problem(text.path, 1, 1, at, error.what, error.fix))
                    break
    return tuple(dict.fromkeys(problems))


def _samples(language: str) -> tuple[Values, Values]:
    full: Values = {
        "customer_name": "Lin",
        "shop_name": "Shop",
        "last_order_date": told_date(date(2026, 3, 5), language),
        "days_since": 120,
        "orders": 7,
        "last_product": "Tea",
        "favourite_product": "Tea",
        "level": "high",
    }
    return full, {**dict.fromkeys(full), "shop_name": "Shop", "orders": 0, "level": "low"}


def _language_of(path: Path) -> str:
    language = path.stem.rpartition(".")[2]
    return language if language in LANGUAGES else ""
