"""Templates: a bundled name or a file, in one language or several; and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from crmsync.care.text import ALWAYS, VALUES, Rendered, Text, Values
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

    @property
    def names(self) -> frozenset[str]:
        """The values that any of its texts names."""
        return frozenset().union(*(text.names for text in self.texts.values()))

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
        problem = Problem(
            self._folder / self.name,
            1,
            1,
            self._at,
            "there is no such template.",
            f"Bundled are: {', '.join(bundled())}.",
        )
        raise InvalidConfig([problem])


def bundled() -> list[str]:
    """The names of the templates that come with crmsync."""
    return sorted({path.name.split(".")[0] for path in BUNDLED.glob("*.j2")})


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
        for at, name in _named(campaign):
            problems.extend(check_template(name, folder, f"care[{position}].{at}"))
    return tuple(dict.fromkeys(problems))


def check_template(name: str, folder: Path = _HERE, at: str = "") -> list[Problem]:
    """Every problem of one template; `at` is where the configuration names it."""
    problems: list[Problem] = []
    try:
        texts = Template(name, folder, at).texts
    except InvalidConfig as error:
        return list(error.problems)
    for language, text in texts.items():
        for values in (sample_values(language), bare_values(language)):
            try:
                text.render(values)
            except ConfigError as error:
                problems.append(Problem(text.path, 1, 1, at, error.what, error.fix))
                break
    return problems


def _named(campaign: Campaign) -> Iterator[tuple[str, str]]:
    """Where a campaign names a template, and which."""
    for position, step in enumerate(campaign.journey):
        at = f"steps[{position}].template" if campaign.steps else "template"
        for key, name in step.templates.items():
            yield at if isinstance(step.template, str) else f"{at}.{key}", name


@dataclass(frozen=True, slots=True)
class ListedTemplate:
    """A template, the campaigns that use it, its languages (none: for every reader), the values it names,
    and what is wrong with it."""

    name: str
    campaigns: tuple[str, ...]
    languages: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    problem: str = ""


def list_templates(campaigns: Iterable[Campaign], folder: Path = _HERE) -> list[ListedTemplate]:
    """The bundled templates, then those of the campaigns that are files."""
    used: dict[str, list[str]] = {name: [] for name in bundled()}
    for campaign in campaigns:
        for name in dict.fromkeys(name for _, name in _named(campaign)):
            used.setdefault(name, []).append(campaign.name)
    found = []
    for name, of in used.items():
        template = Template(name, folder)
        try:
            languages = tuple(language for language in sorted(template.texts) if language)
        except InvalidConfig as error:
            found.append(ListedTemplate(name, tuple(of), problem=error.problems[0].message))
            continue
        named = tuple(value for value in VALUES if value in template.names)
        found.append(ListedTemplate(name, tuple(of), languages, named))
    return found


def preview_template(
    name: str,
    folder: Path = _HERE,
    *,
    language: str | None = None,
    values: Values | None = None,
    bare: bool = False,
) -> dict[str, Rendered]:
    """How a template reads in each of its languages, or in one, for a made-up customer; `values` stand in
    for the sample's. Raises InvalidConfig for its problems, ConfigError when it cannot be rendered so."""
    template = Template(name, folder)
    chosen = dict([template.text(language)]) if language else template.texts
    base = bare_values if bare else sample_values
    return {of: text.render({**base(of), **(values or {})}) for of, text in chosen.items()}


def sample_values(language: str) -> Values:
    """A customer of whom all is known."""
    return {
        "customer_name": "Lin",
        "shop_name": "Shop",
        "first_order_date": told_date(date(2024, 3, 5), language),
        "last_order_date": told_date(date(2026, 3, 5), language),
        "days_since": 120,
        "years": 2,
        "orders": 7,
        "last_product": "Tea",
        "favourite_product": "Tea",
        "order_number": "20260305-17",
        "product": "Tea",
        "promised_date": told_date(date(2026, 3, 9), language),
        "complaint_type": "product",
        "recommended_product": "Pot",
        "level": "high",
        "offer": "满 100 减 20" if language == "zh" else "20 off 100",
        "coupon_code": "TEA-2026",
        "unsubscribe_url": "https://care.example.com/unsubscribe/1f3a",
    }


def bare_values(language: str) -> Values:
    """A customer of whom nothing is known."""
    known = {name: value for name, value in sample_values(language).items() if name in ALWAYS}
    return {**dict.fromkeys(VALUES), **known, "orders": 0}


def _language_of(path: Path) -> str:
    language = path.stem.rpartition(".")[2]
    return language if language in LANGUAGES else ""
