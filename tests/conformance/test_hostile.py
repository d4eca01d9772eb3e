"""Each check has a connector that fails it and no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hostile import MUTATIONS, module, walked

from crmsync.sdk import Cursor, Page, Shop
from crmsync.testing.conformance import CHECKS, Outcome, try_all


def tried(good: ModuleType, connector: Any = None, only: Iterable[str] = ()) -> dict[str, Outcome]:
    class Tried(good.GoodOnePlatform):  # type: ignore[name-defined,misc]
        pass

    if connector is not None:
        if not connector.__module__.endswith("_connector"):
            # So that its README and its package are the good one's.
            connector.__module__ = Tried.connector.__module__
        Tried.connector = connector
    return {outcome.check: outcome for outcome in try_all(Tried, only)}


def test_the_good_connector_is_green_throughout(good: ModuleType) -> None:
    assert {id: outcome for id, outcome in tried(good).items() if outcome.status != "green"} == {}


def test_a_record_that_comes_twice_in_one_walk_is_no_record_more(good: ModuleType) -> None:
    def pages(_: Any, walk: Iterator[Page], __: Cursor) -> Iterator[Page]:
        last: list[Any] = []
        for page in walk:
            again, last = last, list(page.payloads[-1:])
            page.payloads = [*again, *page.payloads]
            yield page

    only = ["complete", "last_full_page", "resume"]
    twice = tried(good, walked(good.GoodOnePlatform.connector, pages), only)
    assert {outcome.status for outcome in twice.values()} == {"green"}


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe", "\0"])
def test_a_zone_that_does_not_exist_is_told_as_one(good: ModuleType, zone: str) -> None:
    class Elsewhere(good.GoodOnePlatform.connector):  # type: ignore[name-defined,misc]
        def check(self) -> Shop:
            return replace(super().check(), zone=zone)

    [outcome] = tried(good, Elsewhere, only=["check_shop"]).values()
    assert (outcome.status, outcome.reason) == ("red", f"{zone!r} is no IANA zone")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("Streams: customers, refunds.", "stream 'refunds'"),
        ("Streams, each where the shop has it:\ncustomers, refunds.", "stream 'refunds'"),
        ("| stream | how |\n|---|---|\n| orders | by time |\n| parcels | by id |", "stream 'parcels'"),
        ("Streams: orders. Pushes: `send_message`, `add_note`.", "push 'add_note'"),
        ("| Push | what it does |\n| --- | :-- |\n| `add_note` | a note |", "push 'add_note'"),
        ("| setting | meaning |\n|---|---|\n| `base_url`, `shop_id` | where it is |", "setting 'shop_id'"),
        ("Streams: orders. No refunds, and no `add_note`; refunds are a gap.", None),
        ("Streams: orders.\n\nThe platform has refunds.", None),
        ("| gap | why |\n|---|---|\n| refunds | no route |", None),
    ],
)
def test_a_readme_is_read_where_it_lists_what_there_is(
    good: ModuleType, tmp_path: Path, line: str, named: str | None
) -> None:
    class Told(good.GoodOnePlatform.connector):  # type: ignore[name-defined,misc]
        pass

    (tmp_path / "README.md").write_text(f"# Told\n\n{line}\n", "utf-8")
    module(f"told_{tmp_path.name}_connector", tmp_path, "")
    Told.__module__ = f"told_{tmp_path.name}_connector"
    [outcome] = tried(good, Told, only=["readme_true"]).values()
    assert outcome.reason == (f"the README names the {named}, which Told does not have" if named else "")


def test_every_check_has_its_hostile_connector() -> None:
    assert MUTATIONS.keys() == CHECKS.keys()


@pytest.mark.parametrize("check", MUTATIONS)
def test_a_hostile_connector_fails_its_own_check_alone(good: ModuleType, check: str) -> None:
    outcomes = tried(good, MUTATIONS[check](good.GoodOnePlatform.connector))
    assert {id for id, outcome in outcomes.items() if outcome.status == "red"} == {check}
    assert outcomes[check].reason
    if check not in ("pulls", "settings_given"):
        assert {id for id, outcome in outcomes.items() if outcome.status == "skipped"} == set()
