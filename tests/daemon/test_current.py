"""The change from one configuration to the next."""

from __future__ import annotations

from typing import Any, cast

from crmsync.daemon.app import App
from crmsync.daemon.current import Current


class Retiring:
    """Stands in for an App, and notes when it is closed."""

    retired = False

    def retire(self) -> None:
        self.retired = True


def apps(count: int) -> list[Any]:
    return [cast(App, Retiring()) for _ in range(count)]


def test_one_in_use_is_closed_when_its_last_user_is_done() -> None:
    old, new = apps(2)
    current = Current(old)
    with current.use() as first:
        with current.use() as second:
            current.replace(new)
            assert first is second is old
        assert not old.retired
        with current.use() as third:
            assert third is new
    assert old.retired
    assert not new.retired


def test_one_that_nobody_uses_is_closed_at_once() -> None:
    old, new = apps(2)
    current = Current(old)
    current.replace(new)
    assert old.retired
    assert current.app is new
